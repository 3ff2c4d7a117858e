"""What is written down of a world, so that it can go on in another process: plain data, no code, no token."""

from __future__ import annotations

import sys
from typing import Any
from zlib import crc32

from msgspec import Struct

from jobwidgets.emulator.simulation.catalog import CLUSTERS, ENGINES, ORGANIZATIONS, Shape
from jobwidgets.emulator.simulation.schedules import Schedule  # noqa: TC001 - msgspec looks at the types when it reads

Chance = tuple[int, tuple[int, ...], float | None]
"""Where a generator of random numbers stands, as its `getstate` says it."""
Letters = tuple[bytes, bytes, bytes]
"""A column of texts: the letters, where each text starts, how long it is."""


class StoreMemory(Struct):
    """Jobs and tasks; `numbers` are the columns of numbers, by name. Payloads and the like are JSON."""

    words: list[str]
    shapes: list[Shape]
    ids: list[str]
    names: Letters
    targets: Letters
    numbers: dict[str, bytes]
    failures: dict[int, tuple[str | None, str | None]]
    payloads: dict[int, str]
    extras: dict[int, str]


class LifeMemory(Struct):
    """What the engines do, and what is to come."""

    now: int
    chance: Chance
    events: int
    to_come: list[tuple[int, int, str, Any]]
    outages: list[list[tuple[int, int]]]
    slow_nights: list[int]
    free: list[int]
    queues: list[list[int]]
    queued: list[int]
    waiting: list[list[int]]
    outage: list[int]
    clear: list[int]
    fate: dict[int, tuple[str, str]]


class PlannerMemory(Struct):
    """How far the history is planned."""

    chance: Chance
    targets: int


class WorldMemory(Struct):
    """All of a world; `start` is when its history ended, `clock` its time now, in milliseconds since 1970."""

    catalogue: int
    jobs: int
    seed: int
    start: int
    clock: float
    choices: dict[str, Any]
    chance: Chance
    ids: Chance
    planner: PlannerMemory
    schedules: list[Schedule]
    ledger: list[tuple[int, tuple[str, str, str | None, str]]]
    store: StoreMemory
    life: LifeMemory


def catalogue() -> int:
    """Return a number that stands for what the numbers in a memory mean: engines, organisations, the order of bytes."""
    return crc32(repr((ENGINES, ORGANIZATIONS, CLUSTERS, sys.byteorder)).encode())
