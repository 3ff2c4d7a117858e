"""Frames of jobs, tasks and schedules as views."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets._model import OUTCOMES
from jobwidgets.display._values import (
    NOTHING,
    age_cell,
    cancel_cell,
    count_cell,
    exact,
    host,
    id_cell,
    missing,
    moment,
    plural,
    records,
    since_cell,
    text_cell,
    time_cell,
)
from jobwidgets.display._view import Cell, Column, Table, View, outcome_cell, status_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    import pandas as pd

_ROWS = 20
_PANDAS_DEFAULT = 60
_MOST_ROWS = 1_000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Field:
    """A shown column: what it needs of the frame, and how a row becomes a cell."""

    column: Column
    needs: str
    cell: Callable[[dict[str, Any], datetime | None], Cell]


def _plain(name: str, title: str = "", width: int = 40, spare: int = 0) -> _Field:
    return _Field(Column(title or name, width=width, spare=spare), name, lambda row, _now: text_cell(row[name]))


def _age(name: str, title: str, spare: int = 0) -> _Field:
    return _Field(Column(title, right=True, spare=spare), name, lambda row, _now: age_cell(row[name]))


def _since(name: str) -> _Field:
    return _Field(Column(name, right=True), name, lambda row, now: since_cell(row[name], now))


def _time(name: str, title: str = "at (UTC)", spare: int = 0) -> _Field:
    return _Field(Column(title, whole=True, spare=spare), name, lambda row, _now: time_cell(row[name]))


def _id(name: str, title: str = "") -> _Field:
    return _Field(Column(title or name, width=60, whole=True), name, lambda row, _now: id_cell(row[name]))


_STATUS = _Field(Column("status", whole=True), "status", lambda row, _now: status_cell(_word(row["status"])))


def _word(value: Any) -> str:
    return "" if missing(value) else str(value)


def _tasks_cell(row: dict[str, Any], _now: datetime | None) -> Cell:
    if missing(row["tasks"]):
        return NOTHING
    done, failed = (None if missing(row.get(name)) else int(row[name]) for name in ("tasks_done", "tasks_failed"))
    text = f"{'?' if done is None else done}/{int(row['tasks'])}"
    return Cell(f"{failed} failed, {text}" if failed else text)


def _failure_cell(row: dict[str, Any], _now: datetime | None) -> Cell:
    if missing(row["failure_reason"]) and missing(row.get("failure_message")):
        return NOTHING
    return Cell(_word(row["failure_reason"]), note=_word(row.get("failure_message")))


def _flag(name: str, title: str) -> _Field:
    def cell(row: dict[str, Any], _now: datetime | None) -> Cell:
        if missing(row[name]):
            return NOTHING
        return Cell("yes", tone="good", glyph="✓") if row[name] else Cell("no", tone="off", glyph="\N{EN DASH}")

    return _Field(Column(title), name, cell)


_JOB_FIELDS = (
    _STATUS,
    _id("id"),
    _plain("name", width=32),
    _since("created"),
    _age("queued_for", "queued for"),
    _age("ran_for", "ran for", spare=2),
    _Field(Column("tasks", right=True), "tasks", _tasks_cell),
    _Field(
        Column("cancel?", whole=True),
        "can_cancel",
        lambda row, _now: cancel_cell(row["can_cancel"], row.get("why_not")),
    ),
    _time("created", "created at (UTC)", spare=3),
    _plain("engines", width=30, spare=1),
)
_TASK_FIELDS = (
    _STATUS,
    _plain("engine", width=30),
    _id("id", "task"),
    _id("job_id", "job"),
    _since("created"),
    _age("queued_for", "queued for", spare=3),
    _age("ran_for", "ran for", spare=4),
    _Field(Column("failure", width=90), "failure_reason", _failure_cell),
    _time("created", "created at (UTC)", spare=2),
    _plain("category", width=24, spare=1),
)
_SCHEDULE_FIELDS = (
    _flag("is_active", "active"),
    _id("id"),
    _plain("name", width=40),
    _plain("run_mode", "runs"),
    _flag("is_public", "public"),
    _time("start", "starts (UTC)", spare=2),
    _time("stop", "stops (UTC)", spare=3),
    _plain("description", width=50, spare=1),
)
_RECEIPT_FIELDS = (
    _Field(Column("outcome", whole=True), "outcome", lambda row, _now: outcome_cell(_word(row["outcome"]))),
    _id("id"),
    _plain("name", width=32),
    _plain("reason", width=60),
    _id("new_id", "new job"),
    _plain("status_before", "before", spare=1),
    _STATUS,
    _time("at", spare=2),
)


def _count(name: str) -> _Field:
    return _Field(Column(name.replace("_", " "), right=True), name, lambda row, _now: count_cell(row[name]))


_RECEIPTS_FIELDS = (
    _id("op"),
    _plain("kind"),
    _plain("why", "reason", width=40, spare=1),
    _time("begun", "begun (UTC)", spare=2),
    _count("total"),
    *(_count(outcome) for outcome in OUTCOMES),
)
_JOB_COLUMNS = (
    "id", "name", "status", "created", "modified", "started", "completed", "queued_for", "ran_for", "engines", "tasks",
    "tasks_done", "tasks_failed", "target_id", "cluster_id", "application_id", "scheduled_job_id", "can_cancel",
    "can_retry", "why_not",
)  # fmt: skip
_TASK_COLUMNS = (
    "job_id", "id", "name", "status", "engine", "engine_id", "category", "order", "created", "queued", "started",
    "completed", "queued_for", "ran_for", "failure_reason", "failure_message",
)  # fmt: skip
_SCHEDULE_COLUMNS = (
    "id", "name", "is_active", "is_public", "run_mode", "start", "stop", "created", "modified", "description",
)  # fmt: skip
_RECEIPT_COLUMNS = ("id", "name", "outcome", "reason", "message", "new_id", "status_before", "status", "at")
_RECEIPTS_COLUMNS = ("op", "kind", "why", "begun", "total", *OUTCOMES)


@dataclass(frozen=True, slots=True)
class _Kind:
    word: str
    fields: tuple[_Field, ...]
    columns: tuple[str, ...]


_KINDS = {
    "jobs": _Kind("job", _JOB_FIELDS, _JOB_COLUMNS),
    "tasks": _Kind("task", _TASK_FIELDS, _TASK_COLUMNS),
    "scheduled_jobs": _Kind("scheduled job", _SCHEDULE_FIELDS, _SCHEDULE_COLUMNS),
    "receipt": _Kind("job", _RECEIPT_FIELDS, _RECEIPT_COLUMNS),
    "receipts": _Kind("receipt", _RECEIPTS_FIELDS, _RECEIPTS_COLUMNS),
}


def is_ours(frame: pd.DataFrame) -> bool:
    """Say whether a frame is still one that a client made: all its columns are there, whatever was added since."""
    kind = _KINDS.get(str(frame.attrs.get("kind")))
    if kind is None or not frame.columns.is_unique:
        return False
    if "service" not in frame.attrs and kind.columns is not _RECEIPTS_COLUMNS:
        return False
    times = str(frame.dtypes.get("created", "datetime64"))
    return set(kind.columns).issubset(frame.columns) and times.startswith("datetime64")


def frame_view(frame: pd.DataFrame, kind: str = "") -> View:
    """Build the view of a frame of jobs, tasks or schedules."""
    shape = _KINDS.get(kind or str(frame.attrs.get("kind")), _KINDS["jobs"])
    total = len(frame)
    if total == 0:
        return View(f"No {shape.word}s", facts=(*_covered(frame),), notes=(_how_to_widen(frame, shape.word),))
    now = moment(frame.attrs.get("as_of"))
    fields = [field for field in shape.fields if field.needs in frame.columns]
    others = [str(name) for name in frame.columns if name not in shape.columns]
    fields += [_plain(name, width=30) for name in others if name in frame.columns]
    shown = frame.head(_rows_to_show())
    rows = tuple(tuple(field.cell(row, now) for field in fields) for row in records(shown))
    left_out = f"{len(shown):,} of {total:,} rows are shown; the frame holds them all." if total > len(shown) else ""
    table = Table(tuple(field.column for field in fields), rows, footer=left_out)
    return View(plural(total, shape.word), tuple(_chips(frame)), (*_covered(frame), *_can(frame)), tables=(table,))


def _rows_to_show() -> int:
    """Show a screenful, or what pandas' own option asks for beyond its default."""
    pandas = sys.modules["pandas"]
    wanted = pandas.get_option("display.max_rows")
    if not wanted:  # None and 0 mean: all
        return _MOST_ROWS
    return min(int(wanted), _MOST_ROWS) if wanted > _PANDAS_DEFAULT else min(int(wanted), _ROWS)


def _chips(frame: pd.DataFrame) -> Iterable[Cell]:
    if "status" not in frame.columns:
        return
    for status, number in frame["status"].value_counts(sort=False).items():
        if number:
            yield status_cell(str(status), f"{number:,} {status}")


def _can(frame: pd.DataFrame) -> tuple[str, ...]:
    if not {"can_cancel", "can_retry", "tasks"}.issubset(frame.columns):
        return ()
    if frame["can_cancel"].isna().all() and frame["tasks"].isna().all():
        return ("Whether these can be cancelled is not known: AI Processing tells nothing of tasks.",)
    cancel, retry = (
        int(frame[name].astype("boolean").fillna(value=False).sum()) for name in ("can_cancel", "can_retry")
    )
    unknown = int(frame["can_cancel"].isna().sum())
    not_known = f" (of {unknown:,} it is not known)" if unknown else ""
    return (f"{cancel:,} can be cancelled{not_known}, {retry:,} can be retried.",)


def _covered(frame: pd.DataFrame) -> tuple[str, ...]:
    """Say where the frame comes from, when it was read, which range it covers, and whether it was cut off."""
    attrs = frame.attrs
    since, until, as_of = (moment(attrs.get(name)) for name in ("since", "until", "as_of"))
    parts = [host(attrs["service"])] if attrs.get("service") else []
    if as_of:
        parts.append(f"read at {exact(as_of)} UTC")
    if since and until:
        parts.append(f"created from {exact(since)} to {exact(until)} UTC")
    elif since:
        parts.append(f"created since {exact(since)} UTC")
    elif until:
        parts.append(f"created at any time until {exact(until)} UTC")
    elif attrs.get("kind") == "jobs" and "ids" not in (attrs.get("query") or {}):
        parts.append("created at any time")
    facts = [" · ".join(parts)] if parts else []
    if attrs.get("truncated"):
        facts.append(
            "Cut off at the limit: more jobs match than are here; raise the limit, or narrow the range or the filter."
        )
    gone = [str(job_id) for job_id in attrs.get("missing") or ()]
    if gone:
        facts.append(f"Not found here, or not yours: {_some(gone)}.")
    return tuple(facts)


def _some(words: list[str]) -> str:
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else "")


def _how_to_widen(frame: pd.DataFrame, word: str) -> str:
    query = frame.attrs.get("query") or {}
    if "ids" in query:
        return "None of the ids that were asked for is known here."
    if word == "receipt":
        return "Nothing was applied in this process."
    asked = [f"{name} {_listed(value)}" for name, value in query.items() if name not in _RANGE]
    ways = ["leave a filter out"] if asked else []
    if frame.attrs.get("since"):
        ways.append("look further back, such as since 30d")
    if "until" in query:
        ways.append("leave until out")
    found = f"Nothing matches {', '.join(asked)} here." if asked else f"There are no {word}s here."
    return f"{found} To see more: {', or '.join(ways)}." if ways else found


_RANGE = frozenset({"since", "until", "limit", "api"})


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)
