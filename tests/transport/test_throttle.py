"""How much is asked at once and how often: places, waits that hold for every call, our share of the budget."""

import asyncio
import selectors
import time
from contextlib import asynccontextmanager

import pytest

import jobwidgets as jw
from jobwidgets.transport import throttle as _pace
from jobwidgets.transport.throttle import INITIAL_BULK_IN_FLIGHT, MAX_BULK_IN_FLIGHT, Throttle

EXACT = 1e-3


class Leaping(selectors.DefaultSelector):
    """Where a loop would wait for a time to come, lets it come at once."""

    now = 1_000.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)


def run(work):
    """Run it on a clock that only its own waits move, so that how long it waited is exactly known."""
    clock = Leaping()
    with (
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(clock)) as on,
    ):
        patch.setattr(time, "monotonic", lambda: clock.now)
        return on.run(asyncio.wait_for(work, 20))


async def in_places(pace, count, over):
    """Let `count` workers ask for a place each and keep it until `over`; give who has one."""
    inside = []

    async def worker(number):
        async with pace.place():
            inside.append(number)
            await over.wait()

    workers = [asyncio.create_task(worker(number)) for number in range(count)]
    await asyncio.sleep(0.05)
    return inside, workers


# ------------------------------------------------------------------------ places


def test_four_go_at_first_and_each_that_ends_lets_one_in():
    async def work():
        pace, overs = Throttle(), [asyncio.Event() for _ in range(6)]
        inside = []

        async def worker(number):
            async with pace.place():
                inside.append(number)
                await overs[number].wait()

        workers = [asyncio.create_task(worker(number)) for number in range(6)]
        await asyncio.sleep(0.05)
        assert inside == [0, 1, 2, 3]
        overs[1].set()
        await asyncio.sleep(0.05)
        assert inside == [0, 1, 2, 3, 4]
        for over in overs:
            over.set()
        await asyncio.gather(*workers)
        assert inside == [0, 1, 2, 3, 4, 5]

    assert INITIAL_BULK_IN_FLIGHT == 4
    run(work())


def test_places_grow_by_one_a_round_up_to_eight_and_one_that_waits_gets_the_new_one():
    async def work():
        pace, over = Throttle(), asyncio.Event()
        inside, workers = await in_places(pace, 12, over)
        assert len(inside) == 4
        for _ in range(5):  # a little more than a round of four
            pace.went_well()
        assert 5 <= pace.places < 6
        await asyncio.sleep(0.05)
        assert len(inside) == 5
        for _ in range(100):
            pace.went_well()
        assert pace.places == MAX_BULK_IN_FLIGHT == 8
        await asyncio.sleep(0.05)
        assert len(inside) == 8
        over.set()
        await asyncio.gather(*workers)

    run(work())


def test_a_service_that_asks_to_wait_halves_the_places_once_and_leaves_one_at_least():
    async def work():
        pace = Throttle()
        pace.hold(0.1)
        assert pace.places == 2
        pace.hold(0.1)  # of the same moment: those that were in flight together
        assert pace.places == 2
        await pace.open()
        for _ in range(3):
            pace.hold(None)
        assert pace.places == 1
        async with pace.place():
            pass

    run(work())


def test_a_wait_without_a_time_closes_nothing():
    pace = Throttle()
    pace.hold(None)
    assert pace.closed_for == 0
    assert pace.places == 2


def test_the_longest_wait_counts_and_a_wait_may_grow_while_it_lasts():
    async def work():
        pace, began = Throttle(), time.monotonic()
        pace.hold(0.3)
        pace.hold(0.05)
        assert 0.2 < pace.closed_for <= 0.3
        waiting = asyncio.create_task(pace.open())
        await asyncio.sleep(0.1)
        pace.hold(0.5)
        await waiting
        assert 0.58 <= time.monotonic() - began < 0.6 + EXACT
        assert pace.closed_for == 0

    run(work())


def test_who_has_a_place_waits_until_the_service_may_be_asked():
    async def work():
        pace, began = Throttle(), time.monotonic()
        pace.hold(0.3)
        async with pace.place():
            assert 0.29 <= time.monotonic() - began < 0.3 + EXACT

    run(work())


# --------------------------------------------------------------------- cancelling


@pytest.mark.parametrize("waits_for", ["the service", "its turn", "a place"])
def test_whoever_is_stopped_while_waiting_leaves_no_place_taken(waits_for):
    async def work():
        pace, over = Throttle(3 if waits_for == "its turn" else None), asyncio.Event()
        if waits_for == "the service":
            pace.hold(30)
            pace.places = INITIAL_BULK_IN_FLIGHT
        if waits_for == "a place":
            _, holders = await in_places(pace, 4, over)
        inside, waiting = await in_places(pace, 4, over)
        assert len(inside) == (1 if waits_for == "its turn" else 0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if waits_for == "a place":
            over.set()
            await asyncio.gather(*holders)
        pace.budget, pace._closed_until = None, 0.0
        again, workers = await in_places(pace, 6, asyncio.Event())
        assert len(again) == 4
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    run(work())


def test_an_error_in_a_place_gives_it_back():
    async def work():
        pace = Throttle()
        for _ in range(10):
            with pytest.raises(KeyError):
                async with pace.place():
                    raise KeyError
        inside, workers = await in_places(pace, 4, over := asyncio.Event())
        assert len(inside) == 4
        over.set()
        await asyncio.gather(*workers)

    run(work())


# ------------------------------------------------------------------------- budget


@pytest.mark.parametrize("at_once", [True, False])
def test_bulk_work_takes_a_third_of_a_known_budget_however_many_ask(monkeypatch, at_once):
    monkeypatch.setattr(_pace, "BUDGET_WINDOW_S", 1.0)

    async def work():
        pace, began, times = Throttle(30), time.monotonic(), []  # ten of ours in a window

        async def worker():
            async with pace.place():
                times.append(time.monotonic() - began)

        if at_once:
            await asyncio.gather(*(worker() for _ in range(5)))
        else:
            for _ in range(5):
                await worker()
        assert times[0] < EXACT
        for number, at in enumerate(times):
            assert 0.1 * number - 0.01 <= at < 0.1 * number + EXACT

    run(work())


def test_time_that_was_not_used_is_not_saved_up(monkeypatch):
    monkeypatch.setattr(_pace, "BUDGET_WINDOW_S", 1.0)

    async def work():
        pace = Throttle(30)
        async with pace.place():
            pass
        await asyncio.sleep(0.5)
        began = time.monotonic()
        for _ in range(3):
            async with pace.place():
                pass
        assert 0.19 <= time.monotonic() - began < 0.2 + EXACT

    run(work())


def test_the_smallest_budget_is_one_request_in_a_window(monkeypatch):
    monkeypatch.setattr(_pace, "BUDGET_WINDOW_S", 0.3)

    async def work():
        pace, began = Throttle(1), time.monotonic()
        for _ in range(2):
            async with pace.place():
                pass
        assert 0.29 <= time.monotonic() - began < 0.3 + EXACT

    run(work())


def test_without_a_budget_nothing_is_paced():
    async def work():
        pace, began = Throttle(), time.monotonic()
        for _ in range(200):
            async with pace.place():
                pass
        assert time.monotonic() - began < EXACT

    assert _pace.BUDGET_WINDOW_S == 10  # of the contract
    assert pytest.approx(1 / 3) == _pace.BULK_BUDGET_SHARE
    run(work())


# -------------------------------------------------------------- with a real service


def test_a_service_that_asked_to_wait_is_asked_by_no_call_before(client):
    pace = client.aio._connection.throttle

    async def both():
        first = asyncio.create_task(client.aio._connection.query("x", "query jobs{__typename}", {}))
        pace.hold(0.5)
        began = time.monotonic()
        await first
        return time.monotonic() - began

    assert 0.45 <= client.portal.run(both()) < 5


def test_a_known_budget_paces_the_requests_of_bulk_work(service, served, monkeypatch):
    monkeypatch.setattr(_pace, "BUDGET_WINDOW_S", 1.0)
    monkeypatch.setattr("jobwidgets.bulk.execution.executor.INITIAL_BATCH_SIZE", 1)
    monkeypatch.setattr("jobwidgets.bulk.execution.executor.MAX_BATCH_SIZE", 1)
    ids = [service.add_job("pending", 1, lives=False) for _ in range(8)]
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, budget=30) as client:
        plan = client.plan_cancel(ids)
        began = time.monotonic()
        assert plan.apply(progress=False).counts == {"done": 8}
        assert time.monotonic() - began >= 0.69


def test_every_try_of_a_request_waits_for_its_turn_and_that_counts_against_no_deadline(service, served):
    turns = []

    @asynccontextmanager
    async def turn():
        turns.append("taken")
        await asyncio.sleep(2)
        yield
        turns.append("given back")

    with jw.connect(served.graphql_url, token=service.token, timeout=5) as client:
        client.aio._connection.throttle.turn = turn
        service.faults.fail_before(times=2)
        assert client.jobs(limit=1).shape[0] == 1
    assert turns == ["taken", "given back"] * 3
