"""One job with all that can be read of it, the answer as it came included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets.frames import JobRow, TaskPage, TaskRow, decode_json
from jobwidgets.listing.pages import fetch_job_with_all_tasks
from jobwidgets.listing.schedules import ScheduleRow  # noqa: TC001  msgspec reads the annotation
from jobwidgets.models import TaskDetail
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.transport import ServiceConnection


class DetailTask(TaskRow, rename="camel"):
    """One task with what it was given and gave."""

    payload: Any = None
    output: Any = None
    parent_task_id: str | None = None
    child_task_ids: list[str] | None = None


class DetailPage(TaskPage):
    """One page of such tasks."""

    records: list[DetailTask | None] | None = None  # type: ignore[assignment]  # msgspec reads it as declared


class DetailRow(JobRow, rename="camel"):
    """One job with what a list leaves out."""

    tasks: DetailPage | None = None
    description: str | None = None
    created_by: str | None = None
    job_config: Any = None
    scheduled_job: ScheduleRow | None = None


async def read_detail(connection: ServiceConnection, job_id: str) -> tuple[DetailRow, tuple[str, ...]] | None:
    """Read one job and all its tasks, and keep the answers as they came; None when it is there no more."""
    raw: list[str] = []

    async def read(variables: Mapping[str, Any]) -> DetailRow | None:
        came: msgspec.Raw = await connection.query_one("job", documents.JOB_DETAIL, variables, msgspec.Raw)
        row: DetailRow | None = decode_json(DetailRow | None, came, "job")
        raw.append(bytes(came).decode("utf-8", "replace"))
        return row

    row = await fetch_job_with_all_tasks(connection, job_id, read)
    return None if row is None else (row, tuple(raw))


def task_details(row: DetailRow) -> dict[str, TaskDetail]:
    """Give the details of each task by its id."""
    tasks = row.tasks.records if row.tasks is not None else None
    return {
        task.id: TaskDetail(task.payload, task.output, task.parent_task_id, tuple(task.child_task_ids or ()))
        for task in tasks or ()
        if task is not None
    }
