"""The statuses of many jobs: few requests where they stand close together, and the right word in any case."""

import random
from datetime import timedelta

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.listing.statuses import read_statuses


@pytest.fixture
def service():
    return Service(jobs=3_000, seed=3, speed=0)


def asked(service, call):
    """Count the requests that a call costs."""
    before = service.requests.copy()
    answer = call()
    return answer, dict(service.requests - before)


def told(service, statuses):
    """Say whether each word is the service's own."""
    return all(service.job_status(job_id) == word for job_id, word in statuses.items())


def test_a_frame_costs_a_request_for_each_thousand_jobs(client, service):
    frame = client.jobs()
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert sum(requests.values()) <= 4
    assert statuses.index.tolist() == frame.id.tolist()
    assert statuses.tolist() == frame.status.tolist()
    assert statuses.dtype == frame.status.dtype
    assert (statuses.name, statuses.index.name, statuses.attrs["missing"]) == ("status", "id", [])


def test_ids_alone_cost_a_request_for_each_hundred(client, service):
    ids = client.jobs().id.tolist()[:1_000]
    statuses, requests = asked(service, lambda: client.statuses(ids))
    assert requests == {"job": 10}
    assert told(service, statuses.to_dict())


def test_jobs_that_lie_far_apart_cost_hardly_more_than_aliases(client, service):
    frame = client.jobs().iloc[::20]
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert sum(requests.values()) <= len(frame) / 100 + 3
    assert told(service, statuses.to_dict())


def test_a_job_that_is_not_there_reads_missing(client, service):
    frame = client.jobs()
    gone = frame.id[7]
    service.remove_job(gone)
    statuses = client.statuses([*frame.id[:9], "0012"])
    assert statuses[statuses.isna()].index.tolist() == [gone, "0012"] == statuses.attrs["missing"]
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert statuses.attrs["missing"] == [gone]
    assert sum(requests.values()) <= 5
    assert len(client.statuses([])) == 0


def test_a_column_of_a_frame_is_filled_by_id(client, service):
    frame = client.jobs()[["id"]].sample(50, random_state=1)
    now = frame["id"].map(client.statuses(frame))
    assert told(service, dict(zip(frame.id, now, strict=True)))


def test_the_statuses_of_other_applications_are_listed_when_they_are_named_and_asked_for_when_not(client, service):
    store = service.world.store
    other = [store.ids[row] for row in store.timeline[0] if store.app[row]]
    frame = client.jobs(ids=other)
    assert len(set(frame.application_id)) == 1
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert requests == {"jobs": 1}
    assert told(service, statuses.to_dict())
    statuses, requests = asked(service, lambda: client.statuses(frame.drop(columns="application_id")))
    assert sum(requests.values()) <= 3
    assert told(service, statuses.to_dict())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    share=st.sampled_from([0.05, 0.3, 0.8, 1.0]),
    page=st.sampled_from([7, 60, 1000]),
    aliases=st.sampled_from([3, 100]),
    bounds=st.sampled_from(["inclusive", "exclusive", "half_open"]),
    ties=st.sampled_from(["shuffled", "stable"]),
    expected=st.sampled_from([(), ("cancelled",), ("pending", "running")]),
    sure=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_every_word_is_right_however_the_list_shifts(*, share, page, aliases, bounds, ties, expected, sure, seed):
    chance = random.Random(seed)
    service = Service(jobs=300, seed=seed, speed=0)
    for _ in range(60):  # one instant
        service.add_job(chance.choice(["pending", "complete"]), lives=False)
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token) as client,
    ):
        frame = client.jobs()
        service.choices.max_page_size, service.choices.max_aliases = page, aliases
        service.choices.bounds, service.choices.ties = bounds, ties
        chosen = frame.sample(frac=share, random_state=seed)
        gone = set(chosen.id.sample(frac=0.1, random_state=seed))
        send = client.aio._connection.http.send

        async def send_and_shift(*options):
            answer = await send(*options)
            if gone - removed:
                removed.add(job := min(gone - removed))
                service.remove_job(job)
            service.add_job("pending", lives=False)
            return answer

        removed = set()
        client.aio._connection.http.send = send_and_shift
        created = dict(zip(chosen.id, chosen.created, strict=True))
        words = client.run(read_statuses(client.aio._connection, list(created), created, expected=expected, sure=sure))
    staying = [job_id for job_id in created if job_id not in removed]
    known = dict(zip(frame.id, frame.status, strict=True))
    assert [job_id for job_id in words if job_id not in removed] == staying
    assert all(known[job_id] == word for job_id, word in words.items())


@pytest.mark.parametrize("others", [1, 3, 9])
def test_thousands_among_many_others_cost_as_few_requests_as_if_they_stood_alone(client, service, others):
    begin = service.clock.now() - timedelta(days=40)
    for number in range(3_000 * (1 + others)):
        status = "complete" if number % (1 + others) else "queued"
        service.add_job(status, 1, created=begin + number * timedelta(seconds=0.05), lives=False)
    frame = client.jobs(status="queued", until=begin + timedelta(days=1))
    assert len(frame) == 3_000
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert set(statuses) == {"queued"}
    assert sum(requests.values()) <= 4 + 1  # the first page shows that there are others
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert sum(requests.values()) == 4
    world = service.world
    with world.lock:
        for job_id in frame["id"]:
            world.set_tasks(world.store.rows[job_id], "complete")
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert set(statuses) == {"complete"}
    assert sum(requests.values()) <= 3_000 / 100 + 8  # by their ids where pages bring no more


def test_thousands_of_one_instant_are_read_by_pages_too(client, service):
    ids = [service.add_job("pending", lives=False) for _ in range(2_500)]
    frame = client.jobs(ids=ids)
    assert len(set(frame.created)) == 1
    statuses, requests = asked(service, lambda: client.statuses(frame))
    assert told(service, statuses.to_dict())
    assert sum(requests.values()) <= 18


@pytest.mark.parametrize("body", [b'{"data":{"jobs":null}}', b'{"data":{"jobs":{"records":[{"id":5}]}}}', b"[]"])
def test_a_list_that_cannot_be_read_leaves_all_to_the_aliases(client, service, edited, body):
    frame = client.jobs().head(300)
    edited("jobs", lambda _: body)
    assert told(service, client.statuses(frame).to_dict())


def test_a_list_without_times_or_in_another_order_is_no_harm(client, service, edited):
    frame = client.jobs()

    def strange(body):
        answer = msgspec.json.decode(body)
        records = answer["data"]["jobs"]["records"]
        for number, record in enumerate(records):
            record["createdDateTime"] = None if number % 2 else "2001-01-01T00:00:00Z"
        answer["data"]["jobs"]["records"] = [None, *records[::-1], None]
        return msgspec.json.encode(answer)

    edited("jobs", strange)
    assert told(service, client.statuses(frame).to_dict())


def test_what_the_aliases_say_nothing_of_is_asked_for_alone(client, service, edited):
    ids = [service.a_failed_job(), service.a_complete_job()]
    calls = []

    def first_is_empty(body):
        calls.append(body)
        return b'{"data":{"a0":null,"a1":null}}' if len(calls) == 1 else body

    edited("jobStatus", first_is_empty)
    assert client.statuses(ids).tolist() == ["failed", "complete"]


def test_a_wrong_token_is_said_at_once(client, service):
    frame = client.jobs()
    service.faults.expire_token(times=None)
    with pytest.raises(jw.AuthError):
        client.statuses(frame)


def test_a_frame_of_something_else_than_times_is_read_by_its_ids(client, service):
    frame = client.jobs().head(150)
    statuses = client.statuses(pd.DataFrame({"id": frame.id.tolist(), "created": ["once"] * 150}))
    assert told(service, statuses.to_dict())


def test_whole_rows_are_read_by_pages_too(client, service):
    frame = client.jobs()
    again, requests = asked(service, lambda: client.jobs(ids=frame))
    assert sum(requests.values()) <= 4
    ages = ["queued_for", "ran_for"]  # as of now
    pd.testing.assert_frame_equal(again.drop(columns=ages), frame.drop(columns=ages))
    shuffled = frame.sample(frac=1, random_state=1)
    assert client.jobs(ids=shuffled).id.tolist() == shuffled.id.tolist()


def test_jobs_whose_tasks_do_not_fit_in_a_page_are_read_to_the_last_task(client, service):
    long = service.add_job("queued", ["queued"] * 120 + ["running"], lives=False)
    gone = service.add_job("queued", lives=False)
    frame = client.jobs()
    service.remove_job(gone)
    again = client.jobs(ids=frame)
    assert again.set_index("id").tasks[long] == 121
    assert again.set_index("id").can_cancel[long] is not True
    assert again.attrs["missing"] == [gone]
    assert len(again) == len(frame) - 1
