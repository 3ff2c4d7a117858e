"""Jobs whose times are known, read by pages of a list, as long as these cost less than asking for each by its id.

A list only ever saves requests. What it shows of a job is taken; of a job that it does not show nothing is concluded
(the job may be another application's, have moved to another page, be out of the range or be gone): that one is for the
caller to ask for by its id. So no list, however strange, makes an answer wrong.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets._internal import parse_timestamp
from jobwidgets.errors import AuthError, RefusedError, ServiceError
from jobwidgets.listing.pages import Records, fetch_page
from jobwidgets.listing.pagination import MILLISECOND, SECOND, PageRequest
from jobwidgets.transport import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from jobwidgets.frames import JobSummary
    from jobwidgets.transport import ServiceConnection

STRANDS, LATER = 4, 4
"""Pages that are asked for side by side: at first, and more once it is known what a page brings."""
ROOM = 0.96
"""How full a page is planned to be: a few jobs more than were thought of still fit in."""
TRIALS, FOR_EACH_TRIAL = 2, 4
"""How many pages may turn out not to be worth it before the walk ends; one more for so many good ones."""
FEW = 0.8
"""Where the first page shows a smaller share of the jobs that it was to show, the other list may cost less."""

ReadPage = Callable[[PageRequest, int], Awaitable[Records]]
"""Reads the page that is asked for, of at most so many rows."""


async def look_up(
    connection: ServiceConnection,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None,
    page: ReadPage,
    narrow: ReadPage | None = None,
) -> dict[str, JobSummary]:
    """Read as many of these jobs as pages of a list bring cheaply.

    Parameters
    ----------
    connection : ServiceConnection
        The connection; it knows the sizes of pages and of documents.
    ids : sequence of str
        The jobs.
    created : mapping of str to datetime, or None
        When they were created; None or absent where that is not known.
    page : callable
        Reads a page: rows newest first, with `created_date_time`.
    narrow : callable, optional
        Reads a page of a list that shows fewer jobs, and most of these among them. The first page tells which of both
        lists to go on with.

    Returns
    -------
    dict of str to JobRow
        Those that were seen. Of the others nothing is known.
    """
    times = {job_id: when for job_id in ids if (when := (created or {}).get(job_id)) is not None}
    walk = _RangeLookup(connection, times, page, narrow)
    at_once = STRANDS if narrow is None else 1
    if len(times) > connection.limits.aliases:
        try:
            await together([walk.strand(late=number >= at_once) for number in range(STRANDS + LATER)])
        except AuthError:
            raise
        except (RefusedError, ServiceError):
            pass  # a list that cannot be had: the ids can be asked for all the same
    return walk.found


def estimated_page_size(connection: ServiceConnection, created: Sequence[datetime | None]) -> int:
    """Say how many of these jobs, in this order, one page of a list is thought to show.

    0: their times are not known, or not in order, or pages are so small that a document of aliases does as well. Then
    there is no telling, and a part of them costs more than its share of the whole.
    """
    times = [when for when in created if when is not None]
    in_order = len(times) == len(created) and (times == sorted(times) or times == sorted(times, reverse=True))
    rows = int(ROOM * connection.limits.wanted)
    return rows if in_order and rows > connection.limits.aliases else 0


@dataclass(slots=True)
class _ScanRange:
    """Jobs that should stand on one page: those created from `since` to `until`, newest first."""

    ids: Sequence[str]
    since: datetime
    until: datetime
    offset: int = 0


class _RangeLookup:
    """Walks the list over the times of the jobs that are wanted, in stretches, as long as the pages are worth it.

    A page is worth it while it brings more of them than a document of aliases would. How many it will bring is told
    by how close together they were created, and by how many jobs of others were seen in between.
    """

    def __init__(
        self,
        connection: ServiceConnection,
        created: Mapping[str, datetime],
        page: ReadPage,
        narrow: ReadPage | None = None,
    ) -> None:
        self.found: dict[str, JobSummary] = {}
        self._connection, self._page, self._other = connection, page, narrow
        if narrow is not None and connection.limits.crowded:
            self._page, self._other = narrow, page
        self._wanted = frozenset(created)
        line = sorted(created.items(), key=lambda job: job[1], reverse=True)
        self._ids = [job_id for job_id, _ in line]
        self._times = [when for _, when in line]
        self._seconds = [when.timestamp() for when in self._times]
        # the resolution of times as they are written: an instant may lie anywhere in it
        self._tick = MILLISECOND if any(when.microsecond for when in created.values()) else SECOND
        self._next = 0
        self._others = 0.0  # jobs of others, for each second that the last page covered
        self._worth = self._wasted = 0
        self._told = asyncio.Event()

    async def strand(self, *, late: bool) -> None:
        """Read stretch after stretch; several strands share the line, late ones begin after the first page."""
        if late:
            await self._told.wait()
        while (stretch := self._take()) is not None:
            while await self._read(stretch):
                pass
        self._told.set()

    def _take(self) -> _ScanRange | None:
        """Take the next stretch; what stands too far apart for a page is passed over."""
        times, seconds = self._times, self._seconds
        while self._next < len(times) and self._wasted <= TRIALS + self._worth // FOR_EACH_TRIAL:
            begin = self._next

            def rows(to: int, begin: int = begin) -> float:
                return to - begin + 1 + self._others * (seconds[begin] - seconds[to])

            end = begin + bisect_right(range(begin, len(times)), ROOM * self._connection.limits.wanted, key=rows)
            while end < len(times) and times[end] == times[max(begin, end - 1)]:  # an instant is never cut in two
                end += 1
            self._next = end
            if end - begin > self._connection.limits.aliases:
                return _ScanRange(self._ids[begin:end], times[end - 1] - self._tick, times[begin] + self._tick)
            self._others /= 2  # further on it may be quieter
        return None

    async def _read(self, stretch: _ScanRange) -> bool:
        """Read a page of a stretch; say whether another one is worth it."""
        least = self._connection.limits.aliases
        ask = PageRequest(stretch.since, stretch.until, stretch.offset)
        page = self._page
        rows, limit = await fetch_page(self._connection, lambda limit: page(ask, limit))
        before = len(self.found)
        self.found.update((row.id, row) for row in rows if row is not None and row.id in self._wanted)
        fresh = len(self.found) - before
        turned = self._turns(fresh, min(limit, len(stretch.ids)))
        self._told.set()
        worth = turned or fresh > least
        self._worth += worth
        self._wasted += not worth
        last = next((row.created_date_time for row in reversed(rows) if row is not None), None)
        if last is None and not turned:
            return False
        if len(rows) >= limit and last is not None:
            self._go_on(stretch, parse_timestamp(last), len(rows), fresh)
        elif not turned:  # the stretch has been read to its end
            self._note_others(stretch.until - stretch.since, len(rows) - fresh)
            return False
        if turned:
            self._others = 0.0
        return worth and sum(job_id not in self.found for job_id in stretch.ids) > least

    def _go_on(self, stretch: _ScanRange, oldest: datetime, rows: int, fresh: int) -> None:
        """Leave of a stretch what is older than a full page."""
        self._note_others(stretch.until - oldest, rows - fresh)
        if oldest + self._tick < stretch.until:
            stretch.until, stretch.offset = oldest + self._tick, 0
        else:  # one instant fills the page
            stretch.offset += rows

    def _note_others(self, span: timedelta, others: int) -> None:
        self._others = max(0, others) / max(span, MILLISECOND).total_seconds()

    def _turns(self, fresh: int, planned: int) -> bool:
        """Turn to the other list where the first page showed few of the jobs that it was to show; say whether.

        A list of all that shows none of them is not theirs, whatever is left out of it.
        """
        other, self._other = self._other, None
        sizes = self._connection.limits
        if other is None or fresh >= FEW * planned or not (fresh or sizes.crowded):
            return False
        self._page, sizes.crowded = other, not sizes.crowded
        return True
