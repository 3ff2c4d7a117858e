"""Typed frames of jobs, tasks and schedules."""

from __future__ import annotations

from jobwidgets.frames.job_frame_builder import JobTableBuilder
from jobwidgets.frames.job_ids import ids_of
from jobwidgets.frames.schema import JOB_COLUMNS, SCHEDULE_COLUMNS, TASK_COLUMNS

__all__ = ["JOB_COLUMNS", "SCHEDULE_COLUMNS", "TASK_COLUMNS", "JobTableBuilder", "ids_of"]
