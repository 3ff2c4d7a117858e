"""One page at a time: asked for, taken as rows, and made smaller where the service says that it is too large."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from jobwidgets._internal import iso
from jobwidgets.errors import NotFoundError, RefusedError, ServiceError
from jobwidgets.frames import Batch, JobPage, JobRow, JobSummary, Rows, SummaryPage, TaskRow, decode_json, has_arrow
from jobwidgets.transport import SIDE_BY_SIDE, TOO_MANY, Answer, ServiceConnection, graph_error, together
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from jobwidgets.listing.boundary_probe import PageBoundaryProbe
    from jobwidgets.listing.pagination import PageRequest

T = TypeVar("T")
R = TypeVar("R", bound=JobRow)
Records = Sequence[JobSummary | None]
SLOW, SMALL = 0.25, 50
"""A page that takes this part of the time a call may take is followed by one of half as many rows, but not fewer."""
GONE = frozenset({"not_found", "not_allowed"})
"""Names under which a single job is not there for us."""
FILTERABLE = frozenset({"pending", "running", "complete", "cancelled", "queued", "failed"})
"""The words that the filter of the service knows; jobs that read `aborted` are listed under `cancelled`."""


async def fetch_page(
    connection: ServiceConnection, read: Callable[[int], Awaitable[T]], *, most: int | None = None, rest: bool = False
) -> tuple[T, int]:
    """Read one page, a smaller one where the service says that it is too large; give it with the limit it was read at.

    Parameters
    ----------
    connection : ServiceConnection
        It remembers the largest page that the service takes.
    read : callable
        Reads a page of at most so many rows.
    most : int, optional
        No more rows than these are wanted.
    rest : bool, default False
        AI Processing gives its refusals no names: any of them can mean the size.
    """
    sizes = connection.limits
    before: tuple[int, int] | None = None
    while True:
        limit = min(sizes.wanted, most or sizes.wanted)
        began = time.monotonic()
        try:
            page = await read(limit)
        except (RefusedError, ServiceError) as error:
            unnamed = rest and type(error) is RefusedError and not error.name
            if (error.name in TOO_MANY or unnamed) and sizes.wanted < limit:
                continue  # another page has found that out meanwhile
            if error.name == "capacity_exceeded" and limit > 1:
                sizes.soft = max(1, limit // 2)  # too dear just now: it grows again
                continue
            if error.name in TOO_MANY or unnamed:
                before = before or (sizes.page, sizes.tasks)
                if sizes.smaller_page():
                    continue
            if before is not None:
                sizes.page, sizes.tasks = before  # the size was not the reason
            raise
        else:
            slow = time.monotonic() - began > connection.timeout * SLOW
            sizes.soft = max(min(limit, SMALL), limit // 2) if slow else min(sizes.page, sizes.soft * 2)
            return page, limit


async def fetch_jobs_page(
    connection: ServiceConnection,
    ask: PageRequest,
    limit: int,
    *,
    status: Iterable[str] = (),
    target: str | None = None,
    scheduled_job: str | None = None,
    applications: Sequence[str] = (),
    whole: bool = False,
    by_row: bool = False,
    edges: PageBoundaryProbe | None = None,
) -> Batch:
    """Read one page of AI Data's list of jobs, with the first page of their tasks.

    Parameters
    ----------
    connection, ask, limit : Core, Ask, int
        The connection, the page, and how many jobs.
    status, target, scheduled_job, applications
        What the service filters by.
    whole : bool, default False
        Bring all that is shown of the tasks, and not only what the rows of their jobs tell of them.
    by_row : bool, default False
        Give `Rows`, always.
    edges : PageBoundaryProbe, optional
        Told where the pages after this one lie.
    """
    tasks = connection.limits.tasks  # as it is now: it can shrink before the page has come
    more = {"targetId": target, "scheduledJobIds": [scheduled_job] if scheduled_job else None, "tasks": tasks}
    document = documents.JOBS_WHOLE if whole else documents.JOBS
    read = None if by_row else _to_columns(tasks, whole=whole)
    if edges is not None:
        document = documents.JOBS_WHOLE_EDGED if whole else documents.JOBS_EDGED
        more |= edges.asked(limit)
        read = edges.beside(read)
    variables = {**_asked(ask, limit, status, applications), **more}
    page = await connection.query_one(
        "jobs", document, variables, (JobPage if whole else SummaryPage) | None, read=read
    )
    return (
        page if isinstance(page, Batch) else Rows(drop_nulls(page.records if page is not None else None, "jobs"), tasks)
    )


def _to_columns(tasks: int, *, whole: bool) -> Callable[[bytes], Answer[Batch] | None] | None:
    """Give what reads a page into columns, where there is anything that can."""
    if not has_arrow():
        return None
    from jobwidgets.frames import read_page  # noqa: PLC0415  an extra

    def read(body: bytes) -> Answer[Batch] | None:
        page = read_page(body, tasks, whole=whole)
        return None if page is None else Answer({"jobs": page})

    return read


async def fetch_jobs_page_slim(
    connection: ServiceConnection, ask: PageRequest, limit: int, *, applications: Sequence[str] = ()
) -> Sequence[JobRow | None]:
    """Read one page of the same list with no more of the tasks than the rows of their jobs tell of them."""
    return await _listed(
        connection, documents.JOBS, {**_asked(ask, limit, (), applications), "tasks": connection.limits.tasks}
    )


async def status_page(
    connection: ServiceConnection,
    ask: PageRequest,
    limit: int,
    *,
    status: Iterable[str] = (),
    applications: Sequence[str] = (),
) -> Records:
    """Read one page of the same list with no more of each job than its status and its time."""
    return await _listed(connection, documents.JOB_STATUSES, _asked(ask, limit, status, applications))


async def change_page(
    connection: ServiceConnection, ask: PageRequest, limit: int, field: str
) -> Sequence[JobRow | None]:
    """Read one page of the same list with all that is kept of a job and its tasks, by the time that `field` names."""
    variables = {**_asked(ask, limit, (), (), field), "tasks": connection.limits.tasks}
    return await _listed(connection, documents.JOB_CHANGES, variables)


def _asked(
    ask: PageRequest, limit: int, status: Iterable[str], applications: Sequence[str], field: str = "createdDateTime"
) -> dict[str, Any]:
    return {
        "status": sorted({"cancelled" if word == "aborted" else word for word in status}) or None,
        "applicationIds": list(applications) or None,
        "range": [{"field": field, "fromDateTime": iso(ask.since), "toDateTime": iso(ask.until)}],
        "orderBy": [{"field": field, "direction": "desc"}],
        "offset": ask.offset,
        "limit": limit,
    }


async def _listed(
    connection: ServiceConnection, document: str, variables: Mapping[str, Any]
) -> Sequence[JobRow | None]:
    page: JobPage | None = await connection.query_one("jobs", document, variables, JobPage | None)
    return drop_nulls(page.records if page is not None else None, "jobs")


class _RestJob(msgspec.Struct, gc=False):
    internal_job_id: str = msgspec.field(name="internalJobID")
    status: str | None = msgspec.field(name="jobStatus", default=None)
    name: str | None = None
    created: str | None = msgspec.field(name="createdDateTime", default=None)
    modified: str | None = msgspec.field(name="modifiedDateTime", default=None)
    scheduled: str | None = msgspec.field(name="scheduledJobID", default=None)


class _RestPage(msgspec.Struct, gc=False):
    result: list[_RestJob] | None = None


async def rest_page(
    connection: ServiceConnection, ask: PageRequest, limit: int, more: Mapping[str, str]
) -> Sequence[JobRow | None]:
    """Read one page of AI Processing's list of jobs; it tells nothing of tasks."""
    query: dict[str, str | int] = {
        "createdAfter": iso(ask.since),
        "createdBefore": iso(ask.until),
        "orderBy": "createdDateTime",
        "direction": "desc",
        "offset": ask.offset,
        "limit": limit,
        **more,
    }
    reply = await connection.rest("GET", "/proc/jobs", query=query)
    page: _RestPage = decode_json(_RestPage, reply.body, "GET /proc/jobs")
    return [
        JobRow(
            id=row.internal_job_id,
            name=row.name,
            status=row.status,
            created_date_time=row.created,
            modified_date_time=row.modified,
            scheduled_job_id=row.scheduled,
        )
        for row in drop_nulls(page.result, "GET /proc/jobs")
    ]


def drop_nulls(records: Sequence[T] | None, what: str) -> Sequence[T]:
    """Refuse to take a list that is null for one that is empty."""
    if records is None:
        raise ServiceError(f"the service answered {what} without a list", hint="try again; if it stays, ask its people")
    return records


async def read_job(connection: ServiceConnection, job_id: str) -> JobRow | None:
    """Read one job and all its tasks, however many pages they take; None when it is there no more."""

    async def read(variables: Mapping[str, Any]) -> JobRow | None:
        row: JobRow | None = await connection.query_one("job", documents.JOB_ONE, variables, JobRow | None)
        return row

    return await fetch_job_with_all_tasks(connection, job_id, read)


async def fetch_job_with_all_tasks(
    connection: ServiceConnection, job_id: str, read: Callable[[Mapping[str, Any]], Awaitable[R | None]]
) -> R | None:
    """Read one job page of tasks by page of tasks, and give it with all of them; `read` reads it with one page."""
    before = connection.limits.tasks
    first: R | None = None
    tasks: dict[str, TaskRow] = {}
    offset = unread = 0
    while True:
        size = connection.limits.tasks
        variables = {"id": job_id, "offset": offset, "tasks": size}
        try:
            row = await read(variables)
        except (RefusedError, ServiceError) as error:
            if error.name not in TOO_MANY or size <= 1:
                connection.limits.tasks = (
                    before if size <= 1 else connection.limits.tasks
                )  # the size was not the reason
                raise
            connection.limits.tasks = max(1, size // 2)
            continue
        if row is None:
            return None
        first = first or row
        records = row.tasks.records if row.tasks is not None else None
        page = [None] if records is None else records  # null: there may be tasks, and they are not read
        known = len(tasks)
        tasks.update({task.id: task for task in page if task is not None})
        unread += page.count(None)
        offset += len(page)
        if len(page) < size or records is None:
            break
        if len(tasks) == known:
            raise ServiceError(f"the tasks of {job_id} come again and again", hint="ask the service's people")
    if first.tasks is not None:
        first.status = row.status
        first.tasks.records = [*tasks.values(), *[None] * unread]
    return first


async def complete_tasks(connection: ServiceConnection, ids: Sequence[str], take: Callable[[JobRow], None]) -> None:
    """Read jobs one by one with all their tasks, several at once; what vanished meanwhile is passed over."""
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def read(job_id: str) -> None:
        async with places:
            try:
                row = await read_job(connection, job_id)
            except NotFoundError:
                return
        if row is not None:
            take(row)

    await together(read(job_id) for job_id in ids)


async def fetch_by_aliases(
    connection: ServiceConnection, verb: str, ids: Sequence[str]
) -> tuple[dict[str, JobRow], list[str]]:
    """Read many jobs with all their tasks; give their rows in the order of the ids, and the ids that are not known.

    Raises
    ------
    ServiceError
        One of them could not be read.
    """
    found = await connection.query_aliases(verb, ids)
    rows: dict[str, JobRow] = {}
    again: list[str] = []
    for job_id, answer in found.items():
        if answer.value is not None:
            row: JobRow = decode_json(JobRow, answer.value, "job")
            rows[job_id] = row
            if row.tasks is None or not row.tasks.whole(answer.tasks):
                again.append(job_id)
        elif answer.error is None:
            again.append(job_id)  # nothing was said of it
        elif answer.error.name not in GONE:
            raise graph_error(answer.error, "job")
    await complete_tasks(connection, again, lambda row: rows.update({row.id: row}))
    unique = dict.fromkeys(ids)
    return {job_id: rows[job_id] for job_id in unique if job_id in rows}, [i for i in unique if i not in rows]
