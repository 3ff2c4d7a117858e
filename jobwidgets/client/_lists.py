"""Reading lists: pages of either API, walked as `_listing` says, into typed frames."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._errors import NotFoundError, RefusedError, ServiceError, UsageError
from jobwidgets._model import STATUSES
from jobwidgets._when import iso, parse_when
from jobwidgets.client import _documents as documents
from jobwidgets.client._core import SIDE_BY_SIDE, TOO_MANY, Core, together
from jobwidgets.client._flow import graph_error
from jobwidgets.client._listing import BEGINNING, MILLISECOND, Ask, Page, moment, walk
from jobwidgets.frames._rows import JobPage, JobRow, JobTableBuilder, TaskRow, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

FILTERABLE = frozenset({"pending", "running", "complete", "cancelled", "queued", "failed"})
"""The words that the filter of the service knows; jobs that read `aborted` are listed under `cancelled`."""
APIS = ("graphql", "rest")
REST_WORDS = ("scheduled", "rejected", "reprocessing")
SELDOM = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs are wanted, checked and resolved against the service's clock."""

    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    engine: str | None = None
    target: str | None = None
    scheduled_job: str | None = None
    limit: int | None = None
    api: str = "graphql"

    def described(self) -> dict[str, Any]:
        """Say it in words that can be kept with a frame and given to `jobs()` again."""
        told: dict[str, Any] = {
            "status": list(self.status) or None,
            "since": iso(self.since) if self.since else None,
            "until": iso(self.until) if self.until else None,
            "engine": self.engine,
            "target": self.target,
            "scheduled_job": self.scheduled_job,
            "limit": self.limit,
            "api": self.api if self.api != "graphql" else None,
        }
        return {name: value for name, value in told.items() if value is not None}


def checked_query(
    now: datetime,
    *,
    status: str | Iterable[str] | None,
    since: object,
    until: object,
    engine: str | None,
    target: str | None,
    scheduled_job: str | None,
    limit: int | None,
    api: str,
) -> Query:
    """Check what a caller wants.

    Raises
    ------
    UsageError
        A word is unknown, the range is empty or the limit is no count; nothing was sent.
    """
    words = (status,) if isinstance(status, str) else tuple(status or ())
    known = (*STATUSES, *REST_WORDS)
    for word in words:
        if word not in known:
            near = get_close_matches(str(word), known, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"no status is called {word!r}", hint=f"{guess}known are {', '.join(known)}")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise UsageError(f"limit={limit!r} is no number of jobs", hint="give a whole number from 1, or None for all")
    one_of(api, "api", APIS)
    if api == "rest" and (engine or target or scheduled_job):
        raise UsageError("the REST list knows no engine, target or schedule", hint='leave out api="rest"')
    first = parse_when(since, now) if since is not None else None
    last = parse_when(until, now) if until is not None else None
    if first and last and first >= last:
        raise UsageError(f"the range from {iso(first)} to {iso(last)} is empty", hint="since must lie before until")
    return Query(words, first, last, engine, target, scheduled_job, limit, api)


def one_of(value: str, name: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not one of the words allowed."""
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is not known", hint=f"known are {', '.join(map(repr, allowed))}")


async def read_jobs(core: Core, query: Query) -> pd.DataFrame:
    """Read every job that a query asks for into a typed frame."""
    builder = JobTableBuilder()
    begin = query.since or BEGINNING
    end = query.until or core.as_of() + SELDOM  # new jobs are newer than the first page: it pins the rest
    complete = await _walked(core, query, builder, begin, end)
    if query.api == "graphql":
        await _read_missing_tasks(core, builder)
    as_of = core.as_of()
    frame = builder.frame(_attrs(core, query, as_of), as_of)
    if builder.unread:
        frame.attrs["unread"] = builder.unread
        warnings.warn(f"{builder.unread} jobs of the list could not be read: the service sent null", stacklevel=1)
    if query.limit is not None and (len(frame) > query.limit or not complete):
        frame = frame.head(query.limit).copy()
        frame.attrs["truncated"] = True
    return frame


def _attrs(core: Core, query: Query, as_of: datetime) -> dict[str, Any]:
    return {
        "kind": "jobs",
        "service": core.url,
        "query": query.described(),
        "as_of": iso(as_of),
        "since": iso(query.since) if query.since else None,
        "until": iso(query.until) if query.until else iso(as_of),
        "truncated": False,
    }


Keep = Callable[[JobRow], bool]
Fetch = Callable[[Core, Query, Ask, int], Awaitable[Sequence[JobRow | None]]]


async def _walked(core: Core, query: Query, builder: JobTableBuilder, begin: datetime, end: datetime) -> bool:
    """Walk the windows; say whether the range was read to its end (a limit can be reached before)."""
    fetch, keep = (_graph_page if query.api == "graphql" else _rest_page), _keeper(query)
    steps = walk(begin - MILLISECOND if query.since else begin, end + MILLISECOND)
    try:
        ask = next(steps)
        while True:
            records, limit = await _page(core, query, ask, fetch)
            rows = [row for row in records if row is not None]
            tasks = core.sizes.tasks if query.api == "graphql" else None
            fresh = builder.add([row for row in rows if keep(row)], tasks)
            builder.unread += len(records) - len(rows)
            page = Page([row.id for row in rows], [row.created_date_time for row in rows], len(records) < limit, fresh)
            if query.limit is not None and len(builder) >= query.limit and not page.last:
                return False
            ask = steps.send(page)
    except StopIteration:
        return True


async def _page(core: Core, query: Query, ask: Ask, fetch: Fetch) -> tuple[Sequence[JobRow | None], int]:
    """Read one page, a smaller one where the service says that it is too large."""
    while True:
        limit = core.sizes.page
        if query.limit is not None and not query.engine and query.api == "graphql":
            limit = min(limit, max(query.limit + 1, 2))
        try:
            return await fetch(core, query, ask, limit), limit
        except (RefusedError, ServiceError) as error:
            if error.name not in TOO_MANY or not core.sizes.smaller_page():
                raise


async def _graph_page(core: Core, query: Query, ask: Ask, limit: int) -> Sequence[JobRow | None]:
    server_side = query.status and all(word in FILTERABLE or word == "aborted" for word in query.status)
    words = sorted({"cancelled" if word == "aborted" else word for word in query.status})
    page: JobPage = await core.one(
        "jobs",
        documents.JOBS,
        {
            "status": words if server_side else None,
            "targetId": query.target,
            "scheduledJobIds": [query.scheduled_job] if query.scheduled_job else None,
            "range": [{"field": "createdDateTime", "fromDateTime": iso(ask.since), "toDateTime": iso(ask.until)}],
            "orderBy": [{"field": "createdDateTime", "direction": "desc"}],
            "offset": ask.offset,
            "limit": limit,
            "tasks": core.sizes.tasks,
        },
        JobPage,
    )
    if page is None:
        raise ServiceError("the service answered jobs with null", hint="ask the service's people")
    return page.records or []


class _RestJob(msgspec.Struct, gc=False):
    internal_job_id: str = msgspec.field(name="internalJobID")
    status: str | None = msgspec.field(name="jobStatus", default=None)
    name: str | None = None
    created: str | None = msgspec.field(name="createdDateTime", default=None)
    modified: str | None = msgspec.field(name="modifiedDateTime", default=None)
    scheduled: str | None = msgspec.field(name="scheduledJobID", default=None)


class _RestPage(msgspec.Struct, gc=False):
    result: list[_RestJob] | None = None
    count: int | None = None


async def _rest_page(core: Core, query: Query, ask: Ask, limit: int) -> Sequence[JobRow | None]:
    wanted: dict[str, str | int] = {
        "offset": ask.offset,
        "limit": limit,
        "orderBy": "createdDateTime",
        "direction": "desc",
        "createdAfter": iso(ask.since),
        "createdBefore": iso(ask.until),
    }
    if len(query.status) == 1:
        wanted["status"] = "aborted" if query.status[0] == "cancelled" else query.status[0]
    return await rest_rows(core, wanted)


async def rest_rows(core: Core, wanted: Mapping[str, str | int]) -> list[JobRow]:
    """Read one page of AI Processing's list; it tells nothing of tasks."""
    reply = await core.rest("GET", "/proc/jobs", query=wanted)
    page: _RestPage = decoded(_RestPage, reply.body, "GET /proc/jobs")
    return [
        JobRow(
            id=row.internal_job_id,
            name=row.name,
            status=row.status,
            created_date_time=row.created,
            modified_date_time=row.modified,
            scheduled_job_id=row.scheduled,
        )
        for row in page.result or ()
    ]


def _keeper(query: Query) -> Keep:
    """Say yes to the rows that are wanted: what the service does not filter exactly is filtered here."""
    words = set(query.status)
    if words & {"aborted", "cancelled"}:
        words |= {"aborted", "cancelled"}  # two words for the same thing
    engine = query.engine.casefold() if query.engine else None

    def keep(row: JobRow) -> bool:
        if words and row.status not in words:
            return False
        if row.created_date_time is not None and (query.since or query.until):
            created = moment(row.created_date_time)
            if (query.since and created < query.since) or (query.until and created >= query.until):
                return False
        return engine is None or any(_runs_on(task, engine) for task in (row.tasks.rows() if row.tasks else ()))

    return keep


def _runs_on(task: TaskRow, engine: str) -> bool:
    name = (task.engine.name if task.engine else None) or ""
    return engine == (task.engine_id or "").casefold() or engine in name.casefold()


async def _read_missing_tasks(core: Core, builder: JobTableBuilder) -> None:
    """Page the tasks of every job to the end of which the list had only the first page."""
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def read(job_id: str) -> None:
        async with places:
            try:
                row = await read_job(core, job_id)
            except NotFoundError:
                row = None  # it vanished while the list was read: its row stays as it was seen
        if row is not None:
            builder.complete(row)

    await together(read(job_id) for job_id in builder.short)
    builder.short.clear()


async def read_job(core: Core, job_id: str) -> JobRow | None:
    """Read one job and all its tasks, however many pages they take; None when it is there no more."""
    first: JobRow | None = None
    tasks: dict[str, TaskRow] = {}
    offset = unread = 0
    while True:
        size = core.sizes.tasks
        try:
            row: JobRow | None = await core.one(
                "job", documents.JOB_ONE, {"id": job_id, "offset": offset, "tasks": size}, JobRow | None
            )
        except RefusedError as error:
            if error.name not in TOO_MANY or size <= 1:
                raise
            core.sizes.tasks = max(1, size // 2)
            continue
        if row is None:
            return None
        first = first or row
        page = row.tasks.records or [] if row.tasks else []
        before = len(tasks)
        tasks.update({task.id: task for task in page if task is not None})
        unread += page.count(None)
        offset += len(page)
        if len(page) < size:
            break
        if len(tasks) == before:
            raise ServiceError(f"the tasks of {job_id} come again and again", hint="ask the service's people")
    if first.tasks is not None and first.tasks.records is not None:
        first.status = row.status
        first.tasks.records = [*tasks.values(), *[None] * unread]
    return first


async def read_by_ids(core: Core, ids: Sequence[str]) -> pd.DataFrame:
    """Read jobs by their ids, in the order of these; `df.attrs["missing"]` names what the service does not know."""
    found = await core.read_many("job", ids)
    builder = JobTableBuilder()
    missing: list[str] = []
    for job_id in dict.fromkeys(ids):
        answer = found[job_id]
        if answer.error is not None and answer.error.name != "not_found":
            raise graph_error(answer.error, "job")
        if answer.value is None:
            missing.append(job_id)
        else:
            builder.add([decoded(JobRow, answer.value, "job")], core.sizes.tasks)
    await _read_missing_tasks(core, builder)
    as_of = core.as_of()
    attrs = {
        "kind": "jobs",
        "service": core.url,
        "query": {"ids": len(ids)},
        "as_of": iso(as_of),
        "truncated": False,
        "missing": missing,
    }
    return builder.frame(attrs, as_of, newest_first=False)
