"""One job with its tasks as a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.rendering.formatters import (
    NOTHING,
    age_cell,
    cancel_cell,
    id_cell,
    plural,
    reason_text,
    text_cell,
    time_cell,
)
from jobwidgets.rendering.view_model import Cell, Column, Table, View, status_cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobwidgets.rendering.protocols import ShownJob, ShownTask

_TASK_COLUMNS = (
    Column("#", right=True),
    Column("status", whole=True),
    Column("engine", width=40),
    Column("task", width=60, whole=True),
    Column("queued for", right=True),
    Column("ran for", right=True),
    Column("failure", width=120),
)


def job_view(job: ShownJob) -> View:
    """Build the view of one job."""
    cancel, retry = job.can_cancel, job.can_retry
    pairs = [
        ("id", id_cell(job.id)),
        ("created (UTC)", time_cell(job.created, job.as_of)),
        ("modified (UTC)", time_cell(job.modified, job.as_of)),
        ("target", id_cell(job.target_id)),
        ("cluster", id_cell(job.cluster_id)),
        ("application", id_cell(job.application_id)),
        ("launched by the schedule", id_cell(job.scheduled_job_id)),
        ("can be cancelled", cancel_cell(cancel.ok, cancel.reason)),
        ("can be retried", Cell("yes", tone="good", glyph="✓") if retry else Cell(f"no: {reason_text(retry.reason)}")),
    ]
    rows = tuple(_row(task, number, job.as_of) for number, task in enumerate(_in_order(job.tasks), 1))
    tables = (Table(_TASK_COLUMNS, rows),) if rows else ()
    known = plural(len(job.tasks), "task") if job.tasks_known else f"{plural(len(job.tasks), 'task')} read so far"
    return View(
        f"Job {job.name or job.id}",
        chips=(status_cell(job.status), Cell(known)),
        pairs=tuple((name, cell) for name, cell in pairs if cell != NOTHING),
        tables=tables,
    )


def _in_order(tasks: Sequence[ShownTask]) -> list[ShownTask]:
    return sorted(tasks, key=lambda task: (task.order is None, task.order or 0))


def _row(task: ShownTask, number: int, now: datetime | None) -> tuple[Cell, ...]:
    waited_from = task.queued or task.created
    started_or_now = task.started or (now if task.completed is None else task.completed)
    waited = started_or_now - waited_from if waited_from and started_or_now else None
    ended_or_now = task.completed or now
    ran = ended_or_now - task.started if task.started and ended_or_now else None
    failed = task.failure_reason or task.failure_message
    return (
        Cell(str(task.order if task.order is not None else number)),
        status_cell(task.status),
        text_cell(task.engine or task.engine_id),
        id_cell(task.id),
        age_cell(waited),
        age_cell(ran),
        Cell(task.failure_reason or "", note=task.failure_message or "") if failed else NOTHING,
    )
