"""What is read beside the sending: targets just before they leave, cancels just after; and what it costs."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

import jobwidgets as jw

MANY = 2_500  # three pages of the list: two are read, then the third while the first are sent


@pytest.fixture
def frame(client, service):
    """Give the frame of many jobs that wait, the newest first."""
    begin = service.clock.now() - timedelta(days=40)
    for number in range(MANY):
        service.add_job("pending", 1, created=begin + number * timedelta(seconds=0.1), lives=False)
    return client.jobs(until=begin + timedelta(days=1))


@pytest.fixture
def sent(client):
    """Record what leaves, in order; whoever is in `before` is waited for first."""
    send, names = client.aio._connection.http.send, Record()

    async def recorded(request, *options):
        await names.before(request.name)
        names.append(request.name)
        answer = await send(request, *options)
        if request.name == "cancelJob":
            names.cancelled.set()
        return answer

    client.aio._connection.http.send = recorded
    return names


class Record(list):
    def __init__(self):
        super().__init__()
        self.cancelled = asyncio.Event()
        self.hold = None

    async def before(self, name):
        if self.hold is not None:
            await self.hold(name)


def third_page_after_the_first_cancel(sent, then):
    """Hold the third page back until a cancel was answered, and do something in between."""
    pages = []

    async def hold(name):
        if name != "jobs":
            return
        pages.append(name)
        if len(pages) == 3:
            await sent.cancelled.wait()
            then()

    sent.hold = hold


def last_but_not_least(receipt, frame):
    return receipt.df.set_index("id").loc[frame.id.iloc[-1]]


def test_what_is_sent_first_is_looked_at_while_the_rest_is_being_sent(client, service, frame, sent):
    plan = client.plan_cancel(frame)
    receipt = plan.apply(limit=MANY, progress=False)
    assert receipt.counts == {"done": MANY}
    assert receipt.df.verified.eq("confirmed").all()
    assert sent[:2] == ["jobs", "jobs"]
    first, last = sent.index("cancelJob"), len(sent) - 1 - sent[::-1].index("cancelJob")
    assert "jobs" in sent[first:last]
    assert sent.count("jobs") <= 8  # three pages before and after, and two that the end may cut off
    assert sent.count("cancelJob") <= MANY / 100 + 14
    assert len(service.ledger) == MANY


def test_each_job_is_read_again_before_it_is_sent_also_while_others_are_sent(client, service, frame, sent):
    plan = client.plan_cancel(frame)
    job_id = frame.id.iloc[-1]

    def ends():
        with service.world.lock:
            service.world.set_tasks(service.world.store.rows[job_id], "complete")

    third_page_after_the_first_cancel(sent, ends)
    receipt = plan.apply(limit=MANY, progress=False)
    assert receipt.counts == {"done": MANY - 1, "skipped": 1}
    assert receipt.drifted == 1
    assert "moved since the plan was made" in last_but_not_least(receipt, frame).reason
    assert job_id not in {write.target_id for write in service.ledger}


def test_what_cannot_be_read_again_while_others_are_sent_stays_unsent_and_can_be_resumed(client, service, frame, sent):
    plan = client.plan_cancel(frame)

    def breaks():
        service.faults.expire_token(times=None, operation="jobs")
        service.faults.expire_token(times=None, operation="job")

    third_page_after_the_first_cancel(sent, breaks)
    receipt = plan.apply(limit=MANY, progress=False)
    assert len(service.ledger) == MANY - receipt.counts["not_sent"] > 0
    assert receipt.counts["unknown"] > 0  # nor could it be read back what had become of those
    assert receipt.halted != ""
    service.faults.clear()
    sent.hold = None
    assert receipt.resume(progress=False).counts == {"done": MANY}
    assert len(service.ledger) == MANY
    assert receipt.df.verified.eq("confirmed").all()


def test_what_cannot_be_read_again_at_the_beginning_leaves_the_plan_to_be_used_again(client, service, frame):
    plan = client.plan_cancel(frame)
    service.faults.expire_token(times=None, operation="jobs")
    with pytest.raises(jw.AuthError):
        plan.apply(limit=MANY, progress=False)
    assert service.ledger == []
    assert not plan.applied
    service.faults.clear()
    assert plan.apply(limit=MANY, progress=False).counts == {"done": MANY}


def test_a_stop_while_they_are_read_again_sends_nothing_more(client, service, frame, sent):
    plan = client.plan_cancel(frame)

    def stops():
        client.aio.operations._held[plan.op].stop()

    third_page_after_the_first_cancel(sent, stops)
    receipt = plan.apply(limit=MANY, progress=False)
    assert receipt.halted == "stopped"
    assert set(receipt.counts) == {"done", "not_sent"}
    assert len(service.ledger) == receipt.counts["done"]


def test_jobs_in_no_order_are_all_read_before_the_first_is_sent(client, service, frame, sent):
    plan = client.plan_cancel(frame.sample(frac=1, random_state=1))
    assert plan.apply(limit=MANY, progress=False).counts == {"done": MANY}
    first = sent.index("cancelJob")
    last = len(sent) - 1 - sent[::-1].index("cancelJob")
    assert sent[:first] == ["jobs"] * 3
    assert "jobs" not in sent[first:last]
    assert sent[last + 1 :] == ["jobs"] * 3
    assert len(service.ledger) == MANY


def test_a_retry_reads_again_before_it_sends_and_nothing_afterwards(client, service, sent):
    begin = service.clock.now() - timedelta(days=40)
    for number in range(1_100):
        service.add_job("failed", ["failed"], created=begin + number * timedelta(seconds=0.1), lives=False)
    frame = client.jobs(until=begin + timedelta(days=1))
    sent.clear()
    receipt = client.plan_retry(frame).apply(limit=1_100, progress=False)
    assert receipt.counts == {"done": 1_100}
    assert Counter(sent)["jobs"] == 2
    assert sent[-1] == "retryJob"
