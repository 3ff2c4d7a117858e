"""The world: its history, its clock, and how jobs live."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from jobwidgets.emulator import Clock, Service
from jobwidgets.emulator.simulation.catalog import ENGINES, ODD_NAMES
from jobwidgets.emulator.simulation.rules import FINISHED, IDLE, job_status
from tests.support.waiting import until

START = datetime(2024, 3, 7, 13, 20, tzinfo=UTC)
WORDS = ("pending", "queued", "running", "complete", "failed", "aborted")


@pytest.fixture(scope="module")
def month():
    """Give a default world that no test of this module changes."""
    return Service(seed=0, speed=0, start=START)


def state(service):
    """Return everything a history consists of."""
    store = service.world.store
    columns = (store.ids, store.names, store.targets, list(store.created), list(store.modified), bytes(store.status))
    return (
        *columns,
        bytes(store.task_status),
        list(store.started),
        list(store.completed),
        sorted(store.failures.items()),
    )


def test_the_same_seed_and_start_give_the_same_history_and_another_seed_another():
    first, second, other = (state(Service(jobs=300, seed=seed, speed=0, start=START)) for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_the_history_is_the_same_in_another_process_whatever_its_hash_seed():
    code = (
        "from datetime import UTC, datetime; from jobwidgets.emulator import Service\n"
        "s = Service(jobs=300, seed=5, speed=0, start=datetime(2024, 3, 7, 13, 20, tzinfo=UTC))\n"
        "s.clock.advance('3h')\n"
        "w = s.jobs_by_status('complete'); print(len(w), w[-1], *s.jobs_by_status('failed'))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(answers) == 1
    assert answers.pop().strip()


def test_looking_often_or_once_comes_to_the_same():
    often, once = (Service(jobs=200, seed=1, speed=0, start=START) for _ in range(2))
    for _ in range(60):
        often.clock.advance("6min")
        often.jobs_by_status("pending")
    once.clock.advance("6h")
    once.jobs_by_status("pending")
    assert state(often) == state(once)


@pytest.mark.parametrize("jobs", [0, 1, 2, 7, 60, 500])
def test_there_are_exactly_as_many_jobs_as_asked_for(jobs):
    service = Service(jobs=jobs, seed=1, speed=0, start=START)
    assert sum(len(service.jobs_by_status(word)) for word in WORDS) == jobs


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_there_is_enough_of_everything_at_the_start(seed):
    service = Service(seed=seed, speed=0, start=START)
    store = service.world.store
    running = service.jobs_by_status("running")
    started = [job for job in running if not set(service.task_statuses(job)) <= IDLE]
    waiting = len(service.jobs_by_status("pending")) + len(service.jobs_by_status("queued"))
    assert 250 <= waiting + len(running) - len(started) <= 400
    assert len(running) - len(started) >= 15
    assert 25 <= len(started) <= 70
    assert 80 <= len(service.jobs_by_status("failed")) <= 200
    assert len(service.jobs_by_status("queued")) >= 20
    assert service.jobs_by_status("aborted")
    sizes = Counter(len(store.tasks(row)) for row in store.rows.values())
    assert set(range(1, 5)) < set(sizes)
    assert max(size for size in sizes if size < 75) == 12
    assert sizes[75] >= 2
    assert any(len(service.task_statuses(job)) == 75 for job in service.jobs_by_status("pending"))
    assert set(ODD_NAMES) <= set(store.names)


def test_ids_say_when_and_are_all_different(month):
    store = month.world.store
    assert len(set(store.ids)) == len(store.ids)
    for row in list(store.rows.values())[::50]:
        hour = datetime.fromtimestamp(store.created[row] / 1000, UTC).strftime("%y%m%d%H")
        assert store.ids[row].startswith(f"{hour}_")
        assert len(store.ids[row]) == 19
    tasks = [store.task_id(task) for task in range(len(store.task_status))]
    assert len(set(tasks)) == len(tasks)


def test_the_status_of_every_job_is_what_follows_from_its_tasks(month):
    store = month.world.store
    for row in store.rows.values():
        words, status = store.task_words(row), store.words[store.status[row]]
        cancelled, taken = bool(store.flags[row] & 2), bool(store.flags[row] & 1)
        assert job_status(words, cancelled=cancelled, taken=taken) == status, (words, status)


def test_times_are_in_order_and_parents_come_first(month):
    store = month.world.store
    for row in store.rows.values():
        shape, first = store.shapes[store.shape[row]], store.first[row]
        for number, parent in enumerate(shape.parents):
            task = first + number
            word = store.words[store.task_status[task]]
            queued, started, completed = store.queued[task], store.started[task], store.completed[task]
            assert (word in {"running", "complete", "failed"}) == bool(started)
            assert (word in FINISHED) == bool(completed)
            if started:
                assert store.created[row] <= queued <= started <= (completed or started)
                assert parent < 0 or store.completed[first + parent] <= queued


def test_an_engine_never_runs_more_than_it_has_slots_for(month):
    store, slots = month.world.store, month.world.life.slots
    running = Counter(
        store.engine[task]
        for task in range(len(store.task_status))
        if store.words[store.task_status[task]] == "running"
    )
    assert running
    assert max(running.values()) <= slots


def test_failures_have_believable_reasons_of_several_kinds(month):
    reasons = Counter(reason for reason, _ in month.world.store.failures.values())
    assert len(reasons) >= 6
    assert reasons["url_not_found"] >= 40  # the bad batch
    assert reasons["heartbeat_timeout"] >= 3  # engines that went down
    assert all(message for _, message in month.world.store.failures.values())


def test_a_job_with_a_failed_task_starts_nothing_more(month):
    for job in month.jobs_by_status("failed"):
        words = month.task_statuses(job)
        assert "failed" in words
        assert not {"pending", "queued"} & set(words)


def test_time_moves_jobs_and_brings_new_ones():
    service = Service(jobs=300, seed=1, speed=0, start=START)
    before = {word: set(service.jobs_by_status(word)) for word in WORDS}
    service.clock.advance("12h")
    after = {word: set(service.jobs_by_status(word)) for word in WORDS}
    assert len(set().union(*after.values()) - set().union(*before.values())) >= 20
    assert before["pending"] & after["complete"]
    assert before["running"] & after["complete"]
    assert not before["complete"] - after["complete"]
    service.clock.advance("30d")
    assert len(set(service.jobs_by_status("pending"))) < 100


def test_schedules_go_on_launching(month):
    del month
    service = Service(jobs=300, seed=1, speed=0, start=START)
    store = service.world.store
    before = len(store.ids)
    service.clock.advance("1h")
    service.jobs_by_status("pending")
    launched = [row for row in range(before, len(store.ids)) if store.schedule[row] == 1]
    assert len(launched) == 12
    assert {store.names[row] for row in launched} == {"qv3TestEverye5Minute"}
    assert {store.created[row] % 300_000 for row in launched} == {0}


def test_a_pending_job_lives_to_its_end_and_a_removed_one_leaves_no_trace():
    service = Service(jobs=0, seed=1, speed=0, start=START)
    job = service.add_job("pending", 3)
    gone = service.add_job("queued")
    service.remove_job(gone)
    seen = [service.job_status(job)]
    for _ in range(600):
        service.clock.advance(10)
        if service.job_status(job) != seen[-1]:
            seen.append(service.job_status(job))
    assert seen[0] == "pending"
    assert seen[-1] in FINISHED
    assert "running" in seen
    with pytest.raises(KeyError):
        service.job_status(gone)


def test_a_job_is_placed_exactly_as_told_and_can_stay_so():
    service = Service(jobs=0, speed=0, start=START)
    created = START - timedelta(days=2)
    engines = [ENGINES[1].name, ENGINES[2].id]
    job = service.add_job(
        "throttled", ["weird", "complete"], created=created, name="0012", engines=engines, lives=False
    )
    store = service.world.store
    row = store.rows[job]
    assert (service.job_status(job), service.task_statuses(job)) == ("throttled", ["weird", "complete"])
    assert (store.names[row], store.created[row]) == ("0012", int(created.timestamp() * 1000))
    still = service.add_job("queued", 2, lives=False)
    service.clock.advance("10d")
    assert service.job_status(still) == "queued"
    with pytest.raises(ValueError, match="no engine"):
        service.add_job(engines=["nothing"])


def test_a_placed_job_goes_on_from_where_it_was_put():
    service = Service(jobs=0, seed=1, speed=0, start=START)
    jobs = [
        service.add_job("running", tasks)
        for tasks in (["running", "complete"], ["running", "pending"], ["complete", "queued"])
    ]
    before = [service.task_statuses(job) for job in jobs]
    assert before == [["running", "complete"], ["running", "pending"], ["complete", "queued"]]
    service.clock.advance("5h")
    assert {service.job_status(job) for job in jobs} <= {"complete", "failed"}


def test_the_helpers_always_find_a_job_even_in_an_empty_world():
    service = Service(jobs=0, speed=0)
    assert service.job_status(service.a_pending_job()) == "pending"
    assert service.job_status(service.a_complete_job()) == "complete"
    assert service.job_status(service.a_failed_job()) == "failed"
    assert set(service.task_statuses(service.a_running_job())) == {"running", "pending"}
    assert set(service.task_statuses(service.a_cancellable_job())) <= IDLE


def test_a_clock_runs_stops_and_is_set_forward():
    real = [0.0]
    clock = Clock(START, speed=60, real=lambda: real[0])
    real[0] = 2
    assert clock.now() == START + timedelta(minutes=2)
    clock.speed = 0
    real[0] = 100
    assert clock.now() == START + timedelta(minutes=2)
    clock.advance("1d 2h")
    clock.advance(30)
    clock.advance(timedelta(seconds=30))
    assert clock.now() == START + timedelta(days=1, hours=2, minutes=3)
    clock.speed = 1
    real[0] = 101
    assert clock.now() == START + timedelta(days=1, hours=2, minutes=3, seconds=1)
    for wrong in ("soon", "2 parsecs", ""):
        with pytest.raises(ValueError, match="span"):
            clock.advance(wrong)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="speed"):
        clock.speed = -1


def test_a_fast_clock_shows_things_moving():
    service = Service(jobs=300, seed=1, speed=100_000, start=START)
    before = set(service.jobs_by_status("complete"))
    until(lambda: set(service.jobs_by_status("complete")) - before)


def test_a_start_without_a_time_zone_or_a_negative_number_of_jobs_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Service(start=datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="jobs"):
        Service(jobs=-1)


def test_twenty_thousand_jobs_are_no_trouble():
    service = Service(jobs=20_000, seed=0, speed=0, start=START)
    assert sum(len(service.jobs_by_status(word)) for word in WORDS) == 20_000
