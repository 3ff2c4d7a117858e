"""Plans and receipts: every job of a plan comes to exactly one outcome, and the ledger agrees."""

import _thread
import threading

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from tests.support.waiting import until, until_quiet


def waiting(service, count, tasks=2):
    return [service.add_job("pending", tasks, lives=False) for _ in range(count)]


def failed(service, count):
    return [service.add_job("failed", ["failed"], lives=False) for _ in range(count)]


def settled(receipt):
    assert sum(receipt.counts.values()) == receipt.total == len(receipt.df)
    return dict(zip(receipt.df.id, receipt.df.outcome, strict=True))


def test_a_plan_sends_nothing_and_says_why_jobs_are_left_out(client, service):
    service.add_job("running", ["running"], lives=False)
    frame = client.jobs()
    plan = client.plan_cancel(frame, reason="stuck")
    assert plan.counts["cancel"] == int(frame.can_cancel.sum())
    assert plan.counts["cancel"] + plan.counts["skip"] == plan.total == len(frame)
    assert sum(plan.reasons.values()) == plan.counts["skip"]
    assert plan.df.columns.tolist() == ["id", "name", "status", "action", "why_not"]
    assert service.ledger == []
    assert not plan.applied


def test_applying_cancels_what_can_be_and_accounts_for_every_job(client, service):
    ids = waiting(service, 30)
    started = service.add_job("running", ["running"], lives=False)
    receipt = client.plan_cancel([*ids, started, "0012"]).apply(progress=False)
    outcomes = settled(receipt)
    assert receipt.counts == {"done": 30, "skipped": 2}
    assert outcomes[started] == outcomes["0012"] == "skipped"
    assert sorted(write.target_id for write in service.ledger) == sorted(ids)
    assert set(receipt.df.loc[receipt.df.outcome == "done", "status"]) == {"aborted"}
    assert "knows no such job" in receipt.df.set_index("id").reason["0012"]


def test_a_plan_is_used_once(client, service):
    plan = client.plan_cancel(waiting(service, 3))
    assert plan.apply(progress=False) is plan.apply()
    assert len(service.ledger) == 3
    assert plan.applied


def test_retries_give_new_jobs_each_once(client, service):
    ids = failed(service, 25)
    receipt = client.plan_retry(ids).apply(progress=False)
    assert receipt.counts == {"done": 25}
    assert receipt.df.new_id.is_unique
    assert set(receipt.df.new_id) == {write.new_id for write in service.ledger}
    complete = service.a_complete_job()
    assert client.plan_retry([complete]).counts == {"skip": 1}


def test_a_lost_answer_is_reported_as_unknown_and_never_sent_again(client, service):
    job = waiting(service, 1)
    service.faults.lose_answer(operation="cancelJob")
    receipt = client.plan_cancel(job).apply(progress=False)
    assert receipt.counts == {"unknown": 1}
    assert service.requests["cancelJob"] == 1
    assert receipt.resolve().counts == {"done": 1}
    assert len(service.ledger) == 1


@pytest.mark.parametrize("dial", ["lose_answer", "fail_after", "fail_before", "garbage", "cut", "server_error"])
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_doubt_is_resolved_by_asking(client, service, dial, verb):
    ids = (waiting if verb == "cancel" else failed)(service, 12)
    getattr(service.faults, dial)(operation=f"{verb}Job", times=1)
    receipt = getattr(client, f"plan_{verb}")(ids).apply(progress=False)
    assert receipt.counts.get("unknown", 0) > 0
    took_effect = {write.target_id for write in service.ledger}
    service.clock.advance("5min")
    receipt.resolve()
    outcomes = settled(receipt)
    assert {job for job, outcome in outcomes.items() if outcome == "done"} == took_effect
    assert "unknown" not in receipt.counts
    receipt.resume(progress=False)
    assert receipt.counts == {"done": 12}
    assert len(service.ledger) == 12
    if verb == "retry":
        assert set(receipt.df.new_id) == {write.new_id for write in service.ledger}


def test_a_lost_retry_stays_unknown_until_the_services_clock_has_moved_on(client, service):
    service.faults.fail_before(operation="retryJob")
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    assert receipt.resolve().counts == {"unknown": 1}
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"not_sent": 1}


def test_two_lost_retries_of_twin_jobs_are_not_taken_for_one(client, service):
    twins = [service.add_job("failed", ["failed"], name="Twin", target="77", lives=False) for _ in range(2)]
    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry(twins).apply(progress=False).resolve()
    assert receipt.counts == {"done": 2}
    assert receipt.df.new_id.nunique() == 2


def test_what_moved_since_the_plan_was_made_is_skipped_and_told(client, service):
    ids = waiting(service, 4)
    frame = client.jobs(ids=ids)
    plan = client.plan_cancel(frame)
    client.cancel(ids[0])
    service.remove_job(ids[1])
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 2, "skipped": 2}
    reasons = receipt.df.set_index("id").reason
    assert "moved since the plan was made: the job is cancelled already" in reasons[ids[0]]
    assert "knows no such job" in reasons[ids[1]]
    assert receipt.aio.drifted == 2


def test_rows_taken_out_of_the_plan_are_taken_out_and_none_can_be_put_in(client, service):
    ids = waiting(service, 5)
    plan = client.plan_cancel(ids)
    plan.df = plan.df[plan.df.id != ids[0]]
    assert plan.counts == {"cancel": 4}
    plan.df = plan.df.iloc[1:]
    receipt = plan.apply(progress=False)
    assert receipt.total == 3
    other = client.plan_cancel(ids[:1])
    other.df = pd.concat([other.df, other.df.assign(id="0012")])
    with pytest.raises(jw.UsageError, match="were not planned"):
        other.apply()


def test_an_edited_action_does_not_force_a_job_into_the_plan(client, service):
    started = service.add_job("running", ["running"], lives=False)
    plan = client.plan_cancel([started])
    plan.df["action"] = "cancel"
    assert plan.apply(progress=False).counts == {"skipped": 1}
    assert service.requests["cancelJob"] == 0


def test_more_than_500_need_their_number(client, service):
    ids = waiting(service, 501, tasks=1)
    plan = client.plan_cancel(ids)
    for limit in (None, 500):
        with pytest.raises(jw.UsageError, match=r"apply\(limit=501\)"):
            plan.apply(limit=limit)
    assert service.ledger == []
    assert plan.apply(limit=501, progress=False).counts == {"done": 501}
    assert service.requests["cancelJob"] < 30


def test_no_bulk_without_jobs_or_a_filter(client):
    with pytest.raises(jw.UsageError, match="is never made"):
        client.plan_cancel()
    with pytest.raises(jw.UsageError, match="not both"):
        client.plan_cancel(["a"], status="failed")
    assert client.plan_retry(status="failed").counts["retry"] == len(client.jobs(status="failed"))


def test_a_plan_that_could_not_begin_can_be_applied_again(client, service):
    plan = client.plan_cancel(client.jobs(ids=waiting(service, 3)))
    service.faults.expire_token(times=1)
    with pytest.raises(jw.AuthError):
        plan.apply(progress=False)
    assert not plan.applied
    assert client.receipts().empty
    assert plan.apply(progress=False).counts == {"done": 3}


def test_an_empty_plan_does_nothing_well(client, service):
    receipt = client.plan_cancel(client.jobs(until="1000d")).apply(progress=False)
    assert receipt.counts == {}
    assert receipt.total == 0
    assert service.requests["cancelJob"] == 0


def test_the_same_job_twice_is_one_target(client, service):
    job = waiting(service, 1)[0]
    receipt = client.plan_cancel([job, job]).apply(progress=False)
    assert receipt.total == 1
    assert len(service.ledger) == 1


@pytest.mark.parametrize("most", [1, 7, 40])
def test_a_document_that_is_too_large_is_halved_and_nothing_is_lost(client, service, most):
    service.choices.max_aliases = most
    ids = waiting(service, 60)
    receipt = client.plan_cancel(ids).apply(progress=False)
    assert receipt.counts == {"done": 60}
    assert len(service.ledger) == 60


def test_a_busy_service_is_waited_for_and_nothing_is_lost(client, service):
    ids = waiting(service, 40)
    plan = client.plan_cancel(ids)
    service.faults.rate_limit(window=0.5, retry_after=1, operation="cancelJob")
    assert plan.apply(progress=False).counts == {"done": 40}
    assert len(service.ledger) == 40


def test_a_token_that_expires_in_the_middle_leaves_the_rest_unsent(client, service):
    plan = client.plan_cancel(waiting(service, 200))
    service.faults.expire_token(times=None, operation="cancelJob", probability=0.3)
    receipt = plan.apply(progress=False)
    assert set(receipt.counts) <= {"done", "not_sent"}
    assert receipt.counts["not_sent"] > 0
    assert len(service.ledger) == receipt.counts.get("done", 0)
    service.faults.clear()
    assert receipt.resume(progress=False).counts == {"done": 200}
    assert len(service.ledger) == 200


def test_an_outage_in_the_middle_is_survived_by_resuming(client, service):
    client.aio._connection.timeout = 4.0
    plan = client.plan_cancel(waiting(service, 120))
    service.faults.fail_before(times=None, operation="cancelJob", probability=0.5)
    receipt = plan.apply(progress=False)
    settled(receipt)
    service.faults.clear()
    service.clock.advance("5min")
    assert receipt.resume(progress=False).counts == {"done": 120}
    assert len(service.ledger) == 120


def test_refusals_carry_the_services_word_and_what_the_job_reads(client, service):
    ids = failed(service, 3)
    service.choices.retry_allowed = "failed_only"
    pending = waiting(service, 1)[0]
    receipt = client.plan_retry([*ids, pending]).apply(progress=False)
    assert receipt.counts == {"done": 3, "refused": 1}
    assert receipt.df.set_index("id").message[pending]


def test_a_cancel_that_comes_too_late_is_not_called_done(client, service):
    service.choices.cancel_race = 1.0
    receipt = client.plan_cancel(waiting(service, 5)).apply(progress=False)
    assert receipt.counts == {"refused": 5}
    assert service.ledger == []


def test_progress_is_told_and_ends_with_everything(client, service):
    told = []
    client.plan_cancel(waiting(service, 50)).apply(progress=lambda *now: told.append(now))
    assert told[-1] == (50, 50, {"done": 50})
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_an_interrupt_stops_the_sending_and_the_receipt_can_be_resumed(client, service, monkeypatch):
    ids = waiting(service, 80)
    plan = client.plan_cancel(ids)
    monkeypatch.setattr(_apply, "INITIAL_BATCH_SIZE", 5)
    monkeypatch.setattr(_apply, "MAX_BATCH_SIZE", 5)
    service.faults.delay(0.3, times=None, operation="cancelJob")

    def interrupt():
        until(lambda: service.requests["cancelJob"] >= 2)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        plan.apply(progress=False)
    receipt = client.receipt(plan.op)
    assert 0 < receipt.counts.get("not_sent", 0) < 80
    assert "unknown" not in receipt.counts or receipt.counts["unknown"] <= 20
    until_quiet(lambda: len(service.ledger), seconds=0.5)  # what is under way arrives, and nothing else is sent
    assert len(service.ledger) < 80
    service.faults.clear()
    assert receipt.resume(progress=False).counts == {"done": 80}
    assert len(service.ledger) == 80
    assert plan.apply(progress=False).op == plan.op


def test_receipts_are_found_again_by_their_op(client, service):
    plan = client.plan_cancel(waiting(service, 2), reason="stuck")
    plan.apply(progress=False)
    listed = client.receipts()
    assert listed.op.tolist() == [plan.op]
    assert listed.done.tolist() == [2]
    assert listed.why.tolist() == ["stuck"]
    assert client.receipt(plan.op).counts == {"done": 2}
    with pytest.raises(jw.UsageError, match="known are"):
        client.receipt("no-such-op")


def test_waiting_ends_when_all_is_terminal_or_time_is_up(client, service):
    done, open_ = service.a_complete_job(), waiting(service, 1)[0]
    assert client.wait([done]).attrs["waited_out"] is False
    frame = client.wait([done, open_], timeout="1s")
    assert frame.attrs["waited_out"] is True
    assert frame.id.tolist() == [done, open_]
    client.cancel(open_)
    assert client.wait([done, open_], timeout="5s").status.tolist() == ["complete", "aborted"]
