"""A real cluster of four processes on this machine, and how its frames are held against the client's."""

import dask
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from distributed.utils import get_mp_context

from jobwidgets.emulator import Service
from tests.support.forks import DASK_WORKER_START

PRELOADED = ["distributed", "dask.dataframe", "jobwidgets.client", "jobwidgets.distributed", "jobwidgets.frames"]
AGES = ["queued_for", "ran_for"]  # they are counted up to the moment of reading


@pytest.fixture
def service():
    """Give a world of which a partition holds a part, and whose clock stands still."""
    return Service(jobs=1_500, seed=1, speed=0)


@pytest.fixture(scope="module")
def workers():
    """Start four workers, each a process with one thread; what passes between them is not compressed."""
    settings = {
        "distributed.comm.compression": False,
        "distributed.worker.multiprocessing-method": DASK_WORKER_START,
        "distributed.worker.profile.interval": "200ms",  # every 10 ms costs an idle worker a twentieth of a processor
    }
    with dask.config.set(settings):
        get_mp_context().set_forkserver_preload(PRELOADED)
        with LocalCluster(
            n_workers=4,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster:
            yield cluster


@pytest.fixture
def cluster(workers):
    """Connect to them."""
    with Client(workers) as client:
        client.wait_for_workers(4, timeout=30)
        yield client


def newest_first(frame):
    """Put computed jobs in the order of the client's."""
    return frame.sort_values(["created", "id"], ascending=[False, True], ignore_index=True)


@pytest.fixture
def same():
    """Give a function that holds a distributed frame against the client's frame of the same range."""

    def hold(distributed, client, **query):
        jobs = client.jobs(**query)
        found = distributed.compute()
        assert found.dtypes.equals(jobs.dtypes)
        assert not found["id"].duplicated().any()
        pd.testing.assert_frame_equal(newest_first(found).drop(columns=AGES), jobs.drop(columns=AGES))
        return jobs

    return hold
