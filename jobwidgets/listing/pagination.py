"""How a list is read so that nothing is lost and nothing doubled while jobs arrive and vanish.

Offsets alone cannot do that: a job that arrives or vanishes shifts every later page. So a list is read newest first in
windows of time. A full page ends somewhere in time; everything newer than its oldest job has been read, and the next
window ends there, at offset 0 again. Only when a single instant fills a whole page is there no window left to narrow:
then that instant is read by offsets, as often as it takes for all of it to be seen.

When a job was created never changes. So a range can be cut anywhere and its windows be read side by side (`_windows`):
each walk answers for its own window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from jobwidgets._internal import parse_timestamp
from jobwidgets.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""The lower end of a range that has none: every list sends an explicit range."""
MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
MAX_SCANS = 60


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page that is wanted: jobs created from `since` to `until`, newest first, beginning at `offset`."""

    since: datetime
    until: datetime
    offset: int = 0


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What the walk needs to know of one page."""

    ids: Sequence[str]
    created: Sequence[str | None]
    last: bool
    """Whether nothing follows: a count below the limit means so, and no total exists."""
    fresh: int
    """How many of its ids were not seen before."""


def paginate_by_time(
    since: datetime, until: datetime, leave: Callable[[datetime, datetime, timedelta], None] | None = None
) -> Generator[PageRequest, PageInfo, None]:
    """Ask for page after page until every job of the range that stays there throughout has been read.

    Parameters
    ----------
    since, until : datetime
        The range. Whether the service counts its ends in is not known, so each window overlaps its neighbours; rows
        that come twice are dropped by id where they are kept. The overlap is the resolution of the times as they are
        written: a millisecond, or a second where no fraction is.
    leave : callable, optional
        Given the window that is still to be read once a page did not hold all of it, and that resolution: the walk then
        leaves the window to others, and ends.

    Raises
    ------
    ServiceError
        The pages are not in the order that was asked for, or go round in circles.
    """
    top = until
    while True:
        page = yield PageRequest(since, top)
        if page.last:
            return
        newest, oldest = _ends(page)
        tick = MILLISECOND if any("." in text for text in page.created if text) else SECOND
        if newest > top + tick:
            raise ServiceError("the service does not keep to dateTimeFilter", hint="ask the service's people")
        if oldest + tick < since:
            return  # it sends what is older as well: all that was asked for stands before it
        if oldest + tick < top:
            top = oldest + tick
        else:
            yield from _scan_timestamp(max(since, oldest - 2 * tick), oldest + tick)
            top = oldest - tick
            if top <= since:
                return
        if leave is not None:
            leave(since, top, tick)
            return


def _ends(page: PageInfo) -> tuple[datetime, datetime]:
    """Give the times of the first and last job of a page, after a look whether the page is in order at all."""
    times = [text for text in page.created if text is not None]
    if not times:
        raise ServiceError(
            "the service sends jobs without createdDateTime", hint="such a list cannot be read without losing some"
        )
    if any(earlier < later for earlier, later in pairwise(times)):
        moments = [parse_timestamp(text) for text in times]
        if moments != sorted(moments, reverse=True):
            raise ServiceError(
                "the service does not sort by createdDateTime", hint="such a list cannot be read without losing some"
            )
    return parse_timestamp(times[0]), parse_timestamp(times[-1])


def _scan_timestamp(since: datetime, until: datetime) -> Generator[PageRequest, PageInfo, None]:
    """Read one instant by offsets until every job in it was seen.

    The order inside an instant is not fixed, so one pass can miss jobs. A pass ends with the number of jobs there are;
    when two passes in a row end with the same number, nothing vanished during the second, and once as many different
    ids were seen as there are jobs, these are all of them.
    """
    known: set[str] = set()
    before: int | None = None
    for _ in range(MAX_SCANS):
        ids, there = yield from _scan_once(since, until, most=100 + 10 * len(known))
        known = known | ids if there is not None and there == before else set()
        before = there
        if there is not None and len(known) >= there:
            return
    raise ServiceError(
        f"the jobs created at {since.isoformat()} could not all be read: each page comes in another order",
        hint="read a narrower list: by status or engine",
    )


def _scan_once(
    since: datetime, until: datetime, *, most: int
) -> Generator[PageRequest, PageInfo, tuple[set[str], int | None]]:
    """Go through one instant once: the ids seen, and how many jobs there are at the end (None: that is not clear)."""
    ids: set[str] = set()
    offset, pages = 0, 0
    while True:
        page = yield PageRequest(since, until, offset)
        ids.update(page.ids)
        offset += len(page.ids)
        pages += 1
        if page.last:
            break
        if page.fresh == 0 and pages > most + 10 * len(ids):
            raise ServiceError("the service sends the same page again and again", hint="ask its people")
    if page.ids or offset == 0:
        return ids, offset
    # an empty page tells only that there are no more than `offset`: the one before it tells how many there are
    page = yield PageRequest(since, until, offset - 1)
    ids.update(page.ids)
    return ids, offset - 1 + len(page.ids) if page.ids else None
