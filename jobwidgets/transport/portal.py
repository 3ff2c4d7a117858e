"""A loop on a thread of its own: blocking callers wait here, and an interrupt ends what they wait for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class BlockingRunner(Protocol):
    """Runs a coroutine and waits for it: a blocking client."""

    def run(self, work: Coroutine[Any, Any, T], *, tick: Callable[[], None] | None = None) -> T:
        """Wait for `work`; an interrupt ends the waiting, and `tick` is called again and again meanwhile."""


class Portal:
    """Runs coroutines for callers that cannot await: magics, scripts, widget callbacks.

    The kernel's own loop is never entered, so it works the same in IPython, Jupyter, Voila, pytest and scripts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start `work` and return at once; `cancel()` on the result stops it."""
        self._refuse_own_thread(work)
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def run(
        self,
        work: Coroutine[Any, Any, T],
        *,
        tick: Callable[[], None] | None = None,
        poll: float = 0.1,
        grace: float = 5.0,
    ) -> T:
        """Start `work` and wait for it.

        An interrupt cancels it, lets it tidy up for at most `grace` seconds, and goes on, with what was read until then
        in its `partial`. It never cancels a job at the service.

        Parameters
        ----------
        work : coroutine
            What to do.
        tick : callable, optional
            Called on this thread about every `poll` seconds: where progress may be drawn.
        poll, grace : float
            In seconds. Waiting in short steps lets an interrupt through on every platform.
        """
        self._refuse_own_thread(work)
        ended = threading.Event()
        kept: list[Any] = []

        async def watched() -> T:
            try:
                return await work
            except asyncio.CancelledError as stopped:
                kept.append(getattr(stopped, "partial", None))
                raise
            finally:
                ended.set()

        future = self.submit(watched())
        try:
            while True:
                concurrent.futures.wait([future], timeout=poll)
                if tick is not None:
                    tick()
                if future.done():
                    return future.result()
        except BaseException as error:
            if not future.done():
                future.cancel()
                ended.wait(grace)
                if kept:
                    error.partial = kept[0]  # type: ignore[attr-defined]  # as the errors of this package have it
            raise

    def close(self, timeout: float = 2.0) -> None:
        """Stop the loop and its thread; a later call starts them anew."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            return
        with contextlib.suppress(RuntimeError):  # the loop closed between the look and the call
            loop.call_soon_threadsafe(loop.stop)
        if threading.current_thread() is not thread:
            thread.join(timeout)

    def _refuse_own_thread(self, work: Coroutine[Any, Any, Any]) -> None:
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this already runs on the client's loop: await it there")

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is not None and self._thread is not None and self._thread.is_alive():
                return self._loop
            loop = asyncio.new_event_loop()
            self._loop = loop
            self._thread = threading.Thread(target=_serve, args=(loop,), name="jobwidgets", daemon=True)
            self._thread.start()
            return loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, then end what is left on it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
