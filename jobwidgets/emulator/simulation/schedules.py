"""Schedules: what launches jobs, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobwidgets.emulator.simulation.catalog import (
    DEUTSCH,
    ENGINES,
    ENTITIES,
    INGEST,
    LOGOS,
    OCR,
    SAFE,
    SPEECH,
    TRANSLATE,
    Shape,
)
from jobwidgets.emulator.simulation.clock import DAY, HOUR, MINUTE, read_span

WEEK = 7 * DAY
MONTH = 30 * DAY


@dataclass(slots=True, eq=False)
class Schedule:
    """A schedule; times in milliseconds since 1970, 0 where there is none. `every` 0: it launches at most once."""

    id: str
    org: int
    name: str
    shape: Shape
    created: int
    modified: int
    every: int = 0
    run_mode: str = "Recurring"
    is_active: bool = True
    is_public: bool = False
    description: str | None = None
    begin: int = 0
    end: int = 0
    person: int = 0
    parts: list[dict[str, Any]] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    turn: int = 0  # counts changes, so that launches planned before a change are dropped
    deleted: bool = False

    @classmethod
    def new(cls, ident: str, org: int, name: str, now: int, *, every: str | float | None = None) -> Schedule:
        """Return one that begins now; without `every` (seconds, or text such as "5min") it launches nothing."""
        made = cls(ident, org, name, Shape.of((INGEST, SPEECH)), now, now, begin=now)
        made.every = 0 if every is None else round(read_span(every) * 1000)
        made.parts = interval_parts(made.every) if made.every else []
        return made

    def next_launch(self, after: int) -> int | None:
        """Return when it launches next after `after`, or None."""
        if self.deleted or not self.is_active:
            return None
        if not self.every or self.run_mode in {"Once", "Now"}:
            return self.begin if self.begin > after else None
        when = self.begin + max(0, (after - self.begin) // self.every + 1) * self.every
        return when if not self.end or when <= self.end else None


class _Plan(NamedTuple):
    name: str
    every: int
    offset: int
    reach: int
    run_mode: str
    is_active: bool
    is_public: bool
    engines: tuple[int, ...]
    org: int = 0


_PLANS = (
    _Plan("qv3TestEverye5Minute", 5 * MINUTE, 0, 5 * HOUR, "Recurring", True, False, (ENTITIES,)),
    _Plan("Monthly rights audit", MONTH, 3 * HOUR, 5 * MONTH, "Recurring", True, True, (INGEST, LOGOS)),
    _Plan("Weekly compliance report", WEEK, 6 * HOUR, 4 * WEEK, "Recurring", True, True, (INGEST, SPEECH, SAFE)),
    _Plan("Sonntags: „Kirche & Kultur“", WEEK, 33 * HOUR, 4 * WEEK, "Recurring", True, False, (INGEST, DEUTSCH)),
    _Plan("Nightly archive sweep", DAY, 90 * MINUTE, 30 * DAY, "Recurring", True, True, (INGEST, SPEECH, ENTITIES)),
    _Plan("Daily mail room scans <b>", DAY, 7 * HOUR, 30 * DAY, "Recurring", True, False, (OCR, ENTITIES)),
    _Plan(
        "Live capture \N{EN DASH} Kanal 4",
        6 * HOUR,
        0,
        30 * DAY,
        "Continuous",
        True,
        True,
        (INGEST, DEUTSCH, TRANSLATE),
    ),
    _Plan("Hourly newsroom feed", HOUR, 10 * MINUTE, 25 * DAY, "Recurring", True, True, (INGEST, SPEECH)),
    _Plan("Old hourly poll (do not delete)", HOUR, 25 * MINUTE, 28 * DAY, "Recurring", False, False, (SPEECH,)),
    _Plan("Migration dry run", 0, 9 * HOUR, 12 * DAY, "Once", False, False, (INGEST, SPEECH)),
    _Plan("Election night capture", 0, -2 * DAY, 0, "Once", True, True, (INGEST, SPEECH, TRANSLATE)),
    _Plan("Nightly docket import", DAY, 2 * HOUR, 30 * DAY, "Recurring", True, False, (INGEST, SPEECH), 1),
    _Plan("Courtroom 3 live", 6 * HOUR, HOUR, 20 * DAY, "Continuous", True, True, (INGEST, SPEECH), 1),
)


def opening_schedules(start: int) -> list[Schedule]:
    """Return the schedules that exist when the world opens at `start`."""
    made = []
    for number, plan in enumerate(_PLANS):
        begin = start - plan.reach - plan.offset
        if plan.every:
            begin = begin // plan.every * plan.every + plan.offset % plan.every
        ident = "123456" if number == 0 else str(120_000 + 977 * number)
        made.append(
            Schedule(
                ident,
                plan.org,
                plan.name,
                Shape.of(plan.engines),
                created=min(begin, start) - DAY,
                modified=min(begin, start) - DAY,
                every=plan.every,
                run_mode=plan.run_mode,
                is_active=plan.is_active,
                is_public=plan.is_public,
                begin=begin,
                person=number % 3 if plan.org == 0 else 0,
                parts=interval_parts(plan.every) if plan.every else [],
                templates=[str(7_000 + number)],
                description=f"Runs {', '.join(ENGINES[engine].name for engine in plan.engines)}",
            )
        )
    return made


def interval_parts(every: int) -> list[dict[str, Any]]:
    """Return the schedule parts that say "every so many milliseconds"."""
    for unit, size in (("Days", DAY), ("Hours", HOUR), ("Minutes", MINUTE)):
        if every % size == 0:
            return [{"scheduleType": "Interval", "repeatIntervalUnit": unit, "repeatInterval": every // size}]
    return [{"scheduleType": "Interval", "repeatIntervalUnit": "Seconds", "repeatInterval": every // 1000}]


_UNITS = {"Months": MONTH, "Weeks": WEEK, "Days": DAY, "Hours": HOUR, "Minutes": MINUTE, "Seconds": 1000}


def read_parts(
    recurring: list[dict[str, Any]] | None, weekly: list[dict[str, Any]] | None
) -> tuple[list[dict[str, Any]], int]:
    """Return the parts that input fields make, and every how many milliseconds they make a schedule run (0: never)."""
    parts: list[dict[str, Any]] = [{"scheduleType": "Interval", **part} for part in recurring or ()]
    every = min((_UNITS[part["repeatIntervalUnit"]] * part["repeatInterval"] for part in parts), default=0)
    parts += [
        {"scheduleType": "Weekly", "scheduledDayLocal": part.get("scheduledDay"), **part} for part in weekly or ()
    ]
    return parts, max(every, 0) or (WEEK if weekly else 0)
