"""What a hostile reader tried: doubling a retry, losing a target, saying what is not so, leaving something running."""

import asyncio
import os
import threading
import time

import msgspec
import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import readback as _verify
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.state import fold_events
from jobwidgets.transport import connection as _connection
from jobwidgets.transport.http import _retry_after
from tests.support.waiting import until, until_quiet

OP = "retry-20261123-194501-1a2b3c"
ENGINES = ["Scene Objects v4", "Who-Spoke-When", "ToneMeter Sentiment"]


def waiting(service, count):
    return [service.add_job("pending", 1, lives=False) for _ in range(count)]


def failed(service, count, **options):
    return [service.add_job("failed", ["failed"], lives=False, **options) for _ in range(count)]


def on_disk(op):
    return fold_events(_journal.read(op))


def same_on_disk(receipt):
    """Whether the receipt in memory says what its journal says."""
    disk = on_disk(receipt.op)
    told = ("outcome", "reason", "status", "verified", "looked", "until", "at", "new_id", "message")
    for line in receipt.aio.account.numbered:
        other = disk.lines[line.id]
        assert [getattr(line, name) for name in told] == [getattr(other, name) for name in told]
    assert (disk.halted, disk.drifted) == (receipt.halted, receipt.drifted)


def retried(service):
    return sorted(write.target_id for write in service.ledger if write.new_id)


# ------------------------------------------------------------------------------------- doubling


def test_what_another_plan_has_retried_meanwhile_is_not_retried_by_a_resume(client, service):
    ids = failed(service, 12)
    service.faults.expire_token(times=None, operation="retryJob")
    first = client.plan_retry(ids).apply(progress=False)
    assert first.counts == {"not_sent": 12}
    service.faults.clear()
    assert client.plan_retry(ids[:8]).apply(progress=False).counts == {"done": 8}
    first.resume(progress=False)
    assert first.counts == {"done": 4, "skipped": 8}
    assert retried(service) == sorted(ids)
    same_on_disk(first)


def test_two_plans_for_the_same_jobs_applied_at_once_retry_each_once(client, service):
    ids = failed(service, 30)
    one, other = client.plan_retry(ids), client.plan_retry(ids)
    service.faults.delay(0.3, times=None, operation="retryJob")

    async def both():
        return await asyncio.gather(one.aio.apply(), other.aio.apply())

    client.portal.run(both())
    counts = retried(service)
    assert len(counts) == len(set(counts))


def test_a_second_plan_leaves_out_what_a_first_is_still_to_send(client, service):
    ids = failed(service, 60)
    service.faults.delay(0.5, times=None, operation="retryJob")
    one = client.plan_retry(ids)
    thread = threading.Thread(target=lambda: one.apply(progress=False))
    thread.start()
    until(lambda: service.requests["retryJob"])
    other = client.plan_retry(ids)
    other.apply(progress=False)
    thread.join()
    counts = retried(service)
    assert len(counts) == len(set(counts)) == 60


def test_who_lost_a_lease_writes_nothing_more_into_the_journal():
    one = Journal.create(OP)
    one.append({"record": "plan", "version": 1})
    one.sync()
    one._lease.path.unlink()
    other = Journal.reopen(OP)
    other.append({"record": "other"})
    with pytest.raises(jw.UsageError, match="taken"):
        one.append({"record": "late"})
    one.close()
    other.close()
    assert [record["record"] for record in _journal.read(OP)] == ["plan", "other"]


def test_a_request_that_slept_with_the_machine_is_found_though_it_arrived_much_later(client, service, monkeypatch):
    plan = client.plan_retry(failed(service, 1))
    send = client.aio._connection.http.send
    slept = []

    async def asleep(request, *options):
        if request.name == "retryJob":
            slept.append(True)  # the machine sleeps for an hour: only the wall clock goes on
            service.clock.advance("1h")
            service.faults.lose_answer(operation="retryJob")
        return await send(request, *options)

    client.aio._connection.http.send = asleep
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + 3600 * bool(slept))
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"unknown": 1}
    service.clock.advance("10min")
    receipt.resume(progress=False)
    assert receipt.counts == {"done": 1}
    assert len(service.ledger) == 1


@pytest.mark.parametrize("off", [-7200, 7200])
def test_a_service_that_tells_no_time_and_a_clock_that_is_wrong_double_nothing(client, service, monkeypatch, off):
    send = client.aio._connection.http.send

    async def timeless(request, *options):
        answer = await send(request, *options)
        if hasattr(answer, "date"):
            answer = type(answer)(answer.status, answer.body, answer.retry_after, None)
        return answer

    client.aio._connection.http.send = timeless
    client.aio._connection._clock = None
    real = _connection.datetime

    class Wrong(real):
        @classmethod
        def now(cls, tz=None):
            return service.clock.now().astimezone(tz) + _connection.timedelta(seconds=off)

    monkeypatch.setattr(_connection, "datetime", Wrong)
    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    service.clock.advance("10min")
    receipt.resolve()
    assert receipt.counts in ({"unknown": 1}, {"done": 1})
    assert len(service.ledger) == 1


def test_a_lost_retry_is_found_though_its_tasks_are_told_in_another_order(client, service, edited):
    job = service.add_job("failed", ["failed"] * 3, lives=False, engines=ENGINES)

    def reversed_tasks(body):
        answer = msgspec.json.decode(body)
        for record in answer["data"]["jobs"]["records"]:
            record["tasks"]["records"].reverse()
        return msgspec.json.encode(answer)

    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry([job]).apply(progress=False)
    edited("jobs", reversed_tasks)
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"done": 1}
    assert len(service.ledger) == 1


# ------------------------------------------------------------------------------------ losing


def test_a_range_that_was_interrupted_while_the_disk_was_slow_is_not_sent_and_forgotten(client, service, monkeypatch):
    service.clock.advance("1h")
    waiting(service, 5)
    plan = client.plan_cancel_range("7682", after="10min", before="0s")
    assert plan.counts
    before = len(service.ledger)
    fsync, slow, began, go_on = os.fsync, [], threading.Event(), threading.Event()

    def lazy(descriptor):
        if slow:
            began.set()
            assert go_on.wait(60)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", lazy)
    append = Journal.append

    def noted(self, *records):
        if records[0].get("record") == "intent":
            slow.append(True)
        append(self, *records)

    monkeypatch.setattr(Journal, "append", noted)
    future = client.portal.submit(plan.aio.apply(max_drift=1.0))
    assert began.wait(60)
    future.cancel()
    client.portal.submit(asyncio.sleep(0)).result(60)  # the loop has heard it
    go_on.set()
    assert until_quiet(lambda: len(service.ledger), seconds=3) == before


# ---------------------------------------------------------------------------- saying what is not so


def half_seen(monkeypatch, missing):
    """Let the list of statuses say nothing of one job, so that its tasks are asked for."""
    read = _verify.read_statuses

    async def half(connection, wanted, created=None, **more):
        seen = await read(connection, wanted, created, **more)
        return {job: word for job, word in seen.items() if job != missing}

    monkeypatch.setattr(_verify, "read_statuses", half)


def test_what_was_seen_cancelled_is_not_called_unknown_when_another_cannot_be_read(client, service, monkeypatch):
    ids = waiting(service, 3)
    plan = client.plan_cancel(ids)
    half_seen(monkeypatch, ids[0])

    async def away(*_args, **_kwargs):
        raise jw.ServiceError("away", hint="")

    monkeypatch.setattr(client.reader, "jobs", away)
    receipt = plan.apply(progress=False)
    outcomes = {line.id: (line.outcome, line.verified) for line in receipt.aio.lines.values()}
    assert outcomes == {ids[0]: ("unknown", None), ids[1]: ("done", "confirmed"), ids[2]: ("done", "confirmed")}
    same_on_disk(receipt)


def test_a_stop_between_two_looks_leaves_the_same_in_memory_and_on_disk(client, service, monkeypatch):
    ids = waiting(service, 3)
    plan = client.plan_cancel(ids)
    half_seen(monkeypatch, ids[0])

    async def stopped(*_args, **_kwargs):
        client.aio.operations._held[plan.op].stop()
        await asyncio.sleep(30)

    monkeypatch.setattr(client.reader, "jobs", stopped)
    same_on_disk(plan.apply(progress=False))


def test_a_receipt_of_an_apply_that_failed_reads_the_same_from_disk(client, service):
    ids = failed(service, 30)

    def fall(_done, _total, counts):
        if counts.get("done"):
            raise ZeroDivisionError

    plan = client.plan_retry(ids)
    with pytest.raises(ZeroDivisionError):
        plan.apply(progress=fall)
    receipt = plan.apply(progress=False)
    same_on_disk(receipt)
    assert set(retried(service)) <= set(receipt.df.id[receipt.df.outcome.isin(["done", "unknown"])])


def test_an_apply_from_two_threads_gives_both_the_same_receipt(client, service):
    plan = client.plan_retry(failed(service, 40))
    service.faults.delay(0.2, times=None, operation="retryJob")
    told = []

    def work():
        try:
            told.append(plan.apply(progress=False))
        except jw.JobError as error:
            told.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(getattr(receipt, "counts", receipt) == {"done": 40} for receipt in told), told
    assert len(service.ledger) == 40


# -------------------------------------------------------------------------------- hanging, leaving


def test_a_service_that_asks_to_wait_for_days_halts_the_work(client, service):
    service.faults.rate_limit(window=3600, retry_after=90_000, operation="retryJob")
    plan = client.plan_retry(failed(service, 200))
    future = client.portal.submit(plan.aio.apply())
    receipt = future.result(20)
    assert receipt.counts == {"not_sent": 200}
    assert "wait" in receipt.halted
    assert service.ledger == []


@pytest.mark.parametrize("word", ["inf", "nan", "-5", "1e400", "soon", "99999999999999999999"])
def test_a_strange_retry_after_poisons_nothing(word):
    wait = _retry_after(word, None)
    assert wait is None or 0 <= wait < 1e9


def test_a_journal_that_is_removed_while_at_work_stops_the_sending(client, service):
    ids = failed(service, 400)
    service.faults.delay(0.1, times=None, operation="retryJob")
    plan = client.plan_retry(ids)
    future = client.portal.submit(plan.aio.apply())
    until(lambda: service.requests["retryJob"] > 1)
    (_journal.state_dir() / "operations" / f"{plan.op}.jsonl").unlink()
    sent = service.requests["retryJob"]
    receipt = future.result(20)
    assert service.requests["retryJob"] <= sent + 16
    assert receipt.halted
    assert receipt.counts["not_sent"]


def test_closing_an_awaitable_client_at_work_says_what_was_not_sent(served, service):
    ids = failed(service, 300)

    async def work():
        client = await jw.connect_async(served.graphql_url, rest_url=served.rest_url, token=service.token)
        plan = await client.plan_retry(ids)
        service.faults.delay(0.2, times=None, operation="retryJob")
        task = asyncio.create_task(plan.apply())
        await asyncio.to_thread(until, lambda: service.requests["retryJob"] > 1)
        await client.close()
        receipt = await asyncio.wait_for(task, 20)
        await asyncio.sleep(1.0)
        return receipt, client._connection.http._http

    receipt, http = asyncio.run(work())
    assert http is None
    done = set(retried(service))
    lines = receipt.lines.values()
    assert done <= {line.id for line in lines if line.outcome in ("done", "unknown")}
    assert sum(line.outcome == "unknown" for line in lines) <= 100
    assert "closed" in receipt.halted


def test_an_asyncio_run_that_ends_in_the_middle_leaves_what_can_be_resumed(served, service):
    ids = failed(service, 300)

    async def work():
        client = await jw.connect_async(served.graphql_url, rest_url=served.rest_url, token=service.token)
        plan = await client.plan_retry(ids)
        service.faults.delay(0.2, times=None, operation="retryJob")
        asyncio.get_running_loop().create_task(plan.apply())
        await asyncio.to_thread(until, lambda: service.requests["retryJob"] > 1)
        return client, plan.op

    left, op = asyncio.run(work())
    asyncio.run(left.close())
    service.faults.clear()
    time.sleep(0.5)
    service.clock.advance("5min")
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as client:
        receipt = client.receipt(op).resume(progress=False)
        assert receipt.counts == {"done": 300}
        assert retried(service) == sorted(ids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_uses_no_connection_of_its_parent(client, service):
    plan = client.plan_retry(failed(service, 3))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            plan.apply(progress=False)
        except jw.UsageError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert b"forked" in os.read(reading, 1000)
    os.close(reading)
    os.close(writing)
    assert service.ledger == []
    assert plan.apply(progress=False).counts == {"done": 3}
