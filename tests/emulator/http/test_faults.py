"""Every dial for faults: what the caller meets, and whether the work was done."""

import contextlib
import http.client
import json
import threading
import time
import urllib.error

import pytest

from tests.support.waiting import until

CANCEL = "mutation($id: ID!) { cancelJob(id: $id) { id } }"


def lost(call):
    with pytest.raises((http.client.HTTPException, urllib.error.URLError, ConnectionError)):
        call()


def test_a_lost_answer_closes_the_connection_after_the_work(api, service):
    job = service.a_pending_job()
    service.faults.lose_answer()
    lost(lambda: api.gql(CANCEL, {"id": job}))
    assert service.job_status(job) == "aborted"
    assert len(service.ledger) == 1
    assert api.gql("{ me { id } }").status == 200


def test_a_cut_answer_breaks_off_after_the_work(api, service):
    job = service.a_pending_job()
    service.faults.cut()
    lost(lambda: api.gql(CANCEL, {"id": job}))
    assert service.job_status(job) == "aborted"


def test_garbage_is_answered_after_the_work(api, service):
    job = service.a_pending_job()
    service.faults.garbage()
    answer = api.gql(CANCEL, {"id": job})
    assert answer.status == 200
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        json.loads(answer.body)
    assert service.job_status(job) == "aborted"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_failing_before_and_after_the_work_look_the_same(api, service, status):
    first, second = service.add_job(), service.add_job()
    service.faults.fail_before(status=status)
    before = api.gql(CANCEL, {"id": first})
    service.faults.fail_after(status=status)
    after = api.gql(CANCEL, {"id": second})
    assert before.status == after.status == status
    assert before.body == after.body
    assert before.headers["Content-Type"] == "text/html"
    assert (service.job_status(first), service.job_status(second)) == ("pending", "aborted")


@pytest.mark.parametrize(("status", "name"), [(500, "internal_error"), (503, "service_unavailable")])
def test_an_error_of_the_services_own(api, service, status, name):
    service.faults.server_error(status=status)
    answer = api.gql(CANCEL, {"id": service.a_pending_job()})
    assert answer.status == status
    assert answer.error["name"] == name
    assert service.ledger == []
    service.faults.server_error(status=status)
    assert set(api.get("/proc/jobs").json) == {"id", "description", "detail"}


def test_a_trickled_answer_is_whole_in_the_end_and_comes_in_small_pieces(api, service):
    service.faults.trickle(bytes_per_s=400)
    begin = time.monotonic()
    assert api.gql("{ me { id name } }").data["me"]["id"]
    assert time.monotonic() - begin > 0.1
    service.faults.trickle(bytes_per_s=2_000, headers=True)
    assert api.gql("{ me { id name } }").data["me"]["id"]


def test_a_delayed_answer_comes_after_the_work(api, service):
    job = service.a_pending_job()
    service.faults.delay(seconds=0.2)
    begin = time.monotonic()
    assert api.gql(CANCEL, {"id": job}).status == 200
    assert time.monotonic() - begin >= 0.2


def test_a_window_of_429_refuses_early_askers_and_ends(api, service):
    now = [100.0]
    service.faults._real = lambda: now[0]
    service.faults.rate_limit(window=10)
    first = api.gql("{ me { id } }")
    assert (first.status, first.headers["Retry-After"], first.error["name"]) == (429, "10", "rate_limited")
    now[0] = 107.5
    assert api.get("/proc/jobs").headers["Retry-After"] == "3"
    now[0] = 110.0
    assert api.gql("{ me { id } }").status == 200
    service.faults.rate_limit(window=1, retry_after=7)
    assert api.gql("{ me { id } }").headers["Retry-After"] == "7"


def test_an_expired_token_is_refused_for_as_long_as_the_dial_says(api, service):
    service.faults.expire_token(times=2)
    assert [api.gql("{ me { id } }").status for _ in range(3)] == [401, 401, 200]
    service.faults.expire_token(times=None)
    assert [api.get("/proc/jobs").status for _ in range(3)] == [401] * 3
    service.faults.clear()
    assert api.get("/proc/jobs").status == 200


def test_a_query_can_be_called_too_dear(api, service):
    service.faults.capacity_exceeded(operation="jobs")
    assert api.gql("{ me { id } }").status == 200
    assert api.gql("{ jobs { count } }").error["name"] == "capacity_exceeded"
    assert api.gql("{ jobs { count } }").status == 200


def test_a_fault_strikes_its_operation_only_and_as_often_as_told(api, service):
    service.faults.fail_before(times=2, operation="POST /proc/jobs/cancel")
    assert api.get("/proc/jobs").status == 200
    assert [api.post("/proc/jobs/cancel", {"jobID": "x"}).status for _ in range(3)] == [502, 502, 404]
    service.faults.fail_before(times=1, operation="cancelJob")
    assert api.gql('{ me { id } job(id: "x") { id } }').status == 200
    assert api.gql('mutation { a: cancelJob(id: "x") { id } b: cancelJob(id: "x") { id } }').status == 502
    assert api.gql('mutation { a: cancelJob(id: "x") { id } }').status == 200


def test_probability_is_drawn_from_the_seed(api, service):
    service.faults.fail_before(times=None, probability=0.3)
    first = [api.gql("{ me { id } }").status for _ in range(40)]
    assert 4 <= first.count(502) <= 22
    service.faults._chance.seed("faults 3")
    assert [api.gql("{ me { id } }").status for _ in range(40)] == first


def test_delays_come_on_top_of_other_faults(api, service):
    service.faults.delay(seconds=0.1)
    service.faults.fail_before()
    begin = time.monotonic()
    assert api.gql("{ me { id } }").status == 502
    assert time.monotonic() - begin >= 0.1


def test_a_dial_with_a_senseless_number_is_refused(service):
    for wrong in ({"times": 0}, {"probability": 2}):
        with pytest.raises(ValueError, match="probability"):
            service.faults.cut(**wrong)


def test_a_service_that_does_not_answer_can_still_be_closed(service, running, api):
    service.faults.delay(seconds=3600)

    def ask():
        with contextlib.suppress(http.client.HTTPException, urllib.error.URLError, ConnectionError):
            api.gql("{ me { id } }")

    waiting = threading.Thread(target=ask)
    waiting.start()
    until(lambda: service.requests["me"])
    running.close()
    waiting.join(10)
    assert not waiting.is_alive()
