"""Reading: lists, tasks, one job, who am I, what time it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec
import pandas as pd

from jobwidgets._internal import iso, parse_optional_timestamp, sanitize
from jobwidgets.errors import NotFoundError, UsageError
from jobwidgets.frames import (
    JobRow,
    Rows,
    TaskRow,
    applications_of,
    array_of,
    created_of,
    decode_json,
    ids_of,
    prefetched_tasks_of,
    statuses_of,
    task_frame,
)
from jobwidgets.listing.details import read_detail, task_details
from jobwidgets.listing.list_reader import read_jobs
from jobwidgets.listing.pages import fetch_by_aliases, read_job
from jobwidgets.listing.query import APIS, check_choice, read_by_ids, validate_query
from jobwidgets.listing.schedules import read_schedule, read_schedules, schedule_of
from jobwidgets.listing.statuses import listed_under, read_statuses
from jobwidgets.models import Job, JobDetail, Task, User
from jobwidgets.transport import error_context
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jobwidgets.models import ScheduledJob
    from jobwidgets.transport import ServiceConnection


class _RestState(msgspec.Struct):
    status: str | None = msgspec.field(name="jobStatus", default=None)


class _RestStatus(msgspec.Struct):
    job: _RestState


class JobReader:
    """What can be asked of a service; nothing here changes anything.

    Attributes
    ----------
    connection : ServiceConnection
        The connection to the service.
    """

    def __init__(self, connection: ServiceConnection) -> None:
        self.connection = connection

    @property
    def service_url(self) -> str:
        """The address of the GraphQL API; frames name it in `df.attrs["service"]`."""
        return self.connection.url

    @property
    def label(self) -> str:
        """The host, for headings."""
        return urlsplit(self.connection.url).netloc

    @property
    def environment(self) -> str:
        """What the service is: "demo", "staging", "production", or "" where nobody says."""
        return self.connection.environment

    async def jobs(
        self,
        *,
        status: str | Iterable[str] | None = None,
        since: object = None,
        until: object = None,
        engine: str | None = None,
        target: str | None = None,
        scheduled_job: str | None = None,
        ids: object = None,
        limit: int | None = None,
        api: str = "graphql",
        tasks: bool = True,
        partial: bool = False,
        progress: Callable[[Mapping[str, int]], object] | bool | None = None,
    ) -> pd.DataFrame:
        """List jobs, newest first: each job that is there throughout is in the frame exactly once.

        Parameters
        ----------
        status : str or iterable of str, optional
            Statuses to keep; `aborted` and `cancelled` mean the same. None keeps all.
        since, until : datetime, date, timedelta or str, optional
            Creation times to keep, `since` included and `until` not: a time, or an age such as "2d" that is counted
            back from the service's clock. None: no end on that side.
        engine : str, optional
            An engine's id, or a part of its name in any case.
        target : str, optional
            The id of the object that the jobs work on.
        scheduled_job : str, optional
            The id of a schedule: only the jobs it launched.
        ids : DataFrame, Series, str or iterable of str, optional
            Read just these jobs again, in this order; `df.attrs["missing"]` names those the service does not know.
            No other keyword goes with it. A frame of jobs, which tells when they were created, costs fewer requests
            than their ids alone.
        limit : int, optional
            The most jobs to read, the newest; `df.attrs["truncated"]` says if there are more. None reads all.
        api : {"graphql", "rest"}
            REST tells nothing of tasks: `can_cancel` is then missing.
        tasks : bool, default True
            Whether to bring all that is shown of the tasks with the list, so that `tasks()` need not ask for it again.
            Without it a list is a third smaller.
        partial : bool, default False
            Give what was read when a list cannot be read to its end, or is interrupted: `df.attrs` says why
            (`partial`), and after which time of creation no job is missing (`complete_to`). Without it the error, or
            the interrupt, has that frame in its attribute `partial`.
        progress : callable or bool, optional
            Called after each page of a list, on the thread that reads it, with the counts by status so far. With the
            blocking client True draws how many came and how fast, None does so where it takes more than two seconds,
            and False draws nothing.

        Returns
        -------
        DataFrame
            One row a job; `df.attrs` tells the service, the query, the range it covers, as-of and truncation.

        Raises
        ------
        UsageError
            A status, time or limit is wrong; nothing was sent.
        ServiceError
            The list could not be read.
        """
        if ids is not None:
            if any(given is not None for given in (status, since, until, engine, target, scheduled_job, limit)):
                raise UsageError("ids are given, and also a filter", hint="give one of them")
            return await read_by_ids(
                self.connection,
                ids_of(ids, service=self.service_url),
                created_of(ids),
                applications=applications_of(ids),
            )
        query = validate_query(
            await self.clock_for(since, until),
            status=status,
            since=since,
            until=until,
            engine=engine,
            target=target,
            scheduled_job=scheduled_job,
            limit=limit,
            api=api,
            tasks=tasks,
        )
        return await read_jobs(self.connection, query, progress if callable(progress) else None, partial=partial)

    async def tasks(self, jobs: object) -> pd.DataFrame:
        """Give the tasks of jobs: one row a task.

        Parameters
        ----------
        jobs : DataFrame, Series, str or iterable of str
            Jobs, or their ids; `df.attrs["missing"]` names those the service does not know. Where a frame comes from a
            list that has brought the tasks, they are as of that list and nothing is asked; of ids alone (`df.id`) they
            are read as they are now. `df.attrs["as_of"]` says it.
        """
        brought = prefetched_tasks_of(jobs, self.service_url)
        if brought is not None:
            return brought
        ids = ids_of(jobs, service=self.service_url)
        rows, missing = await fetch_by_aliases(self.connection, "jobTasks", ids)
        as_of = self.connection.server_time()
        attrs = {
            "kind": "tasks",
            "service": self.service_url,
            "query": {"jobs": len(ids)},
            "as_of": iso(as_of),
            "truncated": False,
            "missing": missing,
        }
        return task_frame(Rows(list(rows.values()), None), attrs, as_of)

    async def job(self, job_id: str, /) -> Job:
        """Read one job with all its tasks.

        Raises
        ------
        NotFoundError
            No such job, or it is not yours.
        """
        with error_context("job", job_id):
            row = await read_job(self.connection, validate_id(job_id))
            if row is None:
                raise NotFoundError("the service knows nothing of it")
        return job_of(row, self.connection.server_time())

    async def detail(self, job_id: str, /) -> JobDetail:
        """Read one job with all that can be read of it: payloads, dependencies, its schedule, the answer as it came.

        Raises
        ------
        NotFoundError
            No such job, or it is not yours.
        """
        with error_context("job", job_id):
            found = await read_detail(self.connection, validate_id(job_id))
            if found is None:
                raise NotFoundError("the service knows nothing of it")
        row, raw = found
        job = job_of(row, self.connection.server_time())
        return JobDetail(
            job,
            description=row.description,
            created_by=row.created_by,
            config=row.job_config,
            schedule=None if row.scheduled_job is None else schedule_of(row.scheduled_job),
            tasks=task_details(row),
            raw=raw,
        )

    async def status(self, job_id: str, /, *, api: str = "graphql") -> str:
        """Read a job's status, as the API says it.

        Parameters
        ----------
        job_id : str
            The job's id (REST calls it InternalJobID).
        api : {"graphql", "rest"}
            Which API to ask.
        """
        check_choice(api, "api", APIS)
        if api == "rest":
            with error_context("job", job_id):
                reply = await self.connection.rest("GET", f"/proc/job/{quote(validate_id(job_id), safe='')}/status")
            answer: _RestStatus = decode_json(_RestStatus, reply.body, "status")
            return answer.job.status or "unknown"
        with error_context("job", job_id):
            row: JobRow | None = await self.connection.query_one(
                "job", documents.JOB_STATUS, {"id": validate_id(job_id)}, JobRow | None
            )
            if row is None:
                raise NotFoundError("the service knows nothing of it")
        return row.status or "unknown"

    async def statuses(self, jobs: object, /) -> pd.Series[str]:
        """Read what many jobs read just now, and no more of them: cheap enough to be asked again and again.

        Parameters
        ----------
        jobs : DataFrame, Series, str or iterable of str
            Jobs, or their ids. A frame that tells when they were created, as that of `jobs()` does, costs a request for
            each thousand of them at best; ids alone cost one for each hundred.

        Returns
        -------
        Series
            The statuses by id, in the order of `jobs`: the category that frames have in `status`. Missing where the
            service does not know the job (any more); `attrs["missing"]` names these ids.

        Raises
        ------
        ServiceError
            One of them could not be read.

        Examples
        --------
        >>> df["now"] = df["id"].map(client.statuses(df))
        """
        ids = ids_of(jobs, service=self.service_url)
        found = await read_statuses(
            self.connection,
            ids,
            created_of(jobs),
            applications=applications_of(jobs),
            expected=listed_under(statuses_of(jobs)),
        )
        values = array_of("status", [found.get(job_id) for job_id in ids])
        series = pd.Series(values, index=pd.Index(array_of("string", ids), name="id"), name="status")
        series.attrs.update(
            service=self.service_url,
            as_of=iso(self.connection.server_time()),
            missing=[job_id for job_id in ids if job_id not in found],
        )
        return series

    async def me(self) -> User:
        """Say who the token belongs to."""
        answer: dict[str, Any] | None = await self.connection.query_one("me", documents.ME, {}, dict[str, Any] | None)
        if answer is None:
            raise NotFoundError("the service does not say who you are", hint="connect again with another token")
        organization = answer.get("organization") or {}
        return User(
            id=str(answer.get("id")),
            name=answer.get("name"),
            organization_id=answer.get("organizationId") or organization.get("id"),
            organization=organization.get("name"),
        )

    async def rights(self) -> list[str]:
        """Name the operations that the token may do."""
        answer: dict[str, list[str]] = await self.connection.query_one(
            "myRights", documents.RIGHTS, {}, dict[str, list[str]]
        )
        return answer.get("operations", [])

    async def now(self) -> datetime:
        """Ask for the service's clock (whole seconds, as its answers say it)."""
        await self.me()
        return self.connection.server_time()

    async def clock_for(self, *times: object) -> datetime:
        """Return the service's clock, asking for it only where a time is counted back from it."""
        counted = any(isinstance(given, str | timedelta) for given in times)
        return await self.now() if counted and not self.connection.clock_is_fresh() else self.connection.server_time()

    async def scheduled_jobs(self, *, active: bool | None = None, name: str | None = None) -> pd.DataFrame:
        """List schedules: one row each.

        Parameters
        ----------
        active : bool, optional
            Only those that are on, or off; None for all.
        name : str, optional
            Only those of this name.
        """
        return await read_schedules(self.connection, active=active, name=name)

    async def scheduled_job(self, scheduled_job_id: str, /) -> ScheduledJob:
        """Read one schedule.

        Raises
        ------
        NotFoundError
            No such schedule, or it is not yours.
        """
        return await read_schedule(self.connection, validate_id(scheduled_job_id))


def validate_id(value: object) -> str:
    """Refuse what cannot be an id before anything is sent; ids are texts and stay as they are."""
    if not isinstance(value, str):
        raise UsageError(
            f"{value!r} is no id: ids are texts", hint='put it in quotes: a number loses the zeros of "0012"'
        )
    if not value.strip():
        raise UsageError("the id is empty", hint="give the id of a job")
    if not value.isprintable():
        raise UsageError(f"{sanitize(value)!r} is no id", hint="copy it again: it holds a character that no id has")
    return value


def job_of(row: JobRow, as_of: datetime) -> Job:
    """Make the value that users see of one job."""
    tasks = row.tasks.rows() if row.tasks is not None else []
    return Job(
        id=row.id,
        status=row.status or "unknown",
        name=row.name,
        created=parse_optional_timestamp(row.created_date_time),
        modified=parse_optional_timestamp(row.modified_date_time),
        target_id=row.target_id,
        cluster_id=row.cluster_id,
        application_id=row.application_id,
        scheduled_job_id=row.scheduled_job_id,
        tasks=tuple(_task_of(row.id, task) for task in tasks),
        tasks_known=row.tasks is not None and row.tasks.whole(None),
        as_of=as_of,
    )


def _task_of(job_id: str, task: TaskRow) -> Task:
    return Task(
        id=task.id,
        job_id=job_id,
        status=task.status or "unknown",
        name=task.name,
        order=task.order,
        engine_id=task.engine_id or None,
        engine=task.engine.name if task.engine else None,
        category=task.engine.category.name if task.engine and task.engine.category else None,
        created=parse_optional_timestamp(task.created_date_time),
        queued=parse_optional_timestamp(task.queued_date_time),
        started=parse_optional_timestamp(task.started_date_time),
        completed=parse_optional_timestamp(task.completed_date_time),
        failure_reason=task.failure_reason,
        failure_message=task.failure_message,
    )
