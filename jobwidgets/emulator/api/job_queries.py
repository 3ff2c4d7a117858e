"""Lists of jobs: filters, order, ties and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, compress, groupby, islice, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets.emulator.api.errors import invalid
from jobwidgets.emulator.simulation.catalog import CLUSTERS, ENGINES
from jobwidgets.emulator.simulation.clock import to_ms
from jobwidgets.emulator.simulation.rules import filter_words

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from jobwidgets.emulator.simulation.world import Caller, World

DEFAULT_LIMIT = 30
_BLOCK = 256
_NEWEST_FIRST = [("createdDateTime", True)]


class Page(NamedTuple):
    """One page of a list."""

    records: Sequence[Any]
    offset: int
    limit: int


class Span(NamedTuple):
    """A range of milliseconds, ends included; None: open."""

    low: int | None
    high: int | None

    def holds(self, value: int) -> bool:
        """Say whether `value` lies in it."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def meet(self, other: Span) -> Span:
        """Return what both cover."""
        low = max((v for v in (self.low, other.low) if v is not None), default=None)
        high = min((v for v in (self.high, other.high) if v is not None), default=None)
        return Span(low, high)


EVERYTHING = Span(None, None)


def read_moment(text: object, where: str, *, up: bool = False) -> int:
    """Return the milliseconds of an ISO 8601 date-time, rounded down or `up`; one without an offset is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise invalid(f"{where}: {text!r} is not an ISO 8601 date-time")
    exact = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return to_ms(exact) + (up and exact.microsecond % 1000 > 0)


def read_span(world: World, low: object, high: object, where: str) -> Span:
    """Return the range between two date-times, its ends as the choice `bounds` has them."""
    bounds = world.choices.bounds  # jobs have whole milliseconds, the ends of a range need not
    start = stop = None
    if low is not None:
        start = read_moment(low, where) + 1 if bounds == "exclusive" else read_moment(low, where, up=True)
    if high is not None:
        stop = read_moment(high, where) if bounds == "inclusive" else read_moment(high, where, up=True) - 1
    return Span(start, stop)


def read_page(world: World, offset: int | None, limit: int | None) -> tuple[int, int]:
    """Return the offset and the limit of a page, defaults filled in; refuse those the service does not take."""
    offset, limit = 0 if offset is None else offset, DEFAULT_LIMIT if limit is None else limit
    if offset < 0:
        raise invalid("offset must not be negative", offset=offset)
    most = world.choices.max_page_size
    if limit < 1 or (most is not None and limit > most):
        raise invalid(f"limit must be from 1 to {most or 'any number'}", limit=limit)
    return offset, limit


class JobQuery:
    """A list of one organisation's jobs: a window of creation times, sieves, an order."""

    def __init__(self, world: World, org: int) -> None:
        self._world = world
        self._org = org
        self._created = EVERYTHING
        self._sieves: list[Callable[[list[int]], list[int]]] = []
        self._order: list[tuple[str, bool]] = []

    def where(self, test: Callable[[int], bool]) -> None:
        """Keep the rows that pass `test` only."""
        self._sieves.append(lambda rows: list(filter(test, rows)))

    def among(self, column: Sequence[int], wanted: Collection[int]) -> None:
        """Keep the rows for which `column` has a wanted number; this is what is asked of every job, so it is quick."""
        get, fits = column.__getitem__, frozenset(wanted).__contains__
        self._sieves.append(lambda rows: list(compress(rows, map(fits, map(get, rows)))))

    def during(self, field: str, span: Span) -> None:
        """Keep the jobs whose created or modified time lies in `span`."""
        if field == "createdDateTime":
            self._created = self._created.meet(span)
        else:
            modified = self._world.store.modified
            self.where(lambda row: span.holds(modified[row]))

    def of_status(self, words: Iterable[str]) -> None:
        """Keep the jobs in these statuses."""
        store = self._world.store
        self.among(store.status, {store.codes[word] for word in words if word in store.codes})

    def using(self, engines: set[int]) -> None:
        """Keep the jobs with a task on one of these engines."""
        store = self._world.store
        self.among(
            store.shape, {number for number, shape in enumerate(store.shapes) if engines.intersection(shape.engines)}
        )

    def order(self, field: str, direction: str) -> None:
        """Sort by this field; where it is the same, by what was said after it."""
        if all(known != field for known, _ in self._order):
            self._order.append((field, direction == "desc"))

    def rows(self, at_once: int = _BLOCK) -> Iterator[int]:
        """Give the rows in order, as far as they are asked for; about so many are looked at together."""
        return chain.from_iterable(self._blocks(max(at_once, _BLOCK)))

    def _blocks(self, size: int) -> Iterator[list[int]]:
        store = self._world.store
        line = store.timeline[self._org]
        window = store.window(self._org, self._created.low, self._created.high)
        (field, descending), *more = self._order or _NEWEST_FIRST
        if more or field != "createdDateTime":
            rows = self._sifted(line[window.start : window.stop])
            for name, down in reversed(self._order):
                rows.sort(key=self._times(name).__getitem__, reverse=down)
            yield rows
        elif descending:
            for stop in range(window.stop, window.start, -size):
                yield self._sifted(line[max(window.start, stop - size) : stop][::-1])
        else:
            for start in range(window.start, window.stop, size):
                yield self._sifted(line[start : min(start + size, window.stop)])

    def _times(self, field: str) -> array[int]:
        return self._world.store.created if field == "createdDateTime" else self._world.store.modified

    def _sifted(self, rows: list[int]) -> list[int]:
        for sieve in self._sieves:
            rows = sieve(rows)
        return rows

    def page(self, offset: int, limit: int) -> Page:
        """Return one page."""
        return Page(self._cut(self.rows(offset + limit), offset, limit), offset, limit)

    def page_and_total(self, offset: int, limit: int) -> tuple[Page, int]:
        """Return one page, and how many rows there are in all."""
        rows = list(self.rows())
        return Page(self._cut(iter(rows), offset, limit), offset, limit), len(rows)

    def _cut(self, rows: Iterator[int], offset: int, limit: int) -> list[int]:
        """Cut a page out of the rows. The choice `ties` decides in which order it sees the rows of one instant."""
        found = list(islice(rows, offset + limit))
        if self._world.choices.ties == "stable" or len(found) <= offset:
            return found[offset:]
        columns = [self._times(field) for field, _ in self._order or _NEWEST_FIRST]

        def key(row: int) -> list[int]:
            return [column[row] for column in columns]

        first, last = key(found[offset]), key(found[-1])
        found += takewhile(lambda row: key(row) == last, rows)  # the instants at both ends are shuffled whole
        begin = offset
        while begin and key(found[begin - 1]) == first:
            begin -= 1
        shuffled: list[int] = []
        for _, tied in groupby(found[begin:], key):
            group = list(tied)
            if len(group) > 1:
                self._world.chance.shuffle(group)
            shuffled += group
        return shuffled[offset - begin :][:limit]


def jobs_page(world: World, caller: Caller, args: Mapping[str, Any]) -> Page:
    """Return the page of `jobs` that these arguments ask for."""
    offset, limit = read_page(world, args.get("offset"), args.get("limit"))
    query = JobQuery(world, caller.org)
    store = world.store
    if (ident := args.get("id")) is not None:
        query.where(lambda row: store.ids[row] == ident)
    _application(query, world, caller, args)
    _origin(query, world, args)
    _engines(query, args)
    _common(query, world, args)
    return query.page(offset, limit)


def _application(query: JobQuery, world: World, caller: Caller, args: Mapping[str, Any]) -> None:
    known = caller.organization.applications
    wanted = args.get("applicationIds")
    if wanted is None:
        wanted = [args["applicationId"]] if args.get("applicationId") is not None else [known[caller.app]]
    apps = {known.index(app) for app in wanted if app in known}
    query.among(world.store.app, apps)


def _origin(query: JobQuery, world: World, args: Mapping[str, Any]) -> None:
    store = world.store
    if (wanted := args.get("scheduledJobIds")) is not None:
        numbers = {number for number, schedule in enumerate(world.schedules, 1) if schedule.id in wanted}
        query.among(store.schedule, numbers)
    if (has := args.get("hasScheduledJobId")) is not None:
        query.where(lambda row: bool(store.schedule[row]) == has)
    if (has_target := args.get("hasTargetTDO")) is not None:
        query.where(lambda row: (store.targets[row] is not None) == has_target)


def _engines(query: JobQuery, args: Mapping[str, Any]) -> None:
    if (ids := args.get("engineIds")) is not None:
        query.using({number for number, engine in enumerate(ENGINES) if engine.id in ids})
    if (categories := args.get("engineCategoryIds")) is not None:
        query.using({number for number, engine in enumerate(ENGINES) if engine.category.id in categories})


def _common(query: JobQuery, world: World, args: Mapping[str, Any]) -> None:
    """Apply the arguments that `jobs` and the runs of a schedule share."""
    store = world.store
    if (target := args.get("targetId")) is not None:
        query.where(store.targets.same(target))
    if (cluster := args.get("clusterId")) is not None:
        number = CLUSTERS.index(cluster) if cluster in CLUSTERS else -1
        query.among(store.cluster, {number})
    if (status := args.get("status")) is not None:
        query.of_status(filter_words(status))
    for part in args.get("dateTimeFilter") or ():
        query.during(
            part["field"], read_span(world, part.get("fromDateTime"), part.get("toDateTime"), "dateTimeFilter")
        )
    for part in args.get("orderBy") or ():
        query.order(part["field"], part.get("direction") or "desc")


def runs_page(world: World, caller: Caller, number: int, args: Mapping[str, Any], *, default_reach: int) -> Page:
    """Return a page of the runs of schedule `number`; without a dateTimeFilter, of the last `default_reach` only."""
    offset, limit = read_page(world, args.get("offset"), args.get("limit"))
    query = JobQuery(world, caller.org)
    query.among(world.store.schedule, {number})
    if not args.get("dateTimeFilter"):
        query.during("createdDateTime", Span(world.now() - default_reach, None))
    _common(query, world, args)
    return query.page(offset, limit)


def target_page(world: World, caller: Caller, target: str, args: Mapping[str, Any]) -> Page:
    """Return a page of the jobs of a target."""
    offset, limit = read_page(world, args.get("offset"), args.get("limit"))
    query = JobQuery(world, caller.org)
    _common(query, world, {"targetId": target, "orderBy": args.get("orderBy")})
    return query.page(offset, limit)


def tasks_page(world: World, row: int, args: Mapping[str, Any]) -> Page:
    """Return a page of the tasks of a job."""
    offset, limit = read_page(world, args.get("offset"), args.get("limit"))
    store = world.store
    tasks: Sequence[int] = store.tasks(row)
    if (status := args.get("status")) is not None:
        tasks = [task for task in tasks if store.words[store.task_status[task]] in status]
    if (ident := args.get("id")) is not None:
        tasks = [task for task in tasks if store.task_id(task) == ident]
    if (targets := args.get("targetId")) is not None:
        tasks = tasks if store.targets[row] in targets else ()
    if args.get("hasSourceAsset"):
        tasks = ()
    return Page(tasks[offset : offset + limit], offset, limit)
