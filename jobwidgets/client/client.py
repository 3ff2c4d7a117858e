"""`Client`: the methods of `AsyncClient`, waited for on a loop of their own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, Self, TypeVar

from jobwidgets._internal import Bar
from jobwidgets.client.async_client import AsyncClient
from jobwidgets.errors import UsageError
from jobwidgets.transport import Portal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    import pandas as pd

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.archive import Archive
    from jobwidgets.bulk import AsyncPlan, AsyncReceipt, Plan, Receipt
    from jobwidgets.listing import JobReader
    from jobwidgets.transport import Settings

P = ParamSpec("P")
R = TypeVar("R")


def blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """Make the blocking method of the same name, signature and meaning."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(method(self.aio, *args, **kwargs))

    return call


def blocking_list(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, pd.DataFrame]],
) -> Callable[Concatenate[Client, P], pd.DataFrame]:
    """Do the same for a list: a bar counts what comes, and an interrupt leaves what was read."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        bar = Bar(kwargs.get("progress"), "Reading")
        start: Any = method  # with a progress of our own, which tells the caller's
        try:
            frame: pd.DataFrame = self.run(start(self.aio, *args, **{**kwargs, "progress": bar.tell}), tick=bar.draw)
        except KeyboardInterrupt as stop:
            read: pd.DataFrame | None = getattr(stop, "partial", None)
            if read is None or not kwargs.get("partial"):
                raise
            frame = read
        finally:
            bar.close()
        return frame

    return call


def blocking_plan(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, AsyncPlan]],
) -> Callable[Concatenate[Client, P], Plan]:
    """Do the same for a method that makes a plan: it becomes a blocking plan."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Plan:
        from jobwidgets.bulk import Plan  # noqa: PLC0415  a floor above, reached only when a plan is asked for

        return Plan(self.run(method(self.aio, *args, **kwargs)), self)

    return call


def blocking_receipt(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, AsyncReceipt]],
) -> Callable[Concatenate[Client, P], Receipt]:
    """Do the same for a method that gives a receipt."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        from jobwidgets.bulk import Receipt  # noqa: PLC0415  as above

        return Receipt(self.run(method(self.aio, *args, **kwargs)), self)

    return call


class Client:
    """The jobs of one service, blocking; made by `connect` or `demo`.

    An interrupt ends the waiting, never a job. Every method raises only the errors of this package: see `AsyncClient`.

    Attributes
    ----------
    aio : AsyncClient
        The same connection, awaitable, on the loop of `portal`.
    portal : Portal
        Where it runs.
    """

    def __init__(self, settings: Settings, *, timeout: float = 60.0, app: Any = None) -> None:
        self.aio = AsyncClient(settings, timeout=timeout, app=app)
        self.portal = Portal()
        self._process = os.getpid()
        self._end = weakref.finalize(self, _close, self.aio, self.portal)

    def run(self, work: Coroutine[Any, Any, R], *, tick: Callable[[], None] | None = None) -> R:
        """Wait for something that was begun on `aio`; an interrupt ends the waiting.

        Raises
        ------
        UsageError
            The client is closed, or was closed meanwhile, or this process was forked from the client's.
        """
        if self.closed:
            work.close()
            raise UsageError("this client is closed", hint="connect again")
        if self._process != os.getpid():  # its connections, and what watches them, are shared with the process it is of
            work.close()
            raise UsageError("this client is of the process that this one was forked from", hint="connect here")
        try:
            return self.portal.run(work, tick=tick)
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            if not self.closed:
                raise
            raise UsageError("this client was closed while it was at work", hint="connect again") from None

    def __repr__(self) -> str:
        return repr(self.aio).replace("AsyncClient", "Client")

    jobs = blocking_list(AsyncClient.jobs)
    tasks = blocking(AsyncClient.tasks)
    job = blocking(AsyncClient.job)
    detail = blocking(AsyncClient.detail)
    retries = blocking(AsyncClient.retries)
    status = blocking(AsyncClient.status)
    statuses = blocking(AsyncClient.statuses)
    me = blocking(AsyncClient.me)
    rights = blocking(AsyncClient.rights)
    now = blocking(AsyncClient.now)
    scheduled_jobs = blocking(AsyncClient.scheduled_jobs)
    scheduled_job = blocking(AsyncClient.scheduled_job)
    cancel = blocking(AsyncClient.cancel)
    retry = blocking(AsyncClient.retry)
    cancel_scheduled = blocking(AsyncClient.cancel_scheduled)
    cancel_range = blocking(AsyncClient.cancel_range)
    create_job = blocking(AsyncClient.create_job)
    receipts = blocking(AsyncClient.receipts)
    stop = blocking(AsyncClient.stop)

    def wait(
        self, jobs: object, /, *, timeout: str | timedelta = "10min", progress: ProgressCallback | bool | None = None
    ) -> pd.DataFrame:
        """Wait until jobs are terminal, with a progress bar: see `AsyncClient.wait`."""
        from jobwidgets.bulk import ProgressRelay  # noqa: PLC0415  a floor above, reached only when it is asked for

        told = ProgressRelay(progress, "Waiting")
        frame: pd.DataFrame = told.while_running(
            lambda: self.run(self.aio.wait(jobs, timeout=timeout, progress=told.tell), tick=told.draw)
        )
        return frame

    def archive(self, path: str | os.PathLike[str], /, *, since: object = None) -> Archive:
        """Give a local copy of the jobs, kept up to date by `archive.sync()`: see `AsyncClient.archive`."""
        from jobwidgets.archive import Archive  # noqa: PLC0415  as above

        return Archive(self.aio.archive(path, since=since), self)

    plan_cancel = blocking_plan(AsyncClient.plan_cancel)
    plan_retry = blocking_plan(AsyncClient.plan_retry)
    plan_cancel_range = blocking_plan(AsyncClient.plan_cancel_range)
    load_plan = blocking_plan(AsyncClient.load_plan)
    receipt = blocking_receipt(AsyncClient.receipt)

    @property
    def reader(self) -> JobReader:
        """What reads the jobs, for the parts of this package that read on its thread."""
        return self.aio.reader

    @property
    def service_url(self) -> str:
        """The address of the GraphQL API; frames name it in `df.attrs["service"]`."""
        return self.aio.service_url

    @property
    def label(self) -> str:
        """The host, for headings."""
        return self.aio.label

    @property
    def environment(self) -> str:
        """What the service is: "demo", "staging", "production", or "" where nobody says."""
        return self.aio.environment

    @property
    def service(self) -> Any:
        """The embedded service, where it lives in this process; else None."""
        return self.aio.service

    @property
    def gql(self) -> Any:
        """A ready gql client over this connection, for queries of your own: `client.gql.execute(gql.gql("…"))`."""
        from jobwidgets.client.gql_transport import blocking_gql_client  # noqa: PLC0415  gql takes a while to import

        return blocking_gql_client(self.aio._connection, self.portal)  # noqa: SLF001  the same connection from its other side

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.aio.closed

    def close(self) -> None:
        """Close the connections and end the thread; jobs go on."""
        self._end()

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: it holds connections and a token."""
        self.aio.__reduce__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _close(aio: AsyncClient, portal: Portal) -> None:
    """Tidy up behind a client, also when nobody closed it."""
    if portal.alive:
        portal.run(aio.close(), grace=1.0)
        portal.close()
    else:
        aio.mark_closed()
