"""What an archive can do, awaitable and blocking."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jobwidgets._internal import iso, parse_timestamp, parse_when, sanitize
from jobwidgets.archive import database as store
from jobwidgets.archive.queries import count_jobs, read_history, read_jobs, read_tasks
from jobwidgets.archive.sync import Sync, apart
from jobwidgets.errors import UsageError
from jobwidgets.frames import ids_of
from jobwidgets.listing import validate_query

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from datetime import datetime

    import duckdb
    import pandas as pd

    from jobwidgets.archive.sync import SyncResult
    from jobwidgets.listing import JobReader
    from jobwidgets.transport import BlockingRunner

T = TypeVar("T")


class AsyncArchive:
    """A local copy of the jobs of one service; made by `AsyncClient.archive`.

    `sync` asks the service for what has changed. Everything else reads the file alone, asks the service nothing, and
    tells what was so at the last sync. The file holds the jobs and tasks, never a token.

    Attributes
    ----------
    path : Path
        The DuckDB file: tables `jobs`, `tasks`, `history` and `syncs`; times are UTC.
    """

    def __init__(self, reader: JobReader, path: str | os.PathLike[str], *, since: object = None) -> None:
        store.load()
        self._reader, self._since = reader, since
        self.path = Path(path).expanduser().absolute()
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise UsageError(f"{self.path} is no place for a file", hint='name a file, such as "jobs.duckdb"')

    @property
    def service_url(self) -> str:
        """The service that it is a copy of."""
        return self._reader.service_url

    @property
    def as_of(self) -> datetime:
        """The service's clock at the last sync.

        Raises
        ------
        UsageError
            It was never synced to the end.
        """
        return self._reading(self._as_of)

    async def sync(
        self, *, whole: bool | None = None, progress: Callable[[SyncResult], None] | None = None
    ) -> SyncResult:
        """Bring it up to date: ask for the jobs that changed since the last time, and write them down.

        Interrupted or killed, it keeps what was written, and the next sync goes on.

        Parameters
        ----------
        whole : bool, optional
            Whether to look up as well which jobs there are at all, by thin pages: only so are those found that the
            service has removed. None does so once a day.
        progress : callable, optional
            Told after each batch, on the client's thread, what it has brought so far.

        Raises
        ------
        UsageError
            The file belongs to another service, is no archive, or somebody else is at work on it.
        ServiceError
            Not everything could be read; what was read is kept.
        """
        begun = await self._reader.now()
        opening = store.opened(self.path, writes=True)
        connection = await apart(opening.__enter__)
        try:
            await apart(lambda: self._claim(connection, begun))
            return await Sync(self._reader, connection, progress).run(whole=whole)
        finally:
            await apart(lambda: opening.__exit__(None, None, None))

    def jobs(
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
        gone: bool = False,
    ) -> pd.DataFrame:
        """Give jobs as `client.jobs` did at the last sync.

        Parameters
        ----------
        status, since, until, engine, target, scheduled_job, ids, limit
            As in `client.jobs`; ages are counted back from the last sync.
        gone : bool, default False
            Also those that the service had removed by then.
        """

        def read(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
            as_of = self._as_of(connection)
            query = validate_query(
                as_of, status=status, since=since, until=until, engine=engine, target=target,
                scheduled_job=scheduled_job, limit=limit, api="graphql",
            )  # fmt: skip
            names = None if ids is None else ids_of(ids, service=self.service_url)
            frame = read_jobs(connection, query, names, as_of, gone=gone)
            more = limit is not None and names is None and count_jobs(connection, query, gone=gone) > len(frame)
            frame.attrs.update(
                kind="jobs", service=self.service_url, query=query.described(), as_of=iso(as_of),
                since=iso(query.since) if query.since else None, until=iso(query.until or as_of), truncated=more,
            )  # fmt: skip
            if names is not None:
                there = set(frame["id"])
                frame.attrs["missing"] = [job_id for job_id in names if job_id not in there]
            return frame

        return self._reading(read)

    def tasks(self, jobs: object = None) -> pd.DataFrame:
        """Give the tasks of jobs, as they were at the last sync; without `jobs`, of all that are there."""

        def read(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
            as_of = self._as_of(connection)
            names = None if jobs is None else ids_of(jobs, service=self.service_url)
            frame = read_tasks(connection, names, as_of)
            frame.attrs.update(kind="tasks", service=self.service_url, as_of=iso(as_of), truncated=False)
            return frame

        return self._reading(read)

    def history(self, jobs: object = None) -> pd.DataFrame:
        """Give the statuses that the syncs have seen, which the service itself does not keep.

        Returns
        -------
        DataFrame
            One row a change: `job_id`, `at` (when the job was changed last, as it says), `status_before` (missing: not
            known before), `status`, and `seen` (when a sync saw it). What came and went between two syncs is not known.
        """
        names = None if jobs is None else ids_of(jobs, service=self.service_url)
        return self._reading(lambda connection: read_history(connection, names))

    def sql(self, question: str, /, *values: object) -> pd.DataFrame:
        """Ask any question, in DuckDB's SQL, of the tables `jobs`, `tasks`, `history` and `syncs`; nothing is changed.

        Parameters
        ----------
        question : str
            A query; `?` stands for the values.
        values
            What stands for each `?`.

        Raises
        ------
        UsageError
            It cannot be answered.
        """
        database = store.load()

        def ask(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
            try:
                answer: pd.DataFrame = connection.execute(question, list(values)).df()
            except database.Error as error:
                raise UsageError(
                    sanitize(str(error), 600), hint="the tables are jobs, tasks, history and syncs"
                ) from None
            return answer

        return self._reading(ask)

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write the tables to a folder as Parquet files: jobs, tasks and history; give their paths."""
        place = Path(folder).expanduser().absolute()
        place.mkdir(parents=True, exist_ok=True)

        def write(connection: duckdb.DuckDBPyConnection) -> list[Path]:
            made = [place / f"{name}.parquet" for name in ("jobs", "tasks", "history")]
            for path in made:
                connection.table(path.stem).write_parquet(str(path), compression="zstd")
            return made

        return self._reading(write)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} of {self.service_url}>"

    # ------------------------------------------------------------------------- parts

    def _reading(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with store.opened(self.path) as connection:
            self._refuse_other(store.about(connection))
            return work(connection)

    def _as_of(self, connection: duckdb.DuckDBPyConnection) -> datetime:
        said = store.about(connection).get("as_of")
        if not said:
            raise UsageError(f"{self.path} was not synced to the end yet", hint="archive.sync() goes on")
        return parse_timestamp(said)

    def _claim(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
        """Make a new file ours, or check that it is."""
        said = store.about(connection)
        if not said.get("service"):
            since = "" if self._since is None else iso(parse_when(self._since, now))
            store.note(connection, service=self.service_url, since=since)
            return
        self._refuse_other(said)

    def _refuse_other(self, said: dict[str, str]) -> None:
        service = said.get("service")
        if service != self.service_url:
            raise UsageError(
                f"{self.path} is an archive of {sanitize(str(service))}, not of {self.service_url}",
                hint="name another file for this service",
            )


class Archive:
    """A local copy of the jobs of one service: see `AsyncArchive`; made by `client.archive("jobs.duckdb")`."""

    def __init__(self, aio: AsyncArchive, runner: BlockingRunner) -> None:
        self.aio, self._runner = aio, runner

    def sync(self, *, whole: bool | None = None, progress: Callable[[SyncResult], None] | None = None) -> SyncResult:
        """Bring it up to date; an interrupt ends it, and what was read is kept: see `AsyncArchive.sync`."""
        return self._runner.run(self.aio.sync(whole=whole, progress=progress))

    path = property(lambda self: self.aio.path, doc="The DuckDB file.")
    service_url = property(lambda self: self.aio.service_url, doc="The service that it is a copy of.")
    as_of = property(lambda self: self.aio.as_of, doc="The service's clock at the last sync.")

    @functools.wraps(AsyncArchive.jobs)
    def jobs(self, **query: Any) -> pd.DataFrame:
        return self.aio.jobs(**query)

    @functools.wraps(AsyncArchive.tasks)
    def tasks(self, jobs: object = None) -> pd.DataFrame:
        return self.aio.tasks(jobs)

    @functools.wraps(AsyncArchive.history)
    def history(self, jobs: object = None) -> pd.DataFrame:
        return self.aio.history(jobs)

    @functools.wraps(AsyncArchive.sql)
    def sql(self, question: str, /, *values: object) -> pd.DataFrame:
        return self.aio.sql(question, *values)

    @functools.wraps(AsyncArchive.export)
    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        return self.aio.export(folder)

    def __repr__(self) -> str:
        return repr(self.aio).replace("AsyncArchive", "Archive")
