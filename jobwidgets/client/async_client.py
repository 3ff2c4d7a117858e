"""`AsyncClient`: everything a service can do, awaitable, written once; `Client` waits for these same methods."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, Self, TypeVar

from jobwidgets.client.job_writer import JobWriter
from jobwidgets.errors import UsageError
from jobwidgets.listing import JobReader, TimeRange, validate_id
from jobwidgets.transport import ServiceConnection

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Iterable
    from datetime import timedelta

    import gql
    import pandas as pd

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.archive import AsyncArchive
    from jobwidgets.bulk import AsyncPlan, AsyncReceipt, OperationRegistry, PlanHeader
    from jobwidgets.models import Retry
    from jobwidgets.transport import Settings

P = ParamSpec("P")
R = TypeVar("R")


def of_reader(
    method: Callable[Concatenate[JobReader, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]]:
    """Forward a method of the client to its reader: same name, signature and meaning."""

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await method(self.reader, *args, **kwargs)

    return call


def of_writer(
    method: Callable[Concatenate[JobWriter, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]]:
    """Forward a method of the client to its writer."""

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await method(self.writer, *args, **kwargs)

    return call


class AsyncClient:
    """The jobs of one service, awaitable; made by `connect_async`.

    Every method raises only the errors of this package: `UsageError` and `SettingsError` (nothing was sent),
    `NotSentError` and `RefusedError` (nothing changed), `UnknownOutcomeError` (a write that may have happened) and
    `ServiceError` (a read that could not be had).
    """

    service: Any = None
    """The embedded service, where it lives in this process; else None."""

    def __init__(self, settings: Settings, *, timeout: float = 60.0, app: Any = None) -> None:
        self._connection = ServiceConnection(settings, timeout=timeout, app=app)
        self.reader = JobReader(self._connection)
        self.writer = JobWriter(self.reader)
        self._operations: OperationRegistry | None = None
        self.on_close: Callable[[], object] | None = None
        """Called when the connections are closed: so an embedded service ends with its last client."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.service_url}{' closed' if self.closed else ''}>"

    @property
    def operations(self) -> OperationRegistry:
        """What was done at this service; made when it is first needed, since bulk work is loaded with it."""
        if self._operations is None:
            from jobwidgets.bulk import OperationRegistry  # noqa: PLC0415  reached only when it is asked for

            self._operations = OperationRegistry(self.reader)
        return self._operations

    @property
    def service_url(self) -> str:
        """The address of the GraphQL API; frames name it in `df.attrs["service"]`."""
        return self.reader.service_url

    @property
    def label(self) -> str:
        """The host, for headings."""
        return self.reader.label

    @property
    def environment(self) -> str:
        """What the service is: "demo", "staging", "production", or "" where nobody says."""
        return self.reader.environment

    jobs = of_reader(JobReader.jobs)
    tasks = of_reader(JobReader.tasks)
    job = of_reader(JobReader.job)
    detail = of_reader(JobReader.detail)
    status = of_reader(JobReader.status)
    statuses = of_reader(JobReader.statuses)
    me = of_reader(JobReader.me)
    rights = of_reader(JobReader.rights)
    now = of_reader(JobReader.now)
    scheduled_jobs = of_reader(JobReader.scheduled_jobs)
    scheduled_job = of_reader(JobReader.scheduled_job)
    cancel = of_writer(JobWriter.cancel)
    retry = of_writer(JobWriter.retry)
    cancel_scheduled = of_writer(JobWriter.cancel_scheduled)
    cancel_range = of_writer(JobWriter.cancel_range)
    create_job = of_writer(JobWriter.create_job)
    log_in = of_writer(JobWriter.log_in)

    def archive(self, path: str | os.PathLike[str], /, *, since: object = None) -> AsyncArchive:
        """Give a local copy of the jobs: made, and later brought up to date, by `await archive.sync()`.

        Of jobs created before `since` nothing is kept; that is said once, when the file is made.
        """
        from jobwidgets.archive import AsyncArchive  # noqa: PLC0415  a floor above, reached only when it is asked for

        return AsyncArchive(self.reader, path, since=since)

    async def plan_cancel(
        self,
        jobs: object = None,
        /,
        *,
        reason: str = "",
        expires: str | timedelta = "1d",
        status: str | Iterable[str] | None = None,
        since: object = None,
        until: object = None,
        engine: str | None = None,
        target: str | None = None,
        scheduled_job: str | None = None,
    ) -> AsyncPlan:
        """Plan to cancel many jobs; nothing is sent until `plan.apply()`.

        Parameters
        ----------
        jobs : DataFrame (also of Dask), Series, str or iterable of str, optional
            Jobs, or their ids. Without it the other keywords, which are those of `jobs()`, say which.
        reason : str, optional
            Why; kept with the receipt.
        expires : str or timedelta
            How long the plan is good for, by this machine's clock: an age such as "1d" or "90min".
        status, since, until, engine, target, scheduled_job
            As in `jobs()`.

        Raises
        ------
        UsageError
            Neither jobs nor a filter is given: nothing is ever planned for everything there is.
        """
        from jobwidgets.bulk import PlanHeader  # noqa: PLC0415  a floor above, reached only when a plan is asked for

        return await self._plan(
            PlanHeader.of("cancel", reason, expires), jobs, status=status, since=since, until=until, engine=engine,
            target=target, scheduled_job=scheduled_job,
        )  # fmt: skip

    async def plan_retry(
        self,
        jobs: object = None,
        /,
        *,
        reason: str = "",
        expires: str | timedelta = "1d",
        again: bool = False,
        status: str | Iterable[str] | None = None,
        since: object = None,
        until: object = None,
        engine: str | None = None,
        target: str | None = None,
        scheduled_job: str | None = None,
    ) -> AsyncPlan:
        """Plan to retry many jobs; nothing is sent until `plan.apply()`. Each retry that takes effect is a new job.

        Parameters
        ----------
        again : bool, default False
            Whether to retry also what an earlier operation has retried, or may have. Without it such jobs are left
            out, so that running a notebook a second time retries nothing twice.
        jobs, reason, expires, status, since, until, engine, target, scheduled_job
            As in `plan_cancel()`.

        Raises
        ------
        UsageError
            Neither jobs nor a filter is given.
        """
        from jobwidgets.bulk import PlanHeader  # noqa: PLC0415  as above

        return await self._plan(
            PlanHeader.of("retry", reason, expires, again=again), jobs, status=status, since=since, until=until,
            engine=engine, target=target, scheduled_job=scheduled_job,
        )  # fmt: skip

    async def _plan(self, head: PlanHeader, jobs: object, **filters: Any) -> AsyncPlan:
        from jobwidgets.bulk import plan_for  # noqa: PLC0415  as above

        given = {name: value for name, value in filters.items() if value is not None}
        if jobs is not None and given:
            raise UsageError(f"jobs are given, and also {', '.join(given)}", hint="give jobs, or a filter, not both")
        if jobs is None:
            if not given:
                raise UsageError(
                    f"a plan to {head.kind} everything there is is never made", hint="give jobs, ids or a filter"
                )
            jobs = await self.jobs(**given, tasks=False)
        return await plan_for(self.operations, jobs, head)

    async def plan_cancel_range(
        self,
        organization_id: str,
        /,
        *,
        after: object,
        before: object,
        reason: str = "",
        expires: str | timedelta = "1d",
    ) -> AsyncPlan:
        """Plan to let the service cancel whatever it can of what an organisation created in a range of time.

        The service decides over everything in the range, seen or not: the plan shows what can be listed there, and
        nothing can be taken out of it. When it is applied the range is listed again, one request is sent, and what
        became of each job is read back.

        Parameters
        ----------
        organization_id : str
            Whose jobs.
        after, before : datetime, date, timedelta or str
            The range of creation times; an age such as "2d" is counted back from the service's clock.
        reason, expires
            As in `plan_cancel()`.

        Raises
        ------
        UsageError
            The range is empty.
        """
        from jobwidgets.bulk import PlanHeader, plan_range  # noqa: PLC0415  as above

        head = PlanHeader.of("range", reason, expires)
        now = await self.reader.clock_for(after, before)
        return await plan_range(
            self.operations, TimeRange.checked(validate_id(organization_id), after=after, before=before, now=now), head
        )

    async def load_plan(self, path: str | os.PathLike[str], /) -> AsyncPlan:
        """Load a plan that `plan.save()` wrote; reads no job and sends nothing.

        Every job of it is read again when it is applied, and what has moved is left out: taking rows out of the file
        takes these jobs out of the plan, and nothing in it can make more be sent. A plan is used once: where its
        operation was begun in this state directory already, `apply` gives that receipt.

        Raises
        ------
        UsageError
            It is no plan, or not of this service, or it was edited in a way that is not allowed.
        """
        from jobwidgets.bulk import read_plan  # noqa: PLC0415  as above

        return await read_plan(self.operations, path)

    async def retries(self, job_id: str, /) -> tuple[Retry, ...]:
        """Say what a job was retried as, and what it is a retry of, the newest operation first.

        The service does not tell it: this is what the receipts of this user's kernels say. A retry that was made
        elsewhere, or by `retry()` alone, is not among them.
        """
        return await self.operations.retries(job_id)

    async def receipts(self) -> pd.DataFrame:
        """List what was done at this service by this user's kernels, those that have died among them.

        Returns
        -------
        DataFrame
            One row an operation, the newest first: `op`, `kind`, `why`, `begun`, `total`, the number of targets by
            outcome, and `state`: "finished", "open" (something is unknown or was not sent), "at work", or "damaged".

        Raises
        ------
        SettingsError
            The state directory cannot be read.
        """
        return await self.operations.receipts()

    async def receipt(self, op: str, /) -> AsyncReceipt:
        """Give the receipt of one operation, also of another kernel, as its journal stands now.

        Raises
        ------
        UsageError
            No such operation, or of another service.
        SettingsError
            Its journal is damaged, of a later version, or cannot be read.
        """
        from jobwidgets.bulk import receipt_of  # noqa: PLC0415  as above

        return await receipt_of(self.operations, op)

    async def stop(self, op: str | None = None, /) -> list[str]:
        """Ask what is at work to stop: nothing more is sent, what is in flight gets two seconds, no job is cancelled.

        Parameters
        ----------
        op : str, optional
            One operation, which can be at work in another kernel. Without it, all that this client is at work on.

        Returns
        -------
        list of str
            The operations that were asked; `receipt(op).resume()` goes on with them.
        """
        return await self.operations.stop(op)

    async def wait(
        self,
        jobs: object,
        /,
        *,
        timeout: str | timedelta = "10min",  # noqa: ASYNC109  an age as users write it
        progress: ProgressCallback | bool | None = None,
    ) -> pd.DataFrame:
        """Wait until jobs are terminal, asking only for those that can still change.

        Parameters
        ----------
        jobs : DataFrame, Series, str or iterable of str
            Jobs, or their ids.
        timeout : str or timedelta
            How long at most, on this machine's clock.
        progress : callable or bool, optional
            Called with the number of jobs that have ended, their total and the counts by status. With the blocking
            client None or True draws a bar, False draws nothing.

        Returns
        -------
        DataFrame
            The jobs as they were seen last; `df.attrs["waited_out"]` is True when some are not terminal yet, and
            `df.attrs["missing"]` names those the service does not know (any more).
        """
        from jobwidgets.live import wait_for  # noqa: PLC0415  as above

        return await wait_for(self.reader, jobs, timeout=timeout, progress=progress if callable(progress) else None)

    @property
    def gql(self) -> gql.Client:
        """A ready gql client over this connection, for queries of your own.

        Use it as `async with client.gql as session: await session.execute(gql.gql("{ me { id } }"))`.
        """
        from jobwidgets.client.gql_transport import gql_client  # noqa: PLC0415  gql takes a quarter of a second to import

        return gql_client(self._connection)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._connection.closed

    async def close(self) -> None:
        """Close the connections; jobs go on."""
        self._connection.close()  # first: what is at work opens no new ones meanwhile
        await self._connection.http.close()
        self.mark_closed()

    def mark_closed(self) -> None:
        """Let nothing be asked of it any more; needs no loop."""
        self._connection.close()
        if self.on_close is not None:
            self.on_close()

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: it holds connections and a token."""
        raise TypeError("a client cannot be copied or pickled: connect again where it is needed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
