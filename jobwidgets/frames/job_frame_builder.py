"""Rows of jobs, page by page, into the columns of a frame."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from jobwidgets._internal import gc_paused
from jobwidgets.eligibility import cancel_verdict, retry_verdict
from jobwidgets.frames.column_builders import GROWING, ColumnBuilder, DictionaryEncoder, StringBuilder, TimeBuilder
from jobwidgets.frames.memory import release_memory
from jobwidgets.frames.record_batch import JOB_FIELDS, Rows
from jobwidgets.frames.records import job_frame
from jobwidgets.frames.schema import JOB_COLUMNS, array_of
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from jobwidgets.frames.column_builders import Order
    from jobwidgets.frames.record_batch import Batch
    from jobwidgets.frames.records import JobSummary
    from jobwidgets.frames.schema import Moments


class _Facts(NamedTuple):
    """What follows from the statuses of a job and its tasks, and from where they run."""

    status: str
    engines: str
    tasks: int | None
    tasks_done: int | None
    tasks_failed: int | None
    can_cancel: bool | None
    can_retry: bool | None
    why_not: str | None


TOLD: dict[str, Callable[[], ColumnBuilder]] = {
    "started": TimeBuilder,
    "completed": TimeBuilder,
    "kinds": ColumnBuilder,
}
"""What the tasks of jobs tell: when each job began and ended, and of which kind it is."""
FACTS = {
    "status": "status", "engines": "string", "tasks": "count", "tasks_done": "count", "tasks_failed": "count",
    "can_cancel": "flag", "can_retry": "flag", "why_not": "reason",
}  # fmt: skip


class Kinds(DictionaryEncoder):
    """Numbers the kinds of jobs: in a list of any length there are a few, and what is true of a kind is found out once.

    Parameters
    ----------
    words, names : Codes
        What the numbers in a kind stand for: the statuses of tasks, and the engines that they run on.
    """

    TASK = 8
    """Bytes of the two numbers of a task."""

    def __init__(self, words: DictionaryEncoder, names: DictionaryEncoder) -> None:
        self._words, self._names = words, names
        self.facts: list[_Facts] = []
        """What is true of each."""

    def __missing__(self, kind: tuple[str | None, bool, bytes]) -> int:
        status, known, tasks = kind
        words, names = list(self._words), list(self._names)
        told = np.frombuffer(tasks, "i4").reshape(-1, 2).tolist()
        statuses = [words[word] or "unknown" for word, _ in told]
        engines = dict.fromkeys(names[name] for _, name in told)
        self.facts.append(_facts_of(status or "unknown", statuses, engines, known=known))
        return super().__missing__(kind)


class JobTableBuilder:
    """Collects rows page by page into columns, each id once, and makes the frame at the end."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._id = StringBuilder()
        self._columns = {name: GROWING[JOB_COLUMNS[name]]() for name in JOB_FIELDS}
        self._told = {name: kind() for name, kind in TOLD.items()}
        self._words, self._names = DictionaryEncoder(), DictionaryEncoder()
        self._kinds = Kinds(self._words, self._names)
        self._whole: dict[str, JobSummary] = {}
        self.counts: Counter[str] = Counter()
        """How many jobs of each status came so far."""
        self.unread = 0
        """Records of the list that came as null."""
        self.short: list[str] = []
        """Jobs of which only the first page of tasks came with the list."""
        self.order: Order = None
        """Once the frame is made: which of the jobs, in the order of their coming, each row is; None: they stand so."""

    def __len__(self) -> int:
        return len(self._place)

    def add(self, batch: Batch) -> Batch:
        """Take the jobs whose id is new, and give these."""
        with gc_paused():
            fresh = self._fresh(batch)
            ids = self._id.part(fresh.job("id"))
            parts = {name: column.part(fresh.job(name)) for name, column in self._columns.items()}
            told = self._of_tasks(fresh)
            # only now, since any of these can turn out not to be what it should: a page is taken whole or not at all
            self._place.update(zip(fresh.ids, range(len(self), len(self) + len(fresh)), strict=True))
            self._id.put(ids)
            for name, part in parts.items():
                self._columns[name].put(part)
            for name, part in told.items():
                self._told[name].put(part)
            self.short += fresh.short
            for kind, jobs in enumerate(np.bincount(told["kinds"]).tolist()):
                self.counts[self._kinds.facts[kind].status] += jobs
        return fresh

    def _fresh(self, batch: Batch) -> Batch:
        """Give the jobs whose ids are new, each once."""
        new = set(batch.ids)
        if len(new) == len(batch) and self._place.keys().isdisjoint(new):  # nearly always: not where two windows meet
            return batch
        first = {job_id: at for at, job_id in reversed(list(enumerate(batch.ids))) if job_id not in self._place}
        return batch.part(list(reversed(first.values())))

    def complete(self, row: JobSummary) -> None:
        """Put all tasks of a job in, of which the list had only the first page."""
        self._whole[row.id] = row

    def _of_tasks(self, batch: Batch) -> dict[str, Any]:
        """Say what the tasks of jobs tell: a part of each of `TOLD`."""
        pairs = self._words.of(batch.task("status")), self._names.of(batch.task("runs_on"))
        ends = (np.cumsum(batch.sizes) * Kinds.TASK).tolist()
        tasks = map(np.stack(pairs, axis=1).tobytes().__getitem__, map(slice, [0, *ends], ends))
        times = TimeBuilder()
        return {
            "started": _edge(times.part(batch.task("started")), batch.sizes, np.fmin),
            "completed": _edge(times.part(batch.task("completed")), batch.sizes, np.fmax),
            "kinds": self._kinds.of(list(zip(batch.statuses, batch.known.tolist(), tasks, strict=True))),
        }

    def frame(self, attrs: Mapping[str, Any], as_of: datetime, *, newest_first: bool = True) -> pd.DataFrame:
        """Make the frame, newest first or in the order of coming; the builder is empty afterwards."""
        self._put_late()
        jobs, self._place = len(self), {}
        release_memory(jobs)
        order = _newest_first(self._columns["created"].numbers(), self._id) if newest_first else None
        columns = {"id": self._id.column(order)}
        columns |= {name: self._columns.pop(name).column(order) for name in JOB_FIELDS}
        told = {name: self._told.pop(name).column(order) for name in TOLD}
        facts = self._kinds.facts
        ended = np.array([fact.status in TERMINAL for fact in facts] or [False])[told["kinds"]]
        columns["started"], columns["completed"] = told["started"], told["completed"]
        columns["completed"][~ended] = pd.NaT
        for name, kind in FACTS.items():
            columns[name] = array_of(kind, [getattr(fact, name) for fact in facts]).take(told["kinds"])
        self.order = order
        frame = job_frame(columns, as_of)
        frame.attrs.update(attrs)
        return frame

    def _put_late(self) -> None:
        """Put in what all tasks of those jobs tell that were completed later."""
        late = [row for job_id, row in self._whole.items() if job_id in self._place]
        if not late:
            return
        places = [self._place[row.id] for row in late]
        for name, part in self._of_tasks(Rows(late, None)).items():
            self._told[name].numbers()[places] = part


def _edge(moments: Moments, sizes: Any, least: Any) -> Any:
    """Take the least of the times of each job's tasks, or with `fmax` the greatest; missing where there is none."""
    edge = np.full(len(sizes), np.datetime64("NaT", "us"))
    some = sizes > 0
    if some.any():
        edge[some] = least.reduceat(moments, (np.cumsum(sizes) - sizes)[some])
    return edge


def _facts_of(status: str, statuses: Sequence[str], engines: Iterable[str | None], *, known: bool) -> _Facts:
    verdict = cancel_verdict(status, list(statuses), tasks_known=known)
    return _Facts(
        status=status,
        engines=", ".join(filter(None, engines)),
        tasks=len(statuses) if known else None,
        tasks_done=statuses.count("complete") if known else None,
        tasks_failed=statuses.count("failed") if known else None,
        can_cancel=verdict.ok,
        can_retry=retry_verdict(status).ok,
        why_not=str(verdict.reason) if verdict.reason else None,
    )


def _newest_first(created: Moments, ids: StringBuilder) -> Order:
    """Order by creation, the newest first; jobs of one instant, which come in any order, by id, so that they stay.

    None where they stand so already, as a list does whose pages came one after the other.
    """
    moments = created.view("i8")
    if bool((moments[1:] < moments[:-1]).all()):  # a missing time is less than any
        return None
    order = np.argsort(~moments, kind="stable")
    sorted_ = moments[order]
    same = np.flatnonzero(sorted_[1:] == sorted_[:-1])
    if len(same):
        tied = np.union1d(same, same + 1)
        rows = order[tied]
        texts = ids.at(rows)
        order[tied] = rows[sorted(range(len(rows)), key=lambda at: (~sorted_[tied[at]], texts[at]))]
    return order
