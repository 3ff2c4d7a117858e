"""Waiting for many jobs: few requests a round, whole rows at the end, and never longer than was said."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest

from jobwidgets.live import waiting as watch


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.02)


def open_jobs(service, count):
    begin = service.clock.now() - timedelta(days=40)
    return [
        service.add_job("queued", 1, created=begin + number * timedelta(seconds=0.05), lives=False)
        for number in range(count)
    ]


def end(service, ids, status="complete"):
    """Let jobs end in one stroke."""
    world = service.world
    with world.lock:
        for job_id in ids:
            world.set_tasks(world.store.rows[job_id], status)


@pytest.mark.parametrize("given", ["frame", "ids"])
def test_ten_thousand_jobs_cost_a_dozen_requests_a_round_at_most(client, service, given):
    ids = open_jobs(service, 10_000)
    rounds, told = [], []

    def progress(done, total, counts):
        rounds.append(service.requests.copy())
        told.append((done, total, counts))
        turn = len(rounds)
        if turn <= 4:  # a few, a half, one, all
            end(service, {1: ids[:30], 2: ids[::2], 3: ids[31:32], 4: ids}[turn])

    frame = client.wait(client.jobs(ids=ids) if given == "frame" else ids, progress=progress)
    costs = [after - before for before, after in pairwise(rounds)]
    assert len(costs) == 4
    assert all(sum(cost.values()) <= 12 for cost in costs), costs
    assert sum((service.requests - rounds[-1]).values()) <= 12
    assert [done for done, _, _ in told] == [0, 30, 5015, 5016, 10_000]
    assert told[-1][1:] == (10_000, {"complete": 10_000})
    assert frame.id.tolist() == ids
    assert frame.attrs["waited_out"] is False
    assert frame.attrs["missing"] == []
    assert frame.tasks_done.eq(1).all()  # whole rows, not statuses alone
    assert frame.completed.notna().all()


def test_jobs_that_vanish_meanwhile_are_told(client, service):
    ids = open_jobs(service, 4)
    turns = []

    def progress(*now):
        turns.append(now)
        if len(turns) == 1:
            service.remove_job(ids[1])
        elif len(turns) == 2:
            end(service, [ids[0], ids[2]], "failed")
        else:
            end(service, [ids[3]])

    frame = client.wait([*ids, "0012"], progress=progress)
    assert frame.id.tolist() == [ids[0], ids[2], ids[3]]
    assert frame.index.tolist() == [0, 1, 2]
    assert frame.status.tolist() == ["failed", "failed", "complete"]
    assert frame.attrs["missing"] == ["0012", ids[1]]
    assert turns[-1][:2] == (5, 5)


def test_when_the_rows_cannot_be_had_again_what_was_seen_is_told(client, service):
    ids = open_jobs(service, 3)

    def progress(*_):
        end(service, ids[:2])
        service.faults.clear()
        service.faults.fail_before(operation="job", times=None)
        service.faults.fail_before(operation="jobs", times=None)
        seen.append(service.requests["job"])

    seen = []
    look = watch._Watch.look

    async def look_through(self, seconds):
        service.faults.clear()
        return await look(self, seconds)

    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch._Watch, "look", look_through)
        frame = client.wait(ids, timeout="1s", progress=progress)
    assert time.monotonic() - began < 10  # a call that is given up takes twenty
    assert frame.status.tolist() == ["complete", "complete", "queued"]
    assert frame.can_cancel.tolist() == [False, False, True]
    assert frame.can_retry.tolist() == [False, False, True]
    assert frame.why_not.tolist()[:2] == ["complete", "complete"]
    assert frame.attrs["waited_out"] is True


def test_what_ends_at_the_very_last_is_told_too(client, service):
    ids = open_jobs(service, 2)
    turns = []
    last_look = watch._Watch.last_look

    async def ended_first(self, seconds):
        end(service, ids)
        return await last_look(self, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch._Watch, "last_look", ended_first)
        frame = client.wait(ids, timeout="1s", progress=lambda *now: turns.append(now))
    assert frame.attrs["waited_out"] is False
    assert turns[-1] == (2, 2, {"complete": 2})
