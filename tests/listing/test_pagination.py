"""The walk through a list, against a list that shuffles its ties, grows and shrinks while it is read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwidgets._internal.timeparse import iso
from jobwidgets.errors import ServiceError
from jobwidgets.listing.boundary_probe import PageBoundaryProbe
from jobwidgets.listing.pagination import BEGINNING, MILLISECOND, SECOND, PageInfo, paginate_by_time
from jobwidgets.listing.partitions import TimePartitioner
from jobwidgets.transport.page_sizes import PageBoundaries
from jobwidgets.transport.throttle import MAX_READS_IN_FLIGHT

START = datetime(2026, 1, 1, tzinfo=UTC)
FAR = START + timedelta(days=400)


class ShiftingList:
    """A list as the service keeps it: times in microseconds, written in milliseconds, ties in any order."""

    def __init__(self, jobs, chance, *, limit, inclusive):
        self.jobs = dict(jobs)
        self.chance, self.limit, self.inclusive = chance, limit, inclusive
        self.written = iso
        self.late = set()
        self.requests = 0
        self.seen = None
        self.edges = None

    def page(self, ask):
        self.requests += 1
        low = (lambda t: t >= ask.since) if self.inclusive else (lambda t: t > ask.since)
        high = (lambda t: t <= ask.until) if self.inclusive else (lambda t: t < ask.until)
        rows = [(job, t) for job, t in self.jobs.items() if low(t) and high(t)]
        self.chance.shuffle(rows)
        rows.sort(key=lambda row: row[1], reverse=True)
        return rows[ask.offset : ask.offset + self.limit]

    def told(self, rows, fresh):
        return PageInfo([job for job, _ in rows], [self.written(t) for _, t in rows], len(rows) < self.limit, fresh)


def read(shifting, *, between=lambda: None, since=BEGINNING, until=FAR):
    steps, seen = paginate_by_time(since, until), []
    try:
        ask = next(steps)
        while True:
            rows = shifting.page(ask)
            fresh = [job for job, _ in rows if job not in seen]
            seen.extend(fresh)
            between()
            ask = steps.send(
                PageInfo(
                    [j for j, _ in rows], [shifting.written(t) for _, t in rows], len(rows) < shifting.limit, len(fresh)
                )
            )
    except StopIteration:
        return seen


def read_abreast(shifting, *, between=lambda: None, since=BEGINNING, until=FAR, chance, places=MAX_READS_IN_FLIGHT):
    """Read the same list in windows, as many at once as there may be; their pages come in any order."""
    windows, seen, going = TimePartitioner(since, until, seen=shifting.seen), [], []
    windows.expect(shifting.edges)
    while True:
        while len(going) < places and (window := windows.take()) is not None:
            going.append(window)
        if not going:
            assert windows.complete_to is None
            shifting.seen = windows.seen
            return seen
        window = chance.choice(going)
        rows = shifting.page(window.ask)
        between()
        fresh = [job for job, _ in rows if job not in seen]
        seen.extend(fresh)
        page = PageInfo(
            [j for j, _ in rows], [shifting.written(t) for _, t in rows], len(rows) < shifting.limit, len(fresh)
        )
        if not windows.told(window, page, shifting.limit):
            going.remove(window)
        to = windows.complete_to
        there = {job for job, t in shifting.jobs.items() if to is None or t > to + SECOND}
        assert {job for job in there if job not in shifting.late} <= set(seen)


@pytest.mark.parametrize("abreast", [False, True])
@settings(max_examples=200, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 40) | st.integers(3_000, 3_500), max_size=60),
    limit=st.sampled_from([2, 3, 5, 10, 100]),
    inclusive=st.booleans(),
    micro=st.sampled_from([1, 300, 1000, 1_000_000, 5_000_000_000]),
    chance=st.randoms(use_true_random=False),
    before=st.none() | st.lists(st.integers(-100, 4_000), unique=True),
    told=st.none() | st.lists(st.integers(-100, 4_000), max_size=16),
)
def test_every_job_that_stays_is_read_once(abreast, offsets, limit, inclusive, micro, chance, before, told):
    jobs = {f"j{i}": START + timedelta(microseconds=micro * at) for i, at in enumerate(offsets)}
    shifting = ShiftingList(jobs, chance, limit=limit, inclusive=inclusive)
    if before is not None:  # what was seen of it last may not be true any more
        edges = [START + timedelta(microseconds=micro * at) for at in sorted(before, reverse=True)]
        shifting.seen = PageBoundaries(tuple(edges), MILLISECOND)
    if told is not None:  # in any order, and not true
        shifting.edges = [START + timedelta(microseconds=micro * at) for at in told]
    vanishing = [job for job in jobs if chance.random() < 0.2]
    arrivals = 0

    def between():
        nonlocal arrivals
        if vanishing and chance.random() < 0.3:
            shifting.jobs.pop(vanishing.pop(), None)
        if arrivals < 30 and chance.random() < 0.3:
            arrivals += 1
            shifting.late.add(f"new{arrivals}")
            shifting.jobs[f"new{arrivals}"] = START + timedelta(days=300, microseconds=arrivals)

    staying = {job for job in jobs if job not in vanishing}
    if abreast:
        seen = read_abreast(shifting, between=between, chance=chance, places=chance.choice([1, 2, MAX_READS_IN_FLIGHT]))
    else:
        seen = read(shifting, between=between)
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


def test_hundreds_of_jobs_in_one_instant_are_read_with_small_pages():
    import random

    jobs = {f"j{i}": START for i in range(300)} | {f"k{i}": START + timedelta(seconds=i - 20) for i in range(40)}
    shifting = ShiftingList(jobs, random.Random(4), limit=50, inclusive=False)
    assert set(read(shifting)) == set(jobs)


def test_pages_that_do_not_narrow_cost_one_request_each_and_no_more():
    import random

    jobs = {f"j{i}": START + timedelta(seconds=i) for i in range(1000)}
    shifting = ShiftingList(jobs, random.Random(1), limit=100, inclusive=True)
    assert len(read(shifting)) == 1000
    assert shifting.requests <= 12


@pytest.mark.parametrize(("jobs", "most"), [(90, 1), (150, 20), (1_000, 45), (5_000, 100)])
def test_windows_side_by_side_cost_few_requests_more_than_pages_one_after_the_other(jobs, most):
    import random

    chance = random.Random(jobs)
    jobs = {f"j{i}": START + timedelta(seconds=chance.uniform(0, 86_400 * 30)) for i in range(jobs)}
    shifting = ShiftingList(jobs, chance, limit=100, inclusive=True)
    assert set(read_abreast(shifting, chance=chance)) == set(jobs)
    assert shifting.requests <= most


def test_most_of_a_list_is_asked_for_at_once_after_its_first_page():
    windows = TimePartitioner(START, START + timedelta(seconds=1000))
    first = windows.take()
    assert windows.take() is None
    times = [iso(START + timedelta(seconds=1000 - i)) for i in range(100)]
    assert not windows.told(first, PageInfo([str(i) for i in range(100)], times, False, 100), 100)
    abreast = []
    while (window := windows.take()) is not None:
        abreast.append(window)
    assert len(abreast) == 10
    assert {window.ask.offset for window in abreast} == {0}


@pytest.mark.parametrize(("jobs", "again", "grown"), [(150, 2, 20), (1_000, 12, 18), (5_000, 60, 66)])
def test_a_list_that_is_read_again_costs_no_search_for_where_its_jobs_are(jobs, again, grown):
    import random

    chance = random.Random(jobs)
    jobs = {f"j{i}": START + timedelta(seconds=chance.uniform(0, 86_400 * 30)) for i in range(jobs)}
    shifting = ShiftingList(jobs, chance, limit=100, inclusive=True)
    assert set(read_abreast(shifting, chance=chance)) == set(jobs)
    for _ in range(3):
        shifting.requests = 0
        assert set(read_abreast(shifting, chance=chance)) == set(jobs)
        assert shifting.requests <= again
    shifting.requests = 0
    shifting.jobs |= {f"n{i}": START + timedelta(days=30, seconds=chance.uniform(0, 86_400 * 5)) for i in range(350)}
    assert set(read_abreast(shifting, chance=chance)) == set(shifting.jobs)
    assert shifting.requests <= grown


@pytest.mark.parametrize(("jobs", "requests"), [(90, 1), (150, 2), (1_000, 12), (1_500, 17), (2_000, 36)])
def test_a_list_that_tells_where_its_pages_lie_costs_no_search_as_far_as_it_does(jobs, requests):
    import random

    chance = random.Random(jobs)
    jobs = {f"j{i}": START + timedelta(seconds=chance.uniform(0, 86_400 * 30)) for i in range(jobs)}
    shifting = ShiftingList(jobs, chance, limit=100, inclusive=True)
    times = sorted(jobs.values(), reverse=True)
    shifting.edges = [times[at] for at in PageBoundaryProbe().asked(100).values() if at < len(times)]
    assert set(read_abreast(shifting, chance=chance)) == set(jobs)
    assert shifting.requests <= requests


def test_all_of_a_list_that_is_read_again_is_asked_for_at_once():
    times = [START + timedelta(seconds=i) for i in range(1_000, 0, -1)]
    windows = TimePartitioner(BEGINNING, FAR, seen=PageBoundaries(tuple(times[90::90]), MILLISECOND))
    assert windows.complete_to == FAR
    abreast = []
    while (window := windows.take()) is not None:
        abreast.append(window)
    assert len(abreast) == 12
    for window in abreast:
        texts = [iso(time) for time in times if window.ask.since <= time <= window.ask.until]
        assert not windows.told(window, PageInfo([*map(str, texts)], texts, len(texts) < 100, len(texts)), 100)
    assert windows.take() is None
    assert windows.complete_to is None
    kept = windows.seen.edges
    assert len(kept) == 11
    assert all(abs(edge - before) < timedelta(seconds=15) for edge, before in zip(kept, times[90::90], strict=True))


def test_cuts_are_kept_in_their_order_also_where_pages_lie_over_one_another():
    windows = TimePartitioner(BEGINNING, FAR, seen=PageBoundaries((START, START - 500 * SECOND), MILLISECOND))
    for jobs, newest, length in ((95, 1_000, 1_200), (90, 0, 20), (20, -500, 20)):
        window = windows.take()
        texts = [iso(START + (newest - length * at / jobs) * SECOND) for at in range(jobs)]
        windows.told(window, PageInfo([f"{newest} {at}" for at in range(jobs)], texts, True, jobs), 100)
    edges = windows.seen.edges
    assert len(edges) == 2
    assert edges[0] > edges[1]


def test_no_cut_is_kept_of_a_list_that_fits_on_a_page():
    windows = TimePartitioner(BEGINNING, FAR)
    window = windows.take()
    windows.told(window, PageInfo(["a", "b"], [iso(START), iso(START - SECOND)], True, 2), 100)
    assert windows.seen.edges == ()


def test_windows_of_a_service_that_sends_older_jobs_as_well_end_where_they_should():
    class Unbounded(ShiftingList):
        def page(self, ask):
            return super().page(replace(ask, since=BEGINNING))

    import random

    jobs = {f"j{i}": START + timedelta(seconds=i) for i in range(2_000)}
    shifting = Unbounded(jobs, random.Random(5), limit=100, inclusive=True)
    for _ in range(3):
        shifting.requests = 0
        assert set(read_abreast(shifting, chance=random.Random(6))) == set(jobs)
        assert shifting.requests <= 60


def test_a_gap_of_years_costs_a_request_or_two():
    import random

    jobs = {f"j{i}": START + timedelta(seconds=i) for i in range(1_000)}
    jobs |= {f"k{i}": START - timedelta(days=9_000, seconds=i) for i in range(1_000)}
    shifting = ShiftingList(jobs, random.Random(7), limit=100, inclusive=True)
    assert set(read_abreast(shifting, chance=random.Random(8))) == set(jobs)
    assert shifting.requests <= 70


@pytest.mark.parametrize("abreast", [False, True])
def test_times_in_whole_seconds_lose_nothing_within_the_second_in_any_window(abreast):
    import random

    chance = random.Random(9)
    jobs = {f"j{i}": START + timedelta(milliseconds=chance.randrange(400_000)) for i in range(2_000)}
    shifting = ShiftingList(jobs, chance, limit=50, inclusive=False)
    shifting.written = lambda t: t.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    seen = read_abreast(shifting, chance=chance) if abreast else read(shifting)
    assert set(seen) == set(jobs)
    assert len(seen) == len(jobs)


def test_times_in_whole_seconds_lose_nothing_within_the_second():
    import random

    jobs = {f"j{i}": START + timedelta(milliseconds=170 * i) for i in range(60)}
    shifting = ShiftingList(jobs, random.Random(2), limit=10, inclusive=False)
    steps, seen = paginate_by_time(BEGINNING, FAR), set()
    with pytest.raises(StopIteration):  # noqa: PT012  the walk ends in the loop
        ask = next(steps)
        while True:
            rows = shifting.page(ask)
            fresh = {job for job, _ in rows} - seen
            seen |= fresh
            texts = [t.replace(microsecond=0).isoformat().replace("+00:00", "Z") for _, t in rows]
            ask = steps.send(PageInfo([j for j, _ in rows], texts, len(rows) < 10, len(fresh)))
    assert seen == set(jobs)


def test_a_service_that_ignores_the_range_is_told_from_one_that_keeps_to_it():
    steps = paginate_by_time(BEGINNING, FAR)
    next(steps)
    times = [iso(START - timedelta(seconds=i)) for i in range(3)]
    steps.send(PageInfo(["a", "b", "c"], times, False, 3))
    with pytest.raises(ServiceError, match="dateTimeFilter"):
        steps.send(PageInfo(["a", "b", "c"], times, False, 0))


def test_a_service_that_sorts_otherwise_is_told():
    steps = paginate_by_time(BEGINNING, FAR)
    next(steps)
    times = [iso(START + timedelta(seconds=i)) for i in range(3)]
    with pytest.raises(ServiceError, match="does not sort"):
        steps.send(PageInfo(["a", "b", "c"], times, False, 3))


def test_jobs_without_a_time_are_told():
    steps = paginate_by_time(BEGINNING, FAR)
    next(steps)
    with pytest.raises(ServiceError, match="without createdDateTime"):
        steps.send(PageInfo(["a", "b"], [None, None], False, 2))


def test_the_same_page_again_and_again_ends():
    steps = paginate_by_time(BEGINNING, FAR)
    next(steps)
    with pytest.raises(ServiceError):  # noqa: PT012  it ends in one of the turns
        for _ in range(100_000):
            steps.send(PageInfo(["a", "b"], [iso(START), iso(START)], False, 0))
