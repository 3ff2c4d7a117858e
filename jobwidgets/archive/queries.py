"""From the tables of an archive to the frames that the client gives."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets.archive.database import HISTORY, JOBS, TASKS
from jobwidgets.frames import TIME, array_of, job_frame, timed_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from jobwidgets.listing import Query

_SAME = frozenset({"aborted", "cancelled"})
"""Two words for one thing."""


def read_jobs(
    connection: duckdb.DuckDBPyConnection, query: Query, ids: Sequence[str] | None, as_of: datetime, *, gone: bool
) -> pd.DataFrame:
    """Read the jobs that a query asks for, newest first, as `client.jobs` gives them."""
    rules, values = _rules(query, gone=gone)
    if ids is not None:
        rules.append("id IN (SELECT unnest(?))")
        values.append(list(ids))
    most = f" LIMIT {query.limit}" if query.limit is not None else ""
    text = f"SELECT {', '.join(JOBS)} FROM jobs{_where(rules)} ORDER BY created DESC, id{most}"  # noqa: S608  names of ours
    return job_frame(_typed(connection, text, values, JOBS), as_of)


def count_jobs(connection: duckdb.DuckDBPyConnection, query: Query, *, gone: bool) -> int:
    """Count the jobs that a query asks for, whatever its limit."""
    rules, values = _rules(query, gone=gone)
    return int(connection.execute(f"SELECT count(*) FROM jobs{_where(rules)}", values).fetchall()[0][0])  # noqa: S608  as above


def read_tasks(connection: duckdb.DuckDBPyConnection, ids: Sequence[str] | None, as_of: datetime) -> pd.DataFrame:
    """Read tasks, in the order of the ids, or of all jobs that are there, newest first."""
    names = ", ".join(f't."{name}"' for name in TASKS)
    if ids is None:
        text = f"SELECT {names} FROM tasks t JOIN jobs j ON j.id = t.job_id WHERE j.gone IS NULL "  # noqa: S608  as above
        text += "ORDER BY j.created DESC, j.id, t.rowid"
        return timed_tasks(_typed(connection, text, [], TASKS), as_of)
    text = f"SELECT {names} FROM (SELECT unnest(?) AS id, generate_subscripts(?, 1) AS place) w "  # noqa: S608  as above
    text += "JOIN tasks t ON t.job_id = w.id ORDER BY w.place, t.rowid"
    return timed_tasks(_typed(connection, text, [list(ids), list(ids)], TASKS), as_of)


def read_history(connection: duckdb.DuckDBPyConnection, ids: Sequence[str] | None) -> pd.DataFrame:
    """Read which statuses were seen, one after the other."""
    rule, values = ("", []) if ids is None else (" WHERE job_id IN (SELECT unnest(?))", [list(ids)])
    names = ", ".join(f'"{name}"' for name in HISTORY)
    text = f'SELECT {names} FROM history{rule} ORDER BY seen, "at", job_id'  # noqa: S608  as above
    return pd.DataFrame(_typed(connection, text, values, HISTORY), copy=False)


def _where(rules: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(rules)}" if rules else ""


def _rules(query: Query, *, gone: bool) -> tuple[list[str], list[Any]]:
    rules, values = ([] if gone else ["gone IS NULL"]), list[Any]()
    words = set(query.status)
    if words:
        rules.append("status IN (SELECT unnest(?))")
        values.append(sorted(words | _SAME if words & _SAME else words))
    for rule, value in (
        ("(created >= ?::TIMESTAMP OR created IS NULL)", _utc(query.since)),
        ("(created < ?::TIMESTAMP OR created IS NULL)", _utc(query.until)),
        ("target_id = ?", query.target),
        ("scheduled_job_id = ?", query.scheduled_job),
    ):
        if value is not None:
            rules.append(rule)
            values.append(value)
    if query.engine is not None:
        rules.append(
            "id IN (SELECT job_id FROM tasks WHERE lower(engine_id) = lower(?) OR contains(lower(engine), lower(?)))"
        )
        values += [query.engine, query.engine]
    return rules, values


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def _typed(
    connection: duckdb.DuckDBPyConnection, text: str, values: Sequence[Any], kinds: dict[str, str]
) -> dict[str, Any]:
    """Read columns with the dtypes that frames have."""
    found = connection.execute(text, list(values)).df()
    return {name: _column(found[name], kind) for name, kind in kinds.items()}


def _column(values: pd.Series[Any], kind: str) -> Any:
    if kind == "time":
        return values.astype("datetime64[us]").dt.tz_localize("UTC").astype(TIME).array
    if kind in ("status", "string", "reason", "word"):
        return array_of(kind, values.astype("object").where(values.notna(), None).tolist())
    return (values.astype("Int32") if kind == "count" else values.astype("boolean")).array
