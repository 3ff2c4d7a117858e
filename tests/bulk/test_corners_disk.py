"""Corners of what is kept on disk: what dead kernels leave, what a journal says of itself, what a disk refuses."""

import asyncio
import errno
import os
import stat
import threading
import time
from datetime import UTC, datetime

import msgspec
import psutil
import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import reconcile as _doubt
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal import operation as _operation
from jobwidgets.bulk.journal import process_identity
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.state import (
    OperationState,
    TargetState,
    fold_events,
    intent_record,
    lines_record,
    plan_records,
)
from jobwidgets.transport.messages import TransportFailure
from tests.support.waiting import until

OP = "retry-20261123-194501-1a2b3c"
CANCEL = "cancel-20261123-194501-1a2b3c"


def waiting(service, count):
    return [service.add_job("pending", 1, lives=False) for _ in range(count)]


def failed(service, count):
    return [service.add_job("failed", ["failed"], lives=False) for _ in range(count)]


def directory():
    return _journal.state_dir() / "operations"


def files():
    return sorted(path.name for path in directory().iterdir())


def plant(number=1, **changes):
    """Leave a lease that this very process could hold, but for what is changed."""
    holder = msgspec.structs.asdict(process_identity.this_process("other")) | changes
    (directory() / f"{OP}.lease-{number}").write_bytes(msgspec.json.encode(holder))


def begun(*records):
    """Leave an operation that nobody works on."""
    journal = Journal.create(OP)
    journal.append({"record": "plan", "version": 1}, *records)
    journal.close()
    return directory() / f"{OP}.jsonl"


def left_by_a_dead_kernel(client, op, ids, *, status, at, learnt=None):
    """Leave an operation whose kernel died with a request under way, or after it had learnt what became of it."""
    account = OperationState(op, op.partition("-")[0], client.service_url, "stuck", "2026-11-23T19:45:01Z")
    account.add(TargetState(job, None, status, status=status) for job in ids)
    journal = Journal.create(op)
    journal.append(*plan_records(account), intent_record(account.numbered, at))
    if learnt:
        for line in account.numbered:
            learnt(line)
        journal.append(lines_record(account.numbered))
    journal.close()


# ------------------------------------------------------------------ what dead kernels leave


def test_what_was_under_way_when_its_kernel_died_was_so_until_it_is_looked_at(client, service):
    ids = failed(service, 2)
    now = client.portal.run(client.aio.now())
    left_by_a_dead_kernel(client, OP, ids, status="failed", at=now)
    service.clock.advance("1h")  # nobody knows how long it lived
    receipt = client.receipt(OP)
    assert receipt.counts == {"unknown": 2}
    assert receipt.resolve().counts == {"unknown": 2}
    seen = {line.until for line in receipt.aio.lines.values()}
    assert len(seen) == 1
    assert (seen.pop() - now).total_seconds() > 3590
    assert fold_events(_journal.read(OP)) == receipt.aio.account
    service.clock.advance("5min")
    assert receipt.resume(progress=False).counts == {"done": 2}
    assert len(service.ledger) == 2


def test_a_cancel_that_was_not_read_back_before_its_kernel_died_is_read_by_the_next(client, service):
    running = service.add_job("running", ["running"], lives=False)
    ids = waiting(service, 1)
    client.cancel(ids[0])
    left_by_a_dead_kernel(
        client, CANCEL, [running, *ids], status="pending", at=datetime.now(UTC), learnt=lambda line: line.settle("done")
    )
    receipt = client.receipt(CANCEL).resume(progress=False)
    assert dict(zip(receipt.df.id, receipt.df.outcome, strict=True)) == {running: "refused", ids[0]: "done"}
    assert receipt.df.verified.tolist() == ["still_running", "confirmed"]


def test_a_request_to_stop_what_nobody_works_on_leaves_nothing(client, service):
    receipt = client.plan_cancel(waiting(service, 1)).apply(progress=False)
    before = files()
    assert client.stop(receipt.op) == []
    assert files() == before
    with pytest.raises(jw.UsageError, match=f"no operation {OP} is known"):
        client.stop(OP)


def test_a_receipt_that_is_not_at_work_may_be_asked_to_stop_and_goes_on_later(client, service):
    service.faults.expire_token(times=None, operation="retryJob")
    op = client.plan_retry(failed(service, 3)).apply(progress=False).op
    service.faults.clear()
    client.aio.operations._held.clear()
    receipt = client.receipt(op)
    receipt.stop()
    assert receipt.resume(progress=False).counts == {"done": 3}


def test_an_operation_that_cannot_be_written_down_was_never_begun(client, service, monkeypatch):
    plan = client.plan_retry(failed(service, 2))

    async def full(journal):
        raise jw.NotSentError(f"{journal.path} cannot be kept")

    with monkeypatch.context() as disk:
        disk.setattr(Journal, "synced", full)
        with pytest.raises(jw.NotSentError, match="cannot be kept"):
            plan.apply(progress=False)
    assert files() == []
    assert not plan.applied
    assert service.requests["retryJob"] == 0
    assert plan.apply(progress=False).counts == {"done": 2}


def test_who_is_interrupted_while_a_slow_disk_begins_leaves_nothing_begun(client, service, monkeypatch):
    plan = client.plan_retry(failed(service, 2))
    create = Journal.create.__func__
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(*given):
        begun.set()
        assert go_on.wait(60)
        journal = create(*given)
        ended.set()
        return journal

    monkeypatch.setattr(Journal, "create", classmethod(slowly))

    async def interrupted():
        work = asyncio.ensure_future(plan.aio.apply())
        await asyncio.to_thread(begun.wait, 60)
        work.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work

    client.portal.run(interrupted())
    assert ended.wait(60)
    until(lambda: files() == [])
    assert files() == []
    assert plan.apply(progress=False).counts == {"done": 2}


def test_the_work_leaves_no_task_behind(client, service):
    async def work():
        before = asyncio.all_tasks()
        receipt = await (await client.aio.plan_cancel(waiting(service, 3))).apply()
        await asyncio.sleep(0.05)
        left = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}
        return receipt.counts, {name for name in left if "jobwidgets" in name or name.startswith("Operation")}

    assert client.portal.run(work()) == ({"done": 3}, set())
    assert _operation.LOOK_FOR_STOP > 0.1


# ------------------------------------------------------------------ the journal


@pytest.mark.parametrize("number", [1, 2, 3])
def test_damage_is_told_by_its_line(number):
    path = begun({"record": "a"}, {"record": "b"})
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace(b'"record"', b'"recorD"')
    path.write_bytes(b"".join(lines))
    with pytest.raises(jw.SettingsError, match=f"is damaged in line {number};"):
        _journal.read(OP)
    with pytest.raises(jw.SettingsError, match=f"is damaged in line {number};"):
        Journal.reopen(OP)
    assert files() == [path.name]  # no lease stays


def test_garbage_at_the_end_is_told_by_its_line():
    path = begun({"record": "a"})
    path.write_bytes(path.read_bytes() + b"garbage")
    with pytest.raises(jw.SettingsError, match="is damaged in line 3;"):
        _journal.read(OP)


def test_half_a_character_among_others_is_kept_as_far_as_it_can_be():
    begun({"record": "a", "why": "\ud800", "more": [1, 2]})
    assert _journal.read(OP)[1] == {"record": "a", "why": "?", "more": [1, 2]}


def test_a_file_called_like_an_operation_is_none():
    path = begun()
    (directory() / OP.replace("1a2b3c", "ffffff")).touch()
    assert _journal.operations() == [path.stem]


def test_an_operation_that_was_begun_already_leaves_no_lease():
    path = begun()
    with pytest.raises(jw.UsageError, match="was begun already"):
        Journal.create(OP)
    assert files() == [path.name]


def test_a_journal_that_somebody_removed_can_be_given_up():
    journal = Journal.create(OP)
    journal.path.unlink()
    journal.discard()
    journal.close()
    assert files() == []


def test_the_name_of_a_new_journal_is_on_disk_before_it_is_used(monkeypatch):
    synced, fsync = [], os.fsync

    def watched(descriptor):
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    begun()
    monkeypatch.setattr(os, "fsync", watched)
    Journal.reopen(OP).close()
    assert synced[:2] == [False, True]


@pytest.mark.parametrize(("number", "refused"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_directory_need_not_be_synced_where_none_can_but_its_errors_count(monkeypatch, number, refused):
    fsync = os.fsync

    def of_directories(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    begun()
    monkeypatch.setattr(os, "fsync", of_directories)
    if not refused:
        Journal.reopen(OP).close()
        return
    with pytest.raises(jw.SettingsError, match="the journal cannot be written"):
        Journal.reopen(OP)


# ------------------------------------------------------------------ leases


def test_a_process_number_means_nothing_after_the_machine_was_started_again():
    begun()
    parent = os.getppid()
    living = {"pid": parent, "started": process_identity.start_time(parent)}
    plant(**living)
    with pytest.raises(jw.UsageError, match="in another kernel"):
        Journal.reopen(OP)
    plant(**living, boot="")
    if process_identity.this_process("").boot:
        with pytest.raises(jw.UsageError, match="in another kernel"):
            Journal.reopen(OP)
        plant(**living, boot="another")
        assert _journal.at_work() == {}
        Journal.reopen(OP).close()


@pytest.mark.parametrize("error", [OSError, RuntimeError])
def test_a_start_that_the_system_does_not_tell_is_taken_for_any(monkeypatch, error):
    def untold():
        raise error

    begun()
    monkeypatch.setattr(psutil, "boot_time", untold)
    monkeypatch.setattr(psutil, "LINUX", True)
    assert process_identity.start_time(os.getpid()) == 0
    plant(pid=os.getppid(), started=5.0)
    with pytest.raises(jw.UsageError, match="in another kernel"):
        Journal.reopen(OP)


# ------------------------------------------------------------------ what a receipt shows


def test_a_receipt_says_what_it_is_and_nothing_that_was_not_said(client, service):
    service.clock.advance("1d")
    now = client.portal.run(client.aio.now())
    receipt = client.plan_retry(failed(service, 3), reason="again").apply(progress=False)
    frame = receipt.df
    assert frame.columns.tolist() == [
        "id", "name", "outcome", "reason", "message", "new_id", "status_before", "status", "verified", "at"
    ]  # fmt: skip
    assert frame.attrs["kind"] == "receipt"
    assert (frame.attrs["op"], frame.attrs["verb"]) == (receipt.op, "retry")
    assert frame.attrs["service"] == client.service_url
    for column in ("reason", "message", "verified"):
        assert frame[column].isna().all()
    assert receipt.aio.sent
    assert receipt.begun is not None
    assert abs((receipt.begun - now).total_seconds()) < 30
    assert client.portal.run(receipt.aio.resolve()) is receipt.aio
    first = receipt.begun
    service.clock.advance("1h")
    assert receipt.resume(progress=False).begun == first


def test_a_plan_of_this_process_was_made_by_nobody_else_and_knows_when_its_jobs_were_created(client, service):
    ids = failed(service, 3)
    plan = client.plan_retry(client.jobs(ids=ids))
    assert plan.made_by == ""
    assert not plan.aio.head.again
    assert set(plan.aio.created) == set(ids)
    receipt = plan.apply(progress=False)
    assert all(line.created == plan.aio.created[line.id] for line in receipt.aio.lines.values())


def test_what_was_never_tried_gives_no_reason(client, service):
    service.faults.expire_token(times=None, operation="retryJob")
    plan = client.plan_retry(failed(service, 300))
    receipt = plan.apply(progress=False)
    rest = receipt.df[receipt.df["at"].isna()]
    assert rest.reason.isna().sum() > 100
    assert "token" in receipt.halted


def test_a_lost_cancel_is_not_verified(client, service):
    service.faults.lose_answer(operation="cancelJob")
    receipt = client.plan_cancel(waiting(service, 1)).apply(progress=False)
    assert receipt.counts == {"unknown": 1}
    assert receipt.df.verified.isna().all()


def test_a_refused_cancel_of_a_cancelled_job_is_not_confirmed(client, service):
    ids = waiting(service, 2)
    plan = client.plan_cancel(client.jobs(ids=ids))
    client.cancel(ids[0])
    plan.aio._seen_at = float("inf")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 1, "refused": 1}
    frame = receipt.df.set_index("id")
    assert frame.verified.isna()[ids[0]]
    assert frame.reason[ids[0]] == "the job is cancelled already"
    assert frame.verified[ids[1]] == "confirmed"


def test_a_share_of_nothing_lets_nothing_move(client, service):
    ids = waiting(service, 3)
    plan = client.plan_cancel(client.jobs(ids=ids))
    other = client.plan_cancel(client.jobs(ids=ids[1:]))
    client.cancel(ids[0])
    with pytest.raises(jw.UsageError, match="1 of 3 moved"):
        plan.apply(max_drift=0, progress=False)
    assert other.apply(max_drift=0, progress=False).counts == {"done": 2}


def test_a_job_that_is_gone_is_not_called_complete(client, service):
    ids = failed(service, 2)
    plan = client.plan_retry(client.jobs(ids=ids))
    service.remove_job(ids[0])
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 1, "skipped": 1}
    assert "knows no such job" in receipt.df.set_index("id").reason[ids[0]]


def test_all_operations_are_listed_also_behind_those_held_here_and_behind_damage(client, service, served):
    ops = [client.plan_cancel(waiting(service, 1)).apply(progress=False).op for _ in range(3)]
    assert set(client.receipts().op) == set(ops)
    assert client.receipts().attrs["kind"] == "receipts"
    newest = client.receipts().op[0]
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as another:
        assert set(another.receipts().op) == set(ops)
        (directory() / f"{newest}.jsonl").write_bytes(b"nothing\n")
        assert another.receipts().set_index("op").state.to_dict() == {
            **dict.fromkeys(ops, "finished"), newest: "damaged"
        }  # fmt: skip


def test_what_moved_out_of_reach_is_left_out_by_the_look_at_the_drift_alone(client, service):
    ids = waiting(service, 4)
    plan = client.plan_cancel(client.jobs(ids=ids))
    client.cancel(ids[0])
    plan.aio._seen_at = float("inf")  # as if just seen: nothing else looks
    receipt = plan.apply(max_drift=0.5, progress=False)
    assert receipt.counts == {"done": 3, "skipped": 1}
    assert receipt.df.set_index("id").reason[ids[0]].startswith("moved since the plan was made: the job is cancelled")
    assert receipt.df.set_index("id").status[ids[0]] == "aborted"
    assert receipt.drifted == 1
    assert receipt.service_url == client.service_url
    assert fold_events(_journal.read(receipt.op)) == receipt.aio.account


def test_a_first_wave_of_which_nothing_was_retried_teaches_nothing(client, service):
    service.choices.retry_allowed = "failed_only"
    plan = client.plan_retry(waiting(service, 6))
    receipt = plan.apply(canary=2, progress=False)
    assert receipt.counts == {"refused": 2, "not_sent": 4}
    assert "none of a wave of 2 was retried for certain" in receipt.halted
    with pytest.raises(jw.UsageError, match="no number of jobs"):
        client.plan_retry(failed(service, 2)).apply(canary=True)


def test_an_operation_of_which_something_was_sent_is_not_forgotten(client, service):
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    with pytest.raises(jw.UsageError, match="has begun"):
        client.portal.run(receipt.aio.discard())
    assert client.receipts().op.tolist() == [receipt.op]


def test_verifying_ends_soon_after_the_last_has_ended(client, service):
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    new = receipt.df.new_id[0]

    def ends():
        with service.world.lock:
            service.world.place_job(service.world.store.rows[new], "complete", ["complete"], lives=False)

    timer = threading.Timer(0.3, ends)
    timer.start()
    began = time.monotonic()
    assert receipt.verify(timeout="1min").df.verified.tolist() == ["confirmed"]
    assert time.monotonic() - began < 5
    timer.join()


def test_a_service_that_cannot_be_reached_while_asking_is_asked_again_while_patience_lasts(
    client, service, monkeypatch
):
    monkeypatch.setattr(_doubt, "ASK_EVERY", 0.2)
    service.faults.fail_before(operation="retryJob")
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    service.clock.advance("5min")
    service.clock.speed = 10
    send, away = client.aio._connection.http.send, iter(range(8))  # two calls, each tried four times

    async def away_for_a_while(request, *options):
        if request.name.startswith("job") and next(away, None) is not None:
            return TransportFailure(sent=False, why="away")
        return await send(request, *options)

    client.aio._connection.http.send = away_for_a_while
    with pytest.raises((jw.NotSentError, jw.ServiceError)):
        receipt.resolve()
    assert receipt.resolve(patience="20s").counts == {"not_sent": 1}
    assert next(away, None) is None  # the first call of this one was in vain too
