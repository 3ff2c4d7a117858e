"""Receipts: found again by any kernel, equal to what stands on disk, read back until the end, in waves, stopped."""

import threading
import time
from itertools import accumulate

import pytest

import jobwidgets as jw
from jobwidgets.bulk import receipt as _receipt
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal import operation as _operation
from jobwidgets.bulk.journal.state import fold_events
from tests.support.waiting import until


def waiting(service, count):
    return [service.add_job("pending", 1, lives=False) for _ in range(count)]


def failed(service, count):
    return [service.add_job("failed", ["failed"], lives=False) for _ in range(count)]


def on_disk(op):
    return fold_events(_journal.read(op))


def place(service, job, status, *tasks):
    with service.world.lock:
        service.world.place_job(service.world.store.rows[job], status, list(tasks or [status]), lives=False)


@pytest.fixture
def another(service, served):
    """Connect a second time, as another kernel does."""
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, timeout=20) as client:
        yield client


@pytest.fixture
def fate(service):
    """Let every new job come to the end that a test wants, on a thread of the world's own."""
    ends, over, placed = [], threading.Event(), set()

    def world():
        while not over.wait(0.01):
            for number, write in enumerate(list(service.ledger)):
                if write.new_id and ends and write.new_id not in placed:  # it may have begun to live meanwhile
                    place(service, write.new_id, ends[0](number))
                    placed.add(write.new_id)

    thread = threading.Thread(target=world)
    thread.start()
    yield ends
    over.set()
    thread.join()


# ------------------------------------------------------------------- another kernel


def test_another_kernel_finds_the_receipt_and_reads_the_same(client, another, service):
    ids = waiting(service, 12)
    started = service.add_job("running", ["running"], lives=False)
    receipt = client.plan_cancel([*ids, started], reason="stuck").apply(progress=False)
    found = another.receipt(receipt.op)
    assert found.df.equals(receipt.df)
    assert (found.why, found.kind, found.begun, found.state) == ("stuck", "cancel", receipt.begun, "finished")
    listed = another.receipts()
    assert listed[["op", "total", "done", "skipped", "state"]].values.tolist() == [[receipt.op, 13, 12, 1, "finished"]]


@pytest.mark.parametrize("dial", ["lose_answer", "fail_before", "expire_token", "rate_limit", "capacity_exceeded"])
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_memory_and_disk_always_say_the_same(client, service, verb, dial):
    ids = (waiting if verb == "cancel" else failed)(service, 40)
    options = {"window": 0.2, "retry_after": 1} if dial == "rate_limit" else {}
    getattr(service.faults, dial)(operation=f"{verb}Job", times=2, **options)
    receipt = getattr(client, f"plan_{verb}")(ids).apply(progress=False)
    assert on_disk(receipt.op) == receipt.aio.account
    service.clock.advance("5min")
    receipt.resume(progress=False)
    assert on_disk(receipt.op) == receipt.aio.account
    assert receipt.counts == {"done": 40}
    assert len(service.ledger) == 40


def test_work_begins_with_what_another_kernel_has_done_meanwhile(client, another, service):
    plan = client.plan_retry(failed(service, 20))
    service.faults.expire_token(times=None, operation="retryJob")
    receipt = plan.apply(progress=False)
    assert (receipt.counts, receipt.state) == ({"not_sent": 20}, "open")
    service.faults.clear()
    another.receipt(plan.op).resume(progress=False)
    assert receipt.resume(progress=False).counts == {"done": 20}
    assert len(service.ledger) == 20


def test_a_receipt_of_another_service_is_not_mixed_in(client, service):
    receipt = client.plan_cancel(waiting(service, 1)).apply(progress=False)
    client.aio._connection.url = "http://127.0.0.1:1/v3/graphql"
    client.aio.operations._held.clear()
    assert client.receipts().empty
    with pytest.raises(jw.UsageError, match="connect to that service"):
        client.receipt(receipt.op)


def test_a_damaged_journal_is_listed_and_refused_with_a_clear_word(client, another, service):
    receipt = client.plan_cancel(waiting(service, 3)).apply(progress=False)
    path = _journal.state_dir() / "operations" / f"{receipt.op}.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert another.receipts().state.tolist() == ["damaged"]
    with pytest.raises(jw.SettingsError, match="is damaged in line"):
        another.receipt(receipt.op)


def test_what_a_damaged_journal_hides_is_warned_of_before_jobs_are_retried_again(client, another, service):
    jobs = failed(service, 3)
    receipt = client.plan_retry(jobs).apply(progress=False)
    path = _journal.state_dir() / "operations" / f"{receipt.op}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"failed", b"fooled"))
    with pytest.warns(UserWarning, match=f"what {receipt.op} retried is not known"):
        another.plan_retry(jobs)
    another.plan_cancel(waiting(service, 1))


def test_the_state_directory_must_be_writable_before_anything_is_sent(client, service, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("JOBWIDGETS_STATE", str(tmp_path / "file"))
    plan = client.plan_cancel(waiting(service, 3))
    with pytest.raises(jw.SettingsError, match="set JOBWIDGETS_STATE to a directory you can write"):
        plan.apply(progress=False)
    assert service.requests["cancelJob"] == 0
    assert not plan.applied
    monkeypatch.setenv("JOBWIDGETS_STATE", str(tmp_path / "well"))
    assert plan.apply(progress=False).counts == {"done": 3}


def test_a_disk_that_is_full_in_the_middle_stops_the_sending_and_reading_still_works(client, service, monkeypatch):
    plan = client.plan_retry(failed(service, 300))
    append, appended = _journal.Journal.append, []

    def full(journal, *records):
        appended.extend(records)
        if sum(record["record"] == "lines" for record in appended) > 2:
            journal.broken = "No space left on device"
        append(journal, *records)

    with monkeypatch.context() as disk:
        disk.setattr(_journal.Journal, "append", full)
        receipt = plan.apply(progress=False)
    assert "No space left" in receipt.halted
    took_effect = len(service.ledger)
    assert 0 < took_effect < 300
    assert len(client.jobs()) > 300
    assert len(receipt.resolve().df.query("outcome == 'done'")) == took_effect
    service.clock.advance("5min")  # from the moment on when it was seen that nobody was at work any more
    assert receipt.resume(progress=False).counts == {"done": 300}
    assert len(service.ledger) == 300


def test_a_token_that_wears_out_stops_the_sending_at_once_and_the_receipt_says_so(client, service):
    plan = client.plan_cancel(waiting(service, 300))
    service.faults.expire_token(times=None, operation="cancelJob")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 300}
    assert "HTTP 401" in receipt.halted
    assert service.requests["cancelJob"] <= 8  # those that were under way


# ------------------------------------------------------------------------- verify


def test_a_cancel_that_raced_a_start_is_followed_to_its_end(client, service):
    service.choices.cancel_race = 1.0
    ids = waiting(service, 3)
    receipt = client.plan_cancel(ids).apply(progress=False)
    assert receipt.counts == {"refused": 3}
    assert set(receipt.df.verified) == {"still_running"}
    assert receipt.df.reason.str.contains("the service said yes, but a task has started").all()
    place(service, ids[0], "complete")
    place(service, ids[1], "failed")
    receipt.verify(timeout="1s")
    assert receipt.df.verified.tolist() == ["finished_first", "finished_first", "still_running"]
    assert on_disk(receipt.op) == receipt.aio.account


def test_cancelled_jobs_are_confirmed_and_retries_when_their_new_jobs_end(client, service):
    receipt = client.plan_cancel(waiting(service, 4)).apply(progress=False)
    assert set(receipt.df.verified) == {"confirmed"}
    retried = client.plan_retry(failed(service, 2)).apply(progress=False)
    assert retried.df.verified.isna().all()
    place(service, retried.df.new_id[0], "failed")
    retried.verify(timeout="1s")
    assert retried.df.verified.tolist() == ["confirmed", "still_running"]


# -------------------------------------------------------------------------- waves


def test_waves_widen_while_the_new_jobs_complete(client, service, fate):
    fate.append(lambda _: "complete")
    receipt = client.plan_retry(failed(service, 40)).apply(canary=5, widen=3, progress=False)
    assert receipt.counts == {"done": 40}
    assert receipt.halted == ""
    intents = [r for r in _journal.read(receipt.op) if r["record"] == "intent"]
    sizes = [len(r["lines"]) for r in intents]
    assert sizes[0] == 5
    assert {5, 5 + 15, 40} <= set(accumulate(sizes))  # a wave at a time
    assert set(receipt.df.verified[:20]) == {"confirmed"}


def test_a_wave_that_goes_badly_halts_with_a_diagnosis_and_resuming_does_not_override_it(client, service, fate):
    fate.append(lambda _: "failed")
    receipt = client.plan_retry(failed(service, 30)).apply(canary=5, progress=False)
    assert receipt.counts == {"done": 5, "not_sent": 25}
    assert "only 0 of 5 new jobs completed, 80% were wanted" in receipt.halted
    assert "(5)" in receipt.halted
    assert receipt.resume(progress=False).counts == {"done": 5, "not_sent": 25}
    assert len(service.ledger) == 5
    assert receipt.resume(ok=0, progress=False).counts == {"done": 30}
    assert len(service.ledger) == 30


def test_a_wave_whose_answers_were_lost_is_not_judged_by_the_few_that_came(client, service, fate):
    fate.append(lambda _: "complete")
    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry(failed(service, 30)).apply(canary=15, progress=False)
    assert receipt.counts["done"] + receipt.counts["unknown"] == 15
    assert f"only {receipt.counts['done']} of a wave of 15 were retried for certain" in receipt.halted
    service.clock.advance("5min")
    assert receipt.resume(progress=False).counts == {"done": 30}
    assert len(service.ledger) == 30


def test_another_kernel_goes_on_with_the_waves_as_they_were_begun(client, another, service, fate):
    fate.append(lambda _: "failed")
    receipt = client.plan_retry(failed(service, 30)).apply(canary=5, progress=False)
    fate[0] = lambda _: "complete"
    again = another.receipt(receipt.op).resume(progress=False)
    assert again.counts == {"done": 5, "not_sent": 25}
    for new_id in again.df.new_id.dropna():
        place(service, new_id, "complete")
    assert again.resume(progress=False).counts == {"done": 30}


@pytest.mark.parametrize("wrong", [{"canary": 0}, {"canary": 2.5}, {"canary": 5, "widen": 0}, {"canary": 5, "ok": 80}])
def test_bad_waves_are_refused_before_anything_is_sent(client, service, wrong):
    plan = client.plan_retry(failed(service, 3))
    with pytest.raises(jw.UsageError):
        plan.apply(**wrong)
    with pytest.raises(jw.UsageError, match="only retries go in waves"):
        client.plan_cancel(waiting(service, 1)).apply(canary=5)
    assert service.ledger == []


# --------------------------------------------------------------------------- stop


def test_a_stop_from_another_thread_ends_the_work_and_says_so(client, service):
    service.faults.delay(0.3, times=None, operation="cancelJob")
    plan = client.plan_cancel(waiting(service, 200))
    answers = []
    work = threading.Thread(target=lambda: answers.append(plan.apply(progress=False)))
    work.start()
    until(lambda: service.requests["cancelJob"])
    assert client.stop() == [plan.op]
    work.join()
    receipt = answers[0]
    assert receipt.halted == "stopped"
    assert set(receipt.counts) == {"done", "not_sent"}  # what was in flight came to its end
    sent = len(service.ledger)
    assert sent == receipt.counts["done"]
    assert client.stop() == []
    service.faults.clear()
    assert receipt.resume(progress=False).counts == {"done": 200}
    assert len(service.ledger) == 200


def test_another_client_asks_it_to_stop_through_the_state_directory(client, another, service):
    service.faults.delay(0.4, times=None, operation="cancelJob")
    plan = client.plan_cancel(waiting(service, 300))
    work = threading.Thread(target=lambda: plan.apply(progress=False))
    work.start()
    until(lambda: service.requests["cancelJob"])
    assert another.receipts().state.tolist() == ["at work"]
    with pytest.raises(jw.UsageError, match="is at work in this kernel"):
        another.receipt(plan.op).resume(progress=False)
    assert another.stop(plan.op) == [plan.op]
    work.join()
    assert client.receipt(plan.op).halted == "stopped"
    assert another.stop(plan.op) == []
    with pytest.raises(jw.UsageError, match="is no operation"):
        another.stop("all of them")


def test_a_stop_while_the_service_asks_to_wait_leaves_the_rest_unsent(client, service):
    service.faults.rate_limit(window=30, retry_after=30, operation="retryJob")
    plan = client.plan_retry(failed(service, 50))
    work = threading.Thread(target=lambda: plan.apply(progress=False))
    work.start()
    until(lambda: service.requests["retryJob"])
    time.sleep(0.2)
    began = time.monotonic()
    client.stop()
    work.join()
    assert time.monotonic() - began < _receipt_patience()
    assert client.receipt(plan.op).counts == {"not_sent": 50}
    assert service.ledger == []


def _receipt_patience():
    return 5 * _operation.LOOK_FOR_STOP + 1.0


def test_an_answer_that_does_not_come_is_given_two_seconds_and_is_then_in_doubt(client, service):
    service.faults.delay(20, times=None, operation="retryJob")
    plan = client.plan_retry(failed(service, 5))
    work = threading.Thread(target=lambda: plan.apply(progress=False))
    work.start()
    until(lambda: service.requests["retryJob"])
    client.stop()
    work.join()
    receipt = client.receipt(plan.op)
    assert receipt.counts == {"unknown": 5}
    service.faults.clear()
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"done": 5}


# ----------------------------------------------------------------------- patience


def test_resuming_waits_until_the_services_clock_can_tell(service, served, monkeypatch):
    monkeypatch.setattr(_receipt, "PATIENCE", "20s")
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, timeout=20) as client:
        service.faults.fail_before(operation="retryJob")
        receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
        assert receipt.counts == {"unknown": 1}
        service.clock.speed = 20
        assert receipt.resume(progress=False).counts == {"done": 1}
        assert len(service.ledger) == 1


def test_a_clock_that_stands_still_is_not_waited_for(client, service):
    service.faults.fail_before(operation="retryJob")
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    began = time.monotonic()
    assert receipt.resolve(patience="10min").counts == {"unknown": 1}
    assert time.monotonic() - began < 60
