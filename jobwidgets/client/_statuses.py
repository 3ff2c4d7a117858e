"""What many jobs read just now, and no more of them: pages of a list where that is cheap, aliases for the rest.

A list only ever saves requests. What it shows of a job is taken; of a job that it does not show nothing is concluded
(the job may be another application's, have moved to another page, be out of the range or be gone): that one is asked
for by its id. So no list, however strange, makes an answer wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets._errors import AuthError, NotFoundError, RefusedError, ServiceError
from jobwidgets._when import iso
from jobwidgets.client import _documents as documents
from jobwidgets.client._core import together
from jobwidgets.client._flow import graph_error
from jobwidgets.client._listing import MILLISECOND, SECOND, moment
from jobwidgets.client._pages import GONE, Records, paged, there
from jobwidgets.frames._rows import JobPage, JobRow, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from jobwidgets.client._core import Core

STRANDS = 4
"""Pages that are asked for side by side."""
ROOM = 0.96
"""How full a page is planned to be: a few jobs more than were thought of still fit in."""
TRIALS, FOR_EACH_TRIAL = 2, 4
"""How many pages may turn out not to be worth it before the rest is asked for by aliases; one more for so many good."""


async def read_statuses(
    core: Core,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None = None,
    *,
    applications: Sequence[str] = (),
    expected: Sequence[str] = (),
) -> dict[str, str]:
    """Read the statuses of many jobs; ids that the service does not know are absent.

    Parameters
    ----------
    core : Core
        The connection.
    ids : sequence of str
        The jobs.
    created : mapping of str to datetime, optional
        When jobs were created; None or absent where that is not known. Where they lie close together a page of the
        list brings more of them than a document of aliases does, and they are read so.
    applications : sequence of str, optional
        The applications they are of; a list shows only those of the caller's own unless they are named.
    expected : sequence of str, optional
        Words of the service's filter that most of them are thought to read: then only such jobs are listed.

    Returns
    -------
    dict of str to str
        In the order of `ids`.

    Raises
    ------
    ServiceError
        One of them could not be read.
    """
    wanted = dict.fromkeys(ids)
    found: dict[str, str] = {}
    known = {job_id: when for job_id in wanted if (when := (created or {}).get(job_id)) is not None}
    if len(known) > core.sizes.aliases:
        await _Sweep(core, known, found, applications, expected).run()
    left = [job_id for job_id in wanted if job_id not in found]
    if left:
        found |= await _by_aliases(core, left)
    return {job_id: found[job_id] for job_id in wanted if job_id in found}


async def _by_aliases(core: Core, ids: Sequence[str]) -> dict[str, str]:
    """Ask for each by its id, many in a document."""
    found: dict[str, str] = {}

    async def ask(job_id: str) -> None:
        try:
            row: JobRow | None = await core.one("jobStatus", documents.JOB_STATUS, {"id": job_id}, JobRow | None)
        except NotFoundError:
            return
        if row is not None:
            found[job_id] = row.status or "unknown"

    again: list[str] = []
    for job_id, answer in (await core.read_many("jobStatus", ids)).items():
        if answer.value is not None:
            found[job_id] = decoded(JobRow, answer.value, "job").status or "unknown"
        elif answer.error is None:
            again.append(job_id)  # nothing was said of it
        elif answer.error.name not in GONE:
            raise graph_error(answer.error, "job")
    for job_id in again:
        await ask(job_id)
    return found


@dataclass(slots=True)
class _Stretch:
    """Jobs that should stand on one page: those created from `since` to `until`, newest first."""

    ids: list[str]
    times: list[datetime]
    since: datetime
    until: datetime
    offset: int = 0


class _Sweep:
    """Walks the list over the times of the jobs that are wanted, in stretches, as long as the pages are worth it.

    A page is worth it while it brings more of them than a document of aliases would. How many it will bring is told
    by how close together they were created, and by how many jobs of others were seen in between.
    """

    def __init__(
        self,
        core: Core,
        created: Mapping[str, datetime],
        found: dict[str, str],
        applications: Sequence[str],
        expected: Sequence[str],
    ) -> None:
        self._core, self._found = core, found
        self._line = sorted(created.items(), key=lambda job: job[1], reverse=True)
        # the resolution of times as they are written: an instant may lie anywhere in it
        self._tick = MILLISECOND if any(when.microsecond for when in created.values()) else SECOND
        self._filters = {"status": list(expected) or None, "applicationIds": list(applications) or None}
        self._wanted = frozenset(created)
        self._next = 0
        self._others = 0.0
        """Jobs of others, for each second that the last page covered."""
        self._worth = self._wasted = 0

    async def run(self) -> None:
        """Read what is worth reading so; a list that cannot be had leaves all to the aliases."""
        try:
            await together(self._strand() for _ in range(STRANDS))
        except AuthError:
            raise
        except (RefusedError, ServiceError):
            return

    async def _strand(self) -> None:
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
                return _Stretch(list(ids), list(times), times[-1] - self._tick, newest + self._tick)
            self._others /= 2  # further on it may be quieter
        return None

    async def _read(self, stretch: _Stretch) -> bool:
        """Read a page of a stretch; say whether another one is worth it."""
        least = self._core.sizes.aliases
        rows, limit = await paged(self._core, lambda limit: self._page(stretch, limit))
        fresh = 0
        for row in rows:
            if row is not None and row.id in self._wanted:
                fresh += row.id not in self._found
                self._found[row.id] = row.status or "unknown"
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
        return sum(job_id not in self._found for job_id in stretch.ids) > least

    async def _page(self, stretch: _Stretch, limit: int) -> Records:
        page: JobPage | None = await self._core.one(
            "jobs",
            documents.JOB_STATUSES,
            {
                **self._filters,
                "range": [
                    {
                        "field": "createdDateTime",
                        "fromDateTime": iso(stretch.since),
                        "toDateTime": iso(stretch.until),
                    }
                ],
                "orderBy": [{"field": "createdDateTime", "direction": "desc"}],
                "offset": stretch.offset,
                "limit": limit,
            },
            JobPage | None,
        )
        return there(page.records if page is not None else None, "jobs")
