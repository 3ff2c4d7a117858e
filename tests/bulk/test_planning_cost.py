"""What a plan says of the requests that it will take, against what the service counts."""

import pytest

from jobwidgets.bulk.planning import requests_for


@pytest.mark.parametrize("kind", ["cancel", "retry"])
@pytest.mark.parametrize("count", [1, 12, 120, 400])
def test_a_plan_tells_about_how_many_requests_it_takes(client, service, kind, count):
    jobs = client.jobs(ids=[service.add_job("pending" if kind == "cancel" else "failed", 1) for _ in range(count)])
    plan = client.plan_cancel(jobs) if kind == "cancel" else client.plan_retry(jobs)
    before = service.requests.total()
    said = plan.requests
    assert plan.apply(progress=False).counts == {"done": count}
    took = service.requests.total() - before
    assert took <= said <= 1.5 * took + 1


def test_a_plan_with_nothing_to_send_takes_no_request(client, service):
    plan = client.plan_cancel(client.jobs(ids=[service.add_job("complete", 1)]))
    assert (plan.requests, plan.aio.requests) == (0, 0)


def test_a_range_is_one_request_and_its_looks():
    assert [requests_for("range", count) for count in (0, 1, 250)] == [0, 3, 7]
