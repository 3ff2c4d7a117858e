"""Reading the windows of a list side by side, as many as the service and this machine are good for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from jobwidgets.errors import ServiceError
from jobwidgets.transport import RATE_LIMITED_TAG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jobwidgets.listing.pagination import PageInfo, PageRequest
    from jobwidgets.listing.partitions import TimePartitioner, Window
    from jobwidgets.transport import ConcurrencyLimiter


T = TypeVar("T")
FIRST = 8
"""Pages that are asked for at once before any has come full."""


class ConcurrentPageReader(Generic[T]):
    """Reads windows until none is left, or until there is enough.

    Parameters
    ----------
    windows : TimePartitioner
        What is to be read.
    readers : ConcurrencyLimiter
        How many pages may be asked for at once.
    read, take : callable
        Reads a page, and gives it with the limit it was read at; takes its rows, and says what the walk must know.
    """

    def __init__(
        self,
        windows: TimePartitioner,
        readers: ConcurrencyLimiter,
        read: Callable[[PageRequest], Awaitable[tuple[T, int]]],
        take: Callable[[T, int], Awaitable[PageInfo]],
    ) -> None:
        self._windows, self._readers, self._read, self._take = windows, readers, read, take
        self._came = self._full = 0

    @property
    def _width(self) -> int:
        """How many pages are asked for at once.

        What is guessed from the first page can be wrong, and brings many pages with little on them. So more are asked
        for only as pages come full; but where the service is far, to wait for that costs more than an empty page, and
        where a list was seen before nothing is guessed.
        """
        places = self._readers.places
        return places if self._readers.far or self._windows.planned else min(places, FIRST + 2 * self._full)

    async def run(self, enough: Callable[[], bool]) -> None:
        """Read; when a page cannot be had nothing of the others is left running."""
        going: set[asyncio.Task[None]] = set()
        try:
            while not enough():
                while len(going) < self._width and (window := self._windows.take()) is not None:
                    going.add(asyncio.create_task(self._through(window, enough)))
                if not going:
                    return
                done, _ = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                going -= done
        finally:
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)

    async def _through(self, window: Window, enough: Callable[[], bool]) -> None:
        """Read one window, or as much of it as its walk does not leave to others."""
        more = True
        while more:
            began = time.perf_counter()
            got, limit = await self._page(window.ask)
            came = time.perf_counter()
            page = await self._take(got, limit)
            del got  # before the next page is decoded: it then takes the same memory, which is still in the caches
            self._came += 1
            self._full += 2 * len(page.ids) >= limit
            self._readers.came(came - began, time.perf_counter() - came)
            if enough():
                return
            more = self._windows.told(window, page, limit)

    async def _page(self, ask: PageRequest) -> tuple[T, int]:
        """Read a page; where the service was too busy for it, again, as long as others come meanwhile."""
        while True:
            before = self._came
            try:
                return await self._read(ask)
            except ServiceError as error:
                if error.name != RATE_LIMITED_TAG or self._came == before:
                    raise
