"""The columns that frames show: what each needs, and how a row becomes a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets.rendering.formatters import (
    NOTHING,
    age_cell,
    cancel_cell,
    count_cell,
    id_cell,
    missing,
    since_cell,
    text_cell,
    time_cell,
)
from jobwidgets.rendering.view_model import Cell, Column, outcome_cell, state_cell, status_cell, verified_cell
from jobwidgets.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Field:
    """A shown column: what it needs of the frame, and how a row becomes a cell."""

    column: Column
    needs: str
    cell: Callable[[dict[str, Any], datetime | None], Cell]


def plain(name: str, title: str = "", width: int = 40, spare: int = 0) -> Field:
    """Show a column as text."""
    return Field(Column(title or name, width=width, spare=spare), name, lambda row, _now: text_cell(row[name]))


def _age(name: str, title: str, spare: int = 0) -> Field:
    return Field(Column(title, right=True, spare=spare), name, lambda row, _now: age_cell(row[name]))


def _since(name: str) -> Field:
    return Field(Column(name, right=True), name, lambda row, now: since_cell(row[name], now))


def _time(name: str, title: str = "at (UTC)", spare: int = 0) -> Field:
    return Field(Column(title, whole=True, spare=spare), name, lambda row, _now: time_cell(row[name]))


def _id(name: str, title: str = "") -> Field:
    return Field(Column(title or name, width=60, whole=True), name, lambda row, _now: id_cell(row[name]))


_STATUS = Field(Column("status", whole=True), "status", lambda row, _now: status_cell(_word(row["status"])))


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


def _flag(name: str, title: str) -> Field:
    def cell(row: dict[str, Any], _now: datetime | None) -> Cell:
        if missing(row[name]):
            return NOTHING
        return Cell("yes", tone="good", glyph="✓") if row[name] else Cell("no", tone="off", glyph="\N{EN DASH}")

    return Field(Column(title), name, cell)


_JOB_FIELDS = (
    _STATUS,
    _id("id"),
    plain("name", width=32),
    _since("created"),
    _age("queued_for", "queued for"),
    _age("ran_for", "ran for", spare=2),
    Field(Column("tasks", right=True), "tasks", _tasks_cell),
    Field(
        Column("cancel?", whole=True),
        "can_cancel",
        lambda row, _now: cancel_cell(row["can_cancel"], row.get("why_not")),
    ),
    _time("created", "created at (UTC)", spare=3),
    plain("engines", width=30, spare=1),
)
_TASK_FIELDS = (
    _STATUS,
    plain("engine", width=30),
    _id("id", "task"),
    _id("job_id", "job"),
    _since("created"),
    _age("queued_for", "queued for", spare=3),
    _age("ran_for", "ran for", spare=4),
    Field(Column("failure", width=90), "failure_reason", _failure_cell),
    _time("created", "created at (UTC)", spare=2),
    plain("category", width=24, spare=1),
)
_SCHEDULE_FIELDS = (
    _flag("is_active", "active"),
    _id("id"),
    plain("name", width=40),
    plain("run_mode", "runs"),
    _flag("is_public", "public"),
    _time("start", "starts (UTC)", spare=2),
    _time("stop", "stops (UTC)", spare=3),
    plain("description", width=50, spare=1),
)
_RECEIPT_FIELDS = (
    Field(Column("outcome", whole=True), "outcome", lambda row, _now: outcome_cell(_word(row["outcome"]))),
    _id("id"),
    plain("name", width=32),
    plain("reason", width=60),
    _id("new_id", "new job"),
    plain("status_before", "before", spare=1),
    _STATUS,
    Field(
        Column("seen after", whole=True, spare=3),
        "verified",
        lambda row, _now: verified_cell(_word(row["verified"])),
    ),
    _time("at", spare=2),
)


def _count(name: str) -> Field:
    return Field(Column(name.replace("_", " "), right=True), name, lambda row, _now: count_cell(row[name]))


_RECEIPTS_FIELDS = (  # what needs attention first, since a notebook has no room for all; the op says the kind
    _id("op"),
    Field(Column("state", whole=True), "state", lambda row, _now: state_cell(_word(row["state"]))),
    _count("total"),
    *(_count(outcome) for outcome in OUTCOMES),
    _time("begun", "begun (UTC)", spare=2),
    plain("why", "reason", width=40, spare=1),
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
_RECEIPT_COLUMNS = ("id", "name", "outcome", "reason", "message", "new_id", "status_before", "status", "verified", "at")
RECEIPTS_COLUMNS = ("op", "kind", "why", "begun", "total", *OUTCOMES, "state")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of frame: what its rows are called, the columns shown, and those that it has."""

    word: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]


KINDS = {
    "jobs": Kind("job", _JOB_FIELDS, _JOB_COLUMNS),
    "tasks": Kind("task", _TASK_FIELDS, _TASK_COLUMNS),
    "scheduled_jobs": Kind("scheduled job", _SCHEDULE_FIELDS, _SCHEDULE_COLUMNS),
    "receipt": Kind("job", _RECEIPT_FIELDS, _RECEIPT_COLUMNS),
    "receipts": Kind("receipt", _RECEIPTS_FIELDS, RECEIPTS_COLUMNS),
}
