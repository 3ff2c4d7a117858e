"""On a real cluster of processes: the rows are right when a worker dies, and the organisation's budget holds."""

import os
import signal
import sys
import time

import pytest

from jobwidgets.distributed import read_jobs
from tests.support.waiting import until


class Watched:
    """When each request reached the service, on its own clock, and which it turned away."""

    def __init__(self, service):
        self.times, self.refused = [], 0
        count = service.limit.wait

        def wait(keys, most):
            self.times.append(time.monotonic())
            seconds = count(keys, most)
            self.refused += seconds > 0
            return seconds

        service.limit.wait = wait

    def most_in(self, seconds):
        """Say how many came in the busiest stretch of so many seconds."""
        return max(sum(begin <= at < begin + seconds for at in self.times) for begin in self.times)


def test_every_worker_reads_with_the_token_of_the_client(cluster, client, service, same):
    frame = read_jobs(client, since="400d", per_partition=100)
    jobs = same(frame, client)
    assert len(jobs) == 1_500
    kept = frame.persist()
    service.requests.clear()
    assert len(kept) == len(jobs)
    owners = {worker for workers in cluster.who_has(kept).values() for worker in workers}
    assert len(owners) == 4
    counts = kept.groupby("status", observed=True)["id"].count().compute()
    assert counts.to_dict() == jobs["status"].value_counts().loc[lambda n: n > 0].to_dict()


@pytest.mark.usefixtures("cluster")
def test_a_plan_is_made_of_what_the_workers_read(client, service):
    frame = read_jobs(client, since="30d", per_partition=300)
    plan = client.plan_cancel(frame[frame["can_cancel"]])
    assert plan.apply(progress=False).counts == {"done": plan.total}
    assert len(service.ledger) == plan.total > 0


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_when_a_worker_is_killed_in_the_middle_others_read_its_windows_and_the_rows_are_the_same(
    cluster, client, service, same
):
    jobs = client.jobs(since="30d")
    frame = read_jobs(client, since="30d", windows=60)
    service.requests.clear()
    service.faults.delay(0.1, times=None)
    before = cluster.run(os.getpid)
    found = frame.persist()
    until(lambda: service.requests["jobs"] >= 20)
    os.kill(next(iter(before.values())), signal.SIGKILL)
    assert service.requests["jobs"] < 60
    assert len(found) == len(jobs)
    assert service.requests["jobs"] > 60  # what the dead one had read was read again
    service.faults.clear()
    same(found, client, since="30d")
    until(lambda: len({*pids_of(cluster)} - {*before.values()}) == 1)

    def all_four_read():
        again = read_jobs(client, since="30d", windows=16).persist()
        same(again, client, since="30d")
        return len({worker for held in cluster.who_has(again).values() for worker in held}) == 4

    until(all_four_read)  # the new one among them, as soon as it is up


def pids_of(cluster):
    return cluster.run(os.getpid, on_error="ignore").values()


@pytest.mark.usefixtures("cluster")
def test_four_workers_together_keep_to_a_third_of_the_budget(client, service, same):
    frame = read_jobs(client, since="30d", windows=26, budget=30)
    jobs = client.jobs(since="30d")
    watched = Watched(service)
    found = frame.persist()
    assert len(found) == len(jobs)
    assert len(watched.times) == 26
    assert watched.most_in(10) == 10
    same(found, client, since="30d")


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_the_budget_holds_when_one_of_the_workers_is_killed_with_its_requests_under_way(cluster, client, service, same):
    frame = read_jobs(client, since="30d", windows=26, budget=30)
    jobs = client.jobs(since="30d")
    watched = Watched(service)
    service.faults.delay(0.5, times=None)
    before = cluster.run(os.getpid)
    found = frame.persist()
    until(lambda: len(watched.times) >= 12)  # the second ten have begun
    os.kill(next(iter(before.values())), signal.SIGKILL)
    assert len(found) == len(jobs)
    assert len(watched.times) > 26  # what the dead one had read was read again
    assert watched.most_in(10) == 10
    service.faults.clear()
    same(found, client, since="30d")
    until(lambda: len({*pids_of(cluster)} - {*before.values()}) == 1)


@pytest.mark.usefixtures("cluster")
def test_where_no_budget_is_known_every_worker_obeys_the_service(client, service, same):
    frame = read_jobs(client, since="30d", windows=16)
    service.choices.rate_limit = 10
    jobs = client.jobs(since="30d")
    watched = Watched(service)
    found = frame.persist()
    assert len(found) == len(jobs)
    assert 0 < watched.refused <= 4  # once a worker at most: nobody asks again before it may
    service.choices.rate_limit = None
    same(found, client, since="30d")
