"""The jobs of one page, column by column, however they were read."""

from __future__ import annotations

from itertools import chain, compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobwidgets.frames.records import JobSummary, TaskRow, TaskSummary

JOB_FIELDS = {
    "name": "name",
    "created": "created_date_time",
    "modified": "modified_date_time",
    "target_id": "target_id",
    "cluster_id": "cluster_id",
    "application_id": "application_id",
    "scheduled_job_id": "scheduled_job_id",
}
"""The columns that are taken from a job as they are, each with its attribute."""
TASK_FIELDS = {
    "id": "id",
    "name": "name",
    "status": "status",
    "order": "order",
    "created": "created_date_time",
    "queued": "queued_date_time",
    "started": "started_date_time",
    "completed": "completed_date_time",
    "failure_reason": "failure_reason",
    "failure_message": "failure_message",
}
"""The same of a task."""


class DictionaryColumn(NamedTuple):
    """Words that come again and again: the number of each, and the word of each number."""

    codes: Any
    words: Sequence[str | None]


class Batch:
    """The jobs of one page, and the tasks that came with them.

    A column is a sequence of the service's own values, or something that takes the same place in a column that grows:
    Arrow's texts, `datetime64[us]` in UTC, `int32`, `DictionaryColumn`.

    Attributes
    ----------
    came : int
        How many records the page had, with those that were null.
    ids : sequence of str
        The jobs.
    sizes : ndarray of int
        How many tasks came with each.
    known : ndarray of bool
        Whether these are all of them.
    short : sequence of str
        The jobs of which the page had no room for more tasks.
    """

    came: int
    ids: Sequence[str]
    sizes: np.ndarray[Any, np.dtype[np.intp]]
    known: np.ndarray[Any, np.dtype[np.bool_]]
    short: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def statuses(self) -> Sequence[str | None]:
        """What each job reads."""
        raise NotImplementedError

    @property
    def created(self) -> Sequence[str | None]:
        """When each was created, as the service wrote it."""
        raise NotImplementedError

    def job(self, column: str) -> Any:
        """Give a column of the jobs: `id`, or one of `JOB_FIELDS`."""
        raise NotImplementedError

    def task(self, column: str) -> Any:
        """Give a column of the tasks: one of the frame of tasks that is no age, or `runs_on`, the name of an engine.

        Where an engine has none it is its id.
        """
        raise NotImplementedError

    def part(self, at: Sequence[int]) -> Self:
        """Give the jobs in these places, with their tasks."""
        raise NotImplementedError


class Rows(Batch):
    """Jobs of which each is an object, and each of its tasks.

    Parameters
    ----------
    records : sequence of JobSummary or None
        The jobs; null where one could not be read.
    limit : int or None
        How many tasks a page of them could hold; None: all have come.
    """

    def __init__(self, records: Sequence[JobSummary | None], limit: int | None) -> None:
        self.came = len(records)
        self.rows = [row for row in records if row is not None]
        self.limit = limit
        self.ids = [row.id for row in self.rows]
        pages = [row.tasks.records if row.tasks is not None else None for row in self.rows]
        known = [page is not None and None not in page and (limit is None or len(page) < limit) for page in pages]
        self.known = np.array(known, "?")
        full = [limit is not None and len(page or ()) >= limit for page in pages]
        self.short = list(compress(self.ids, full))
        tasks = [[task for task in page or () if task is not None] for page in pages]
        self.sizes = np.fromiter(map(len, tasks), np.intp, len(tasks))
        self._tasks = list(chain.from_iterable(tasks))

    @property
    def statuses(self) -> Sequence[str | None]:
        """See `Batch`."""
        return [row.status for row in self.rows]

    @property
    def created(self) -> Sequence[str | None]:
        """See `Batch`."""
        return [row.created_date_time for row in self.rows]

    def job(self, column: str) -> Any:
        """See `Batch`."""
        return self.ids if column == "id" else list(map(attrgetter(JOB_FIELDS[column]), self.rows))

    def task(self, column: str) -> Any:
        """See `Batch`."""
        if column == "job_id":
            return list(chain.from_iterable([i] * size for i, size in zip(self.ids, self.sizes.tolist(), strict=True)))
        return list(map(_TASK[column], cast("list[TaskRow]", self._tasks)))

    def part(self, at: Sequence[int]) -> Self:
        """See `Batch`."""
        return type(self)([self.rows[place] for place in at], self.limit)


def _runs_on(task: TaskSummary) -> str | None:
    name = task.engine.name if task.engine is not None else None
    return task.engine_id if name is None else name


_TASK: dict[str, Callable[[TaskRow], Any]] = {
    **{column: attrgetter(field) for column, field in TASK_FIELDS.items()},
    "runs_on": _runs_on,
    "engine": lambda task: task.engine.name if task.engine else None,
    "engine_id": lambda task: task.engine_id or None,
    "category": lambda task: task.engine.category.name if task.engine and task.engine.category else None,
}
