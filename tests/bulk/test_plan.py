"""Plans in time: they go out of date, they notice what moved, and they retry nothing twice."""

import time
from datetime import timedelta

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.bulk import plan_header as _head
from jobwidgets.emulator import Service, serve


def waiting(service, count):
    return [service.add_job("pending", 2, lives=False) for _ in range(count)]


def failed(service, count):
    return [service.add_job("failed", ["failed"], lives=False) for _ in range(count)]


@pytest.fixture
def later(monkeypatch):
    """Move this machine's clock."""
    real, moved = _head.clock, timedelta(0)

    def move(**age):
        nonlocal moved
        moved += timedelta(**age)

    monkeypatch.setattr(_head, "clock", lambda: real() + moved)
    return move


# ------------------------------------------------------------------------ expiry


def test_a_plan_is_good_for_a_day_and_refused_afterwards(client, service, later):
    plan = client.plan_cancel(waiting(service, 2))
    assert plan.expires - plan.made == timedelta(days=1)
    later(hours=24, seconds=1)
    assert plan.expired
    with pytest.raises(jw.UsageError, match=r"out of date.* 1 d.*nothing was sent → make a new plan"):
        plan.apply()
    assert not plan.applied
    assert service.requests["cancelJob"] == 0
    assert client.receipts().empty
    assert "out of date" in repr(plan)


def test_the_last_moment_is_in_time(client, service, later):
    plan = client.plan_retry(failed(service, 1), expires="90min")
    later(minutes=89, seconds=50)
    assert plan.apply(progress=False).counts == {"done": 1}


def test_a_plan_that_was_used_gives_its_receipt_also_when_it_is_out_of_date(client, service, later):
    plan = client.plan_cancel(waiting(service, 1), expires=timedelta(hours=1))
    receipt = plan.apply(progress=False)
    later(days=2)
    assert plan.apply() is receipt
    assert len(service.ledger) == 1


@pytest.mark.parametrize("wrong", ["", "soon", "0s", timedelta(0), timedelta(days=-1), 3, None, timedelta.max])
def test_what_is_no_time_to_be_good_for_is_refused_before_anything_is_read(client, service, wrong):
    with pytest.raises(jw.UsageError):
        client.plan_cancel(status="pending", expires=wrong)
    assert not service.requests


def test_the_clock_of_the_service_does_not_matter_for_expiry(client, service):
    plan = client.plan_cancel(waiting(service, 1))
    service.clock.advance("30d")
    assert plan.apply(progress=False).counts == {"done": 1}


# ------------------------------------------------------------------------- drift


def test_drift_tells_what_moved_and_sends_nothing(client, service):
    ids = waiting(service, 5)
    started = service.add_job("running", ["running"], lives=False)
    plan = client.plan_cancel([*ids, started])
    assert plan.drift().empty
    client.cancel(ids[0])
    service.remove_job(ids[1])
    sent = service.requests["cancelJob"]
    moved = plan.drift()
    assert moved.columns.tolist() == ["id", "name", "was", "now", "was_action", "now_action", "why"]
    rows = {row.id: row for row in moved.itertuples()}
    assert set(rows) == set(ids[:2])
    assert (rows[ids[0]].was, rows[ids[0]].now) == ("pending", "aborted")
    assert (rows[ids[0]].was_action, rows[ids[0]].now_action, rows[ids[0]].why) == ("cancel", "skip", "aborted")
    assert rows[ids[1]].why == "not_found"
    assert (moved.attrs["out_of_reach"], moved.attrs["to_send"]) == (2, 5)
    assert service.requests["cancelJob"] == sent
    assert not plan.applied


def test_drift_of_an_empty_plan_has_the_same_columns(client, service):
    plan = client.plan_cancel(waiting(service, 1))
    whole = plan.drift()
    plan.df = plan.df.iloc[:0]
    assert plan.drift().dtypes.to_dict() == whole.dtypes.to_dict()


def test_what_may_be_cancelled_by_now_is_told_and_not_sent(client, service):
    held = service.add_job("paused", ["pending"], lives=False)
    plan = client.plan_cancel([held])
    store = service.world.store
    store.status[store.rows[held]] = store.words.index("pending")
    assert plan.drift().now_action.tolist() == ["cancel"]
    assert plan.apply(progress=False).counts == {"skipped": 1}
    assert service.ledger == []


def test_too_much_drift_is_refused_with_the_numbers_and_the_plan_stays_usable(client, service):
    ids = waiting(service, 10)
    plan = client.plan_cancel(client.jobs(ids=ids))
    for job in ids[:3]:
        client.cancel(job)
    sent = service.requests["cancelJob"]
    with pytest.raises(jw.UsageError, match=r"3 of 10 moved since the plan was made"):
        plan.apply(max_drift=0.2)
    assert service.requests["cancelJob"] == sent
    assert not plan.applied
    assert client.receipts().empty
    assert plan.apply(max_drift=0.3, progress=False).counts == {"done": 7, "skipped": 3}


def test_a_plan_of_this_process_takes_any_drift_when_nothing_is_said(client, service):
    ids = waiting(service, 4)
    plan = client.plan_cancel(client.jobs(ids=ids))
    for job in ids:
        client.cancel(job)
    assert plan.apply(progress=False).counts == {"skipped": 4}


@pytest.mark.parametrize("wrong", [-0.1, 1.1, "20%", True, float("nan")])
def test_a_share_is_from_0_to_1(client, service, wrong):
    plan = client.plan_cancel(waiting(service, 1))
    with pytest.raises(jw.UsageError, match="is no share"):
        plan.apply(max_drift=wrong)
    assert not plan.applied


# ------------------------------------------------------------------- again or not


def test_what_was_retried_is_left_out_of_the_next_plan(client, service):
    ids = failed(service, 6)
    client.plan_retry(ids[:4]).apply(progress=False)
    plan = client.plan_retry(ids)
    assert plan.counts == {"retry": 2, "skip": 4}
    assert plan.reasons == {"already_retried": 4}
    assert "an earlier operation has retried it" in repr(plan)
    assert plan.apply(progress=False).counts == {"done": 2, "skipped": 4}
    assert len(service.ledger) == 6
    assert client.plan_retry(ids).counts == {"skip": 6}


def test_again_retries_once_more(client, service):
    ids = failed(service, 2)
    client.plan_retry(ids).apply(progress=False)
    assert client.plan_retry(ids, again=True).apply(progress=False).counts == {"done": 2}
    assert len(service.ledger) == 4


def test_a_retry_that_may_have_happened_counts_as_one(client, service):
    ids = failed(service, 1)
    service.faults.lose_answer(operation="retryJob")
    assert client.plan_retry(ids).apply(progress=False).counts == {"unknown": 1}
    assert client.plan_retry(ids).counts == {"skip": 1}
    assert len(service.ledger) == 1


def test_a_retry_that_was_refused_can_be_planned_again(client, service):
    service.choices.retry_allowed = "failed_only"
    ids = waiting(service, 1)
    assert client.plan_retry(ids).apply(progress=False).counts == {"refused": 1}
    service.choices.retry_allowed = "not_complete"
    assert client.plan_retry(ids).counts == {"retry": 1}


def test_of_two_plans_for_the_same_jobs_only_one_retries_them(client, service):
    ids = failed(service, 3)
    plans = [client.plan_retry(ids) for _ in range(2)]
    plans[0].apply(progress=False)
    assert plans[1].drift().why.tolist() == ["already_retried"] * 3
    assert plans[1].apply(progress=False).counts == {"skipped": 3}
    assert len(service.ledger) == 3


def test_another_kernel_knows_what_was_retried(client, service, served):
    ids = failed(service, 3)
    op = client.plan_retry(ids[:2]).apply(progress=False).op
    with jw.connect(served.graphql_url, token=service.token) as other:
        assert other.plan_retry(ids).counts == {"retry": 1, "skip": 2}
        assert other.run(other.aio.operations.retried()) == dict.fromkeys(ids[:2], op)
    with serve(Service(jobs=3, seed=2, speed=0)) as elsewhere, jw.connect(elsewhere.graphql_url, token="x") as stranger:
        assert stranger.run(stranger.aio.operations.retried()) == {}


def test_the_accessor_retries_again_too(client, service):
    ids = failed(service, 1)
    frame = client.jobs(ids=ids)
    frame.jobs.retry().apply(progress=False)
    assert frame.jobs.retry(expires="1h").counts == {"skip": 1}
    assert frame.jobs.retry(again=True).counts == {"retry": 1}
    assert frame.jobs.cancel(expires="1h").expires < frame.jobs.cancel().expires


def test_a_job_that_was_retried_can_be_cancelled(client, service):
    ids = waiting(service, 2)
    client.plan_retry(ids).apply(progress=False)
    assert client.plan_cancel(ids).apply(progress=False).counts == {"done": 2}


def test_a_frame_that_came_through_a_file_can_be_planned_for(client, service):
    frame = client.jobs(ids=waiting(service, 2))
    frame["created"] = frame["created"].astype(str)
    assert client.plan_cancel(frame).apply(progress=False).counts == {"done": 2}


def test_of_two_plans_of_one_second_the_later_is_the_newer(client, service):
    """What goes on without a name goes on with the newest, and a second holds many plans."""
    jobs = [service.add_job(status="pending", tasks=["pending"]) for _ in range(12)]
    ops = []
    for job in jobs:
        receipt = client.plan_cancel([job]).apply()
        ops.append(receipt.op)
        time.sleep(0.002)
    assert client.receipts()["op"].tolist() == ops[::-1]


def test_frames_that_were_put_together_and_count_their_rows_twice_can_be_planned_for(client, service):
    waiting(service, 4)
    jobs = client.jobs(status="pending").head(4)
    twice = pd.concat([jobs.head(2).reset_index(drop=True), jobs.tail(2).reset_index(drop=True)])
    assert not twice.index.is_unique
    plan = client.plan_cancel(twice)
    assert plan.counts == {"cancel": 4}
    assert plan.apply(progress=False).counts == {"done": 4}
