"""A list that is brought up to date reads the same as one that is read anew, and costs far less."""

import random
from datetime import timedelta

import pytest

from jobwidgets.live import incremental_list as _list
from jobwidgets.live.count_history import History
from jobwidgets.live.incremental_list import LiveList
from jobwidgets.live.status_cache import StatusCache


@pytest.fixture(autouse=True)
def everybody_asks_anew(monkeypatch):
    monkeypatch.setattr(_list, "SHARED", 0.0)


@pytest.fixture
def look(client):
    """Bring a list up to date; give how many jobs came, went or moved."""
    return lambda listed, whole=False: client.run(
        listed.read(client.reader, whole=whole, follow=True, progress=lambda _: None)
    )


def asked(service, call):
    before = service.requests.copy()
    call()
    return dict(service.requests - before)


def move(service, job_id, status):
    world = service.world
    with world.lock:
        world.set_tasks(world.store.rows[job_id], status)


def same(mine, anew):
    columns = ["id", "name", "status", "created", "tasks", "tasks_done", "can_cancel", "can_retry", "why_not"]
    if anew.attrs["truncated"]:  # which of the last ones, of one instant, are within a limit is the service's choice
        assert len(mine) == len(anew)
        mine, anew = (frame[frame["created"] > frame["created"].min()] for frame in (mine, anew))
    mine, anew = (frame[columns].astype({"status": "string", "why_not": "string"}) for frame in (mine, anew))
    return mine.equals(anew)


QUERIES = [
    {},
    {"status": "failed"},
    {"status": ["queued", "running"]},
    {"status": ["aborted"]},
    {"since": "20d"},
    {"since": "25d", "status": ["pending", "complete"]},
    {"engine": "speech"},
    {"limit": 20},
    {"limit": 20, "status": ["pending", "failed"]},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_it_reads_the_same_as_a_list_that_is_read_anew(client, service, look, query, monkeypatch):
    monkeypatch.setattr(_list, "ROWS_EVERY", 0.0)
    chance, listed = random.Random(str(query)), LiveList(query, StatusCache())
    ours = []
    for turn in range(12):
        look(listed)
        anew = client.jobs(**query)
        assert same(listed.frame, anew), turn
        assert listed.frame.attrs["truncated"] == anew.attrs["truncated"]
        assert listed.frame.attrs["query"].keys() == anew.attrs["query"].keys()
        words = chance.choices(["pending", "queued", "running"], k=chance.randrange(4))
        ours += [service.add_job(word, lives=False) for word in words]
        still = [job_id for job_id in ours if service.job_status(job_id) in ("pending", "queued", "running")]
        for job_id in chance.sample(still, len(still) // 2):
            move(service, job_id, chance.choice(["queued", "running", "failed", "complete"]))
        if chance.random() < 0.5:
            service.clock.advance(chance.choice(["1s", "1min", "6h"]))
            client.now()  # an age is counted back from the clock as it was told last, and this one jumps


def test_jobs_of_one_instant_each_come_once(client, service, look):
    listed = LiveList({}, StatusCache())
    look(listed)
    for _ in range(4):  # the clock stands still
        service.add_job("complete")
        assert look(listed) == 1
    assert same(listed.frame, client.jobs())
    assert listed.frame["id"].is_unique


def test_a_quiet_look_at_ten_thousand_open_jobs_costs_a_dozen_requests_and_one(service, look):
    begin = service.clock.now() - timedelta(days=40)
    for number in range(10_000):
        service.add_job("queued", 1, created=begin + number * timedelta(seconds=0.05), lives=False)
    listed = LiveList({}, StatusCache())
    whole = asked(service, lambda: look(listed))
    listed._rows_due = float("inf")
    quiet = asked(service, lambda: look(listed))
    assert sum(quiet.values()) <= 12 + 1  # statuses, and what is new
    assert sum(quiet.values()) <= sum(whole.values()) + 2
    ids = listed.frame["id"].tolist()
    for job_id in ids[3_000:3_030]:
        move(service, job_id, "complete")
    assert sum(asked(service, lambda: look(listed)).values()) <= 12 + 1 + 1  # and the rows of what has moved
    assert listed.frame.set_index("id").loc[ids[3_000:3_030], "tasks_done"].eq(1).all()


def test_what_has_ended_is_never_asked_for_again(service, look):
    listed = LiveList({}, StatusCache())
    look(listed)
    for job_id in listed.frame["id"][~listed.frame["status"].isin(["complete", "failed", "aborted"])]:
        move(service, job_id, "complete")
    look(listed)
    assert listed.settled
    assert asked(service, lambda: look(listed)) == {"jobs": 1}  # only whether new ones came
    assert not listed.complete


def test_what_was_removed_goes_at_once_while_it_is_open_and_else_with_the_next_whole_list(service, look):
    listed = LiveList({}, StatusCache())
    open_one, ended = service.add_job("queued", lives=False), service.a_complete_job()
    look(listed)
    service.clock.advance("1h")
    service.add_job("pending", lives=False)
    look(listed)
    service.remove_job(open_one)
    service.remove_job(ended)
    assert look(listed) == 1
    assert ended in set(listed.frame["id"])
    assert look(listed, whole=True) == 1
    assert not {open_one, ended} & set(listed.frame["id"])


def test_it_can_only_be_complete_where_the_range_has_ended(service, look):
    for until, complete in [("2h", False), ("2026-01-01", True), (service.clock.now() + timedelta(days=1), False)]:
        listed = LiveList({"until": until}, StatusCache())
        look(listed)
        assert listed.complete is complete


def test_the_history_of_counts_is_short_and_says_what_rose(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("jobwidgets.live.count_history.time.monotonic", lambda: now[0])
    history = History()
    for turn in range(2_000):
        history.note({"pending": 300 + turn, "failed": 2})
        now[0] += 2
    assert len(history) <= 128
    trend = history.trend("pending")
    assert len(trend.points) == 30
    assert trend.points[-1] == 2_299
    assert 145 <= trend.rise <= 155  # 300 seconds, one every two
    assert trend.seconds == 300
    assert (history.trend("failed").rise, history.trend("running").points[-1]) == (0, 0)
