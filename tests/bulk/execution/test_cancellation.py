"""Stopping: by another thread, by the interrupt key, by another kernel; and two kernels at once on one operation."""

import signal
import sys
import threading
import time
from collections import Counter

import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from tests.support import bulk_checks
from tests.support.campaigns import figures
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")

AT_ONCE = 0.5
NOISE = 1.5  # seconds that a busy machine may add
LAST_CHANCE = 2.0


@pytest.fixture
def where(served, service):
    """Say to a child where the service is."""
    return {"url": served.graphql_url, "rest": served.rest_url, "token": service.token}


@pytest.fixture(autouse=True)
def small_documents(monkeypatch):
    """Let an operation take many requests."""
    monkeypatch.setattr(_apply, "INITIAL_BATCH_SIZE", 5)
    monkeypatch.setattr(_apply, "MAX_BATCH_SIZE", 5)


def under_way(service, operation="retryJob", count=2):
    """Wait until some writes have arrived."""
    until(lambda: service.requests[operation] >= count)


def goes_on(client, service, op, ids):
    """Resume what was stopped: everything is done, once."""
    service.faults.clear()
    service.clock.advance("5min")
    receipt = client.receipt(op).resume(progress=False)
    assert bulk_checks.outcomes(receipt) == dict.fromkeys(ids, "done")
    assert {job: count for job, count in bulk_checks.effects(service).items() if job in ids} == Counter(ids)


# ------------------------------------------------------------------------------------------- stopping


@pytest.mark.parametrize(("slow", "wait"), [(0.1, AT_ONCE), (10.0, LAST_CHANCE)])
def test_a_stop_from_another_thread_ends_the_work_at_the_next_boundary(client, service, slow, wait):
    ids = bulk_checks.failed(service, 400)
    service.faults.delay(slow, times=None, operation="retryJob")
    plan, told = client.plan_retry(ids), []

    def stop():
        under_way(service)
        told.append((time.monotonic(), service.requests["retryJob"]))
        client.receipt(plan.op).stop()

    thread = threading.Thread(target=stop)
    thread.start()
    receipt = plan.apply(limit=400, progress=False)
    ended = time.monotonic() - told[0][0]
    thread.join()
    figures(answers_take=slow, ended_after=round(ended, 2), sent_after=service.requests["retryJob"] - told[0][1])
    assert ended < wait + NOISE
    assert service.requests["retryJob"] <= told[0][1] + 8  # those that had their places
    assert receipt.counts["not_sent"] > 300
    assert receipt.halted == "stopped"
    assert plan.op in repr(receipt)
    assert "resume" in repr(receipt)
    before = service.requests["retryJob"]
    time.sleep(1)
    assert service.requests["retryJob"] == before
    bulk_checks.never_says_too_much(receipt, service)
    goes_on(client, service, plan.op, ids)


def test_a_stop_from_another_kernel_ends_the_work_at_the_next_boundary(client, service, nursery, where):
    ids = bulk_checks.failed(service, 400)
    service.faults.delay(0.1, times=None, operation="retryJob")
    child = nursery.start("work", kind="retry", ids=ids, **where)
    op = child.wait_for("planned")["op"]
    under_way(service)
    began = time.monotonic()
    assert client.stop(op) == [op]
    asked = time.monotonic() - began
    worked = child.wait_for("worked")
    figures(asked_in=round(asked, 2), ended_after=round(worked["at"] - began, 2), counts=worked["counts"])
    assert worked["at"] - began < AT_ONCE + NOISE
    assert worked["counts"]["not_sent"] > 100
    assert worked["halted"] == "stopped"
    assert child.over() == 0
    assert client.stop(op) == []  # nobody is at work any more
    assert client.receipts().state.tolist() == ["open"]
    goes_on(client, service, op, ids)


# ---------------------------------------------------------------------------------------- interrupting

WAITS = {
    "a list": lambda faults: faults.delay(30.0, operation="jobs"),
    "the sending": lambda faults: faults.delay(30.0, times=None, operation="retryJob"),
    "a look at the jobs": lambda faults: [faults.delay(30.0, times=None, operation=name) for name in ("job", "jobs")],
    "a Retry-After": lambda faults: faults.rate_limit(window=20, operation="retryJob"),
    "a slow disk": lambda _: None,
    "a disk slow from the start": lambda _: None,
}


@pytest.mark.parametrize("during", WAITS)
def test_an_interrupt_returns_at_once_and_leaves_nothing_running(client, service, nursery, where, during):
    first, ids = bulk_checks.waiting(service, 1), bulk_checks.failed(service, 100)
    child = nursery.start("interrupted", kind="retry", during=during, first=first, ids=ids, **where)
    op = child.wait_for("planned")["op"] if during != "a list" else None
    child.wait_for("ready")
    WAITS[during](service.faults)
    before = service.requests.total()
    child.go()
    if "disk" in during:
        child.wait_for("at the disk")
    else:
        child.wait_for("begins")
        until(lambda: service.requests.total() > before)
    began = time.monotonic()
    child.kill(signal.SIGINT)
    back = child.wait_for("back")["at"] - began
    writes = service.requests["retryJob"]
    left = child.wait_for("left")
    figures(during=during.replace(" ", "_"), back_after=round(back, 2), threads=left["threads"], tasks=left["tasks"])
    assert back < AT_ONCE + NOISE
    assert (left["threads"], left["tasks"]) == ([], [])
    assert left["name"]  # the client still works
    assert service.requests["retryJob"] == writes
    service.faults.clear()
    if op and (receipt := child.wait_for("receipt"))["counts"] is not None:
        assert sum(receipt["counts"].values()) == 100
        assert op in receipt["text"]
        assert "resume" in receipt["text"]
        assert receipt["state"] == "open"
        assert child.over() == 0
        bulk_checks.never_says_too_much(client.receipt(op), service)
        goes_on(client, service, op, ids)
    else:  # it was interrupted before anything was sent: the plan is as good as before
        assert child.over() == 0
        assert service.ledger == [write for write in service.ledger if write.target_id in first]


# -------------------------------------------------------------------------------------------- two at once


def test_one_kernel_works_and_the_other_is_told_which(client, service, nursery, where):
    ids = bulk_checks.failed(service, 60)
    service.faults.delay(0.3, times=None, operation="retryJob")
    child = nursery.start("work", kind="retry", ids=ids, **where)
    op = child.wait_for("planned")["op"]
    under_way(service)
    receipt = client.receipt(op)
    for call in (lambda: receipt.resume(progress=False), receipt.resolve, receipt.verify):
        with pytest.raises(jw.UsageError, match=rf"{op} is at work in another kernel: host \S+, process {child.pid}, "):
            call()
    assert client.receipts().state.tolist() == ["at work"]
    bulk_checks.never_says_too_much(client.receipt(op), service)  # it can be read meanwhile
    assert child.wait_for("worked")["counts"] == {"done": 60}
    assert child.over() == 0
    assert bulk_checks.outcomes(client.receipt(op)) == dict.fromkeys(ids, "done")
    assert client.receipts().state.tolist() == ["finished"]
    assert bulk_checks.effects(service) == Counter(ids)


@pytest.mark.parametrize("turn", range(5))
def test_of_two_kernels_that_go_on_at_the_same_moment_one_does(client, service, nursery, where, turn):
    ids = bulk_checks.failed(service, 60)
    service.faults.expire_token(times=None, operation="retryJob")
    op = client.plan_retry(ids).apply(progress=False).op
    service.faults.clear()
    service.faults.delay(0.05, times=None, operation="retryJob")
    children = [nursery.start("work", kind="retry", ids=ids, op=op, meet=True, **where) for _ in range(3)]
    for child in children:
        child.wait_for("ready")
    for child in children[turn % 3 :] + children[: turn % 3]:
        child.go()
    ends = sorted(child.over() for child in children)
    assert ends == [0, 3, 3]
    for child in children:
        if child.status == 3:
            assert child.last["error"] == "UsageError"
            assert "is at work" in child.last["text"] or "wanted by many" in child.last["text"]
    assert bulk_checks.outcomes(client.receipt(op)) == dict.fromkeys(ids, "done")
    assert bulk_checks.effects(service) == Counter(ids)


@pytest.mark.parametrize("turn", range(5))
def test_kernels_that_retry_the_same_jobs_at_the_same_moment_retry_none_twice(client, service, nursery, where, turn):
    ids = bulk_checks.failed(service, 40)
    service.faults.delay(0.05, times=None, operation="retryJob")
    children = [nursery.start("work", kind="retry", ids=ids, meet=True, **where) for _ in range(3)]
    for child in children:
        child.wait_for("ready")
    for child in children[turn % 3 :] + children[: turn % 3]:
        child.go()
    told = [child.wait_for("worked")["counts"] for child in children]
    figures(told=told, retried=len(bulk_checks.effects(service)), doubled=bulk_checks.doubled(service))
    assert bulk_checks.doubled(service) == 0
    assert sum(counts.get("done", 0) for counts in told) == len(service.ledger)
    ops = client.receipts().op.tolist()
    assert len(ops) == 3
    for op in ops:  # those that gave way to each other can go on, one after the other
        receipt = client.receipt(op).resume(progress=False)
        assert set(bulk_checks.outcomes(receipt).values()) <= {"done", "skipped"}
    assert bulk_checks.effects(service) == Counter(ids)
