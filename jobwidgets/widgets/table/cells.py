"""Columns and cells: what the browser is told of each row, as plain text with a look from a fixed list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._internal import age_text, sanitize
from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

Cell = dict[str, Any]
"""`t` text, `h` the title shown on hovering, `f` a look of `_words.FACES`, `p` the filled part of a bar."""
BLANK: Cell = {"t": "\N{EN DASH}", "f": "quiet", "h": ""}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: its heading, its kind of cell, and its width in pixels."""

    key: str
    title: str
    kind: str = "text"
    width: int = 130
    right: bool = False
    grow: bool = False
    hint: str = ""

    def head(self) -> dict[str, Any]:
        """Describe it for the browser."""
        return {name: getattr(self, name) for name in ("key", "title", "kind", "width", "right", "grow", "hint")}


_KNOWN = {
    column.key: column
    for column in (
        Column("status", "Status", "status", 104),
        Column("outcome", "Outcome", "outcome", 136),
        Column("verified", "Seen after", "outcome", 124),
        Column("action", "Will be", "action", 108),
        Column("name", "Name", "text", 170, grow=True),
        Column("id", "Id", "mono", 160),
        Column("job_id", "Job", "mono", 164),
        Column("new_id", "New job", "mono", 164),
        Column("engines", "Engines", "text", 128),
        Column("engine", "Engine", "text", 150),
        Column("created", "Created", "time", 88, right=True),
        Column("modified", "Changed", "time", 98, right=True),
        Column("started", "Started", "time", 98, right=True),
        Column("completed", "Completed", "time", 108, right=True),
        Column("queued", "Queued", "time", 98, right=True),
        Column("at", "When", "time", 98, right=True),
        Column("queued_for", "Queued", "span", 86, right=True, hint="Sort by how long it was queued"),
        Column("ran_for", "Ran", "span", 76, right=True, hint="Sort by how long it ran"),
        Column("tasks", "Tasks", "tasks", 78, right=True, hint="Sort by the number of tasks"),
        Column("can_cancel", "Can cancel", "verdict", 136),
        Column("why_not", "Why not", "reason", 190),
        Column("reason", "Reason", "reason", 230, grow=True),
        Column("message", "What was said", "text", 230, grow=True),
        Column("status_before", "Was", "status", 104),
    )
}
JOB_COLUMNS = (
    "status", "name", "can_cancel", "tasks", "created", "queued_for", "ran_for", "engines", "id",
)  # fmt: skip
_PARTS = frozenset({"tasks_done", "tasks_failed"})


def columns_of(frame: pd.DataFrame, chosen: Iterable[str] | None = None) -> tuple[Column, ...]:
    """Choose the columns to show: those asked for, the usual ones of a job frame, or all.

    Raises
    ------
    UsageError
        A column asked for is not in the frame.
    """
    if chosen is not None:
        keys = list(chosen)
        missing = [key for key in keys if key not in frame.columns]
        if missing:
            raise UsageError(
                f"the frame has no column {missing[0]!r}", hint="its columns are " + ", ".join(map(str, frame.columns))
            )
    elif {"status", "can_cancel"}.issubset(frame.columns):
        keys = [key for key in JOB_COLUMNS if key in frame.columns]
    else:
        keys = [key for key in frame.columns if key not in _PARTS]
    return tuple(column_of(frame, str(key)) for key in keys)


def column_of(frame: pd.DataFrame, key: str) -> Column:
    """Describe one column of a frame."""
    return _column(key, frame[key].dtype)


def _column(key: str, dtype: Any) -> Column:
    known = _KNOWN.get(key)
    if known is not None and (known.kind != "tasks" or pd.api.types.is_numeric_dtype(dtype)):
        return known
    title = sanitize(key.replace("_", " "), 40).capitalize()
    if isinstance(dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(dtype):
        return Column(key, title, "time", 96, right=True)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Column(key, title, "span", 96, right=True)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        return Column(key, title, "number", 90, right=True)
    return Column(key, title)


def cells(rows: pd.DataFrame, columns: Sequence[Column], now: datetime, *, exact: bool = False) -> list[list[Cell]]:
    """Describe rows for the browser, one list of cells a row; times as ages, or exactly."""
    makers = {**_MAKERS, "time": _moments} if exact else _MAKERS
    made = [makers[column.kind](rows, column.key, now) for column in columns]
    return [list(row) for row in zip(*made, strict=True)] if made else [[] for _ in range(len(rows))]


def _texts(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [_text(value) for value in rows[key]]


def _text(value: Any) -> Cell:
    text = "" if _missing(value) else sanitize(value)
    return {"t": text} if text else BLANK


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _numbers(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [BLANK if _missing(value) else {"t": f"{value:,}"} for value in rows[key]]


def _words(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [
        BLANK if _missing(value) or value == "" else {"t": sanitize(words.outcome(value), 40), "f": words.face(value)}
        for value in rows[key]
    ]


def _reasons(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [BLANK if _missing(value) or value == "" else {"t": sanitize(words.reason(value))} for value in rows[key]]


def _actions(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [
        {"t": "left out", "f": "skipped"}
        if value == "skip"
        else {"t": words.DONE.get(value, sanitize(value)), "f": "yes"}
        for value in rows[key]
    ]


def _times(rows: pd.DataFrame, key: str, now: datetime) -> list[Cell]:
    return [BLANK if _missing(value) else _time(pd.Timestamp(value), now) for value in rows[key]]


def _time(moment: pd.Timestamp, now: datetime) -> Cell:
    moment = moment.tz_localize(UTC) if moment.tzinfo is None else moment.tz_convert(UTC)
    return {"t": ago(moment.to_pydatetime(warn=False), now), "h": f"{moment:%Y-%m-%d %H:%M:%S} UTC"}


def _moments(rows: pd.DataFrame, key: str, now: datetime) -> list[Cell]:
    """Write times in full, with the age on hovering."""
    turned = _times(rows, key, now)
    return [cell if cell is BLANK else {"t": cell["h"].removesuffix(" UTC"), "h": cell["t"]} for cell in turned]


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago, in the largest unit: "3h ago", "in 2d"."""
    age = now - moment
    largest = "".join(_brief(abs(age))[:2])
    if largest == "0s":
        return "now"
    return f"in {largest}" if age.total_seconds() < 0 else f"{largest} ago"


def _brief(age: timedelta) -> list[str]:
    """Give the numbers and units of a length of time, with units of one letter."""
    return age_text(age).replace("min", "m").split()


def _spans(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    return [BLANK if _missing(value) else _span(pd.Timedelta(value)) for value in rows[key]]


def _span(span: pd.Timedelta) -> Cell:
    age = span.to_pytimedelta()
    parts = _brief(age)
    shown = parts[:2] if parts[1:2] == ["m"] else parts
    return {"t": " ".join(map("".join, zip(shown[::2], shown[1::2], strict=True))), "h": age_text(age)}


def _tasks(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    none = [0] * len(rows)
    done = rows.get("tasks_done", none)
    failed = rows.get("tasks_failed", none)
    return [_task(*counts) for counts in zip(rows[key], done, failed, strict=True)]


def _task(tasks: Any, done: Any, failed: Any) -> Cell:
    if _missing(tasks):
        return BLANK
    total, ready, bad = (0 if _missing(value) else int(value) for value in (tasks, done, failed))
    if not total:
        return {"t": "none", "f": "quiet"}
    cell: Cell = {"t": f"{ready}/{total}", "h": f"{ready} of {total} tasks done"}
    if 0 < ready < total:
        cell["p"] = round(ready / total, 2)
    if bad:
        cell |= {"f": "bad", "h": f"{cell['h']}, {bad} failed"}
    return cell


def _verdicts(rows: pd.DataFrame, key: str, _now: datetime) -> list[Cell]:
    codes = rows["why_not"] if "why_not" in rows else [None] * len(rows)
    return [_verdict(able, code) for able, code in zip(rows[key], codes, strict=True)]


def _verdict(able: Any, code: Any) -> Cell:
    if not _missing(able) and bool(able):
        return {"t": "yes", "f": "yes", "h": "Can be cancelled, as far as can be told from here"}
    code = "" if _missing(code) else str(code)
    why = f": {words.reason(code)}" if code else ""
    if _missing(able):
        return {
            "t": words.short(code) or "not known",
            "f": "unknown",
            "h": f"Not known whether it can be cancelled{why}",
        }
    return {"t": words.short(code) or "no", "f": "no", "h": f"Cannot be cancelled{why}"}


_MAKERS: dict[str, Callable[[pd.DataFrame, str, datetime], list[Cell]]] = {
    "text": _texts,
    "mono": _texts,
    "number": _numbers,
    "status": _words,
    "outcome": _words,
    "action": _actions,
    "reason": _reasons,
    "time": _times,
    "span": _spans,
    "tasks": _tasks,
    "verdict": _verdicts,
}
