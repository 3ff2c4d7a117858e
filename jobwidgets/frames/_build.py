"""Rows of jobs, page by page, into the columns of a frame."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobwidgets._model import TERMINAL, cancel_verdict, retry_verdict
from jobwidgets.frames._columns import JOB_COLUMNS, array_of
from jobwidgets.frames._rows import collector_paused, job_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.frames._rows import JobRow

_FIELDS = {
    "name": "name",
    "created": "created_date_time",
    "modified": "modified_date_time",
    "target_id": "target_id",
    "cluster_id": "cluster_id",
    "application_id": "application_id",
    "scheduled_job_id": "scheduled_job_id",
}
"""The columns that are taken from a row as they are."""


class _Facts(NamedTuple):
    """What follows from the statuses of a job and its tasks: a few kinds of it, in a list of any length."""

    status: str
    tasks: int | None
    tasks_done: int | None
    tasks_failed: int | None
    can_cancel: bool | None
    can_retry: bool | None
    why_not: str | None


_OfTasks = tuple[str | None, str | None, int, int]
"""When a job began and ended, and the numbers of its facts and of its set of engines."""
_KINDS = {
    "status": "status", "tasks": "count", "tasks_done": "count", "tasks_failed": "count",
    "can_cancel": "flag", "can_retry": "flag", "why_not": "reason",
}  # fmt: skip


class JobTableBuilder:
    """Collects rows page by page into columns, each id once, and makes the frame at the end."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._columns: dict[str, list[str | None]] = {name: [] for name in _FIELDS}
        self._of_tasks: list[_OfTasks] = []
        self._kinds: dict[tuple[Any, ...], int] = {}
        self._known: list[_Facts] = []
        self._sets: dict[tuple[str | None, ...], int] = {}
        self.counts: Counter[str] = Counter()
        """How many jobs of each status came so far."""
        self.unread = 0
        """Records of the list that came as null."""
        self.short: list[str] = []
        """Jobs of which only the first page of tasks came with the list."""

    def __len__(self) -> int:
        return len(self._place)

    def add(self, rows: Sequence[JobRow], task_limit: int | None) -> int:
        """Take the rows whose id is new, and say how many these were."""
        place = self._place
        with collector_paused():
            fresh = []
            for row in rows:
                if row.id not in place:
                    place[row.id] = len(place)
                    fresh.append(row)
            for name, field in _FIELDS.items():
                self._columns[name] += map(attrgetter(field), fresh)
            for row in fresh:
                told = self._told(row, task_limit)
                self._of_tasks.append(told)
        return len(fresh)

    def complete(self, row: JobRow) -> None:
        """Put all tasks of a job in, of which the list had only the first page."""
        place = self._place[row.id]
        self.counts[self._known[self._of_tasks[place][2]].status] -= 1
        self._of_tasks[place] = self._told(row, None)

    def _told(self, row: JobRow, limit: int | None) -> _OfTasks:
        """Say what the tasks of a job tell: when it began and ended, what follows from their statuses, its engines."""
        records = row.tasks.records if row.tasks is not None else None
        tasks = [task for task in records if task is not None] if records else []
        known = records is not None and len(tasks) == len(records)
        if limit is not None and records is not None and len(records) >= limit:
            known = False
            self.short.append(row.id)
        key = (row.status, known, *[task.status for task in tasks])
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = len(self._known)
            statuses = [task.status or "unknown" for task in tasks]
            self._known.append(_facts_of(row.status or "unknown", statuses, known=known))
        status = self._known[kind].status
        self.counts[status] += 1
        names = tuple([task.engine.name if task.engine else task.engine_id for task in tasks])
        if None in names:
            names = tuple([(task.engine and task.engine.name) or task.engine_id for task in tasks])
        started = [task.started_date_time for task in tasks if task.started_date_time]
        ended = [task.completed_date_time for task in tasks if task.completed_date_time] if status in TERMINAL else []
        return (
            min(started) if started else None,
            max(ended) if ended else None,
            kind,
            self._sets.setdefault(names, len(self._sets)),
        )

    def frame(self, attrs: Mapping[str, Any], as_of: datetime, *, newest_first: bool = True) -> pd.DataFrame:
        """Make the frame, newest first or in the order of coming."""
        started, completed, kinds, named = zip(*self._of_tasks, strict=True) if self._of_tasks else ((),) * 4
        facts, engines = np.array(kinds, dtype=np.intp), np.array(named, dtype=np.intp)
        sets = [", ".join(dict.fromkeys(filter(None, names))) for names in self._sets]
        columns = {
            "id": array_of("string", list(self._place)),
            **{name: array_of(JOB_COLUMNS[name], self._columns[name]) for name in _FIELDS},
            "started": array_of("time", started),
            "completed": array_of("time", completed),
            "engines": array_of("string", sets).take(engines),
            **{
                name: array_of(kind, [getattr(known, name) for known in self._known]).take(facts)
                for name, kind in _KINDS.items()
            },
        }
        frame = job_frame(columns, as_of)
        if newest_first:
            frame = _newest_first(frame)
        frame.attrs.update(attrs)
        return frame


def _facts_of(status: str, statuses: Sequence[str], *, known: bool) -> _Facts:
    verdict = cancel_verdict(status, list(statuses), tasks_known=known)
    return _Facts(
        status=status,
        tasks=len(statuses) if known else None,
        tasks_done=statuses.count("complete") if known else None,
        tasks_failed=statuses.count("failed") if known else None,
        can_cancel=verdict.ok,
        can_retry=retry_verdict(status).ok,
        why_not=str(verdict.reason) if verdict.reason else None,
    )


def _newest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Order by creation, the newest first; jobs of one instant, which come in any order, by id, so that they stay."""
    moments = frame["created"].to_numpy(dtype="datetime64[us]").view("i8")
    if bool((moments[1:] < moments[:-1]).all()):  # as it nearly always comes; a missing time is less than any
        return frame
    return frame.sort_values(["created", "id"], ascending=[False, True], ignore_index=True)
