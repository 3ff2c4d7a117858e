"""Jobs and tasks as columns: a job and a task are row numbers, a cell costs a few bytes."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ._rules import STATUSES

if TYPE_CHECKING:
    import random

    from ._catalogue import Shape

_SIXTY_TWO = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [a + b for a in _SIXTY_TWO for b in _SIXTY_TWO]
_MOST_PAIRS = len(_PAIRS)
_SUFFIXES = 62**5
_STRIDE = 564_819_669  # shares no factor with 62, so that the tasks of one job never meet
SUFFIX_LENGTH = 5

TAKEN = 1  # a cluster has taken the job: it reads running as soon as a task is queued
CANCELLED = 2  # cancelled as a whole
DOOMED = 4  # its source cannot be read: the first task will fail
REMOVED = 8


def job_id(rng: random.Random, hour: str) -> str:
    """Return a new job id for something created in `hour` (yymmddhh)."""
    bits = rng.getrandbits(72)
    rest, a = divmod(bits, _MOST_PAIRS)
    rest, b = divmod(rest, _MOST_PAIRS)
    rest, c = divmod(rest, _MOST_PAIRS)
    rest, d = divmod(rest, _MOST_PAIRS)
    return f"{hour}_{_PAIRS[a]}{_PAIRS[b]}{_PAIRS[c]}{_PAIRS[d]}{_PAIRS[rest % _MOST_PAIRS]}"


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
        self.names: list[str | None] = []
        self.targets: list[str | None] = []
        self.created = array("q")
        self.modified = array("q")
        self.first = array("L")
        self.shape = array("L")
        self.schedule = array("L")
        self.org = bytearray()
        self.app = bytearray()
        self.cluster = bytearray()
        self.person = bytearray()
        self.flags = bytearray()
        self.status = bytearray()
        self.task_status = bytearray()
        self.engine = bytearray()
        self.task_job = array("L")
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

    def add(
        self,
        ident: str,
        created: int,
        shape: Shape,
        org: int,
        *,
        name: str | None = None,
        target: str | None = None,
        schedule: int = 0,
        app: int = 0,
        cluster: int = 0,
        person: int = 0,
        flags: int = 0,
    ) -> int:
        """Add a job with all its tasks pending and return its row."""
        row = len(self.ids)
        self.rows[ident] = row
        self.ids.append(ident)
        self.names.append(name)
        self.targets.append(target)
        self.created.append(created)
        self.modified.append(created)
        self.first.append(len(self.task_status))
        self.shape.append(self.shape_row(shape))
        self.schedule.append(schedule)
        self.org.append(org)
        self.app.append(app)
        self.cluster.append(cluster)
        self.person.append(person)
        self.flags.append(flags)
        self.status.append(0)
        count = len(shape.engines)
        nothing = bytes(8 * count)
        self.task_status.extend(bytes(count))
        self.queued.frombytes(nothing)
        self.started.frombytes(nothing)
        self.completed.frombytes(nothing)
        self.engine.extend(shape.engines)
        self.task_job.extend([row] * count)
        line = self.timeline[org]
        if not line or self.created[line[-1]] <= created:
            line.append(row)
        else:
            insort(line, row, key=self.created.__getitem__)
        return row

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
