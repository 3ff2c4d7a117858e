"""Reading lists: pages of either API, walked as `_listing` says, into typed frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets._errors import UsageError
from jobwidgets._model import STATUSES
from jobwidgets._when import iso, parse_when
from jobwidgets.client._abreast import Abreast
from jobwidgets.client._listing import BEGINNING, MILLISECOND, Ask, Page, moment
from jobwidgets.client._pages import FILTERABLE, Records, graph_page, paged, read_rows, read_whole, rest_page
from jobwidgets.client._sweep import sweep
from jobwidgets.client._windows import Windows
from jobwidgets.frames._build import JobTableBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from jobwidgets.client._core import Core
    from jobwidgets.frames._rows import JobRow

    Counting = Callable[[Mapping[str, int]], object]

APIS = ("graphql", "rest")
REST_WORDS = ("scheduled", "rejected", "reprocessing")
SELDOM = timedelta(days=366)


class Got(NamedTuple):
    """One page as it came, and how many tasks of a job a page of them could hold; None where tasks are not told."""

    records: Records
    tasks: int | None = None


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
    applications: tuple[str, ...] = ()

    @property
    def filtered_there(self) -> bool:
        """Whether the service filters by status itself, and by nothing less exactly than is wanted."""
        return all(word in FILTERABLE or word == "aborted" for word in self.status) and self.engine is None

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
    words = _words(status)
    known = (*STATUSES, *REST_WORDS)
    for word in words:
        if word not in known:
            near = get_close_matches(str(word), known, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"no status is called {word!r}", hint=f"{guess}known are {', '.join(known)}")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise UsageError(f"limit={limit!r} is no number of jobs", hint="give a whole number from 1, or None for all")
    one_of(api, "api", APIS)
    _not_empty(engine=engine, target=target, scheduled_job=scheduled_job)
    if api == "rest" and (engine or target or scheduled_job):
        raise UsageError("the REST list knows no engine, target or schedule", hint='leave out api="rest"')
    first = parse_when(since, now) if since is not None else None
    last = parse_when(until, now) if until is not None else None
    if first and last and first >= last:
        raise UsageError(f"the range from {iso(first)} to {iso(last)} is empty", hint="since must lie before until")
    return Query(words, first, last, engine, target, scheduled_job, limit, api)


def _words(status: str | Iterable[str] | None) -> tuple[str, ...]:
    if status is None:
        return ()
    if not isinstance(status, str | Iterable):
        raise UsageError(f"status={status!r} is no status", hint="give one, or a list of them")
    words = (status,) if isinstance(status, str) else tuple(status)
    if not words:
        raise UsageError("the list of statuses is empty", hint="name at least one, or leave status out for all")
    return words


def _not_empty(**texts: object) -> None:
    """Refuse an empty text for a filter: it would filter nothing, and everything would be meant."""
    for name, value in texts.items():
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise UsageError(f"{name}={value!r} is no text to filter by", hint=f"give one, or leave {name} out")


def one_of(value: str, name: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not one of the words allowed."""
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is not known", hint=f"known are {', '.join(map(repr, allowed))}")


async def read_jobs(core: Core, query: Query, progress: Counting | None = None) -> pd.DataFrame:
    """Read every job that a query asks for into a typed frame; `progress` hears after each page how many there are."""
    builder = JobTableBuilder()
    begin = query.since or BEGINNING
    end = query.until or core.as_of() + SELDOM  # new jobs are newer than the first page: it pins the rest
    complete = await _walked(core, query, builder, begin, end, progress=progress)
    await read_whole(core, builder.short, builder.complete)
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


async def _walked(
    core: Core, query: Query, builder: JobTableBuilder, begin: datetime, end: datetime, *, progress: Counting | None
) -> bool:
    """Walk the windows; say whether the range was read to its end (a limit can be reached before)."""
    since = begin - MILLISECOND if query.since else begin
    windows = Windows(since, end + MILLISECOND, alone=query.limit is not None)

    async def take(got: Got, limit: int) -> Page:
        rows = [row for row in got.records if row is not None]
        fresh = builder.add(await _kept(core, query, rows, got.tasks), got.tasks)
        builder.unread += len(got.records) - len(rows)
        if progress is not None:
            progress(dict(builder.counts))
        return Page([row.id for row in rows], [row.created_date_time for row in rows], len(got.records) < limit, fresh)

    work = Abreast(windows, core.pace.readers, lambda ask: _page(core, query, ask), take)
    await work.run(lambda: query.limit is not None and len(builder) > query.limit)
    return windows.complete_to is None


async def _page(core: Core, query: Query, ask: Ask) -> tuple[Got, int]:
    if query.api == "rest":
        more: dict[str, str] = {}
        if len(query.status) == 1:
            more["status"] = "aborted" if query.status[0] == "cancelled" else query.status[0]

        async def read(limit: int) -> Got:
            return Got(await rest_page(core, ask, limit, more))

    else:

        async def read(limit: int) -> Got:
            tasks = core.sizes.tasks  # as it is now: it can shrink before the page has come
            return Got(
                await graph_page(
                    core,
                    ask,
                    limit,
                    status=query.status if query.filtered_there else (),
                    target=query.target,
                    scheduled_job=query.scheduled_job,
                    applications=query.applications,
                ),
                tasks,
            )

    most = query.limit + 1 if query.limit is not None and query.filtered_there and query.api != "rest" else None
    return await paged(core, read, most=most, rest=query.api == "rest")


async def _kept(core: Core, query: Query, rows: Sequence[JobRow], task_limit: int | None) -> list[JobRow]:
    """Keep the rows that are wanted: what the service does not filter exactly is filtered here."""
    words = set(query.status)
    if words & {"aborted", "cancelled"}:
        words |= {"aborted", "cancelled"}  # two words for the same thing
    kept = [row for row in rows if (not words or row.status in words) and _in_range(row, query)]
    if query.engine is None:
        return kept
    engine = query.engine.casefold()
    # a task beyond the first page can be the one that runs on the engine
    unsure = {row.id for row in kept if not _runs_on(row, engine) and not (row.tasks and row.tasks.whole(task_limit))}
    whole: dict[str, JobRow] = {}
    await read_whole(core, list(unsure), lambda row: whole.update({row.id: row}))
    return [row for row in kept if _runs_on(whole.get(row.id, row), engine)]


def _in_range(row: JobRow, query: Query) -> bool:
    if row.created_date_time is None or not (query.since or query.until):
        return True
    created = moment(row.created_date_time)
    return (query.since is None or created >= query.since) and (query.until is None or created < query.until)


def _runs_on(row: JobRow, engine: str) -> bool:
    tasks = row.tasks.rows() if row.tasks is not None else []
    return any(
        engine == (task.engine_id or "").casefold() or engine in ((task.engine and task.engine.name) or "").casefold()
        for task in tasks
    )


async def read_by_ids(
    core: Core,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None = None,
    *,
    applications: Sequence[str] = (),
) -> pd.DataFrame:
    """Read jobs by their ids, in the order of these; `df.attrs["missing"]` names what the service does not know.

    Where it is known when they were created they are read by pages of the list, if that costs less.
    """
    short: set[str] = set()

    async def page(ask: Ask, limit: int) -> Records:
        size = core.sizes.tasks
        records = await graph_page(core, ask, limit, applications=applications)
        short.update(row.id for row in records if row and not (row.tasks and row.tasks.whole(size)))
        return records

    seen = await sweep(core, ids, created, page)
    left, missing = await read_rows(core, "job", [job_id for job_id in ids if job_id not in seen or job_id in short])
    gone = set(missing)
    rows = {job_id: left.get(job_id) or seen[job_id] for job_id in ids if job_id not in gone}
    builder = JobTableBuilder()
    builder.add(list(rows.values()), None)
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
