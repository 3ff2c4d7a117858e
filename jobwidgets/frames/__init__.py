"""Typed frames of jobs, tasks and schedules, and the accessor `df.jobs`."""

from __future__ import annotations

from jobwidgets.frames._accessor import JobsAccessor
from jobwidgets.frames._build import JobTableBuilder
from jobwidgets.frames._columns import JOB_COLUMNS, SCHEDULE_COLUMNS, TASK_COLUMNS
from jobwidgets.frames._ids import ids_of

__all__ = ["JOB_COLUMNS", "SCHEDULE_COLUMNS", "TASK_COLUMNS", "JobTableBuilder", "JobsAccessor", "ids_of"]
