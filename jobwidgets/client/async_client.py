"""`AsyncClient`: everything a service can do, awaitable, written once; `Client` waits for these same methods."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, NoReturn, Self

from jobwidgets.client.job_writer import Writes
from jobwidgets.client.range_cancel import Range
from jobwidgets.errors import UsageError
from jobwidgets.listing.job_reader import checked_id
from jobwidgets.listing.list_reader import read_jobs
from jobwidgets.listing.query import Query

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime, timedelta

    import gql
    import pandas as pd

    from jobwidgets.archive import AsyncArchive
    from jobwidgets.bulk import AsyncPlan, AsyncReceipt, Head, Past, Progress
    from jobwidgets.models import Retry
    from jobwidgets.transport.alias_responses import Doubt
    from jobwidgets.transport.config import Settings


class AsyncClient(Writes):
    """The jobs of one service, awaitable; made by `connect_async`.

    Every method raises only the errors of this package: `UsageError` and `SettingsError` (nothing was sent),
    `NotSentError` and `RefusedError` (nothing changed), `UnknownOutcomeError` (a write that may have happened) and
    `ServiceError` (a read that could not be had).
    """

    service: Any = None
    """The embedded service, where it lives in this process; else None."""

    def __init__(self, settings: Settings, *, timeout: float = 60.0, app: Any = None) -> None:
        super().__init__(settings, timeout=timeout, app=app)
        self._receipts: dict[str, AsyncReceipt] = {}
        self.on_close: Callable[[], object] | None = None
        """Called when the connections are closed: so an embedded service ends with its last client."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.service_url}{' closed' if self.closed else ''}>"

    def archive(self, path: str | os.PathLike[str], /, *, since: object = None) -> AsyncArchive:
        """Give a local copy of the jobs: made, and later brought up to date, by `await archive.sync()`.

        Of jobs created before `since` nothing is kept; that is said once, when the file is made.
        """
        from jobwidgets.archive import AsyncArchive  # noqa: PLC0415  a floor above, reached only when it is asked for

        return AsyncArchive(self, path, since=since)

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
        from jobwidgets.bulk import Head  # noqa: PLC0415  a floor above, reached only when a plan is asked for

        return await self._plan(
            Head.of("cancel", reason, expires), jobs, status=status, since=since, until=until, engine=engine,
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
        from jobwidgets.bulk import Head  # noqa: PLC0415  as above

        return await self._plan(
            Head.of("retry", reason, expires, again=again), jobs, status=status, since=since, until=until,
            engine=engine, target=target, scheduled_job=scheduled_job,
        )  # fmt: skip

    async def _plan(self, head: Head, jobs: object, **filters: Any) -> AsyncPlan:
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
        return await plan_for(self, jobs, head)

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
        from jobwidgets.bulk import Head  # noqa: PLC0415  as above
        from jobwidgets.bulk.range_plan import plan_range  # noqa: PLC0415  as above

        head = Head.of("range", reason, expires)
        now = await self._clock(after, before)
        return await plan_range(
            self, Range.checked(checked_id(organization_id), after=after, before=before, now=now), head
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
        from jobwidgets.bulk.plan_file.file import read_plan  # noqa: PLC0415  as above

        return await read_plan(self, path)

    def keep(self, receipt: AsyncReceipt) -> None:
        """Keep what was done through this client."""
        self._receipts[receipt.op] = receipt

    def forget(self, op: str) -> None:
        """Forget an operation that never began."""
        self._receipts.pop(op, None)

    async def claims(self, op: str) -> tuple[set[str], list[Doubt]]:
        """Name the new jobs that come from no lost answer, and the doubts besides those of an operation.

        Both are as of one moment: what is in doubt and becomes known in between must not be missing on both sides.
        """
        known = await self._past()
        made = self._core.made.union(*(past.made for past in known))
        return made, [*self._core.lost, *(doubt for past in known if past.op != op for doubt in past.doubts)]

    async def retried(self) -> dict[str, str]:
        """Say which jobs earlier operations have retried, or may have retried, and which operation it was.

        Of one whose journal cannot be read it is not known what it retried: a warning says so.
        """
        known = await self._past()
        for past in known:
            if past.state == "damaged" and past.kind == "retry":
                warnings.warn(f"what {past.op} retried is not known, and is not left out: {past.halted}", stacklevel=2)
        return {job_id: past.op for past in known for job_id in past.retried}

    async def retries(self, job_id: str, /) -> tuple[Retry, ...]:
        """Say what a job was retried as, and what it is a retry of, the newest operation first.

        The service does not tell it: this is what the receipts of this user's kernels say. A retry that was made
        elsewhere, or by `retry()` alone, is not among them.
        """
        from jobwidgets.bulk import retries_of  # noqa: PLC0415  as above

        held = [receipt for receipt in self._receipts.values() if receipt.at_work]
        known = checked_id(job_id)
        return await asyncio.to_thread(lambda: tuple(retries_of(self.service_url, known, held)))

    async def retried_besides(self, op: str) -> tuple[dict[str, str], dict[str, str]]:
        """Say which jobs other operations have retried, or may have, and which are about to be: with the operations."""
        others = [past for past in await self._past() if past.op != op]
        at_work = [past for past in others if past.state == "at work"]
        return (
            {job_id: past.op for past in others for job_id in past.retried},
            {job_id: past.op for past in at_work for job_id in past.due},
        )

    async def _past(self) -> list[Past]:
        from jobwidgets.bulk import past  # noqa: PLC0415  as above

        held = [receipt for receipt in self._receipts.values() if receipt.at_work]
        return await asyncio.to_thread(lambda: list(past(self.service_url, held)))

    async def made_since(self, since: datetime, applications: Sequence[str]) -> pd.DataFrame:
        """List the jobs of some applications that were created since a moment: what a lost retry may have made."""
        return await read_jobs(self._core, Query(since=since, applications=tuple(applications)))

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
        from jobwidgets.bulk import receipts_frame  # noqa: PLC0415  as above

        return receipts_frame(await self._past())

    async def receipt(self, op: str, /) -> AsyncReceipt:
        """Give the receipt of one operation, also of another kernel, as its journal stands now.

        Raises
        ------
        UsageError
            No such operation, or of another service.
        SettingsError
            Its journal is damaged, of a later version, or cannot be read.
        """
        held = self._receipts.get(op)
        if held is not None and held.at_work:
            return held
        from jobwidgets.bulk import AsyncReceipt, account_of  # noqa: PLC0415  as above

        try:
            account = await asyncio.to_thread(account_of, op)
        except UsageError as error:
            if held is not None:
                return held  # its journal was taken away: what is known here is all there is
            known = ", ".join(past.op for past in (await self._past())[:5]) or "none yet"
            raise UsageError(error.message, hint=f"known are: {known}") from None
        if account.service != self.service_url:
            raise UsageError(f"operation {op} is of {account.service}", hint="connect to that service")
        if op not in self._receipts:
            self.keep(AsyncReceipt(self, account))
        elif not self._receipts[op].at_work:
            self._receipts[op].account = account  # another kernel may have worked on it meanwhile
        return self._receipts[op]

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
        if op is None or op in self._receipts:
            asked = [receipt for receipt in self._receipts.values() if receipt.at_work and op in (None, receipt.op)]
            for receipt in asked:
                receipt.stop()
            if asked or op is None:
                return [receipt.op for receipt in asked]
        from jobwidgets.bulk import ask_to_stop  # noqa: PLC0415  as above

        return [op] if await asyncio.to_thread(ask_to_stop, op) else []

    async def wait(
        self,
        jobs: object,
        /,
        *,
        timeout: str | timedelta = "10min",  # noqa: ASYNC109  an age as users write it
        progress: Progress | bool | None = None,
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
        from jobwidgets.live.waiting import wait_for  # noqa: PLC0415  as above

        return await wait_for(self, jobs, timeout=timeout, progress=progress if callable(progress) else None)

    @property
    def gql(self) -> gql.Client:
        """A ready gql client over this connection, for queries of your own.

        Use it as `async with client.gql as session: await session.execute(gql.gql("{ me { id } }"))`.
        """
        from jobwidgets.client.gql_transport import gql_client  # noqa: PLC0415  gql takes a quarter of a second to import

        return gql_client(self._core)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._core.closed

    async def close(self) -> None:
        """Close the connections; jobs go on."""
        self._core.close()  # first: what is at work opens no new ones meanwhile
        await self._core.wire.close()
        self.mark_closed()

    def mark_closed(self) -> None:
        """Let nothing be asked of it any more; needs no loop."""
        self._core.close()
        if self.on_close is not None:
            self.on_close()

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: it holds connections and a token."""
        raise TypeError("a client cannot be copied or pickled: connect again where it is needed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
