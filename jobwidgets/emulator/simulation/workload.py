"""A month of an organisation's jobs, and what goes on arriving: planned from a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from jobwidgets.emulator.persistence.snapshot import PlannerMemory
from jobwidgets.emulator.simulation.catalog import (
    ENGINES,
    INGEST,
    NAMES,
    OCR,
    ODD_NAMES,
    RECIPES,
    REEL,
    SCAN_REEL,
    SCANS,
    SPEECH,
    WHO,
    Shape,
)
from jobwidgets.emulator.simulation.clock import DAY, HOUR, MINUTE, SECOND, from_ms
from jobwidgets.emulator.simulation.store import CANCELLED, DOOMED, TAKEN, Arrival

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobwidgets.emulator.simulation.engine import SimulationEngine
    from jobwidgets.emulator.simulation.schedules import Schedule

SPAN = 30 * DAY
_SHAPES = [shape for weight, shape in RECIPES for _ in range(weight)]
_HOURS = [1, 1, 1, 1, 1, 2, 4, 7, 12, 14, 14, 12, 9, 11, 13, 13, 11, 9, 6, 5, 4, 3, 2, 2]
_HOUR_TABLE = [hour for hour, weight in enumerate(_HOURS) for _ in range(weight)]
_WEEKEND = 0.3
_GIVEN_UP = 0.018  # the share that its owner cancels, and up to what the share that a cluster takes at once
_TAKEN = 0.35
_T = TypeVar("_T")
_SATURDAY = 5


def _pick(options: Sequence[_T], rng: random.Random) -> _T:
    return options[int(rng.random() * len(options))]


class Planner:
    """Draws arrivals, all from one seed."""

    def __init__(self, seed: int, jobs: int) -> None:
        self.jobs = jobs
        self._rng = random.Random(f"history {seed}")  # noqa: S311 - a seeded world, no secret
        self._dates: dict[int, str] = {}
        self._targets = 400_000_000 + self._rng.randrange(50_000_000)

    def memory(self) -> PlannerMemory:
        """Return as plain data what decides what comes next."""
        return PlannerMemory(chance=self._rng.getstate(), targets=self._targets)

    def recall(self, memory: PlannerMemory) -> None:
        """Go on where the planner was of which this is the memory."""
        self._rng.setstate(memory.chance)
        self._targets = memory.targets

    def past(self, start: int, schedules: list[Schedule]) -> Iterator[Arrival]:
        """Give the arrivals of the month before `start`, in no order.

        Exactly `jobs` of them are in the first organisation's own application.
        """
        jobs = self.jobs
        backlog, surge, bad = round(0.13 * jobs), round(0.055 * jobs), round(0.02 * jobs)
        yield from self._backlog(backlog, start)  # first what is drawn alike whatever the hour of `start` is
        yield from self._surge(surge, start)
        yield from self._bad_batch(bad, start)
        runs = self._runs(round(0.2 * jobs), start, schedules)
        yield from runs
        rest = jobs - backlog - surge - bad - len(runs)
        odd = dict(zip(self._rng.sample(range(rest), min(rest, len(ODD_NAMES) * 2)), ODD_NAMES * 2, strict=False))
        for place, job in enumerate(self._ordinary(rest, start)):
            yield job._replace(name=odd[place]) if place in odd else job
        for job in self._ordinary(jobs // 10, start):
            yield job._replace(org=1, person=0)
        for job in self._ordinary(jobs // 20, start):
            yield job._replace(app=1)

    def weather(self, life: SimulationEngine, start: int) -> None:
        """Tell what goes wrong in the month: outages of an hour or so, slow nights, and one engine that is down now."""
        rng = self._rng
        life.slow_nights.update((start - rng.randrange(SPAN)) // DAY for _ in range(5))
        for engine in range(len(ENGINES)):
            begins = sorted(start - SPAN + rng.randrange(SPAN - 2 * DAY) for _ in range(rng.randrange(1, 4)))
            for begin in begins:
                life.outage(engine, begin, begin + 30 * MINUTE + rng.randrange(HOUR))
        life.outage(OCR, start - 7 * HOUR, start + 6 * HOUR)

    def hour(self, life: SimulationEngine, now: int) -> list[Arrival]:
        """Return the arrivals of the hour that begins now, and tell its outages."""
        rng = self._rng
        for engine in range(len(ENGINES)):
            if rng.random() < 1 / 240 and not life.is_down(engine, now):
                begin = now + rng.randrange(HOUR)
                life.outage(engine, begin, begin + 30 * MINUTE + rng.randrange(HOUR))
        busy = _HOURS[(now // HOUR) % 24] / 6
        count = round(3.5 * life.slots * busy * (0.6 + 0.8 * rng.random()))
        made = [self._job(now + rng.randrange(HOUR)) for _ in range(count)]
        made += [self._job(now + rng.randrange(HOUR))._replace(org=1, person=0) for _ in range(rng.random() < 0.5)]  # noqa: PLR2004 - every other hour
        if rng.random() < 1 / 12:
            made += self._batch(now + rng.randrange(HOUR), rng.randrange(8, 30))
        return sorted(made, key=lambda job: job.at)

    def target(self) -> str:
        """Return the id of a new target."""
        self._targets += 1 + int(self._rng.random() * 40)
        return str(self._targets)

    def _name(self, at: int) -> str:
        rng = self._rng
        number = int(rng.random() * 9000) + 1
        day = self._dates.get(at // DAY)
        if day is None:
            day = self._dates[at // DAY] = from_ms(at).strftime("%d.%m.%Y")
        return _pick(NAMES, rng).format(who=_pick(WHO, rng), n=number, date=day)

    def _job(self, at: int) -> Arrival:
        rng = self._rng
        draw = rng.random()
        shape, flags = _pick(_SHAPES, rng), CANCELLED if draw < _GIVEN_UP else TAKEN if draw < _TAKEN else 0
        return Arrival(at, shape, self._name(at), self.target(), 0, 0, 0, int(rng.random() * 3), flags)

    def _batch(self, at: int, size: int) -> list[Arrival]:
        """Return jobs submitted together: one name, and for half of the batches one instant."""
        first, together = self._job(at), self._rng.random() < 0.5  # noqa: PLR2004 - half
        return [
            Arrival(
                at if together else at + number * 700,
                first.shape,
                f"{first.name} · {number + 1:03d}",
                self.target(),
                person=first.person,
                flags=first.flags & ~CANCELLED,
            )
            for number in range(size)
        ]

    def _moment(self, start: int) -> int:
        """Return a moment of the month before `start`, more likely by day and in the week."""
        rng = self._rng
        while True:
            day = (start - 8 * HOUR - int(rng.random() * (SPAN - DAY))) // DAY
            hour = _pick(_HOUR_TABLE, rng)
            at = day * DAY + hour * HOUR + int(rng.random() * HOUR)
            weekend = (day + 3) % 7 >= _SATURDAY
            if at < start - 5 * HOUR and (not weekend or rng.random() < _WEEKEND):
                return at

    def _ordinary(self, count: int, start: int) -> Iterator[Arrival]:
        reels = count // 700 + (count >= 20)  # noqa: PLR2004 - too few jobs for one of 75 tasks
        for number in range(1, reels + 1):
            yield self._job(self._moment(start))._replace(shape=REEL, name=f"Full reel {number} (73 chapters)")
        left = count - reels
        while left:
            at = self._moment(start)
            if left > 20 and self._rng.random() < 0.05:  # noqa: PLR2004 - room for a batch, one in twenty
                batch = self._batch(at, self._rng.randrange(5, min(left, 40)))
                yield from batch
                left -= len(batch)
            else:
                yield self._job(at)
                left -= 1

    def _bad_batch(self, count: int, start: int) -> Iterator[Arrival]:
        """Give a batch whose sources cannot be read."""
        at = self._moment(start)
        shape = Shape.of((INGEST, SPEECH))
        for number in range(1, count + 1):
            name = f"Partner feed import {number:03d}"
            yield Arrival(at + number * 350 - 350, shape, name, self.target(), person=2, flags=DOOMED)

    def _backlog(self, count: int, start: int) -> list[Arrival]:
        """Return scans submitted by the box while the engine that reads them is down."""
        rng, made = self._rng, list[Arrival]()
        box = 100
        while len(made) < count:
            box += 1
            at = start - int((0.3 + 6.2 * rng.random()) * HOUR)
            for sheet in range(min(count - len(made), rng.randrange(6, 30))):
                shape = rng.choice(SCANS)
                flags = TAKEN if rng.random() < 0.4 else 0  # noqa: PLR2004 - a share
                made.append(
                    Arrival(
                        at, shape, f"Box {box} \N{EN DASH} Blatt {sheet + 1:03d}", self.target(), person=1, flags=flags
                    )
                )
        for place, name in zip(range(3, count, 11), ODD_NAMES, strict=False):
            made[place] = made[place]._replace(name=name)
        latest = sorted(range(len(made)), key=lambda place: made[place].at)[-2:]
        for place in latest if count >= 10 else ():  # noqa: PLR2004 - too few for a job of 75 tasks
            made[place] = made[place]._replace(shape=SCAN_REEL, name=f"Microfilm {place} (75 frames)")
        return made

    def _surge(self, count: int, start: int) -> Iterator[Arrival]:
        """Give what came in the last two hours: more than the engines can take."""
        for _ in range(count):
            yield self._job(start - SECOND - int(self._rng.random() ** 1.4 * 2 * HOUR))

    def _runs(self, count: int, start: int, schedules: list[Schedule]) -> list[Arrival]:
        """Return at most `count` runs that schedules launched; the rarest schedules are served first."""
        made: list[Arrival] = []
        order = sorted((s for s in schedules if s.every and s.org == 0), key=lambda s: (-s.every, s.id))
        for place, schedule in enumerate(order):
            share = (count - len(made)) // max(1, len(order) - place)
            moments = list(range(schedule.begin, start, schedule.every))
            moments = moments[-share:] if share else []
            if moments:
                schedule.begin = moments[0]
                schedule.created = schedule.modified = moments[0] - HOUR
            number = schedules.index(schedule) + 1
            made += [
                Arrival(at, schedule.shape, schedule.name, self.target(), schedule=number, person=schedule.person)
                for at in moments
            ]
        return made
