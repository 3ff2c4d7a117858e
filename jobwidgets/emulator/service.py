"""The embedded service: its world, its dials, and what tests and demos ask it directly."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

from jobwidgets.emulator.api.graphql import GraphQL
from jobwidgets.emulator.http.app import App
from jobwidgets.emulator.http.auth import Access, RateLimit
from jobwidgets.emulator.http.faults import Faults
from jobwidgets.emulator.persistence.autosave import Autosaver, WorldRequest, open_world
from jobwidgets.emulator.persistence.state_file import StateFile
from jobwidgets.emulator.simulation.catalog import ENGINES, INGEST, ORGANIZATIONS, SPEECH, Shape
from jobwidgets.emulator.simulation.clock import to_ms
from jobwidgets.emulator.simulation.rules import IDLE, cancel_refusal, fitting_tasks
from jobwidgets.emulator.simulation.schedules import Schedule
from jobwidgets.emulator.simulation.world import Write, engine_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from os import PathLike
    from types import TracebackType

    from jobwidgets.emulator.options import EmulatorOptions


class Service:
    """An aiWARE that runs here: a month of jobs, engines that work them off, and both APIs over them.

    Parameters
    ----------
    jobs
        How many jobs the first organisation's own application has at the start; None: 2,000. A second organisation (a
        tenth as many) and a second application (a twentieth) come on top.
    seed
        The same seed and start give the same history; None: 0.
    speed
        World seconds per real second; 0 stops the clock.
    choices
        How it answers the contract's open questions.
    token
        The API key of the first organisation; None: a random one.
    start
        When the history ends and life begins, in world time; None: now.
    state
        A file that keeps the world between runs. Where it is there, the world in it goes on exactly as it would have
        gone on, from the moment it was saved, with its own seed and history; choices that are given hold, and without
        any its own. `notes` says where it differs from what was asked for. It holds no token and no session: the next
        run is given its `token`, or makes one. Close the service, or use it as a context manager: that saves.

    Raises
    ------
    StateError
        The state file is damaged, in use, of a later version, or none; it was left as it is.

    Attributes
    ----------
    app
        The ASGI application: `POST /v3/graphql` and the REST paths under `/edge/v1`.
    clock, choices, faults
        World time, the open questions, the dials for faults; all can be changed while it runs.
    ledger
        Every write that took effect, in order.
    requests
        How many requests came for each operation: the root fields asked, or REST's method and path.
    tokens
        The API key of each organisation, by its id.
    notes
        What of a state file differs from the arguments, a sentence each.
    """

    def __init__(
        self,
        *,
        jobs: int | None = None,
        seed: int | None = None,
        speed: float = 1.0,
        choices: EmulatorOptions | None = None,
        token: str | None = None,
        start: datetime | None = None,
        state: str | PathLike[str] | None = None,
    ) -> None:
        if jobs is not None and jobs < 0:
            raise ValueError(f"jobs is 0 or more, not {jobs}")
        if start is not None and start.tzinfo is None:
            raise ValueError("start needs a time zone")
        file = None if state is None else StateFile(state)
        try:
            self.world, self.notes = open_world(file, WorldRequest(jobs, seed, start, choices))
        except BaseException:
            if file is not None:
                file.close()
            raise
        self.keeper = None if file is None else Autosaver(self.world, file)
        self.choices, self.clock = self.world.choices, self.world.clock
        self.access = Access(self.world, seed=self.world.seed, token=token)
        self.limit = RateLimit()
        self.faults = Faults(self.world.seed)
        self.requests: Counter[str] = Counter()
        self.graphql = GraphQL(self.world, self.access.login)
        self.app = App(
            self.world, self.graphql, access=self.access, limit=self.limit, faults=self.faults,
            requests=self.requests,
        )  # fmt: skip
        self.clock.speed = speed

    @property
    def token(self) -> str:
        """The API key of the first organisation."""
        return self.tokens[ORGANIZATIONS[0].id]

    @property
    def tokens(self) -> dict[str, str]:
        """The API key of each organisation, by its id."""
        return self.access.tokens

    @property
    def user(self) -> tuple[str, str]:
        """Name and password of someone of the first organisation, for `userLogin`."""
        name = ORGANIZATIONS[0].people[0].name
        return name, self.access.passwords[name]

    @property
    def ledger(self) -> list[Write]:
        """Every write that took effect, in order."""
        with self.world.lock:
            self.world.sync()
            return self.world.ledger

    def save(self) -> None:
        """Write the world into the state file, if there is one.

        Raises
        ------
        StateError, OSError
            It could not be written; what was saved before is still there.
        """
        if self.keeper is not None:
            self.keeper.save()

    def close(self) -> None:
        """Save, and let others have the state file. Closing twice, or without a state file, does nothing.

        Raises
        ------
        StateError, OSError
            It could not be saved; what was saved before is still there.
        """
        if self.keeper is not None:
            self.keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def jobs_by_status(self, status: str) -> list[str]:
        """Return the ids of the first organisation's jobs in this status, oldest first."""
        return [self.world.store.ids[row] for row in self._rows() if self._status(row) == status]

    def a_pending_job(self) -> str:
        """Return a pending job, the one that waits longest; one is made when there is none."""
        return self._first("pending", lambda row: self._status(row) == "pending")

    def a_cancellable_job(self) -> str:
        """Return a job that can be cancelled now; one is made when there is none."""
        store = self.world.store
        return self._first("queued", lambda row: cancel_refusal(self._status(row), store.task_words(row)) is None)

    def a_running_job(self) -> str:
        """Return a running job of which a task has started; one is made when there is none."""
        store = self.world.store
        return self._first(
            "running", lambda row: self._status(row) == "running" and not set(store.task_words(row)) <= IDLE
        )

    def a_complete_job(self) -> str:
        """Return a completed job; one is made when there is none."""
        return self._first("complete", lambda row: self._status(row) == "complete")

    def a_failed_job(self) -> str:
        """Return a failed job; one is made when there is none."""
        return self._first("failed", lambda row: self._status(row) == "failed")

    def job_status(self, ident: str) -> str:
        """Return the status of a job; KeyError for a strange id."""
        with self.world.lock:
            self.world.sync()
            return self._status(self.world.store.rows[ident])

    def task_statuses(self, ident: str) -> list[str]:
        """Return the status of each task of a job, in order; KeyError for a strange id."""
        with self.world.lock:
            self.world.sync()
            return self.world.store.task_words(self.world.store.rows[ident])

    def add_job(
        self,
        status: str = "pending",
        tasks: Sequence[str] | int | None = None,
        *,
        created: datetime | None = None,
        name: str | None = None,
        engines: Sequence[str] | None = None,
        organization: str | None = None,
        schedule: str | None = None,
        target: str | None = None,
        lives: bool = True,
    ) -> str:
        """Add exactly this job and return its id.

        Parameters
        ----------
        status
            Its status, any word.
        tasks
            The status of each task, or how many tasks, in statuses to fit the job's (for "running": the first started).
        created
            World time; None: now.
        engines
            Engine ids or names, one a task; None: an ingestor, then transcriptions.
        organization
            The id of its organisation; None: the first.
        schedule
            The id of the schedule that launched it.
        lives
            Whether it goes on living: a pending one is accepted, a queued one starts when its engine has a slot.
        """
        with self.world.lock:
            self.world.sync()
            count = len(engines) if engines else 2
            words = fitting_tasks(status, count if tasks in (None, 0) else tasks)
            numbers = tuple(_engine(name) for name in engines) if engines else (INGEST, *([SPEECH] * (len(words) - 1)))
            org = next(n for n, o in enumerate(ORGANIZATIONS) if organization in (None, o.id))
            row = self.world.new_job(
                Shape.of(numbers[: len(words)]),
                org=org,
                name=name or f"Added job {len(self.world.store.ids)}",
                target=target or self.world.new_number(),
                created=None if created is None else to_ms(created),
                schedule=0
                if schedule is None
                else 1 + next(n for n, s in enumerate(self.world.schedules) if s.id == schedule),
                lives=False,
            )
            self.world.place_job(row, status, words, lives=lives)
            return self.world.store.ids[row]

    def remove_job(self, ident: str) -> None:
        """Make a job vanish from everything; KeyError for a strange id."""
        with self.world.lock:
            self.world.sync()
            self.world.store.remove(self.world.store.rows[ident])

    def add_schedule(
        self,
        *,
        name: str = "Added schedule",
        is_public: bool = False,
        run_mode: str = "Recurring",
        is_active: bool = True,
        every: str | float | None = None,
        organization: str | None = None,
    ) -> str:
        """Add a schedule and return its id; with `every` (seconds or text such as "5min") it launches jobs."""
        with self.world.lock:
            self.world.sync()
            org = next(n for n, o in enumerate(ORGANIZATIONS) if organization in (None, o.id))
            schedule = Schedule.new(self.world.new_number(), org, name, self.world.now(), every=every)
            schedule.run_mode, schedule.is_active, schedule.is_public = run_mode, is_active, is_public
            self.world.schedules.append(schedule)
            self.world.plan_launch(schedule, schedule.created)
            return schedule.id

    def _status(self, row: int) -> str:
        store = self.world.store
        return store.words[store.status[row]]

    def _rows(self) -> list[int]:
        """Return the rows of the first organisation's own application, oldest first, as of now."""
        with self.world.lock:
            self.world.sync()
            store = self.world.store
            return [row for row in store.timeline[0] if not store.app[row]]

    def _first(self, status: str, test: Callable[[int], bool]) -> str:
        found = next((row for row in self._rows() if test(row)), None)
        return self.add_job(status) if found is None else self.world.store.ids[found]

    def __repr__(self) -> str:
        return f"<Service of {len(self.world.store.rows)} jobs, {self.clock!r}>"


def _engine(name: str) -> int:
    number = engine_number(name)
    if number is None:
        raise ValueError(f"there is no engine {name!r}; there are {', '.join(engine.name for engine in ENGINES)}")
    return number
