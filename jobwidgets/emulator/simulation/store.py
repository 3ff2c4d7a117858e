"""Jobs and tasks as columns: a job and a task are row numbers, a cell costs a few bytes."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right, insort
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from jobwidgets.emulator.persistence.snapshot import StoreMemory
from jobwidgets.emulator.simulation.rules import STATUSES
from jobwidgets.emulator.simulation.string_column import Texts

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from jobwidgets.emulator.simulation.catalog import Shape

_SIXTY_TWO = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [a + b for a in _SIXTY_TWO for b in _SIXTY_TWO]
_DRAWN = (_PAIRS * 2)[: 1 << 12]  # a pair for each value of twelve bits
_TWELVE = (1 << 12) - 1
_SUFFIXES = 62**5
_STRIDE = 564_819_669  # shares no factor with 62, so that the tasks of one job never meet
SUFFIX_LENGTH = 5

_BYTES = ("org", "app", "cluster", "person", "flags", "status", "task_status", "engine")
_ARRAYS = ("created", "modified", "first", "shape", "schedule", "task_job", "queued", "started", "completed")

TAKEN = 1  # a cluster has taken the job: it reads running as soon as a task is queued
CANCELLED = 2  # cancelled as a whole
DOOMED = 4  # its source cannot be read: the first task will fail
REMOVED = 8


class Arrival(NamedTuple):
    """A job that comes at a moment; `schedule` is 0, or the number of the schedule that launches it."""

    at: int
    shape: Shape
    name: str | None
    target: str | None
    org: int = 0
    app: int = 0
    schedule: int = 0
    person: int = 0
    flags: int = 0


def job_id(rng: random.Random, hour: str) -> str:
    """Return a new job id for something created in `hour` (yymmddhh)."""
    bits, drawn, twelve = rng.getrandbits(60), _DRAWN, _TWELVE
    return (
        f"{hour}_{drawn[bits & twelve]}{drawn[bits >> 12 & twelve]}{drawn[bits >> 24 & twelve]}"
        f"{drawn[bits >> 36 & twelve]}{drawn[bits >> 48]}"
    )


class Store:
    """All jobs and tasks. Times are milliseconds since 1970, 0 where there is none.

    `timeline[org]` has the rows of an organisation sorted by creation; a removed job leaves it, its row stays.
    """

    def __init__(self, organizations: int) -> None:
        self.words = list(STATUSES)
        self.codes = {word: code for code, word in enumerate(STATUSES)}
        self.shapes: list[Shape] = []
        self._shape_rows: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self.rows: dict[str, int] = {}
        self.timeline: list[list[int]] = [[] for _ in range(organizations)]
        self.ids: list[str] = []
        self.names = Texts()
        self.targets = Texts()
        self.created = array("q")
        self.modified = array("q")
        self.first = array("I")
        self.shape = array("I")
        self.schedule = array("I")
        self.org = bytearray()
        self.app = bytearray()
        self.cluster = bytearray()
        self.person = bytearray()
        self.flags = bytearray()
        self.status = bytearray()
        self.task_status = bytearray()
        self.engine = bytearray()
        self.task_job = array("I")
        self.queued = array("q")
        self.started = array("q")
        self.completed = array("q")
        self.failures: dict[int, tuple[str | None, str | None]] = {}
        self.payloads: dict[int, Any] = {}
        self.extras: dict[int, dict[str, Any]] = {}

    def shape_row(self, shape: Shape) -> int:
        """Return the number of a shape, a new one when it was never seen."""
        key = (shape.engines, shape.parents)
        row = self._shape_rows.get(key)
        if row is None:
            row = self._shape_rows[key] = len(self.shapes)
            self.shapes.append(shape)
        return row

    def code(self, word: str) -> int:
        """Return the number of a status; a word never seen before is taken in."""
        code = self.codes.get(word)
        if code is None:
            code = self.codes[word] = len(self.words)
            self.words.append(word)
        return code

    def add(self, jobs: Sequence[Arrival], ids: Sequence[str], clusters: Iterable[int]) -> int:
        """Add jobs with all their tasks pending, and return the row of the first."""
        base, first = len(self.ids), len(self.task_status)
        ats, shapes, names, targets, orgs, apps, schedules, people, flags = zip(*jobs, strict=True)
        rows = range(base, base + len(jobs))
        self.rows.update(zip(ids, rows, strict=True))
        self.ids.extend(ids)
        self.names.extend(names)
        self.targets.extend(targets)
        self.created.extend(ats)
        self.modified.extend(ats)
        self.schedule.extend(schedules)
        self.org.extend(orgs)
        self.app.extend(apps)
        self.cluster.extend(clusters)
        self.person.extend(people)
        self.flags.extend(flags)
        self.status.extend(bytes(len(jobs)))
        numbers = {id(shape): self.shape_row(shape) for shape in {id(s): s for s in shapes}.values()}
        self.shape.extend([numbers[id(shape)] for shape in shapes])
        self._add_tasks(rows, first)
        for org in set(orgs):
            self._line_up(org, [row for row, owner in zip(rows, orgs, strict=True) if owner == org])
        return base

    def _add_tasks(self, rows: range, first: int) -> None:
        shapes = [bytes(shape.engines) for shape in self.shapes]
        engines = [shapes[number] for number in self.shape[rows.start :]]
        counts = list(map(len, engines))
        self.first.extend(accumulate(counts[:-1], initial=first))
        self.engine += b"".join(engines)
        self.task_job.extend(chain.from_iterable(map(repeat, rows, counts)))
        self.task_status.extend(bytes(sum(counts)))
        for column in (self.queued, self.started, self.completed):
            column.frombytes(bytes(8 * sum(counts)))

    def _line_up(self, org: int, rows: list[int]) -> None:
        """Put new rows into the timeline; those of one instant stay in the order of their rows."""
        line, created = self.timeline[org], self.created.__getitem__
        if len(rows) > 1:
            line += rows
            line.sort(key=created)
        elif not line or created(line[-1]) <= created(rows[0]):
            line += rows
        else:
            insort(line, rows[0], key=created)

    def remove(self, row: int) -> None:
        """Take a job out of every list and look-up."""
        line, created = self.timeline[self.org[row]], self.created[row]
        low = bisect_left(line, created, key=self.created.__getitem__)
        del line[line.index(row, low)]
        del self.rows[self.ids[row]]
        self.flags[row] |= REMOVED

    def tasks(self, row: int) -> range:
        """Return the task rows of a job."""
        first = self.first[row]
        return range(first, first + len(self.shapes[self.shape[row]].engines))

    def task_words(self, row: int) -> list[str]:
        """Return the status of each task of a job."""
        words, tasks = self.words, self.tasks(row)
        return [words[code] for code in self.task_status[tasks.start : tasks.stop]]

    def window(self, org: int, low: int | None, high: int | None) -> range:
        """Return the positions in `timeline[org]` of the jobs created from `low` to `high`, both included."""
        line, created = self.timeline[org], self.created.__getitem__
        start = 0 if low is None else bisect_left(line, low, key=created)
        stop = len(line) if high is None else bisect_right(line, high, key=created)
        return range(start, max(start, stop))

    def memory(self) -> StoreMemory:
        """Return everything as plain data."""
        numbers = {name: bytes(getattr(self, name)) for name in _BYTES}
        numbers |= {name: getattr(self, name).tobytes() for name in _ARRAYS}
        return StoreMemory(
            words=self.words,
            shapes=self.shapes,
            ids=self.ids,
            names=self.names.memory(),
            targets=self.targets.memory(),
            numbers=numbers,
            failures=self.failures,
            payloads={task: json.dumps(payload) for task, payload in self.payloads.items()},
            extras={row: json.dumps(more) for row, more in self.extras.items()},
        )

    def recall(self, memory: StoreMemory) -> None:
        """Become the store of which this is the memory."""
        self.words[:] = memory.words
        self.codes |= {word: code for code, word in enumerate(self.words)}
        for shape in memory.shapes:
            self.shape_row(shape)
        self.ids[:] = memory.ids
        self.names.recall(memory.names)
        self.targets.recall(memory.targets)
        for name in _BYTES:
            getattr(self, name)[:] = memory.numbers[name]
        for name in _ARRAYS:
            getattr(self, name).frombytes(memory.numbers[name])
        self.failures |= memory.failures
        self.payloads |= {task: json.loads(text) for task, text in memory.payloads.items()}
        self.extras |= {row: json.loads(text) for row, text in memory.extras.items()}
        alive = [row for row, flags in enumerate(self.flags) if not flags & REMOVED]
        self.rows |= {self.ids[row]: row for row in alive}
        for org in range(len(self.timeline)):
            self._line_up(org, [row for row in alive if self.org[row] == org])

    def task_id(self, task: int) -> str:
        """Return the id of a task: its job's id and five characters."""
        row = self.task_job[task]
        ident = self.ids[row]
        number = (crc32(ident.encode()) + (task - self.first[row]) * _STRIDE) % _SUFFIXES
        high, rest = divmod(number, 62**3)
        middle, low = divmod(rest, 62)
        return f"{ident}{_PAIRS[high]}{_PAIRS[middle]}{_SIXTY_TWO[low]}"

    def task_row(self, ident: str) -> int | None:
        """Return the row of the task with this id, or None."""
        row = self.rows.get(ident[:-SUFFIX_LENGTH])
        if row is None:
            return None
        return next((task for task in self.tasks(row) if self.task_id(task) == ident), None)
