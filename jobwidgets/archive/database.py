"""The database file of an archive: who may open it, its tables, and what is written there. Nothing is asked here."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._internal import sanitize
from jobwidgets.errors import SettingsError, UsageError
from jobwidgets.frames import JOB_COLUMNS, TASK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

FORMAT = "1"
PATIENCE = 5.0
"""Seconds that another kernel's work on the file is waited for."""
ASK_EVERY = 0.1

_TYPES = {
    "string": "VARCHAR", "status": "VARCHAR", "reason": "VARCHAR", "word": "VARCHAR",
    "time": "TIMESTAMP", "count": "INTEGER", "flag": "BOOLEAN",
}  # fmt: skip
JOBS = {name: kind for name, kind in JOB_COLUMNS.items() if kind != "age"}
TASKS = {name: kind for name, kind in TASK_COLUMNS.items() if kind != "age"}
"""What is kept of a job and of a task; how long they waited and ran is counted when they are read."""
HISTORY = {"job_id": "string", "at": "time", "status_before": "string", "status": "string", "seen": "time"}
_TABLES = {
    "jobs": {**JOBS, "seen": "time", "gone": "time"},
    "tasks": TASKS,
    "history": HISTORY,
    "syncs": {"begun": "time", "as_of": "time", "new": "count", "changed": "count", "gone": "count"},
    "about": {"name": "string", "value": "string"},
}

_held: dict[Path, threading.Lock] = {}


def load() -> Any:
    """Give the database, which is an extra.

    Raises
    ------
    SettingsError
        It is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415  an extra, loaded when an archive is asked for
    except ImportError:
        raise SettingsError("an archive needs DuckDB", hint="pip install 'jobwidgets[archive]'") from None
    return duckdb


@contextmanager
def opened(path: Path, *, writes: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file for one piece of work; one at a time in this process, and many readers or one writer beyond it.

    Raises
    ------
    UsageError
        Somebody else is at work on it, or it is no archive; it stays as it is.
    """
    lock = _held.setdefault(path, threading.Lock())
    if not lock.acquire(timeout=PATIENCE):
        raise _busy(path)
    try:
        connection = _connect(path, writes=writes)
        try:
            yield connection
        finally:
            connection.close()
    finally:
        lock.release()


def _connect(path: Path, *, writes: bool) -> duckdb.DuckDBPyConnection:
    database = load()
    if not writes and not path.exists():
        raise UsageError(f"{path} is not there yet", hint="archive.sync() makes it")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection: duckdb.DuckDBPyConnection = database.connect(path, read_only=not writes)
        except database.IOException as error:
            if "lock" not in str(error).lower():
                raise _unusable(path, error) from None
            if time.monotonic() > until:
                raise _busy(path) from None
            time.sleep(ASK_EVERY)
        except database.Error as error:
            raise _unusable(path, error) from None
        else:
            break
    try:
        _check(connection, path, writes=writes)
    except database.Error as error:
        connection.close()
        raise _unusable(path, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: duckdb.DuckDBPyConnection, path: Path, *, writes: bool) -> None:
    """Make the tables of a new file, and refuse one that is not ours."""
    names = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not names and writes:
        connection.begin()
        for table, columns in _TABLES.items():
            made = ", ".join(f'"{name}" {_TYPES[kind]}' for name, kind in columns.items())
            connection.execute(f"CREATE TABLE {table} ({made})")
        connection.execute("INSERT INTO about VALUES ('format', ?)", [FORMAT])
        connection.commit()
    elif not set(_TABLES) <= names:
        raise UsageError(f"{path} is no archive of jobs", hint="name another file; this one stays as it is")
    found = about(connection).get("format")
    if found != FORMAT:
        raise UsageError(
            f"{path} was written by another version of jobwidgets (format {sanitize(str(found), 20)})",
            hint="use that version, or begin a new archive",
        )


def _busy(path: Path) -> UsageError:
    return UsageError(f"{path} is being worked on by somebody else", hint="try again when their sync has ended")


def _unusable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path} cannot be used as an archive: {sanitize(str(error).splitlines()[0], 200)}",
        hint="name another file, or look at the rights of its directory",
    )


def about(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Give what the archive says of itself: its service, the range it covers, when it was synced last."""
    return dict(connection.execute("SELECT name, value FROM about").fetchall())


def note(connection: duckdb.DuckDBPyConnection, **values: str) -> None:
    """Write down what the archive says of itself."""
    for name, value in values.items():
        connection.execute("DELETE FROM about WHERE name = ?", [name])
        connection.execute("INSERT INTO about VALUES (?, ?)", [name, value])


def put(
    connection: duckdb.DuckDBPyConnection, jobs: pd.DataFrame, tasks: pd.DataFrame, seen: str, said: Mapping[str, str]
) -> tuple[int, int]:
    """Put jobs in as they were seen, in the places of what was known of them; all of it or nothing.

    Returns
    -------
    tuple of int
        How many are new, and how many changed in status.
    """
    connection.register("fresh", _plain(jobs, JOBS))
    connection.register("fresh_tasks", _plain(tasks, TASKS))
    try:
        connection.begin()
        moved = connection.execute(
            "SELECT count(*) FILTER (old.id IS NULL), count(*) FILTER (old.status != fresh.status) "
            "FROM fresh LEFT JOIN jobs old ON old.id = fresh.id"
        ).fetchall()[0]
        connection.execute(
            "INSERT INTO history SELECT fresh.id, coalesce(fresh.modified, fresh.created), old.status, fresh.status, "
            "?::TIMESTAMP FROM fresh LEFT JOIN jobs old ON old.id = fresh.id "
            "WHERE old.status IS DISTINCT FROM fresh.status OR old.gone IS NOT NULL",
            [seen],
        )
        connection.execute("DELETE FROM tasks WHERE job_id IN (SELECT id FROM fresh)")
        connection.execute("DELETE FROM jobs WHERE id IN (SELECT id FROM fresh)")
        connection.execute("INSERT INTO jobs SELECT *, ?::TIMESTAMP, NULL FROM fresh", [seen])
        connection.execute("INSERT INTO tasks SELECT * FROM fresh_tasks")
        note(connection, **said)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("fresh")
        connection.unregister("fresh_tasks")
    return int(moved[0]), int(moved[1])


def _plain(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Give the columns that are kept as the database takes them: words as text, times as UTC without saying so."""
    return pd.DataFrame(
        {
            name: frame[name].dt.tz_localize(None)
            if kind == "time"
            else frame[name].astype("object").where(frame[name].notna(), None)
            if kind in ("string", "status", "reason", "word")
            else frame[name]
            for name, kind in kinds.items()
        },
        copy=False,
    )


def mark_gone(connection: duckdb.DuckDBPyConnection, ids: Sequence[str], seen: str) -> int:
    """Note that the service does not know these any more; what was known of them stays."""
    if not ids:
        return 0
    connection.begin()
    rows = connection.execute(
        "UPDATE jobs SET gone = ?::TIMESTAMP WHERE gone IS NULL AND id IN (SELECT unnest(?))", [seen, list(ids)]
    ).fetchall()
    connection.commit()
    return int(rows[0][0])


def log_sync(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> None:
    """Write down that a sync ended."""
    connection.execute("INSERT INTO syncs VALUES (?::TIMESTAMP, ?::TIMESTAMP, ?, ?, ?)", list(row.values()))
