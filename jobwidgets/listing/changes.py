"""Reading jobs with all that is kept of them, by the time they were created or last changed, and who is there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobwidgets.listing.pages import change_page, complete_tasks, fetch_page, status_page
from jobwidgets.listing.pagination import MILLISECOND, PageInfo, paginate_by_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from jobwidgets.frames import JobRow
    from jobwidgets.transport import ServiceConnection

CREATED, MODIFIED = "createdDateTime", "modifiedDateTime"
"""The times that a list can be read by."""


async def read_changes(
    connection: ServiceConnection, since: datetime, until: datetime, *, by: str
) -> AsyncIterator[list[JobRow]]:
    """Read jobs with all their tasks, page after page, the latest first; each comes once.

    A job that changes while this is read moves to the front of a list by `MODIFIED`, where it is not looked for any
    more: it is read the next time, since it has changed after this began.

    Parameters
    ----------
    connection : ServiceConnection
        The connection.
    since, until : datetime
        The range of times, at least.
    by : {"createdDateTime", "modifiedDateTime"}
        Which time of a job.

    Raises
    ------
    ServiceError
        The list could not be read to its end.
    """
    seen: set[str] = set()
    steps = paginate_by_time(since - MILLISECOND, until + MILLISECOND)
    ask = next(steps)
    while True:
        size = connection.limits.tasks
        records, limit = await fetch_page(connection, lambda limit, ask=ask: change_page(connection, ask, limit, by))  # type: ignore[misc]  # bound at once
        rows = [row for row in records if row is not None]
        fresh = {row.id: row for row in rows if row.id not in seen}
        seen.update(fresh)
        short = [
            row.id
            for row in fresh.values()
            if row.tasks is None or not row.tasks.whole(min(size, connection.limits.tasks))
        ]
        await complete_tasks(connection, short, lambda row, fresh=fresh: fresh.update({row.id: row}))  # type: ignore[misc]  # as above
        if fresh:
            yield list(fresh.values())
        times = [row.created_date_time if by == CREATED else row.modified_date_time for row in rows]
        try:
            ask = steps.send(PageInfo([row.id for row in rows], times, len(records) < limit, len(fresh)))
        except StopIteration:
            return


async def read_present(
    connection: ServiceConnection, since: datetime, until: datetime, status: Iterable[str] = ()
) -> dict[str, str]:
    """Say which jobs that were created in a range there are, and what each reads, by the thinnest pages there are.

    `status` names those that are wanted, of the words that the service filters by itself; without it all are.
    """
    found: dict[str, str] = {}
    steps = paginate_by_time(since - MILLISECOND, until + MILLISECOND)
    ask = next(steps)
    while True:
        records, limit = await fetch_page(connection, partial(status_page, connection, ask, status=status))
        rows = [row for row in records if row is not None]
        before = len(found)
        found.update((row.id, row.status or "unknown") for row in rows)
        times = [row.created_date_time for row in rows]
        try:
            ask = steps.send(PageInfo([row.id for row in rows], times, len(records) < limit, len(found) - before))
        except StopIteration:
            return found
