"""How jobs live: they are accepted, wait in their engines' queues, run along their graph, complete or fail."""

from __future__ import annotations

import random
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from jobwidgets.emulator.persistence.snapshot import LifeMemory
from jobwidgets.emulator.simulation.catalog import ENGINES, FAILURES, INGEST
from jobwidgets.emulator.simulation.clock import DAY, HOUR, MINUTE, SECOND
from jobwidgets.emulator.simulation.rules import STATUSES
from jobwidgets.emulator.simulation.store import DOOMED, REMOVED, TAKEN, Store

if TYPE_CHECKING:
    from collections.abc import Callable

PENDING, QUEUED, RUNNING, COMPLETE, FAILED, ABORTED = (
    STATUSES.index(word) for word in ("pending", "queued", "running", "complete", "failed", "aborted")
)
HEARTBEAT = 4 * MINUTE
NEVER = 1 << 62
NIGHT_HOURS = 5
_URL_FAILURES, _OTHER_FAILURES = FAILURES[:4], FAILURES[4:]
_FACTORS = 2048
_FAILS = 0.016  # of all tasks, without outages and bad batches
_DIES_WITH_ENGINE = 0.7  # of the tasks that an engine runs when it goes down


class SimulationEngine:
    """Engines with a few slots each, and the events to come, in order of time.

    Parameters
    ----------
    store
        The jobs.
    seed
        Fixes durations and failures.
    slots
        How many tasks an engine runs at once.
    places
        How many tasks an engine's queue holds; further jobs stay pending.
    """

    def __init__(self, store: Store, *, seed: int, slots: int, places: int) -> None:
        self.store = store
        self.now = 0
        self.slots = slots
        self.places = places
        self.outages: list[list[tuple[int, int]]] = [[] for _ in ENGINES]
        self.slow_nights: set[int] = set()
        self._rng = random.Random(f"life {seed}")  # noqa: S311 - a seeded world, no secret
        self._chance = self._rng.random
        spread = random.Random("durations")  # noqa: S311 - the same
        self._factors = [min(6.0, spread.lognormvariate(-0.12, 0.5)) for _ in range(_FACTORS)]
        self._spans = [engine.seconds * SECOND for engine in ENGINES]
        self.actions: dict[str, Callable[[Any, int], None]] = {
            "accept": self._accept,
            "finish": self._finish,
            "dispatch": self._dispatch,
        }
        self._heap: list[tuple[int, int, str, Any]] = []
        self._events = 0
        self._free = [slots] * len(ENGINES)
        self._queues: list[deque[int]] = [deque() for _ in ENGINES]
        self._queued = [0] * len(ENGINES)
        self._waiting: list[deque[int]] = [deque() for _ in ENGINES]
        self._outage = [0] * len(ENGINES)
        self._clear = [NEVER] * len(ENGINES)  # until when an engine is surely up
        self._fate: dict[int, tuple[str, str]] = {}

    def at(self, when: int, action: str, subject: Any) -> None:
        """Have the action of this name called, as `action(subject, time)`, when the world's time comes to `when`."""
        self._events += 1
        heappush(self._heap, (max(self.now, when), self._events, action, subject))

    def run_until(self, now: int) -> None:
        """Let everything happen that is due up to `now`."""
        heap, actions = self._heap, self.actions
        while heap and heap[0][0] <= now:
            self.now, _, action, subject = heappop(heap)
            actions[action](subject, self.now)
        self.now = max(self.now, now)

    def memory(self) -> LifeMemory:
        """Return as plain data what decides how life goes on."""
        return LifeMemory(
            now=self.now,
            chance=self._rng.getstate(),
            events=self._events,
            to_come=self._heap,
            outages=self.outages,
            slow_nights=sorted(self.slow_nights),
            free=self._free,
            queues=[list(queue) for queue in self._queues],
            queued=self._queued,
            waiting=[list(rows) for rows in self._waiting],
            outage=self._outage,
            clear=self._clear,
            fate=self._fate,
        )

    def recall(self, memory: LifeMemory) -> None:
        """Go on where the life went of which this is the memory."""
        self.now = memory.now
        self._rng.setstate(memory.chance)
        self._events, self._heap = memory.events, memory.to_come
        self.outages, self.slow_nights = memory.outages, set(memory.slow_nights)
        self._free, self._queued, self._fate = memory.free, memory.queued, memory.fate
        self._queues = [deque(tasks) for tasks in memory.queues]
        self._waiting = [deque(rows) for rows in memory.waiting]
        self._outage, self._clear = memory.outage, memory.clear

    def outage(self, engine: int, begin: int, end: int) -> None:
        """Have an engine down from `begin` to `end`; to be told in order of time, before `begin` comes."""
        self.outages[engine].append((begin, end))
        self._clear[engine] = min(self._clear[engine], begin)
        self.at(end, "dispatch", engine)

    def is_down(self, engine: int, now: int) -> bool:
        """Say whether an engine is down now."""
        if now < self._clear[engine]:
            return False
        spans, turn = self.outages[engine], self._outage[engine]
        while turn < len(spans) and spans[turn][1] <= now:
            turn += 1
        self._outage[engine] = turn
        self._clear[engine] = spans[turn][0] if turn < len(spans) else NEVER
        return now >= self._clear[engine]

    def enter(self, row: int, now: int) -> None:
        """Let a new pending job live: it is accepted some seconds later."""
        self.at(self.accepted_at(now), "accept", row)

    def accepted_at(self, now: int) -> int:
        """Return when a job that comes now is accepted."""
        return now + 2 * SECOND + int(self._chance() * 30 * SECOND)

    def leave_queue(self, task: int) -> None:
        """Say that a queued task is queued no more, though it has not started."""
        self._queued[self.store.engine[task]] -= 1

    def _accept(self, row: int, now: int) -> None:
        store = self.store
        if store.status[row] != PENDING or store.flags[row] & REMOVED:
            return
        engine = store.engine[store.first[row] + store.shapes[store.shape[row]].roots[0]]
        if self._queued[engine] >= self.places:
            self._waiting[engine].append(row)
        else:
            self.admit(row, now)

    def admit(self, row: int, now: int) -> None:
        """Put the first tasks of a pending job into their engines' queues."""
        store = self.store
        shape = store.shapes[store.shape[row]]
        store.status[row] = RUNNING if store.flags[row] & TAKEN else QUEUED
        store.modified[row] = now
        self._enqueue(row, shape.roots, now)

    def _enqueue(self, row: int, numbers: tuple[int, ...], now: int) -> None:
        store = self.store
        first, states = store.first[row], store.task_status
        for number in numbers:
            task = first + number
            if states[task] != PENDING:
                continue
            engine = store.engine[task]
            states[task] = QUEUED
            store.queued[task] = now
            up = now < self._clear[engine] or not self.is_down(engine, now)
            if up and self._free[engine] > 0 and not self._queues[engine]:
                self.start(task, now)
            else:
                self._queues[engine].append(task)
                self._queued[engine] += 1

    def carry_on(self, task: int, now: int) -> None:
        """Let a task that was put into its status live on: a queued one waits for a slot, a running one will end."""
        engine, state = self.store.engine[task], self.store.task_status[task]
        soon = now + 2 * SECOND + int(self._chance() * 30 * SECOND)
        if state == QUEUED:
            self._queues[engine].append(task)
            self._queued[engine] += 1
            self.at(soon, "dispatch", engine)
        elif state == RUNNING:
            self._free[engine] -= 1
            self.at(soon + int(self._spans[engine] * self._chance()), "finish", task)

    def _dispatch(self, engine: int, now: int) -> None:
        """Start what an engine has slots for, and accept what waits for a place in its queue."""
        if self.is_down(engine, now):
            return
        queue, waiting, states = self._queues[engine], self._waiting[engine], self.store.task_status
        while self._free[engine] > 0:
            if not queue:
                if not self._admit_next(waiting, now):
                    return
                continue
            task = queue.popleft()
            if states[task] == QUEUED and not self.store.flags[self.store.task_job[task]] & REMOVED:
                self._queued[engine] -= 1
                self.start(task, now)
        while waiting and self._queued[engine] < self.places and self._admit_next(waiting, now):
            pass

    def _admit_next(self, waiting: deque[int], now: int) -> bool:
        while waiting:
            row = waiting.popleft()
            if self.store.status[row] == PENDING and not self.store.flags[row] & REMOVED:
                self.admit(row, now)
                return True
        return False

    def start(self, task: int, now: int) -> None:
        """Start a task; how it will end is settled here."""
        store, chance = self.store, self._chance
        row, engine = store.task_job[task], store.engine[task]
        self._free[engine] -= 1
        store.task_status[task] = RUNNING
        store.started[task] = now
        if not store.queued[task]:
            store.queued[task] = now
        if store.status[row] != FAILED:
            store.status[row] = RUNNING
        store.modified[row] = now
        takes = int(self._spans[engine] * self._factors[int(chance() * _FACTORS)])
        if now // DAY in self.slow_nights and (now // HOUR) % 24 < NIGHT_HOURS:
            takes *= 3
        if store.flags[row] & DOOMED and task == store.first[row]:
            self._fate[task] = self._failure(row, engine, doomed=True)
            takes = 3 * SECOND + int(chance() * 20 * SECOND)
        elif chance() < _FAILS:
            self._fate[task] = self._failure(row, engine, doomed=False)
            takes = int(takes * chance()) + SECOND
        elif self._clear[engine] < now + takes and chance() < _DIES_WITH_ENGINE:
            self._fate[task] = _OTHER_FAILURES[0]
            takes = max(SECOND, self._clear[engine] + HEARTBEAT - now)
        self._events += 1  # as `at` does: this is where the service spends the time it needs to be ready
        heappush(self._heap, (now + takes, self._events, "finish", task))

    def _failure(self, row: int, engine: int, *, doomed: bool) -> tuple[str, str]:
        store = self.store
        if not doomed and engine != INGEST:
            return self._rng.choice(_OTHER_FAILURES)
        reason, message = self._rng.choice(_URL_FAILURES) if not doomed else _URL_FAILURES[0]
        return reason, message.format(url=source_url(store, row))

    def _finish(self, task: int, now: int) -> None:
        store, engine = self.store, self.store.engine[task]
        self._free[engine] += 1
        if store.task_status[task] == RUNNING:
            row = store.task_job[task]
            store.completed[task] = now
            store.modified[row] = now
            if task in self._fate:
                store.task_status[task] = FAILED
                store.failures[task] = self._fate.pop(task)
                self._give_up(row, now)
            else:
                store.task_status[task] = COMPLETE
                self._go_on(row, task, now)
        if self._queues[engine] or self._waiting[engine]:
            self._dispatch(engine, now)

    def _go_on(self, row: int, task: int, now: int) -> None:
        """Go on with a job of which a task is complete."""
        store = self.store
        if store.status[row] == FAILED:
            return
        first, shape = store.first[row], store.shapes[store.shape[row]]
        count = len(shape.engines)
        if store.task_status.count(COMPLETE, first, first + count) == count:
            store.status[row] = COMPLETE
        else:
            self._enqueue(row, shape.children[task - first], now)

    def _give_up(self, row: int, now: int) -> None:
        """End a job of which a task has failed: what has not started never will."""
        store = self.store
        store.status[row] = FAILED
        for task in store.tasks(row):
            if store.task_status[task] in (PENDING, QUEUED):
                if store.task_status[task] == QUEUED:
                    self.leave_queue(task)
                store.task_status[task] = ABORTED
                store.completed[task] = now


def source_url(store: Store, row: int) -> str:
    """Return where the media of a job come from."""
    return f"https://media.example/in/{store.ids[row][:6]}/{store.targets[row] or store.ids[row]}.mp4"
