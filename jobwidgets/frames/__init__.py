"""Typed frames of jobs, tasks and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.frames.column_builders import TimeBuilder
from jobwidgets.frames.job_frame_builder import JobTableBuilder
from jobwidgets.frames.job_ids import applications_of, compute_if_lazy, created_of, ids_of, is_lazy_frame, statuses_of
from jobwidgets.frames.record_batch import Batch, Rows
from jobwidgets.frames.records import (
    JobPage,
    JobRow,
    JobSummary,
    SummaryPage,
    TaskPage,
    TaskRow,
    decode_json,
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
from jobwidgets.frames.task_frames import PrefetchedTasks, prefetched_tasks_of, task_frame

if TYPE_CHECKING:
    from jobwidgets.frames.arrow_decoder import read_page

__all__ = [
    "JOB_COLUMNS",
    "SCHEDULE_COLUMNS",
    "TASK_COLUMNS",
    "TIME",
    "Batch",
    "JobPage",
    "JobRow",
    "JobSummary",
    "JobTableBuilder",
    "PrefetchedTasks",
    "Rows",
    "SummaryPage",
    "TaskPage",
    "TaskRow",
    "TimeBuilder",
    "applications_of",
    "array_of",
    "compute_if_lazy",
    "created_of",
    "decode_json",
    "frame_of",
    "has_arrow",
    "ids_of",
    "is_lazy_frame",
    "job_frame",
    "prefetched_tasks_of",
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
