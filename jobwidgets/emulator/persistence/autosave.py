"""Opens a world, new or out of a state file, and keeps that file up to date."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import convert
from msgspec.msgpack import encode

from jobwidgets.emulator.options import EmulatorOptions
from jobwidgets.emulator.persistence.snapshot import WorldMemory, catalogue
from jobwidgets.emulator.persistence.state_file import StateError
from jobwidgets.emulator.simulation.catalog import Shape
from jobwidgets.emulator.simulation.clock import Clock, from_ms, to_ms
from jobwidgets.emulator.simulation.store import Arrival
from jobwidgets.emulator.simulation.world import World, Write

if TYPE_CHECKING:
    from jobwidgets.emulator.persistence.state_file import StateFile

JOBS = 2_000
SEED = 0
_SHARE = 20  # a save that took a second is followed by this many without one
_log = logging.getLogger(__name__)


class WorldRequest(NamedTuple):
    """What was asked for when a world is opened; None: nothing."""

    jobs: int | None
    seed: int | None
    start: datetime | None
    choices: EmulatorOptions | None


def open_world(file: StateFile | None, wishes: WorldRequest) -> tuple[World, list[str]]:
    """Return the world that a file keeps, or a new one; and in a sentence each where it is not as was wished."""
    memory = None if file is None else file.read()
    if memory is None:
        begin = datetime.now(UTC).replace(microsecond=0) if wishes.start is None else wishes.start
        jobs, seed = JOBS if wishes.jobs is None else wishes.jobs, SEED if wishes.seed is None else wishes.seed
        choices = EmulatorOptions() if wishes.choices is None else wishes.choices
        new = World(jobs=jobs, seed=seed, clock=Clock(begin, speed=0), choices=choices)
        new.open()
        return new, []
    kept = EmulatorOptions(**memory.choices)
    choices = kept if wishes.choices is None else wishes.choices
    world = World(jobs=memory.jobs, seed=memory.seed, clock=Clock(from_ms(memory.start), speed=0), choices=choices)
    _recall(world, memory)
    return world, _differences(memory, wishes, kept)


def _recall(world: World, memory: WorldMemory) -> None:
    """Make an empty world the one of which this is the memory."""
    memory.life.to_come = [
        (when, number, action, _arrival(subject) if action == "arrive" else subject)
        for when, number, action, subject in memory.life.to_come
    ]
    world.store.recall(memory.store)
    world.life.recall(memory.life)
    world.planner.recall(memory.planner)
    world.chance.setstate(memory.chance)
    world.id_chance.setstate(memory.ids)
    world.schedules = memory.schedules
    world.ledger += [Write(from_ms(at), *rest) for at, rest in memory.ledger]
    world.clock.set(memory.clock)


def _arrival(told: list[Any]) -> Arrival:
    """Return a job to come as it was before it was written down."""
    at, shape, *rest = told
    return Arrival(at, convert(shape, Shape), *rest)


def remember(world: World) -> WorldMemory:
    """Return everything that decides how a world goes on, as plain data."""
    return WorldMemory(
        catalogue=catalogue(),
        jobs=world.jobs,
        seed=world.seed,
        start=world.start,
        clock=world.clock.exact(),
        choices=asdict(world.choices),
        chance=world.chance.getstate(),
        ids=world.id_chance.getstate(),
        planner=world.planner.memory(),
        schedules=world.schedules,
        ledger=[(to_ms(write.at), write[1:]) for write in world.ledger],
        store=world.store.memory(),
        life=world.life.memory(),
    )


def _differences(memory: WorldMemory, wishes: WorldRequest, kept: EmulatorOptions) -> list[str]:
    start = None if wishes.start is None else from_ms(to_ms(wishes.start))
    facts = (
        ("seed", wishes.seed, memory.seed),
        ("jobs", wishes.jobs, memory.jobs),
        ("start", start, from_ms(memory.start)),
    )
    notes = [
        f"the world kept there was begun with {name} {is_!s} and goes on with it, not with {wanted!s}"
        for name, wanted, is_ in facts
        if wanted not in (None, is_)
    ]
    for field in fields(EmulatorOptions) if wishes.choices is not None else ():
        was, is_ = getattr(kept, field.name), getattr(wishes.choices, field.name)
        if was != is_:
            notes.append(f"the choice {field.name} was {was!r} there and is {is_!r} from now on")
    return notes


class Autosaver:
    """Writes a world into its file: when asked, from time to time, and when closed."""

    def __init__(self, world: World, file: StateFile) -> None:
        self._world = world
        self._file = file
        self._saving = threading.Lock()
        self._closed = False
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        atexit.register(self.close)

    def save(self) -> None:
        """Write the world as it is now."""
        with self._saving:
            if not self._closed:
                self._save()

    def _save(self) -> None:
        with self._world.lock:
            self._world.sync()
            memory = encode(remember(self._world))
        self._file.write(memory)

    def keep_saving(self, every: float) -> None:
        """Save now and every so many seconds, less often where a save takes long."""
        self._thread = threading.Thread(target=self._go_on, args=(every,), name="aiware-emulator-state", daemon=True)
        self._thread.start()

    def stop_saving(self) -> None:
        """End `keep_saving`."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._end.clear()

    def _go_on(self, every: float) -> None:
        pause = 0.0
        while not self._end.wait(pause):
            begin = time.monotonic()
            try:
                self.save()
            except (StateError, OSError) as error:  # the next time may go well, and the end of all is not silent
                _log.error("the world could not be saved, what was saved before is still there: %s", error)
            pause = max(every, _SHARE * (time.monotonic() - begin))

    def close(self) -> None:
        """Save a last time and let others have the file; closing twice is harmless."""
        self.stop_saving()
        with self._saving:
            if self._closed:
                return
            self._closed = True
            atexit.unregister(self.close)
            try:
                self._save()
            finally:
                self._file.close()
