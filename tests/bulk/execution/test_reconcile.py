"""Doubt in its harder forms: nothing is done twice, and nothing is called done that was not."""

import asyncio
import threading

import msgspec
import pytest

import jobwidgets as jw
from tests.support.waiting import until


def failed(service, count, **options):
    return [service.add_job("failed", ["failed"], lives=False, **options) for _ in range(count)]


def waiting(service, count):
    return [service.add_job("pending", 2, lives=False) for _ in range(count)]


def test_one_at_a_time_works_on_a_receipt(client, service):
    plan = client.plan_retry(failed(service, 30))
    service.faults.delay(0.5, operation="retryJob", times=None)
    thread = threading.Thread(target=lambda: plan.apply(progress=False))
    thread.start()
    until(lambda: service.requests["retryJob"])
    receipt = client.receipt(plan.op)
    for call in (receipt.resume, receipt.resolve):
        with pytest.raises(jw.UsageError, match="is at work"):
            call()
    thread.join()
    assert receipt.counts == {"done": 30}
    assert len(service.ledger) == 30


def test_two_resumes_at_once_send_nothing_twice(client, service):
    plan = client.plan_retry(failed(service, 12))
    service.faults.expire_token(times=None, operation="retryJob")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 12}
    service.faults.clear()
    service.faults.delay(0.2, operation="retryJob", times=None)

    async def both():
        return await asyncio.gather(receipt.aio.resume(), receipt.aio.resume(), return_exceptions=True)

    answers = client.portal.run(both())
    assert sum(isinstance(answer, jw.UsageError) for answer in answers) == 1
    assert len(service.ledger) == 12


def test_a_lost_retry_is_found_under_another_name(client, service):
    job = failed(service, 1)
    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry(job).apply(progress=False)
    new = service.ledger[0].new_id
    store = service.world.store
    store.names[store.rows[new]] = "Another name"
    service.clock.advance("5min")
    assert receipt.resolve().df.new_id.tolist() == [new]
    receipt.resume(progress=False)
    assert len(service.ledger) == 1


def test_a_lost_retry_is_found_in_the_application_of_its_job(client, service):
    job = failed(service, 1)
    store = service.world.store
    store.app[store.rows[job[0]]] = 1
    assert job[0] not in set(client.jobs().id)
    service.faults.lose_answer(operation="retryJob")
    receipt = client.plan_retry(job).apply(progress=False)
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"done": 1}
    receipt.resume(progress=False)
    assert len(service.ledger) == 1


def test_the_window_of_doubt_begins_when_the_answer_was_missed(client, service):
    plan = client.plan_retry(failed(service, 1))
    send = client.aio._connection.http.send

    async def busy_then_lost(request, *options):
        if request.name == "retryJob":
            service.clock.advance("10min")  # a long wait for a busy service before the answer is lost
            service.faults.fail_before(operation="retryJob")
        return await send(request, *options)

    client.aio._connection.http.send = busy_then_lost
    receipt = plan.apply(progress=False)
    assert receipt.resolve().counts == {"unknown": 1}


def test_a_single_retry_is_not_taken_for_a_lost_one(client, service):
    job = failed(service, 1)
    client.retry(job[0])
    service.faults.fail_before(operation="retryJob")
    receipt = client.plan_retry(job).apply(progress=False)
    assert receipt.resolve().counts == {"unknown": 1}
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"not_sent": 1}


def test_an_emptied_answer_with_paths_was_executed_and_is_not_sent_again(client, service, edited):
    ids = failed(service, 9)
    frame = client.jobs(ids=ids)
    frame.loc[0, "id"] = "no-such-job"
    plan = client.plan_retry(frame)
    plan.aio._seen_at = float("inf")

    def emptied(body):
        answer = msgspec.json.decode(body)
        return msgspec.json.encode({**answer, "data": None}) if answer.get("errors") else body

    edited("retryJob", emptied)
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"unknown": 9}
    assert len(service.ledger) == 8
    service.clock.advance("5min")
    receipt.resume(progress=False)
    assert len(service.ledger) == 8


@pytest.mark.parametrize("how", ["interrupted", "unreadable"])
def test_a_yes_that_could_not_be_looked_at_is_unknown_and_not_done(client, service, how, edited):
    client.aio._connection.timeout = 4.0
    service.choices.cancel_race = 1.0
    plan = client.plan_cancel(waiting(service, 5))
    plan.aio._seen_at = float("inf")
    if how == "unreadable":
        service.faults.fail_before(operation="job", times=None)
    else:
        edited("job", lambda _: b'{"data":{}}')
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"unknown": 5}
    assert service.ledger == []
    service.faults.clear()
    if how == "unreadable":
        assert receipt.resolve().counts == {"refused": 5}


def test_a_cancel_that_takes_effect_later_is_waited_for_and_never_called_refused(client, service):
    service.choices.cancel_delay = 60
    job, *ids = waiting(service, 4)
    with pytest.raises(jw.UnknownOutcomeError, match="still reads"):
        client.cancel(job)
    receipt = client.plan_cancel(ids).apply(progress=False)
    assert receipt.counts == {"unknown": 3}
    assert receipt.resolve().counts == {"unknown": 3}
    service.clock.advance("2min")
    assert receipt.resolve().counts == {"done": 3}
    assert len(service.ledger) == 4


def test_a_lost_cancel_that_still_reads_pending_stays_unknown_for_a_while(client, service):
    service.choices.cancel_delay = 20
    service.faults.lose_answer(operation="cancelJob")
    receipt = client.plan_cancel(waiting(service, 1)).apply(progress=False)
    assert receipt.resolve().counts == {"unknown": 1}
    service.clock.advance("1min")
    assert receipt.resolve().counts == {"done": 1}


def test_a_job_whose_tasks_are_cancelled_one_by_one_is_not_refused(client, service):
    job = service.add_job("pending", ["aborted", "pending"], lives=False)
    verdict = client.job(job).can_cancel
    assert verdict.ok is False
    from jobwidgets.eligibility import after_cancel

    assert after_cancel("pending", verdict) == "wait"
    assert after_cancel("aborted", verdict) == "done"


def test_a_deeply_nested_answer_is_doubt_and_nothing_raw(client, service, edited):
    edited("retryJob", lambda _: b'{"data":{"a0":' + b"[" * 100_000 + b"]" * 100_000 + b"}}")
    receipt = client.plan_retry(failed(service, 1)).apply(progress=False)
    assert receipt.counts == {"unknown": 1}


def test_a_wrong_address_stops_the_rest(client, service):
    plan = client.plan_retry(failed(service, 100))
    plan.aio._seen_at = float("inf")
    client.aio._connection.url = client.aio._connection.url.replace("graphql", "elsewhere")
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 100}
    assert service.requests.total() < 20
    assert receipt.halted
