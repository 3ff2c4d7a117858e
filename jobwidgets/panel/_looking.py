"""The list behind a panel, read again and again. Everything slow runs on the client's thread, one thing at a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets._errors import ServiceError, UsageError
from jobwidgets.panel._entry import told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    import pandas as pd

    from jobwidgets.client import Client
    from jobwidgets.panel._entry import Handover

CALM = 10
"""A list that took a second to read is not read again before this many seconds."""
SLOWEST = 60.0
"""Seconds between two tries, at most, while the service does not answer."""


@dataclass(frozen=True, slots=True)
class Flight:
    """What runs on the client's thread, and what the kernel's thread does when it has landed, or failed to."""

    future: concurrent.futures.Future[Any]
    landed: Callable[[Any], None]
    failed: Callable[[], None]


class Looking:
    """The list, and the one flight at a time that brings it or does something else.

    Parameters
    ----------
    client : Client
        The connection to the service.
    query : mapping
        The keywords of `client.jobs` that say what is listed.
    every : float or None
        Seconds between two looks at the service; None looks only when asked to.
    hand : Handover
        The way back to the kernel's thread.
    changed : callable
        Called there whenever something here has changed.
    watched : callable
        Says whether anybody looks on.
    """

    def __init__(
        self,
        client: Client,
        query: Mapping[str, Any],
        *,
        every: float | None,
        hand: Handover,
        changed: Callable[[], None],
        watched: Callable[[], bool],
    ) -> None:
        self.client, self.query, self.every = client, dict(query), every
        self.live = every is not None
        self.closed = False
        self.frame: pd.DataFrame | None = None
        self.error = ""
        self._hand, self._changed, self._watched = hand, changed, watched
        self._flight: Flight | None = None
        self._timer: concurrent.futures.Future[None] | None = None
        self._began = self._took = 0.0
        self._misses = 0

    @property
    def busy(self) -> bool:
        """Whether something is in flight."""
        return self._flight is not None

    def refresh(self) -> None:
        """Read the list again, unless something is being asked already."""
        if not self.busy and not self.closed:
            self._look()

    def _look(self) -> None:
        self._began = time.monotonic()
        self._send(self.client.aio.jobs(**self.query), self._listed, self._missed)

    def _listed(self, frame: pd.DataFrame) -> None:
        self._misses, self._took = 0, time.monotonic() - self._began
        self.frame = frame

    def _missed(self) -> None:
        self._misses = min(self._misses + 1, 6)

    def keep_live(self, live: bool) -> None:  # noqa: FBT001  the one thing it is about
        """Look again from time to time, or only when asked to."""
        self.live = live and self.every is not None
        self.wake()

    def wake(self) -> None:
        """Look at the clock: somebody looks at the panel, or wants it live."""
        idle = self._timer is None and not self.busy and not self.closed and not self.client.closed
        if idle and self.live and self._watched():
            due = self._began + self._pause() - time.monotonic()
            self._timer = self.client.portal.submit(asyncio.sleep(max(0.0, due)))
            timer = self._timer
            timer.add_done_callback(lambda _: self._hand(lambda: self._rang(timer)))

    def _pause(self) -> float:
        pause = max(self.every or 0.0, self._took * CALM)
        return min(max(SLOWEST, pause), pause * (1 << self._misses))

    def _rang(self, timer: concurrent.futures.Future[None]) -> None:
        if timer is self._timer:
            self._timer = None
            if self.live and self._watched():
                self.refresh()
                self._changed()

    # ------------------------------------------------------------------------ flights

    def _send(
        self, work: Coroutine[Any, Any, Any], landed: Callable[[Any], None], failed: Callable[[], None] = lambda: None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.client.closed:
            work.close()
            self.live = False
            raise _closed()
        future = self.client.portal.submit(work)
        self._flight = Flight(future, landed, failed)
        future.add_done_callback(lambda _: self._hand(lambda: self._land(future)))

    def _drop(self) -> None:
        """Let go of what is in flight: what the person wants goes first."""
        if self._flight is not None:
            flight, self._flight = self._flight, None
            flight.future.cancel()

    def _land(self, future: concurrent.futures.Future[Any]) -> None:
        if self._flight is None or future is not self._flight.future or self.closed:
            return  # dropped, or landed already
        flight, self._flight = self._flight, None
        try:
            if self.client.closed and future.cancelled():
                raise _closed()  # noqa: TRY301  told as any other error
            self.error, answer = "", future.result()
            flight.landed(answer)
        except Exception as error:  # noqa: BLE001  whatever went wrong on the way is told and logged, never lost
            self.error = told(error)
            flight.failed()
        self.wake()
        self._changed()

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until nothing is in flight, on behalf of code that asks for an answer.

        Raises
        ------
        ServiceError
            It took longer.
        """
        deadline = time.monotonic() + timeout
        while self._flight is not None:
            future = self._flight.future
            concurrent.futures.wait([future], timeout=0.1)
            if future.done():
                self._hand(functools.partial(self._land, future))
            elif time.monotonic() > deadline:
                raise ServiceError(f"the service did not answer in {timeout:.0f} s", hint="try again")
            self._hand.run()

    def close(self) -> None:
        """Let go of everything; what was sent stays sent."""
        self.closed = True
        self._drop()
        if self._timer is not None:
            self._timer.cancel()


def _closed() -> UsageError:
    return UsageError("the client of this panel is closed", hint="connect again and make a new panel")
