"""How much of a service one client takes: when it may ask, how many things at once, how often."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

MAX_BULK_IN_FLIGHT = 8
"""Requests of bulk work in flight, at most."""
INITIAL_BULK_IN_FLIGHT = 4.0
BUDGET_WINDOW_S = 10.0
"""Seconds in which a service counts requests [contract, section 6]."""
BULK_BUDGET_SHARE = 1 / 3
"""The part of a known budget that bulk work takes: the organisation has other users."""
MAX_READS_IN_FLIGHT = 16
"""Pages of a list that are asked for side by side, at most."""
HIGH_LATENCY_S = 0.1
"""Seconds for a page, at the quickest, from which on a service is far away."""
OUTLIER_FACTOR = 1.1
"""How much longer than the quickest a page may take before that one counts as an exception."""


class ConcurrencyLimiter:
    """How many pages of a list are asked for side by side.

    As many as can come while one is worked on: where the service is near, two or three keep us busy. Fewer after it has
    asked to wait, and slowly more again.
    """

    def __init__(self) -> None:
        self._most = float(MAX_READS_IN_FLIGHT)
        self._useful = MAX_READS_IN_FLIGHT
        self._quickest = math.inf

    @property
    def places(self) -> int:
        """How many."""
        return max(1, min(int(self._most), self._useful))

    @property
    def far(self) -> bool:
        """Whether it is the way to the service that a page takes, and not the work on either side."""
        return HIGH_LATENCY_S <= self._quickest < math.inf

    def came(self, waited: float, worked: float) -> None:
        """Take in that a page came after so many seconds, and how many it took to take it in."""
        self._most = min(float(MAX_READS_IN_FLIGHT), self._most + 1 / self._most)
        self._quickest = min(self._quickest * OUTLIER_FACTOR, waited)
        self._useful = 2 + math.ceil(min(self._quickest / max(worked, 1e-4), MAX_READS_IN_FLIGHT))

    def fewer(self) -> None:
        """Take in that the service has asked to wait."""
        self._most = max(1.0, self._most / 2)


class Throttle:
    """Kept by a client, for all its calls.

    Parameters
    ----------
    budget : int, optional
        How many requests the organisation may make in 10 seconds, where that is known.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget
        self.readers = ConcurrencyLimiter()
        self.places = INITIAL_BULK_IN_FLIGHT
        self._taken = 0
        self._freed = asyncio.Event()
        self._closed_until = 0.0
        self._next = 0.0
        self.turn: Callable[[], AbstractAsyncContextManager[object]] = nullcontext
        """Entered for each request, where several processes share a budget; to wait there is no part of a deadline."""

    @property
    def closed_for(self) -> float:
        """Seconds until the service may be asked again; 0 now."""
        return max(0.0, self._closed_until - time.monotonic())

    def hold(self, seconds: float | None) -> None:
        """Take in that the service asked to wait: nothing leaves before, and less at once after."""
        if not self.closed_for:
            self.places = max(1.0, self.places / 2)
            self.readers.fewer()
        if seconds is not None:
            self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def went_well(self) -> None:
        """Take in that a request of bulk work was answered: a little more at once."""
        self.places = min(float(MAX_BULK_IN_FLIGHT), self.places + 1 / self.places)
        self._freed.set()

    async def open(self) -> None:
        """Wait until the service may be asked."""
        while wait := self.closed_for:  # noqa: ASYNC110  it ends by itself, and may have grown meanwhile
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for one of the places of bulk work, for the service to be ready, and for our share of the budget."""
        while self._taken >= int(self.places):
            self._freed.clear()
            await self._freed.wait()
        self._taken += 1
        try:
            await self.our_share()
            await self.open()
            yield
        finally:
            self._taken -= 1
            self._freed.set()

    async def our_share(self) -> None:
        """Wait for our share of the budget, where one is known."""
        if self.budget is None:
            return
        now = time.monotonic()
        at, self._next = (
            max(now, self._next),
            max(now, self._next) + BUDGET_WINDOW_S / max(1.0, self.budget * BULK_BUDGET_SHARE),
        )
        if at > now:
            await asyncio.sleep(at - now)
