"""Jobs that look alike: nothing is said of one that may be true of another."""

import time
from itertools import permutations

import hypothesis.strategies as st
import pytest
from hypothesis import given

import jobwidgets as jw
from jobwidgets.bulk.execution.matching import certain_matches
from tests.support import bulk_checks


def never(_line, _job):
    return False


def most(could, lines):
    """Count how many of these lines can have a job of their own, by trying everything."""
    jobs = sorted({job for line in lines for job in could[line]})
    padded = [*jobs, *[None] * len(lines)]
    return max(
        (sum(job in could[line] for line, job in zip(lines, given, strict=True))
         for given in set(permutations(padded, len(lines)))),
        default=0,
    )  # fmt: skip


@given(st.lists(st.sets(st.sampled_from("abcd")), max_size=4), st.booleans())
def test_what_is_sure_is_what_trying_everything_says(jobs, named):
    could = dict(enumerate(map(sorted, jobs)))
    sure = certain_matches(could, (lambda line, job: ord(job) % 4 == line) if named else never)
    lines = list(could)
    whole = most(could, lines)
    assert set(sure) == {line for line in lines if most(could, [other for other in lines if other != line]) < whole}
    assert len(set(sure.values())) == len(sure)
    assert all(job in could[line] for line, job in sure.items())


def test_many_twins_are_told_quickly():
    jobs = [f"job {number}" for number in range(2_000)]
    assert len(certain_matches(dict.fromkeys(range(2_000), jobs), never)) == 2_000
    assert certain_matches(dict.fromkeys(range(2_001), jobs), never) == {}


def test_a_job_of_its_own_name_is_preferred():
    could = {1: ["x", "y"], 2: ["x", "y"]}
    assert certain_matches(could, lambda line, job: (line, job) in {(1, "y"), (2, "x")}) == {1: "y", 2: "x"}


def twin(service):
    return service.add_job("failed", ["failed"], name="Twin", target="77", lives=False)


@pytest.fixture
def twins(service):
    """Add two jobs that look alike, long before anything is done."""
    pair = twin(service), twin(service)
    service.clock.advance("10min")
    return pair


@pytest.mark.parametrize("first", [0, 1])
def test_what_another_operation_may_have_made_is_not_taken_for_ones_own(client, service, twins, first):
    receipts = []
    for job, dial in zip(twins, ("fail_before", "lose_answer"), strict=True):
        getattr(service.faults, dial)(operation="retryJob")
        receipts.append(client.plan_retry([job]).apply(progress=False))
    service.clock.advance("5min")
    for receipt in (receipts[first], receipts[1 - first]) * 2:
        assert receipt.resume(progress=False).counts == {"unknown": 1}
        assert "cannot be told" in receipt.df.reason[0]
    assert len(service.ledger) == 1


def test_two_operations_that_both_were_done_are_both_known_to_be(client, service, twins):
    receipts = []
    for job in twins:
        service.faults.lose_answer(operation="retryJob")
        receipts.append(client.plan_retry([job]).apply(progress=False))
    for receipt in receipts:
        assert receipt.resolve().counts == {"done": 1}
    assert {receipt.df.new_id[0] for receipt in receipts} == {write.new_id for write in service.ledger}


def test_what_a_single_retry_may_have_made_is_not_taken_for_ones_own(client, service, twins):
    service.faults.lose_answer(operation="retryJob")
    with pytest.raises(jw.UnknownOutcomeError):
        client.retry(twins[0])
    service.faults.fail_before(operation="retryJob")
    receipt = client.plan_retry([twins[1]]).apply(progress=False)
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"unknown": 1}


def test_a_twin_that_came_later_is_told_from_those_that_cannot_be(client, service, twins):
    third = twin(service)
    service.clock.advance("10min")
    receipt = client.plan_retry([*twins, third])
    receipt.aio._seen_at = float("inf")
    from jobwidgets.bulk.execution import executor as _apply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_apply, "INITIAL_BATCH_SIZE", 1)
        patch.setattr(_apply, "MAX_BATCH_SIZE", 1)
        client.aio._connection.throttle.places = 1.0
        client.aio._connection.throttle.went_well = lambda: None
        send, dials = client.aio._connection.http.send, iter(["fail_before", "lose_answer", "lose_answer"])

        async def later(request, *options):
            if request.write:
                service.clock.advance("10min")
                await client.aio.now()
                getattr(service.faults, next(dials))(operation="retryJob")
            return await send(request, *options)

        client.aio._connection.http.send = later
        receipt = receipt.apply(progress=False)
    assert receipt.counts == {"unknown": 3}
    service.clock.advance("5min")
    receipt.resolve()
    bulk_checks.never_says_too_much(receipt, service)
    assert bulk_checks.outcomes(receipt) == {twins[0]: "not_sent", twins[1]: "done", third: "done"}


def test_a_machine_that_slept_does_not_take_the_service_for_earlier_than_it_is(client, service, twins, monkeypatch):
    plan = client.plan_retry([twins[0]])
    plan.aio._seen_at = float("inf")
    now, send = time.time, client.aio._connection.http.send

    async def asleep_before_the_bytes_leave(request, *options):
        if request.write:
            service.clock.advance("10min")
            monkeypatch.setattr(time, "time", lambda: now() + 600)  # the monotonic clock does not know of it
            service.faults.lose_answer(operation="retryJob")
        return await send(request, *options)

    client.aio._connection.http.send = asleep_before_the_bytes_leave
    receipt = plan.apply(progress=False)
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"done": 1}
