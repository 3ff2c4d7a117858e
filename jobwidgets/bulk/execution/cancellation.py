"""A request to stop: asked from any thread, noticed at once by whatever waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class StoppedError(Exception):
    """The work was asked to stop; it never leaves this room."""


class CancelToken:
    """Asked once; made on the loop where the work runs."""

    def __init__(self) -> None:
        self.asked = False
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self) -> None:
        """Ask, from any thread."""
        self.asked = True
        if self._loop is not None:
            with suppress(RuntimeError):  # that loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Wait until somebody asks."""
        self._loop = asyncio.get_running_loop()
        if not self.asked:  # looked at after the loop is known: whoever asks from now on wakes it
            await self._event.wait()

    async def race(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`, which only reads or waits; give it up when somebody asks to stop.

        Raises
        ------
        StoppedError
            Somebody asked.
        """
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self.wait())
        try:
            await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise StoppedError
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)
