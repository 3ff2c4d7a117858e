"""An archive of the small world, and how it is held against what the service says."""

import pandas as pd
import pytest

AGES = ["queued_for", "ran_for"]  # they are counted up to the moment of reading


@pytest.fixture
def archive(client, tmp_path):
    return client.archive(tmp_path / "jobs.duckdb")


@pytest.fixture
def same():
    """Give a function that holds an archive against what the service says now, and gives the jobs."""

    def hold(archive, client):
        jobs = client.jobs()
        pd.testing.assert_frame_equal(archive.jobs().drop(columns=AGES), jobs.drop(columns=AGES))
        tasks = client.tasks(jobs)
        pd.testing.assert_frame_equal(archive.tasks(jobs).drop(columns=AGES), tasks.drop(columns=AGES))
        return jobs

    return hold


@pytest.fixture
def stir():
    """Give a function that lets anything happen to the jobs of a service, so many times."""

    def happen(service, client, rng, times):
        for _ in range(times):
            act = rng.random()
            failed = service.jobs_by_status("failed")
            if act < 0.3:
                service.add_job(rng.choice(["pending", "failed", "complete", "queued"]), rng.randint(1, 40))
            elif act < 0.5 and failed:
                client.retry(rng.choice(failed))
            elif act < 0.7:
                client.cancel(service.a_cancellable_job())
            elif act < 0.8 and failed:
                service.remove_job(rng.choice(failed))
            else:
                service.clock.advance(f"{rng.randint(1, 300)}s")

    return happen
