"""One list of jobs being read: its pages, as they come, into a frame."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from jobwidgets._internal import iso
from jobwidgets.errors import AuthError, JobError, RefusedError, ServiceError, UsageError
from jobwidgets.frames import JobTableBuilder, PrefetchedTasks, Rows, TimeBuilder
from jobwidgets.listing.boundary_probe import LEAST, PageBoundaryProbe
from jobwidgets.listing.concurrent_reader import ConcurrentPageReader
from jobwidgets.listing.pages import complete_tasks, fetch_jobs_page, fetch_page, rest_page
from jobwidgets.listing.pagination import BEGINNING, MILLISECOND, PageInfo, PageRequest
from jobwidgets.listing.partitions import TimePartitioner

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import datetime

    import pandas as pd

    from jobwidgets.frames import Batch, JobRow, JobSummary
    from jobwidgets.listing.query import Query
    from jobwidgets.transport import ServiceConnection

    Counting = Callable[[Mapping[str, int]], object]


SELDOM = timedelta(days=366)


async def read_jobs(
    connection: ServiceConnection, query: Query, progress: Counting | None = None, *, partial: bool = False
) -> pd.DataFrame:
    """Read every job that a query asks for into a typed frame; `progress` hears after each page how many there are.

    When it ends early the error has what was read in `partial`; where that is wanted it is given instead.
    """
    reading = JobListReader(connection, query, progress)
    try:
        await reading.run()
    except (JobError, asyncio.CancelledError) as error:
        why = "it was interrupted" if isinstance(error, asyncio.CancelledError) else str(error)
        frame = reading.frame(broken_off=why) if reading else None
        error.partial = frame  # type: ignore[union-attr]  # whoever interrupts finds it there as well
        if frame is None or not partial or not isinstance(error, JobError) or isinstance(error, UsageError):
            raise
        warnings.warn(f"the list is not whole: {why}", stacklevel=1)
        return frame
    return reading.frame()


class JobListReader:
    """One list, as far as it was read.

    Parameters
    ----------
    connection : ServiceConnection
        The connection.
    query : Query
        What is wanted.
    progress : callable, optional
        Told the counts by status after each page.
    """

    def __init__(self, connection: ServiceConnection, query: Query, progress: Counting | None) -> None:
        self._connection, self._query, self._progress = connection, query, progress
        self._builder = JobTableBuilder()
        self._brought = PrefetchedTasks() if query.tasks else None
        begin = query.since - MILLISECOND if query.since else BEGINNING
        end = (
            query.until or connection.server_time() + SELDOM
        )  # new jobs are newer than the first page: it pins the rest
        self._list = _which(query, connection.server_time())
        seen = connection.boundary_cache.get(self._list)
        self._windows = TimePartitioner(begin, end + MILLISECOND, alone=query.limit is not None, seen=seen)
        unknown = seen is None or (bool(seen.edges) and not self._windows.planned)
        self._edges = PageBoundaryProbe() if unknown and connection.limits.edges and _tells_edges(query) else None

    def __bool__(self) -> bool:
        """Whether anything has come."""
        return len(self._builder) > 0

    async def run(self) -> None:
        """Read all of it, or up to the limit, with all tasks of each job."""
        work = ConcurrentPageReader(self._windows, self._connection.throttle.readers, self._page, self._take)
        most = self._query.limit
        await work.run(lambda: most is not None and len(self._builder) > most)
        if most is None:
            self._connection.remember_boundaries(self._list, self._windows.seen)
        await complete_tasks(self._connection, self._builder.short, self._complete)

    def frame(self, *, broken_off: str = "") -> pd.DataFrame:
        """Make the frame of what was read, which is all of it unless it was broken off."""
        connection, query = self._connection, self._query
        as_of, down_to = connection.server_time(), self._windows.complete_to
        attrs = _attrs(connection, query, as_of)
        if self._brought is not None:
            attrs["tasks"] = self._brought
        if broken_off:
            attrs |= {"truncated": True, "partial": broken_off}
            attrs["complete_to"] = iso(min(down_to, as_of)) if down_to is not None else attrs["since"]
        frame = self._builder.frame(attrs, as_of)
        if self._brought is not None:
            self._brought.settle(frame["id"].array, self._builder.order)
        if self._builder.unread:
            frame.attrs["unread"] = unread = self._builder.unread
            warnings.warn(f"{unread} jobs of the list could not be read: the service sent null", stacklevel=1)
        if query.limit is not None and (len(frame) > query.limit or down_to is not None):
            frame = frame.head(query.limit).copy()
            frame.attrs["truncated"] = True
        return frame

    async def _page(self, ask: PageRequest) -> tuple[Batch, int]:
        edges, self._edges = self._edges, None  # they are told with the first page
        page = await _page(self._connection, self._query, ask, edges)
        if edges is not None:
            self._windows.expect(edges.found)
        return page

    async def _take(self, page: Batch, limit: int) -> PageInfo:
        fresh = self._builder.add(await _kept(self._connection, self._query, page))
        if self._brought is not None:
            self._brought.add(fresh)
        self._builder.unread += page.came - len(page)
        if self._progress is not None:
            self._progress(dict(self._builder.counts))
        return PageInfo(page.ids, page.created, page.came < limit, len(fresh))

    def _complete(self, row: JobRow) -> None:
        self._builder.complete(row)
        if self._brought is not None:
            self._brought.complete(row)


def _which(query: Query, now: datetime) -> Hashable:
    """Say which list it is that may be read again: of a range as long, which moves with the time."""
    hours = query.since and round(((query.until or now) - query.since) / timedelta(hours=1))
    return query.api, query.status, query.target, query.scheduled_job, query.applications, hours, query.until


def _tells_edges(query: Query) -> bool:
    """Whether the page boundaries can be probed, and the whole list is wanted: see `PageBoundaryProbe`."""
    sifted = query.status or query.target or query.scheduled_job or query.applications
    return query.api == "graphql" and query.limit is None and not sifted


def _attrs(connection: ServiceConnection, query: Query, as_of: datetime) -> dict[str, Any]:
    return {
        "kind": "jobs",
        "service": connection.url,
        "query": query.described(),
        "as_of": iso(as_of),
        "since": iso(query.since) if query.since else None,
        "until": iso(query.until) if query.until else iso(as_of),
        "truncated": False,
    }


async def _page(
    connection: ServiceConnection, query: Query, ask: PageRequest, edges: PageBoundaryProbe | None
) -> tuple[Batch, int]:
    if query.api == "rest":
        more: dict[str, str] = {}
        if len(query.status) == 1:
            more["status"] = "aborted" if query.status[0] == "cancelled" else query.status[0]

        async def read(limit: int) -> Batch:
            return Rows(await rest_page(connection, ask, limit, more), None)

    else:

        async def listed(limit: int, edges: PageBoundaryProbe | None = None) -> Batch:
            return await fetch_jobs_page(
                connection,
                ask,
                limit,
                status=query.status if query.filtered_there else (),
                target=query.target,
                scheduled_job=query.scheduled_job,
                applications=query.applications,
                whole=query.tasks,
                by_row=query.engine is not None,
                edges=edges,
            )

        async def read(limit: int) -> Batch:
            nonlocal edges
            if edges is None or limit < LEAST:
                return await listed(limit)
            try:
                return await listed(limit, edges)
            except AuthError:
                raise
            except (RefusedError, ServiceError) as error:
                if isinstance(error, ServiceError) and not edges.answered:
                    raise  # it has nothing to do with what was asked
            edges = None
            page = await listed(limit)
            connection.limits.edges = False  # it was not the page that was too large
            return page

    most = query.limit + 1 if query.limit is not None and query.filtered_there and query.api != "rest" else None
    return await fetch_page(connection, read, most=most, rest=query.api == "rest")


async def _kept(connection: ServiceConnection, query: Query, page: Batch) -> Batch:
    """Keep the jobs that are wanted: what the service does not filter exactly is filtered here."""
    if query.status or query.since or query.until:
        words = set(query.status)
        if words & {"aborted", "cancelled"}:
            words |= {"aborted", "cancelled"}  # two words for the same thing
        kept = _in_range(page.job("created"), query)
        if words:
            kept &= np.array([status in words for status in page.statuses], "?")
        page = page if kept.all() else page.part(np.flatnonzero(kept).tolist())
    return page if query.engine is None else await _on_engine(connection, query.engine.casefold(), page)


def _in_range(created: Any, query: Query) -> Any:
    """Say which times lie in the range; one that is not known does."""
    moments = TimeBuilder().part(created)
    inside = np.full(len(moments), True)
    if query.since is not None:
        inside &= moments >= np.datetime64(query.since.replace(tzinfo=None), "us")
    if query.until is not None:
        inside &= moments < np.datetime64(query.until.replace(tzinfo=None), "us")
    return inside | np.isnat(moments)


async def _on_engine(connection: ServiceConnection, engine: str, page: Batch) -> Batch:
    """Keep the jobs of which one task runs on an engine; a task beyond the first page can be that one."""
    if not isinstance(page, Rows):
        raise TypeError("which engines a job runs on is looked up row by row")
    open_ = [page.rows[at] for at in np.flatnonzero(~page.known)]
    unsure = [row.id for row in open_ if not _runs_on(row, engine)]
    whole: dict[str, JobSummary] = {}
    await complete_tasks(connection, unsure, lambda row: whole.update({row.id: row}))
    return page.part([at for at, row in enumerate(page.rows) if _runs_on(whole.get(row.id, row), engine)])


def _runs_on(row: JobSummary, engine: str) -> bool:
    tasks = row.tasks.rows() if row.tasks is not None else []
    return any(
        engine == (task.engine_id or "").casefold() or engine in ((task.engine and task.engine.name) or "").casefold()
        for task in tasks
    )
