"""The world of the service: everything there is, brought up to the clock's time whenever someone looks."""

from __future__ import annotations

import gc
import random
import threading
from array import array
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets.emulator.simulation.catalog import (
    CLUSTERS,
    ENGINES,
    ORGANIZATIONS,
    Organization,
    Person,
    Shape,
)
from jobwidgets.emulator.simulation.clock import HOUR, Clock, from_ms
from jobwidgets.emulator.simulation.engine import ABORTED, COMPLETE, FAILED, PENDING, QUEUED, RUNNING, SimulationEngine
from jobwidgets.emulator.simulation.rules import cancel_refusal, job_status
from jobwidgets.emulator.simulation.schedules import Schedule, opening_schedules
from jobwidgets.emulator.simulation.store import CANCELLED, REMOVED, Arrival, Store, job_id
from jobwidgets.emulator.simulation.workload import Planner

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from datetime import datetime

    from jobwidgets.emulator.options import EmulatorOptions

_HOUR_FORMAT = "%y%m%d%H"
_AT_ONCE = 32_768


class Write(NamedTuple):
    """A write that took effect: when, what, on which object, the object it made (if any), and through which API."""

    at: datetime
    operation: str
    target_id: str
    new_id: str | None
    via: str


class Caller(NamedTuple):
    """Whose request it is: an organisation's number, a person, and the application of the token."""

    org: int
    person: Person
    app: int = 0

    @property
    def organization(self) -> Organization:
        """The caller's organisation."""
        return ORGANIZATIONS[self.org]


class World:
    """Jobs, schedules, engines and what will happen to them.

    It is empty until `open`. Every entry point takes `lock` and calls `sync` first, so what is read is always as of the
    clock's now.
    """

    def __init__(self, *, jobs: int, seed: int, clock: Clock, choices: EmulatorOptions) -> None:
        self.jobs = jobs
        self.seed = seed
        self.lock = threading.RLock()
        self.clock = clock
        self.choices = choices
        self.ledger: list[Write] = []
        self.store = Store(len(ORGANIZATIONS))
        self.life = SimulationEngine(
            self.store, seed=seed, slots=max(2, round(jobs * 0.0015)), places=max(3, jobs // 17)
        )
        self.chance = random.Random(f"chance {seed}")  # noqa: S311 - a seeded world, no secret
        self.id_chance = random.Random(f"ids {seed}")  # noqa: S311 - the same
        self.planner = Planner(seed, jobs)
        self._hours: dict[int, str] = {}
        self.life.actions |= {
            "arrive": self._arrive,
            "cancel": self._cancel,
            "give up": self._give_up,
            "launch": self._launch,
            "tide": self._tide,
        }
        self.start = clock.ms()
        self.schedules = opening_schedules(self.start)

    def sync(self) -> None:
        """Let everything happen that is due by now."""
        self.life.run_until(self.clock.ms())

    def now(self) -> int:
        """World time in milliseconds."""
        return max(self.clock.ms(), self.life.now)

    def write(self, operation: str, target: str, *, new: str | None = None, via: str) -> None:
        """Enter a write that took effect in the ledger."""
        self.ledger.append(Write(from_ms(self.now()), operation, target, new, via))

    def new_job(
        self,
        shape: Shape,
        *,
        org: int = 0,
        app: int = 0,
        name: str | None = None,
        target: str | None = None,
        schedule: int = 0,
        person: int = 0,
        created: int | None = None,
        flags: int = 0,
        lives: bool = True,
    ) -> int:
        """Make a pending job; it lives from now on, unless it is to stay as it is."""
        at = self.now() if created is None else created
        row = self._add([Arrival(at, shape, name, target, org, app, schedule, person, flags)])
        if lives:
            self.life.enter(row, max(at, self.life.now))
        return row

    def place_job(self, row: int, status: str, tasks: list[str], *, lives: bool) -> None:
        """Put a job and its tasks into these statuses, with the times that belong to them."""
        store = self.store
        created, now = store.created[row], max(self.now(), store.created[row])
        for task, word in zip(store.tasks(row), tasks, strict=True):
            code = store.task_status[task] = store.code(word)
            store.queued[task] = created if code != PENDING else 0
            started = code in (RUNNING, COMPLETE, FAILED) or word in {"paused", "resuming"}
            store.started[task] = created if started else 0
            store.completed[task] = now if code in (COMPLETE, FAILED, ABORTED) or word == "cancelled" else 0
            if code == FAILED:
                store.failures[task] = ("internal_error", "placed as failed")
            if lives and status in {"queued", "running"}:
                self.life.carry_on(task, now)
        store.status[row] = store.code(status)
        store.modified[row] = now
        if lives and status == "pending" and set(tasks) == {"pending"}:
            self.life.enter(row, now)

    def set_tasks(self, row: int, word: str, *, cancelled: bool = False) -> None:
        """Give every task of a job one status, and the job what follows from it."""
        store, now = self.store, self.now()
        for task in store.tasks(row):
            if store.task_status[task] == QUEUED:
                self.life.leave_queue(task)
            store.task_status[task] = store.code(word)
            store.completed[task] = now
        if cancelled:
            store.flags[row] |= CANCELLED
        store.status[row] = store.code(word if cancelled else job_status(store.task_words(row)))
        store.modified[row] = now

    def why_not_cancel(self, row: int) -> str | None:
        """Say why a job cannot be cancelled now, or None when it can."""
        store = self.store
        return cancel_refusal(store.words[store.status[row]], store.task_words(row))

    def cancel(self, row: int, operation: str, via: str) -> None:
        """Cancel a job that can be cancelled, and enter that in the ledger."""
        self.set_tasks(row, self.choices.cancelled_status, cancelled=True)
        self.write(operation, self.store.ids[row], via=via)

    def _cancel(self, subject: tuple[int, str, str], _: int) -> None:
        """Cancel a job some time after that was accepted, if it still can be."""
        row, operation, via = subject
        if not self.store.flags[row] & REMOVED and self.why_not_cancel(row) is None:
            self.cancel(row, operation, via)

    def find_job(self, ident: str, caller: Caller) -> int | None:
        """Return the row of the caller's organisation's job with this id, or None."""
        row = self.store.rows.get(ident)
        return row if row is not None and self.store.org[row] == caller.org else None

    def find_schedule(self, ident: str, caller: Caller) -> Schedule | None:
        """Return the caller's organisation's schedule with this id, or None."""
        return next((s for s in self.schedules if s.id == ident and s.org == caller.org and not s.deleted), None)

    def new_number(self) -> str:
        """Return an id made of digits."""
        return str(self.id_chance.randrange(200_000, 999_999))

    def plan_launch(self, schedule: Schedule, after: int) -> None:
        """See to the next launch of a schedule."""
        when = schedule.next_launch(after)
        if when is not None:
            self.life.at(when, "launch", (self.schedules.index(schedule), schedule.turn))

    def launch(self, schedule: Schedule, now: int) -> int:
        """Launch a run of a schedule at once and return its job's row."""
        return self.new_job(
            schedule.shape,
            org=schedule.org,
            name=schedule.name,
            target=self.planner.target(),
            schedule=self.schedules.index(schedule) + 1,
            person=schedule.person,
            created=now,
        )

    def _launch(self, subject: tuple[int, int], now: int) -> None:
        schedule, turn = self.schedules[subject[0]], subject[1]
        if turn == schedule.turn and schedule.is_active and not schedule.deleted:
            self.launch(schedule, now)
            self.plan_launch(schedule, now)

    def _add(self, jobs: list[Arrival]) -> int:
        """Enter jobs and return the row of the first."""
        ids = dict[str, None]()
        clusters = bytearray()
        for job in jobs:
            ids[self._new_id(job.at, ids)] = None
            clusters.append(int(self.id_chance.random() * len(CLUSTERS)))
        return self.store.add(jobs, list(ids), clusters)

    def _new_id(self, at: int, others: Container[str]) -> str:
        hour = at // HOUR
        text = self._hours.get(hour)
        if text is None:
            text = self._hours[hour] = from_ms(at).strftime(_HOUR_FORMAT)
        while (ident := job_id(self.id_chance, text)) in self.store.rows or ident in others:
            pass
        return ident

    def _arrive(self, job: Arrival, now: int) -> None:
        row = self._add([job._replace(flags=job.flags & ~CANCELLED)])
        self.life.at(self._begins(job.flags, now), "give up" if job.flags & CANCELLED else "accept", row)

    def _begins(self, flags: int, now: int) -> int:
        """Return when a job that comes now is accepted, or given up by its owner where its flags say so."""
        if flags & CANCELLED:
            return now + 1000 + int(self.chance.random() * 90_000)
        return self.life.accepted_at(now)

    def _give_up(self, row: int, now: int) -> None:
        """Cancel a job as its owner did, in the past."""
        store = self.store
        store.flags[row] |= CANCELLED
        store.status[row] = ABORTED
        store.modified[row] = now
        for task in store.tasks(row):
            store.task_status[task] = ABORTED
            store.completed[task] = now

    def open(self) -> None:
        """Live through the month before its start."""
        with _collector_paused():
            self._open(self.start)

    def _open(self, start: int) -> None:
        life, store = self.life, self.store
        for some in _batches(self.planner.past(start, self.schedules)):
            self._add(some)
        planned = bytes(store.flags)
        store.flags[:] = bytes(flags & ~CANCELLED for flags in planned)
        self.planner.weather(life, start)
        begins = array("q", map(self._begins, planned, store.created))
        for row in sorted(range(len(begins)), key=begins.__getitem__):
            at, action = begins[row], "give up" if planned[row] & CANCELLED else "accept"
            if at > start:
                life.at(at, action, row)
            else:  # at once and in order: only what the engines will do needs to wait among what is to come
                life.run_until(at)
                life.actions[action](row, at)
        life.run_until(start)
        for schedule in self.schedules:
            self.plan_launch(schedule, start)
        life.at((start // HOUR + 1) * HOUR, "tide", None)

    def _tide(self, _: Any, now: int) -> None:
        """Plan the hour that begins."""
        for job in self.planner.hour(self.life, now):
            self.life.at(job.at, "arrive", job)
        self.life.at(now + HOUR, "tide", None)


def engine_number(ident: str) -> int | None:
    """Return the number of the engine with this id or this name, or None."""
    return next((number for number, engine in enumerate(ENGINES) if ident in (engine.id, engine.name)), None)


def _batches(arrivals: Iterator[Arrival]) -> Iterator[list[Arrival]]:
    """Give the arrivals some at a time: a month of them at once would take more memory than what is kept of them."""
    while some := list(islice(arrivals, _AT_ONCE)):
        yield some


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's cyclic collector from walking over a month of new objects, none of which is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
