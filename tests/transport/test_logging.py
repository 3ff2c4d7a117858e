"""What is logged of the exchanges and batches, and what an error tells of its request."""

import logging

import pytest

import jobwidgets as jw


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "jobwidgets")
    return lambda name: [(each.levelname, each.getMessage()) for each in caplog.records if each.name == name]


def test_each_exchange_is_one_line_with_its_tries_status_time_and_size(client, service, lines):
    service.faults.server_error(times=1, operation="jobs")
    client.jobs()
    (level, line), *_ = [each for each in lines("jobwidgets.transport") if each[1].startswith("jobs:")]
    assert level == "DEBUG"
    assert line.startswith("jobs: 200 after 2 tries in 0.")
    assert int(line.split()[-2]) > 1_000
    assert line.endswith(" bytes")


def test_what_is_unusual_is_a_warning_and_nothing_holds_the_token(client, service, lines):
    job = service.a_cancellable_job()
    service.faults.lose_answer(times=1, operation="cancelJob")
    with pytest.raises(jw.UnknownOutcomeError) as lost:
        client.cancel(job)
    assert lost.value.operation == "cancelJob"
    assert lost.value.status_code is None
    warnings = [line for level, line in lines("jobwidgets.transport") if level == "WARNING"]
    assert [line.startswith("cancelJob: no answer after 1 try in 0.") for line in warnings] == [True]
    assert service.token not in str(lines("jobwidgets.transport"))


def test_each_batch_is_one_line_with_its_outcomes(client, service, lines):
    jobs = [service.add_job("pending", 1) for _ in range(3)]
    service.faults.lose_answer(times=1, operation="cancelJob")
    receipt = client.plan_cancel(jobs[:2]).apply(progress=False)
    again = client.plan_cancel(jobs[2:]).apply(progress=False)
    (lost, unknown), (sent, done) = lines("jobwidgets.bulk")
    assert (lost, sent) == ("WARNING", "DEBUG")
    assert unknown.startswith(f"cancelJob of {receipt.op}: 2 jobs in 0.")
    assert unknown.endswith(": 2 unknown")
    assert done.startswith(f"cancelJob of {again.op}: 1 jobs in 0.")
    assert done.endswith(": 1 done")


@pytest.mark.parametrize("api", ["graphql", "rest"])
def test_an_error_tells_the_operation_the_status_and_the_id_of_the_request(client, api):
    with pytest.raises(jw.NotFoundError) as refused:
        client.status("0012", api=api)
    error = refused.value
    assert error.operation == ("job" if api == "graphql" else "GET /proc/job/0012/status")
    assert error.status_code == (None if api == "graphql" else 404)
    assert error.request_id
