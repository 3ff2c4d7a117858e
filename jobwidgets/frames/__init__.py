"""Typed frames of jobs, tasks and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.frames.column_builders import Times
from jobwidgets.frames.job_frame_builder import JobTableBuilder
from jobwidgets.frames.job_ids import applications_of, brought, created_of, elsewhere, ids_of, statuses_of
from jobwidgets.frames.record_batch import Batch, Rows
from jobwidgets.frames.records import (
    GistPage,
    JobGist,
    JobPage,
    JobRow,
    TaskPage,
    TaskRow,
    decoded,
    job_frame,
    timed_tasks,
)
from jobwidgets.frames.schema import (
    JOB_COLUMNS,
    SCHEDULE_COLUMNS,
    TASK_COLUMNS,
    TIME,
    array_of,
    frame_of,
    has_arrow,
    status_dtype,
)
from jobwidgets.frames.task_frames import Brought, brought_with, task_frame

if TYPE_CHECKING:
    from jobwidgets.frames.arrow_decoder import read_page

__all__ = [
    "JOB_COLUMNS",
    "SCHEDULE_COLUMNS",
    "TASK_COLUMNS",
    "TIME",
    "Batch",
    "Brought",
    "GistPage",
    "JobGist",
    "JobPage",
    "JobRow",
    "JobTableBuilder",
    "Rows",
    "TaskPage",
    "TaskRow",
    "Times",
    "applications_of",
    "array_of",
    "brought",
    "brought_with",
    "created_of",
    "decoded",
    "elsewhere",
    "frame_of",
    "has_arrow",
    "ids_of",
    "job_frame",
    "read_page",
    "status_dtype",
    "statuses_of",
    "task_frame",
    "timed_tasks",
]


def __getattr__(name: str) -> object:
    """Import the Arrow decoder when it is asked for: pyarrow is an extra."""
    if name == "read_page":
        from jobwidgets.frames.arrow_decoder import read_page  # noqa: PLC0415  as said

        return read_page
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
