"""Reading lists: pages of either API, walked as `_listing` says, into typed frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import iso, parse_when
from jobwidgets.errors import UsageError
from jobwidgets.frames import JobTableBuilder, Rows
from jobwidgets.listing.pages import FILTERABLE, Records, fetch_by_aliases, fetch_jobs_page_slim
from jobwidgets.listing.range_lookup import look_up
from jobwidgets.vocabulary import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pandas as pd

    from jobwidgets.listing.pagination import PageRequest
    from jobwidgets.transport import ServiceConnection

    Counting = Callable[[Mapping[str, int]], object]

APIS = ("graphql", "rest")
REST_WORDS = ("scheduled", "rejected", "reprocessing")


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
    tasks: bool = False
    """Whether all of the tasks are to come with the list."""

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


def validate_query(
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
    tasks: bool = False,
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
    check_choice(api, "api", APIS)
    _not_empty(engine=engine, target=target, scheduled_job=scheduled_job)
    if api == "rest" and (engine or target or scheduled_job):
        raise UsageError("the REST list knows no engine, target or schedule", hint='leave out api="rest"')
    first = parse_when(since, now) if since is not None else None
    last = parse_when(until, now) if until is not None else None
    if first and last and first >= last:
        raise UsageError(f"the range from {iso(first)} to {iso(last)} is empty", hint="since must lie before until")
    return Query(words, first, last, engine, target, scheduled_job, limit, api, tasks=tasks and api == "graphql")


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


def check_choice(value: str, name: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not one of the words allowed."""
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is not known", hint=f"known are {', '.join(map(repr, allowed))}")


async def read_by_ids(
    connection: ServiceConnection,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None = None,
    *,
    applications: Sequence[str] = (),
) -> pd.DataFrame:
    """Read jobs by their ids, in the order of these; `df.attrs["missing"]` names what the service does not know.

    Where it is known when they were created they are read by pages of the list, if that costs less.
    """
    short: set[str] = set()

    async def page(ask: PageRequest, limit: int) -> Records:
        size = connection.limits.tasks
        records = await fetch_jobs_page_slim(connection, ask, limit, applications=applications)
        short.update(row.id for row in records if row and not (row.tasks and row.tasks.whole(size)))
        return records

    seen = await look_up(connection, ids, created, page)
    left, missing = await fetch_by_aliases(
        connection, "job", [job_id for job_id in ids if job_id not in seen or job_id in short]
    )
    gone = set(missing)
    rows = {job_id: left.get(job_id) or seen[job_id] for job_id in ids if job_id not in gone}
    builder = JobTableBuilder()
    builder.add(Rows(list(rows.values()), None))
    as_of = connection.server_time()
    attrs = {
        "kind": "jobs",
        "service": connection.url,
        "query": {"ids": len(ids)},
        "as_of": iso(as_of),
        "truncated": False,
        "missing": missing,
    }
    return builder.frame(attrs, as_of, newest_first=False)
