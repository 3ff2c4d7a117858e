"""Jobs whose times are known, read by pages of a list, as long as these cost less than asking for each by its id.

A list only ever saves requests. What it shows of a job is taken; of a job that it does not show nothing is concluded
(the job may be another application's, have moved to another page, be out of the range or be gone): that one is for the
caller to ask for by its id. So no list, however strange, makes an answer wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets._errors import AuthError, RefusedError, ServiceError
from jobwidgets.client._core import together
from jobwidgets.client._listing import MILLISECOND, SECOND, Ask, moment
from jobwidgets.client._pages import Records, paged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from jobwidgets.client._core import Core
    from jobwidgets.frames._rows import JobRow

STRANDS = 4
"""Pages that are asked for side by side."""
ROOM = 0.96
"""How full a page is planned to be: a few jobs more than were thought of still fit in."""
TRIALS, FOR_EACH_TRIAL = 2, 4
"""How many pages may turn out not to be worth it before the walk ends; one more for so many good ones."""

ReadPage = Callable[[Ask, int], Awaitable[Records]]
"""Reads the page that is asked for, of at most so many rows."""


async def sweep(
    core: Core, ids: Sequence[str], created: Mapping[str, datetime | None] | None, page: ReadPage
) -> dict[str, JobRow]:
    """Read as many of these jobs as pages of a list bring cheaply.

    Parameters
    ----------
    core : Core
        The connection; it knows the sizes of pages and of documents.
    ids : sequence of str
        The jobs.
    created : mapping of str to datetime, or None
        When they were created; None or absent where that is not known.
    page : callable
        Reads a page: rows newest first, with `created_date_time`.

    Returns
    -------
    dict of str to JobRow
        Those that were seen. Of the others nothing is known.
    """
    times = {job_id: when for job_id in ids if (when := (created or {}).get(job_id)) is not None}
    walk = _Sweep(core, times, page)
    if len(times) > core.sizes.aliases:
        try:
            await together(walk.strand() for _ in range(STRANDS))
        except AuthError:
            raise
        except (RefusedError, ServiceError):
            pass  # a list that cannot be had: the ids can be asked for all the same
    return walk.found


@dataclass(slots=True)
class _Stretch:
    """Jobs that should stand on one page: those created from `since` to `until`, newest first."""

    ids: Sequence[str]
    since: datetime
    until: datetime
    offset: int = 0


class _Sweep:
    """Walks the list over the times of the jobs that are wanted, in stretches, as long as the pages are worth it.

    A page is worth it while it brings more of them than a document of aliases would. How many it will bring is told
    by how close together they were created, and by how many jobs of others were seen in between.
    """

    def __init__(self, core: Core, created: Mapping[str, datetime], page: ReadPage) -> None:
        self.found: dict[str, JobRow] = {}
        self._core, self._page = core, page
        self._wanted = frozenset(created)
        self._line = sorted(created.items(), key=lambda job: job[1], reverse=True)
        # the resolution of times as they are written: an instant may lie anywhere in it
        self._tick = MILLISECOND if any(when.microsecond for when in created.values()) else SECOND
        self._next = 0
        self._others = 0.0  # jobs of others, for each second that the last page covered
        self._worth = self._wasted = 0

    async def strand(self) -> None:
        """Read stretch after stretch; several strands share the line."""
        while (stretch := self._take()) is not None:
            while await self._read(stretch):
                pass

    def _take(self) -> _Stretch | None:
        """Take the next stretch; what stands too far apart for a page is passed over."""
        room = ROOM * self._core.sizes.wanted
        while self._next < len(self._line) and self._wasted <= TRIALS + self._worth // FOR_EACH_TRIAL:
            begin = end = self._next
            newest = before = self._line[begin][1]
            while end < len(self._line):
                when = self._line[end][1]
                rows = end - begin + 1 + self._others * (newest - when).total_seconds()
                if rows > room and when != before:  # an instant is never cut in two
                    break
                end, before = end + 1, when
            self._next = end
            if end - begin > self._core.sizes.aliases:
                ids, times = zip(*self._line[begin:end], strict=True)
                return _Stretch(ids, times[-1] - self._tick, newest + self._tick)
            self._others /= 2  # further on it may be quieter
        return None

    async def _read(self, stretch: _Stretch) -> bool:
        """Read a page of a stretch; say whether another one is worth it."""
        least = self._core.sizes.aliases
        ask = Ask(stretch.since, stretch.until, stretch.offset)
        rows, limit = await paged(self._core, lambda limit: self._page(ask, limit))
        before = len(self.found)
        self.found.update((row.id, row) for row in rows if row is not None and row.id in self._wanted)
        fresh = len(self.found) - before
        worth = fresh > least
        self._worth += worth
        self._wasted += not worth
        last = next((row.created_date_time for row in reversed(rows) if row is not None), None)
        if last is None:
            return False
        oldest = stretch.since if len(rows) < limit else moment(last)
        span = max(stretch.until - oldest, MILLISECOND)
        self._others = max(0, len(rows) - fresh) / span.total_seconds()
        if not worth or len(rows) < limit:
            return False
        if oldest + self._tick < stretch.until:
            stretch.until, stretch.offset = oldest + self._tick, 0
        else:  # one instant fills the page
            stretch.offset += len(rows)
        return sum(job_id not in self.found for job_id in stretch.ids) > least
