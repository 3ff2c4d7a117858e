"""Frames of tasks, also of those that a list of jobs has brought."""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
import pandas as pd

from jobwidgets._errors import ServiceError
from jobwidgets._pause import collector_paused
from jobwidgets.frames._columns import TASK_COLUMNS
from jobwidgets.frames._growing import GROWING
from jobwidgets.frames._rows import TaskPage, TaskRow, decoded, timed_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT = 192 * 2**20
"""Bytes of pages that are kept as they came; those of a longer list are turned into columns, which are smaller."""

COPIED_ON_WRITE = int(pd.__version__.partition(".")[0]) >= 3  # noqa: PLR2004  a version
"""Whether frames may share what they hold: whoever changes one of them gets a copy."""


class TaskTable:
    """Collects tasks job by job into columns, and makes a frame of them."""

    def __init__(self) -> None:
        self._columns = {name: GROWING[kind]() for name, kind in TASK_COLUMNS.items() if kind != "age"}
        self.sizes: dict[str, int] = {}
        """How many tasks each job has, in the order of the jobs."""

    def add(self, jobs: Sequence[tuple[str, Sequence[TaskRow]]]) -> None:
        """Take the tasks of some jobs."""
        self.sizes.update((job_id, len(tasks)) for job_id, tasks in jobs)
        rows = [task for _, tasks in jobs for task in tasks]
        engines = [task.engine for task in rows]
        add = {name: column.add for name, column in self._columns.items()}
        add["job_id"](list(chain.from_iterable([job_id] * len(tasks) for job_id, tasks in jobs)))
        add["id"]([task.id for task in rows])
        add["name"]([task.name for task in rows])
        add["status"]([task.status or "unknown" for task in rows])
        add["engine"]([engine.name if engine else None for engine in engines])
        add["engine_id"]([task.engine_id or (task.engine.id if task.engine else None) for task in rows])
        add["category"]([engine.category.name if engine and engine.category else None for engine in engines])
        add["order"]([task.order for task in rows])
        add["created"]([task.created_date_time for task in rows])
        add["queued"]([task.queued_date_time for task in rows])
        add["started"]([task.started_date_time for task in rows])
        add["completed"]([task.completed_date_time for task in rows])
        add["failure_reason"]([task.failure_reason for task in rows])
        add["failure_message"]([task.failure_message for task in rows])

    def frame(self, ids: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """Make the frame of the tasks of all jobs, these in this order; the table is empty afterwards."""
        order = None if list(self.sizes) == ids else order_of(ids, self.sizes)
        return timed_tasks({name: self._columns.pop(name).column(order) for name in list(self._columns)}, as_of)


def order_of(ids: Sequence[str], sizes: Mapping[str, int]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Say where the tasks of these jobs stand, among the tasks of all jobs in the order of `sizes`."""
    begin = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
    begins = np.array([begin[job_id] for job_id in ids], np.intp)
    counts = np.array([sizes[job_id] for job_id in ids], np.intp)
    ends = np.cumsum(counts)
    return np.repeat(begins - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0)


def task_frame(
    jobs: Sequence[tuple[str, Sequence[TaskRow]]], attrs: Mapping[str, Any], as_of: datetime
) -> pd.DataFrame:
    """Make the frame of tasks: one row a task, in the order of the jobs and of the tasks in them."""
    table = TaskTable()
    table.add(jobs)
    frame = table.frame(list(table.sizes), as_of)
    frame.attrs.update(attrs)
    return frame


class JobTasks(msgspec.Struct, gc=False):
    """One job of a list, nothing of it but its tasks."""

    id: str
    tasks: TaskPage | None = None


class _Page(msgspec.Struct, gc=False):
    records: list[JobTasks | None] | None = None


class _Answer(msgspec.Struct, gc=False):
    data: dict[str, _Page]


class Brought(dict[str, int]):
    """The tasks that a list of jobs brought with it, kept until somebody asks for them.

    It lies in `df.attrs["tasks"]` of the list's frame, and goes when the last frame goes that was made from that one.
    To whoever looks it is the number of its jobs; copied with a frame it stays the same one, and in a file or in
    another process nothing but that number is left of it.
    """

    def __init__(self) -> None:
        super().__init__(jobs=0)
        self._raw: list[tuple[bytes, int | None]] = []
        self._bytes = 0
        self._broken = False
        self._table = TaskTable()
        self._frame: pd.DataFrame | None = None

    def add(self, page: bytes, limit: int | None) -> None:
        """Keep a page as it came, with up to `limit` tasks of each job; of a long list turn it into columns."""
        self._bytes += len(page)
        self._raw.append((page, limit))
        if self._bytes > KEPT:
            self._read_all()

    def put(self, job_id: str, tasks: Sequence[TaskRow]) -> None:
        """Keep all tasks of a job of which the list had only some."""
        self._take([(job_id, tasks)])

    def frame(self, ids: list[str], as_of: datetime) -> pd.DataFrame | None:
        """Make the frame of the tasks of these jobs, in this order; None if those of one were not brought."""
        self._read_all()
        if self._broken:
            return None
        sizes = self._table.sizes
        if any(job_id not in sizes for job_id in ids):
            return None
        if self._frame is None:
            if len(ids) == len(sizes):
                self._frame = self._table.frame(ids, as_of)
                self._table.sizes = {job_id: sizes[job_id] for job_id in ids}
            else:
                self._frame = self._table.frame(list(sizes), as_of)
        if list(self._table.sizes) == ids:
            return self._frame.copy(deep=not COPIED_ON_WRITE)
        return self._frame.take(order_of(ids, self._table.sizes)).reset_index(drop=True)

    def _read_all(self) -> None:
        with collector_paused():
            while self._raw:
                self._read(*self._raw.pop(0))

    def _read(self, page: bytes, limit: int | None) -> None:
        if self._broken:
            return
        try:
            answer: _Answer = decoded(_Answer, page, "jobs")
            jobs = [job for part in answer.data.values() for job in part.records or () if job is not None]
            self._take([(job.id, job.tasks.rows()) for job in jobs if job.tasks is not None and job.tasks.whole(limit)])
        except ServiceError:
            self._broken = True  # the list is good all the same; whoever wants its tasks reads them, and hears why not

    def _take(self, jobs: Sequence[tuple[str, Sequence[TaskRow]]]) -> None:
        fresh = {job_id: tasks for job_id, tasks in jobs if job_id not in self._table.sizes}
        self._table.add(list(fresh.items()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type, tuple[dict[str, int]]]:
        return dict, (dict(self),)


def brought_with(jobs: object, ids: list[str]) -> pd.DataFrame | None:
    """Give the tasks that came with a frame of jobs; None where they did not, or not those of all of these."""
    kept = jobs.attrs.get("tasks") if isinstance(jobs, pd.DataFrame) and "job_id" not in jobs.columns else None
    if not isinstance(kept, Brought) or not isinstance(jobs, pd.DataFrame):
        return None
    frame = kept.frame(ids, datetime.fromisoformat(jobs.attrs["as_of"]))
    if frame is not None:
        about = {name: jobs.attrs[name] for name in ("service", "as_of", "truncated")}
        frame.attrs.update(kind="tasks", query={"jobs": len(ids)}, missing=[], **about)
    return frame
