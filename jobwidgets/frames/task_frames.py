"""Frames of tasks, also of those that a list of jobs has brought."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from jobwidgets.errors import ServiceError
from jobwidgets.frames.column_builders import GROWING
from jobwidgets.frames.job_ids import ids_of
from jobwidgets.frames.memory import release_memory
from jobwidgets.frames.record_batch import Rows
from jobwidgets.frames.records import timed_tasks
from jobwidgets.frames.schema import TASK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.frames.column_builders import Order
    from jobwidgets.frames.record_batch import Batch
    from jobwidgets.frames.records import JobRow

    Sizes = np.ndarray[Any, np.dtype[np.int64]]

COPIED_ON_WRITE = int(pd.__version__.partition(".")[0]) >= 3  # noqa: PLR2004  a version
"""Whether frames may share what they hold: whoever changes one of them gets a copy."""


class TaskTable:
    """Collects tasks page by page into columns, and makes a frame of them."""

    def __init__(self) -> None:
        self._columns = {name: GROWING[kind]() for name, kind in TASK_COLUMNS.items() if kind != "age"}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, batch: Batch) -> None:
        """Take the tasks of some jobs."""
        parts = {name: column.part(batch.task(name)) for name, column in self._columns.items()}
        # only now, since any of these can turn out not to be what it should: a page is taken whole or not at all
        for name, part in parts.items():
            self._columns[name].put(part)
        self._rows += int(batch.sizes.sum())

    def frame(self, order: Order, as_of: datetime) -> pd.DataFrame:
        """Make the frame of the tasks in this order; the table is empty afterwards."""
        release_memory(len(self))
        return timed_tasks({name: self._columns.pop(name).column(order) for name in list(self._columns)}, as_of)


def task_frame(batch: Batch, attrs: Mapping[str, Any], as_of: datetime) -> pd.DataFrame:
    """Make the frame of the tasks of some jobs: one row a task, in the order of the jobs and of the tasks in them."""
    table = TaskTable()
    table.add(batch)
    frame = table.frame(None, as_of)
    frame.attrs.update(attrs)
    return frame


class PrefetchedTasks(dict[str, int]):
    """The tasks that a list of jobs brought with it, kept until somebody asks for them.

    It lies in `df.attrs["tasks"]` of the list's frame, and goes when the last frame goes that was made from that one.
    To whoever looks it is the number of its jobs; copied with a frame it stays the same one, and in a file or in
    another process nothing but that number is left of it.
    """

    def __init__(self) -> None:
        super().__init__(jobs=0)
        self._table: TaskTable | None = TaskTable()
        self._frame: pd.DataFrame | None = None
        self._ids: Any = None
        self._sizes: list[Sizes] = []
        self._late: list[tuple[str, int, int]] = []
        self._begins = self._counts = np.array([], "i8")
        """Where the tasks of each job begin, and how many it has; below nothing where they were not brought."""

    def add(self, batch: Batch) -> None:
        """Keep the tasks of the next jobs of a list, but for those of which not all have come."""
        self._sizes.append(np.where(batch.known, batch.sizes, -1))
        self._take(batch if batch.known.all() else batch.part(np.flatnonzero(batch.known).tolist()))

    def complete(self, row: JobRow) -> None:
        """Keep the tasks of a job of which not all had come."""
        batch, begin = Rows([row], None), len(self._table or ())
        if batch.known.all():
            self._take(batch)
            self._late.append((row.id, begin, int(batch.sizes[0])))

    def _take(self, batch: Batch) -> None:
        if self._table is None:
            return
        try:
            self._table.add(batch)
        except ServiceError:
            self._table = None  # the list is good all the same; whoever wants its tasks reads them, and hears why not

    def settle(self, ids: Any, order: Order) -> None:
        """Take in that the list has come to its end: the column of its ids, and in which order it has put its jobs."""
        counts = np.concatenate([*self._sizes, np.array([], "i8")])
        there = np.maximum(counts, 0)
        begins = np.cumsum(there) - there
        self["jobs"], self._ids, self._sizes = len(ids), ids.copy(), []
        self._begins, self._counts = (begins, counts) if order is None else (begins[order], counts[order])
        if self._late:
            place = {job_id: at for at, job_id in enumerate(ids.tolist())}
            for job_id, begin, count in self._late:
                self._begins[place[job_id]], self._counts[place[job_id]] = begin, count

    def has_just(self, ids: Any) -> bool:
        """Whether these are the ids of its jobs, as they stand in the list."""
        return self._ids is not None and bool(ids.equals(self._ids))

    def frame(self, ids: list[str] | None, as_of: datetime) -> pd.DataFrame | None:
        """Make the frame of the tasks of these jobs, or of all; None if those of one were not brought."""
        if self._table is None:
            return None
        places: Any = slice(None)
        if ids is not None:
            place = {job_id: at for at, job_id in enumerate(self._ids.tolist())}
            places = np.array([place.get(job_id, -1) for job_id in ids], np.intp)
            if (places < 0).any():
                return None
        counts = self._counts[places]
        if (counts < 0).any():
            return None
        if self._frame is None:
            there = np.maximum(self._counts, 0)
            self._frame = self._table.frame(_rows(self._begins, there), as_of)
            self._begins = np.cumsum(there) - there
        if ids is None:
            return self._frame.copy(deep=not COPIED_ON_WRITE)
        return self._frame.take(_rows(self._begins[places], counts)).reset_index(drop=True)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type, tuple[dict[str, int]]]:
        return dict, (dict(self),)


def _rows(begins: Sizes, counts: Sizes) -> Any:
    """Say in which rows stand the tasks of jobs that begin in these rows and are so many."""
    return np.repeat(begins - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def prefetched_tasks_of(jobs: object, service: str) -> pd.DataFrame | None:
    """Give the tasks that came with a frame of jobs; None where they did not, or not those of all of these."""
    if not isinstance(jobs, pd.DataFrame) or "job_id" in jobs.columns or "id" not in jobs.columns:
        return None
    kept = jobs.attrs.get("tasks")
    if not isinstance(kept, PrefetchedTasks) or jobs.attrs.get("service") != service:
        return None
    ids = None if kept.has_just(jobs["id"].array) else ids_of(jobs)
    frame = kept.frame(ids, datetime.fromisoformat(jobs.attrs["as_of"]))
    if frame is not None:
        about = {name: jobs.attrs[name] for name in ("service", "as_of", "truncated")}
        frame.attrs.update(kind="tasks", query={"jobs": len(jobs) if ids is None else len(ids)}, missing=[], **about)
    return frame
