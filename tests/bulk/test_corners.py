"""Corners of bulk work that are easily got wrong: each was found by changing the code when no test minded."""

import asyncio
import threading
import time
from datetime import timedelta

import msgspec
import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from jobwidgets.bulk.execution import readback as _verify
from jobwidgets.bulk.execution.cancellation import CancelToken, StoppedError
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal import process_identity
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.state import fold_events
from tests.support.waiting import until

OP = "retry-20261123-194501-1a2b3c"


def waiting(service, count):
    return [service.add_job("pending", 1, lives=False) for _ in range(count)]


def failed(service, count, **options):
    return [service.add_job("failed", ["failed"], lives=False, **options) for _ in range(count)]


def on_disk(op):
    return fold_events(_journal.read(op))


def place(service, job, status):
    with service.world.lock:
        service.world.place_job(service.world.store.rows[job], status, [status], lives=False)


def directory():
    return _journal.state_dir() / "operations"


def plant(op, number, **changes):
    """Leave a lease that this very process could hold, but for what is changed."""
    holder = msgspec.structs.asdict(process_identity.this_process("other")) | changes
    (directory() / f"{op}.lease-{number}").write_bytes(msgspec.json.encode(holder))


def begun():
    """Leave an operation that nobody works on."""
    journal = Journal.create(OP)
    journal.append({"record": "plan", "version": 1})
    journal.close()


def in_background(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def one_by_one(monkeypatch):
    """Let each request carry one job."""
    monkeypatch.setattr(_apply, "INITIAL_BATCH_SIZE", 1)
    monkeypatch.setattr(_apply, "MAX_BATCH_SIZE", 1)


# ------------------------------------------------------------------ a busy service


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_wait_that_is_longer_than_a_call_may_take_is_kept_by_the_next(client, service, verb):
    plan = getattr(client, f"plan_{verb}")((waiting if verb == "cancel" else failed)(service, 6))
    client.aio._connection.timeout = 2
    service.faults.rate_limit(window=3, operation=f"{verb}Job")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 6}
    assert receipt.halted == ""
    assert len(service.ledger) == 6
    assert on_disk(receipt.op) == receipt.aio.account


def test_a_service_that_stays_busy_is_left_alone_in_the_end(client, service, monkeypatch):
    monkeypatch.setattr(_apply, "MAX_THROTTLED_S", 0.3)
    plan = client.plan_retry(failed(service, 40))
    client.aio._connection.timeout = 2
    service.faults.rate_limit(window=5, retry_after=3, operation="retryJob")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 40}
    assert "asks to wait" in receipt.halted
    assert receipt.df["at"].isna().all()  # nothing of it was ever under way for certain
    assert on_disk(receipt.op) == receipt.aio.account
    assert service.ledger == []
    time.sleep(5)
    assert receipt.resume(progress=False).counts == {"done": 40}
    assert len(service.ledger) == 40


def test_a_service_that_is_gone_is_not_asked_for_the_rest(client, service, served):
    plan = client.plan_retry(client.jobs(ids=failed(service, 60)))
    plan.aio._seen_at = float("inf")
    served.close()
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 60}
    assert receipt.state == "open"
    assert "retryJob tried" in receipt.halted
    assert set(receipt.df.reason.dropna()) != set()  # those that were tried say why
    assert on_disk(receipt.op) == receipt.aio.account


# ------------------------------------------------------------------ what an answer says


@pytest.mark.parametrize(
    ("body", "became"),
    [
        (b'{"data":{"a0":null}}', ("unknown", "says nothing of it")),
        (b'{"data":{}}', ("unknown", "says nothing of it")),
        (b'{"data":{"a0":{"id":null}}}', ("unknown", "does not tell the new job")),
        (b'{"data":{"a0":{"id":7}}}', ("unknown", "another shape")),
        (b'{"data":{"a0":{"id":"N"}},"errors":[{"name":"not_allowed","path":["a0"]}]}', ("unknown", "not_allowed")),
        (b'{"data":{"a0":null},"errors":[{"path":["a0"]}]}', ("unknown", "an error without a name")),
        (b'{"data":{"a0":null},"errors":[{"name":"internal_error","path":["a0"]}]}', ("unknown", "internal_error")),
        (b'{"data":{"a0":null},"errors":[{"name":"not_allowed","message":"no","path":["a0"]}]}', ("refused", "no")),
        (b'{"data":{"a0":null},"errors":[{"name":"not_allowed","path":["a0"]}]}', ("refused", "not_allowed")),
        (b'{"data":null,"errors":[{"name":"not_allowed","message":"no"}]}', ("refused", "no")),
        (b'{"data":null,"errors":[{"name":"not_allowed"},{"name":"internal_error"}]}', ("unknown", "not_allowed")),
        (b'{"data":null,"errors":[{"message":"?"}]}', ("unknown", "an error without a name")),
        (b'{"data":{"a0":{"id":"N"}}}', ("done", "")),
    ],
)
def test_only_a_value_alone_is_done_and_only_a_named_refusal_is_refused(client, service, edited, body, became):
    outcome, words = became
    plan = client.plan_retry(failed(service, 1))
    edited("retryJob", lambda _: body)
    receipt = plan.apply(progress=False)
    assert receipt.counts == {outcome: 1}
    assert words in (receipt.df.reason.fillna("")[0])
    assert receipt.df.new_id.dropna().tolist() == (["N"] if outcome == "done" else [])
    assert on_disk(receipt.op) == receipt.aio.account
    assert service.requests["retryJob"] == 1


def test_many_lost_answers_in_a_row_are_taken_for_a_service_that_is_gone(client, service, one_by_one):
    del one_by_one
    plan = client.plan_retry(failed(service, 60))
    service.faults.lose_answer(times=None, operation="retryJob")
    receipt = plan.apply(progress=False)
    assert "answers in a row were lost" in receipt.halted
    assert _apply.MAX_CONSECUTIVE_UNKNOWN <= receipt.counts["unknown"] <= _apply.MAX_CONSECUTIVE_UNKNOWN + 8
    assert service.requests["retryJob"] == receipt.counts["unknown"] == len(service.ledger)


def test_an_answer_that_came_ends_the_row_of_lost_ones(client, service, monkeypatch, one_by_one):
    del one_by_one
    monkeypatch.setattr("jobwidgets.transport.throttle.INITIAL_BULK_IN_FLIGHT", 1.0)
    client.aio._connection.throttle.places = 1.0
    monkeypatch.setattr("jobwidgets.transport.throttle.MAX_BULK_IN_FLIGHT", 1)
    plan = client.plan_retry(failed(service, 30))
    send, sent = client.aio._connection.http.send, []

    async def two_of_three_lost(request, *options):
        if request.name == "retryJob":
            sent.append(request)
            if len(sent) % 3:
                service.faults.lose_answer(operation="retryJob")
        return await send(request, *options)

    client.aio._connection.http.send = two_of_three_lost
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 10, "unknown": 20}
    assert receipt.halted == ""


# ------------------------------------------------------------------ found not to have been sent


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_did_not_arrive_keeps_on_disk_when_it_was_first_tried(client, service, verb):
    plan = getattr(client, f"plan_{verb}")((waiting if verb == "cancel" else failed)(service, 3))
    service.faults.fail_before(operation=f"{verb}Job", times=None)
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"unknown": 3}
    first = receipt.df["at"].tolist()
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"not_sent": 3}
    assert receipt.df["at"].tolist() == first
    assert on_disk(receipt.op) == receipt.aio.account
    service.faults.clear()
    service.faults.rate_limit(window=30, retry_after=30, operation=f"{verb}Job")
    work = in_background(lambda: receipt.resume(progress=False))
    until(lambda: service.requests[f"{verb}Job"] > 1)
    time.sleep(0.2)
    receipt.stop()
    work.join()
    assert receipt.counts == {"not_sent": 3}
    assert receipt.df["at"].tolist() == first  # the second try is taken back
    assert on_disk(receipt.op) == receipt.aio.account


def test_of_twins_of_which_one_was_made_it_is_said_that_it_cannot_be_told(client, service, one_by_one):
    del one_by_one
    twins = failed(service, 2, name="Twin", target="77")
    plan = client.plan_retry(twins)
    service.faults.lose_answer(operation="retryJob")
    service.faults.fail_before(operation="retryJob", times=None)
    receipt = plan.apply(progress=False)
    service.faults.clear()
    assert len(service.ledger) == 1
    assert receipt.resolve().counts == {"unknown": 2}
    assert not receipt.df.reason.str.contains("cannot be told").any()  # the other may come yet
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"unknown": 2}
    assert receipt.df.reason.str.contains("cannot be told").all()


# ------------------------------------------------------------------ verifying


def test_verifying_looks_now_and_then_and_no_more_often(client, service):
    receipt = client.plan_retry(failed(service, 2)).apply(progress=False)
    before = service.requests.total()
    began = time.monotonic()
    receipt.verify(timeout="2s")
    assert 1.9 < time.monotonic() - began < 4
    assert 2 <= service.requests.total() - before <= 5
    assert set(receipt.df.verified) == {"still_running"}
    assert _verify.LOOK_EVERY[1] <= 10


def test_verifying_ends_when_all_has_ended(client, service):
    receipt = client.plan_retry(failed(service, 2)).apply(progress=False)
    for new in receipt.df.new_id:
        place(service, new, "failed")
    began = time.monotonic()
    assert set(receipt.verify(timeout="1min").df.verified) == {"confirmed"}
    assert time.monotonic() - began < 5
    before = service.requests.total()
    receipt.verify()
    assert service.requests.total() == before  # nothing is open


def test_a_service_that_is_away_while_verifying_is_waited_for_and_then_told(client, service):
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    client.aio._connection.timeout = 0.5
    service.faults.fail_before(times=None, status=500)
    receipt.verify(timeout="1s")
    assert "could not be looked at afterwards" in receipt.halted
    assert receipt.df.verified.isna().all()
    service.faults.clear()
    client.aio._connection.timeout = 20
    assert receipt.verify(timeout="0s").df.verified.tolist() == ["still_running"]


# ------------------------------------------------------------------ taken over, stopped


@pytest.mark.parametrize("during", ["a wait", "the sending"])
def test_who_is_taken_over_stops_by_itself_and_sends_nothing_more(client, service, during, one_by_one):
    del one_by_one
    if during == "a wait":
        service.faults.rate_limit(window=30, retry_after=30, operation="retryJob")
    else:
        service.faults.delay(0.2, times=None, operation="retryJob")
    plan = client.plan_retry(failed(service, 200))
    work = in_background(lambda: plan.apply(progress=False))
    until(lambda: service.requests["retryJob"] >= 1)
    began = time.monotonic()
    plant(plan.op, 2, host="elsewhere")
    work.join()
    assert time.monotonic() - began < 4
    receipt = plan.apply()  # the journal is the other's: there nothing is written any more
    assert "was taken over by another kernel: host elsewhere" in receipt.halted
    sent = service.requests["retryJob"]
    assert sent < 30
    time.sleep(0.5)
    assert service.requests["retryJob"] == sent
    assert (directory() / f"{plan.op}.lease-2").exists()  # it is the other's


def test_what_is_given_up_for_a_stop_has_ended_before_the_stop_is_told():
    async def work():
        stop, ended = CancelToken(), []

        async def slow():
            try:
                await asyncio.sleep(30)
            finally:
                await asyncio.sleep(0)
                ended.append(True)

        race = asyncio.create_task(stop.race(slow()))
        await asyncio.sleep(0.05)
        stop.ask()
        with pytest.raises(StoppedError):
            await race
        assert ended == [True]
        assert len(asyncio.all_tasks()) == 1  # nothing is left behind

    asyncio.run(work())


def test_what_is_done_in_time_wins_and_its_error_too():
    async def work():
        stop = CancelToken()

        async def value():
            return 7

        async def error():
            raise KeyError

        assert await stop.race(value()) == 7
        with pytest.raises(KeyError):
            await stop.race(error())
        stop.ask()
        with pytest.raises(StoppedError):
            await stop.race(asyncio.sleep(30))
        await asyncio.wait_for(stop.wait(), 1)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(work())


def test_a_stop_may_be_asked_for_when_its_loop_is_over():
    stop = CancelToken()

    async def work():
        waits = asyncio.create_task(stop.wait())
        await asyncio.sleep(0)
        waits.cancel()

    asyncio.run(work())
    stop.ask()
    assert stop.asked


# ------------------------------------------------------------------ leases


def test_the_highest_of_several_leases_counts_and_the_lower_ones_go():
    begun()
    for number in (1, 2, 9, 10):
        plant(OP, number, pid=2**22 + 1, started=1.0)
    journal = Journal.reopen(OP)
    assert [path.name for path in directory().glob("*.lease-*")] == [f"{OP}.lease-11"]
    journal.close()
    plant(OP, 9, pid=2**22 + 1, started=1.0)
    plant(OP, 10, host="elsewhere")
    with pytest.raises(jw.UsageError, match="lease-10"):
        Journal.reopen(OP)
    assert _journal.at_work()[OP].host == "elsewhere"


def test_leases_of_other_operations_do_not_count():
    begun()
    plant("retry-20261123-194501-ffffff", 5, host="elsewhere")
    Journal.reopen(OP).close()
    assert list(_journal.at_work()) == ["retry-20261123-194501-ffffff"]


# ------------------------------------------------------------------ sizes and progress


@pytest.fixture
def one_at_a_time(client, monkeypatch):
    """Let one request after the other leave."""
    monkeypatch.setattr("jobwidgets.transport.throttle.MAX_BULK_IN_FLIGHT", 1)
    client.aio._connection.throttle.places = 1.0


def sizes(op):
    return [len(record["lines"]) for record in _journal.read(op) if record["record"] == "intent"]


def test_documents_double_while_the_service_is_quick_up_to_a_hundred(client, service, one_at_a_time):
    del one_at_a_time
    receipt = client.plan_retry(failed(service, 300)).apply(progress=False)
    assert receipt.counts == {"done": 300}
    assert sizes(receipt.op) == [10, 20, 40, 80, 100, 50]


def test_documents_are_halved_while_answers_are_lost(client, service, one_at_a_time):
    del one_at_a_time
    plan = client.plan_retry(failed(service, 100))
    service.faults.lose_answer(operation="retryJob", times=None)
    receipt = plan.apply(progress=False)
    assert sizes(receipt.op) == [10, 5, 2, 1, 1, 1, 1, 1]
    assert receipt.counts == {"unknown": 22, "not_sent": 78}


def test_documents_are_halved_while_the_service_is_slow(client, service, one_at_a_time, monkeypatch):
    del one_at_a_time
    monkeypatch.setattr(_apply, "TARGET_BATCH_S", 0.05)
    service.faults.delay(0.2, times=None, operation="retryJob")
    receipt = client.plan_retry(failed(service, 20)).apply(progress=False)
    assert receipt.counts == {"done": 20}
    assert sizes(receipt.op) == [10, 5, 2, 1, 1, 1]


def test_a_service_that_charges_by_operation_gets_documents_of_about_a_second(client, service):
    plan = client.plan_retry(failed(service, 400))
    send, each = client.aio._connection.http.send, 0.02

    async def by_operation(request, *options):
        answer = await send(request, *options)
        if request.name == "retryJob":
            await asyncio.sleep(each * request.body.count(b": retryJob("))
        return answer

    client.aio._connection.http.send = by_operation
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 400}
    assert 10 < max(sizes(receipt.op)) <= _apply.TARGET_BATCH_S / each


def test_what_was_too_large_for_one_document_and_did_not_go_in_another_was_not_sent(client, service, one_at_a_time):
    del one_at_a_time
    plan = client.plan_retry(failed(service, 8))
    service.choices.max_aliases = 2
    send, sent = client.aio._connection.http.send, []

    async def token_runs_out(request, *options):
        if request.name == "retryJob":
            sent.append(request)
            if len(sent) == 2:
                service.faults.expire_token(times=None, operation="retryJob")
        return await send(request, *options)

    client.aio._connection.http.send = token_runs_out
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 8}
    assert on_disk(receipt.op) == receipt.aio.account
    assert service.ledger == []


def test_progress_is_told_on_the_way(client, service, monkeypatch, one_by_one):
    del one_by_one
    monkeypatch.setattr(_apply, "TELL_EVERY", 0.0)
    told = []
    client.plan_retry(failed(service, 10)).apply(progress=lambda done, *_: told.append(done))
    assert len(set(told)) > 2
    assert told[-1] == 10


def test_jobs_that_have_not_moved_are_not_read_in_full_before_they_are_sent(client, service):
    plan = client.plan_retry(client.jobs(ids=failed(service, 20)))
    send, asked = client.aio._connection.http.send, []

    async def watched(request, *options):
        asked.append((request.name, request.body or b""))
        return await send(request, *options)

    client.aio._connection.http.send = watched
    assert plan.apply(progress=False).counts == {"done": 20}
    assert not [name for name, body in asked if b"engine" in body]


# ------------------------------------------------------------------ what has moved, and what an answer brings


def test_what_has_moved_and_can_still_be_cancelled_is_cancelled(client, service):
    ids = waiting(service, 3)
    plan = client.plan_cancel(client.jobs(ids=ids))
    with service.world.lock:
        service.world.place_job(service.world.store.rows[ids[0]], "running", ["queued"], lives=False)
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 3}
    assert receipt.drifted == 0
    assert len(service.ledger) == 3


def test_a_cancel_brings_the_services_word_and_no_new_job(client, service):
    receipt = client.plan_cancel(waiting(service, 2)).apply(progress=False)
    assert receipt.df.new_id.isna().all()
    assert receipt.df.message.str.len().gt(0).all()


def test_what_has_come_into_a_range_and_cannot_be_cancelled_is_no_drift(client, service):
    created = service.clock.now() - timedelta(days=400)
    organization = client.me().organization_id
    service.add_job("pending", 1, created=created, lives=False)
    plan = client.plan_cancel_range(organization, after="410d", before=service.clock.now() - timedelta(days=399))
    service.add_job("running", ["running"], created=created, lives=False)
    drift = plan.drift()
    assert drift.empty
    assert (drift.attrs["kind"], drift.attrs["new"]) == ("drift", 0)
    service.add_job("pending", 1, created=created, lives=False)
    assert plan.drift().attrs["new"] == len(plan.drift()) == 1
