"""Rows of jobs, page by page, into the columns of a frame."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from jobwidgets._model import TERMINAL, cancel_verdict, retry_verdict
from jobwidgets._pause import collector_paused
from jobwidgets.frames._columns import JOB_COLUMNS, array_of, moments_of, time_column
from jobwidgets.frames._growing import GROWING, Codes, Texts, joined
from jobwidgets.frames._rows import job_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.frames._rows import JobGist, TaskGist

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


class _Told(NamedTuple):
    """What the tasks of some jobs tell: when each began and ended, and the numbers of its facts and of its engines."""

    started: Any
    completed: Any
    kinds: Any
    sets: Any


CODE = 4
"""Bytes of the number that stands for a word."""
_KINDS = {
    "status": "status", "tasks": "count", "tasks_done": "count", "tasks_failed": "count",
    "can_cancel": "flag", "can_retry": "flag", "why_not": "reason",
}  # fmt: skip


class JobTableBuilder:
    """Collects rows page by page into columns, each id once, and makes the frame at the end."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._id = Texts()
        self._columns = {name: GROWING[JOB_COLUMNS[name]]() for name in _FIELDS}
        self._told: list[_Told] = []
        self._kinds: dict[tuple[Any, ...], int] = {}
        self._known: list[_Facts] = []
        self._sets = Codes()
        self._words, self._names = Codes(), Codes()
        self._whole: dict[str, JobGist] = {}
        self.counts: Counter[str] = Counter()
        """How many jobs of each status came so far."""
        self.unread = 0
        """Records of the list that came as null."""
        self.short: list[str] = []
        """Jobs of which only the first page of tasks came with the list."""

    def __len__(self) -> int:
        return len(self._place)

    def add(self, rows: Sequence[JobGist], task_limit: int | None) -> int:
        """Take the rows whose id is new, and say how many these were."""
        with collector_paused():
            fresh, ids = self._fresh(rows)
            parts = {
                name: self._columns[name].part(list(map(attrgetter(field), fresh))) for name, field in _FIELDS.items()
            }
            told = self._of_tasks(fresh, task_limit)
            # only now, since any of these can turn out not to be what it should: a page is taken whole or not at all
            self._place.update(zip(ids, range(len(self._place), len(self._place) + len(ids)), strict=True))
            self._id.add(ids)
            for name, part in parts.items():
                self._columns[name].put(part)
            self._told.append(told)
            for kind, jobs in enumerate(np.bincount(told.kinds).tolist()):
                self.counts[self._known[kind].status] += jobs
        return len(fresh)

    def _fresh(self, rows: Sequence[JobGist]) -> tuple[Sequence[JobGist], list[str]]:
        """Give the rows whose ids are new, and these ids."""
        place = self._place
        ids = [row.id for row in rows]
        new = set(ids)
        if len(new) < len(ids) or not place.keys().isdisjoint(new):  # seldom: where two windows meet
            first = {row.id: row for row in reversed(rows) if row.id not in place}
            rows = list(reversed(first.values()))
            ids = list(reversed(first))
        return rows, ids

    def complete(self, row: JobGist) -> None:
        """Put all tasks of a job in, of which the list had only the first page."""
        self._whole[row.id] = row

    def _of_tasks(self, rows: Sequence[JobGist], limit: int | None) -> _Told:
        """Say what the tasks of jobs tell: when each began and ended, what follows from their statuses, its engines."""
        pages = [row.tasks.records if row.tasks is not None else None for row in rows]
        tasks = [task for page in pages if page for task in page]
        known = [page is not None for page in pages]
        if limit is not None and any(page and len(page) >= limit for page in pages):
            known = [page is not None and len(page) < limit for page in pages]
            self.short += [row.id for row, page, all_ in zip(rows, pages, known, strict=True) if page and not all_]
        if None in tasks:
            known = [all_ and None not in (page or ()) for page, all_ in zip(pages, known, strict=True)]
            pages = [page and [task for task in page if task is not None] for page in pages]
            tasks = [task for task in tasks if task is not None]
        whole = cast("list[TaskGist]", tasks)
        sizes = np.fromiter([len(page) if page else 0 for page in pages], np.intp, len(pages))
        ends = (np.cumsum(sizes) * CODE).tolist()
        words = self._words.of([task.status for task in whole]).tobytes()
        engines = [task.engine.name if task.engine is not None else None for task in whole]
        if None in engines:
            engines = [name or task.engine_id for name, task in zip(engines, whole, strict=True)]
        names = self._names.of(engines).tobytes()
        kinds, sets, at = [], [], 0
        for row, all_, end in zip(rows, known, ends, strict=True):
            key = (row.status, all_, words[at:end])
            kind = self._kinds.get(key)
            kinds.append(self._kind(key) if kind is None else kind)
            sets.append(self._sets[names[at:end]])
            at = end
        return _Told(
            _edge([task.started_date_time for task in whole], sizes, np.fmin),
            _edge([task.completed_date_time for task in whole], sizes, np.fmax),
            np.array(kinds, "i4"),
            np.array(sets, "i4"),
        )

    def _kind(self, key: tuple[str | None, bool, bytes]) -> int:
        status, known, codes = key
        words = list(self._words)
        statuses = [words[code] or "unknown" for code in np.frombuffer(codes, "i4")]
        self._known.append(_facts_of(status or "unknown", statuses, known=known))
        self._kinds[key] = len(self._known) - 1
        return self._kinds[key]

    def frame(self, attrs: Mapping[str, Any], as_of: datetime, *, newest_first: bool = True) -> pd.DataFrame:
        """Make the frame, newest first or in the order of coming; the builder is empty afterwards."""
        told = self._all_told()
        self._place = {}
        created = self._columns["created"].column()
        order = _newest_first(created, self._id) if newest_first else None
        if order is not None:
            told = _Told(*(part[order] for part in told))
        ended = np.array([known.status in TERMINAL for known in self._known] or [False])[told.kinds]
        names = list(self._names)
        sets = [_listed([names[at] for at in memoryview(codes).cast("i")]) for codes in self._sets]
        columns = {
            "id": self._id.column(order),
            **{name: self._columns.pop(name).column(order) for name in _FIELDS},
            "started": time_column(told.started),
            "completed": time_column(np.where(ended, told.completed, np.datetime64("NaT", "us"))),
            "engines": array_of("string", sets).take(told.sets),
            **{
                name: array_of(kind, [getattr(known, name) for known in self._known]).take(told.kinds)
                for name, kind in _KINDS.items()
            },
        }
        frame = job_frame(columns, as_of)
        frame.attrs.update(attrs)
        return frame

    def _all_told(self) -> _Told:
        """Join what was told page by page; of jobs that were completed later, what all their tasks tell."""
        late = [row for job_id, row in self._whole.items() if job_id in self._place]
        better = self._of_tasks(late, None)
        kinds = ("datetime64[us]", "datetime64[us]", "i4", "i4")
        parts = zip(*self._told, strict=True) if self._told else [()] * len(kinds)
        told = _Told(*(joined(part, kind) for part, kind in zip(parts, kinds, strict=True)))
        places = [self._place[row.id] for row in late]
        for part, new in zip(told, better, strict=True):
            part[places] = new
        self._told = []
        return told


def _listed(names: Sequence[str | None]) -> str:
    """Name each engine once."""
    return ", ".join([name for name in dict.fromkeys(names) if name])


def _edge(texts: Sequence[str | None], sizes: Any, least: Any) -> Any:
    """Take the least of the times of each job's tasks, or with `fmax` the greatest; missing where there is none."""
    edge = np.full(len(sizes), np.datetime64("NaT", "us"))
    some = sizes > 0
    if some.any():
        edge[some] = least.reduceat(moments_of(texts), (np.cumsum(sizes) - sizes)[some])
    return edge


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


def _newest_first(created: Any, ids: Texts) -> np.ndarray[Any, np.dtype[np.intp]] | None:
    """Order by creation, the newest first; jobs of one instant, which come in any order, by id, so that they stay.

    None where they stand so already, as a list does whose pages came one after the other.
    """
    moments = np.asarray(created.tz_localize(None), "datetime64[us]").view("i8")
    if bool((moments[1:] < moments[:-1]).all()):  # a missing time is less than any
        return None
    order = np.argsort(~moments, kind="stable")
    sorted_ = moments[order]
    same = np.flatnonzero(sorted_[1:] == sorted_[:-1])
    if len(same):
        tied = np.union1d(same, same + 1)
        rows = order[tied]
        texts = ids.column(rows).tolist()
        order[tied] = rows[sorted(range(len(rows)), key=lambda at: (~sorted_[tied[at]], texts[at]))]
    return order
