"""Lists of services that answer strangely but legally: nothing is lost in silence, and nothing shrinks for good."""

import pandas as pd
import pytest

import jobwidgets as jw


@pytest.mark.parametrize(
    ("operation", "body", "call"),
    [
        ("jobs", b'{"data":{"jobs":{"records":null}},"errors":[{"name":"x","path":["jobs","records"]}]}', "graphql"),
        ("GET /proc/jobs", b'{"result":null,"count":0}', "rest"),
    ],
)
def test_a_list_that_is_null_is_not_taken_for_an_empty_one(client, operation, body, call, edited):
    edited(operation, lambda _: body)
    with pytest.raises(jw.ServiceError, match="without a list"):
        client.jobs(api=call)


def test_a_page_of_tasks_that_is_null_leaves_the_job_unjudged(client, service, edited):
    job = service.add_job("queued", ["queued"] * 120 + ["running"], lives=False)
    pages = []

    def second_is_null(body):
        pages.append(body)
        return b'{"data":{"job":{"id":"x","status":"queued","tasks":null}}}' if len(pages) == 2 else body

    edited("job", second_is_null)
    assert client.job(job).can_cancel.ok is None


def test_an_engine_is_found_beyond_the_first_page_of_tasks(client, service):
    known = client.tasks(client.jobs())
    names = known.engine.dropna().unique()[:2]
    job = service.add_job("complete", ["complete"] * 111, engines=[names[0]] * 110 + [names[1]], lives=False)
    assert job in set(client.jobs(engine=names[1]).id)


@pytest.mark.parametrize("call", ["jobs", "range"])
def test_the_rest_list_finds_the_page_size_by_itself(client, service, call):
    service.choices.max_page_size = 11
    if call == "jobs":
        assert len(client.jobs(api="rest")) >= 60
    else:
        frame = client.cancel_range(client.me().organization_id, after="30d", before="29d")
        assert set(frame.outcome) <= {"done", "unchanged", "changed"}


def test_a_service_that_was_busy_for_a_while_is_asked_for_large_pages_again(client, service):
    service.faults.capacity_exceeded(operation="jobs", times=8)
    assert len(client.jobs()) == 60
    for _ in range(8):
        client.jobs()
    before = service.requests["jobs"]
    client.jobs()
    assert service.requests["jobs"] - before == 1


def test_a_page_that_takes_long_is_followed_by_smaller_ones_which_grow_again(client, service):
    connection = client.aio._connection
    connection.timeout = 12.0
    service.faults.delay(3.2, times=1, operation="jobs")
    client.jobs()
    assert (connection.limits.page, connection.limits.soft) == (1000, 500)
    client.jobs()
    assert connection.limits.soft == 1000


def test_a_wrong_id_does_not_shrink_the_pages(client, service, edited):
    service.faults.server_error(times=1)
    answer = b'{"data":{"job":null},"errors":[{"name":"invalid_input","message":"m","path":["job"]}]}'
    send = client.aio._connection.http.send
    edited("job", lambda body: answer if b"jobs" not in body[:20] else body)
    with pytest.raises(jw.RefusedError):
        client.job("weird!")
    client.aio._connection.http.send = send
    assert client.aio._connection.limits.tasks == 100


def test_one_job_is_read_in_smaller_pages_when_it_is_too_dear(client, service):
    service.choices.max_cost = 50
    job = service.add_job("queued", ["queued"] * 75, lives=False)
    assert len(client.job(job).tasks) == 75
    assert client.cancel(job) == "Job cancelled"


def test_a_limit_with_a_filter_that_the_service_does_not_know_costs_no_more_than_the_list(client, service):
    service.add_job("paused", ["paused"], lives=False)
    before = service.requests["jobs"]
    assert len(client.jobs(status="paused", limit=1)) == 1
    assert service.requests["jobs"] - before <= 2


def test_jobs_of_which_nothing_was_said_are_read_again(client, service, edited):
    ids = [service.a_failed_job(), service.a_complete_job()]
    calls = []

    def first_is_empty(body):
        calls.append(body)
        return b'{"data":{"a0":null,"a1":null}}' if len(calls) == 1 else body

    edited("job", first_is_empty)
    assert client.jobs(ids=ids).id.tolist() == ids


@pytest.mark.parametrize(
    "empty", [{"status": []}, {"engine": ""}, {"scheduled_job": ""}, {"target": " "}, {"status": 5}, {"engine": 5}]
)
def test_an_empty_filter_is_refused_and_never_means_everything(client, empty):
    for call in (client.jobs, client.plan_cancel, client.plan_retry):
        with pytest.raises(jw.UsageError):
            call(**empty)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.wait(["a"], timeout=10),
        lambda c: c.jobs(since=pd.NaT),
        lambda c: c.cancel_range("1", after=pd.NaT, before="1d"),
        lambda c: c.cancel("\ud800"),
        lambda c: c.plan_cancel(["\ud800"]),
        lambda c: c.create_job(tasks=[{"engineId": "x", "payload": object()}]),
    ],
)
def test_bad_input_is_our_error_and_nothing_raw(client, call):
    with pytest.raises(jw.UsageError):
        call(client)


def test_ages_of_many_digits_are_ages(client):
    assert len(client.jobs(since="604800000s")) == 60


def test_waiting_ends_in_time_and_outlives_a_short_outage(client, service):
    job = service.add_job("queued", 1, lives=False)
    frame = client.wait([job, "0012"], timeout="1s", progress=False)
    assert frame.attrs["waited_out"] is True
    assert frame.attrs["missing"] == ["0012"]
    told = []
    client.cancel(job)
    client.wait([job], progress=lambda *now: told.append(now))
    assert told[-1] == (1, 1, {"aborted": 1})
