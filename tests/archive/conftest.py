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
