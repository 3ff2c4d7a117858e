"""A distributed frame is the client's frame, in partitions by time; here Dask's threads read it, without a cluster."""

import subprocess
import sys
from datetime import timedelta

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.distributed import read_jobs
from jobwidgets.emulator import Service, serve


def test_the_partitions_hold_what_the_client_lists_each_job_once_with_the_same_dtypes(client, same):
    frame = read_jobs(client, since="400d", per_partition=200)
    jobs = same(frame, client)
    assert frame.npartitions > 5
    assert frame.dtypes.astype(str).equals(jobs.dtypes.astype(str))


def test_the_partitions_hold_about_as_many_jobs_as_was_said(client):
    sizes = read_jobs(client, since="400d", per_partition=200).map_partitions(len).compute()
    assert sizes.tolist()[1:] == pytest.approx([200] * (len(sizes) - 1), abs=40)  # jobs of one instant stay together
    assert 0 < sizes.tolist()[0] <= 240
    failed = read_jobs(client, since="400d", status="failed", per_partition=40).map_partitions(len).compute()
    assert failed.tolist()[1:] == pytest.approx([40] * (len(failed) - 1), abs=8)


def test_what_is_asked_when_it_is_made_is_little_and_the_jobs_are_read_by_a_request_a_window(client, service):
    service.requests.clear()
    frame = read_jobs(client, since="400d", per_partition=200)
    made = service.requests.total()
    assert made <= frame.npartitions + 2  # the clock, the statuses, one job an edge
    frame.compute()
    assert service.requests.total() - made == frame.npartitions


def test_windows_of_equal_length_need_no_look_at_the_edges(client, service, same):
    service.requests.clear()
    frame = read_jobs(client, since="400d", windows=8)
    assert service.requests.total() == 2
    assert frame.npartitions == 8
    lengths = pd.Series(frame.divisions).diff().dropna()
    assert lengths.max() - lengths.min() <= pd.Timedelta("1ms")
    same(frame, client)


def test_divisions_are_known_and_every_job_lies_within_those_of_its_partition(client):
    frame = read_jobs(client, since="400d", per_partition=200)
    assert frame.known_divisions
    assert frame.index.name is None
    for number in range(frame.npartitions):
        part = frame.get_partition(number).compute()
        assert part.index.is_monotonic_increasing
        assert (part.index == part["created"]).all()
        assert frame.divisions[number] <= part.index.min()
        assert part.index.max() < frame.divisions[number + 1]
    assert frame.divisions[-1] - frame.divisions[0] >= timedelta(days=400)


def test_a_slice_of_time_reads_only_the_windows_that_it_touches(client, service):
    frame = read_jobs(client, since="20d", windows=40)
    jobs = client.jobs(since="20d")
    begin, end = frame.divisions[10] + pd.Timedelta("1h"), frame.divisions[12] - pd.Timedelta("1h")
    service.requests.clear()
    found = frame.loc[begin:end].compute()
    assert service.requests["jobs"] == 2
    assert set(found["id"]) == set(jobs.loc[jobs["created"].between(begin, end), "id"])


@pytest.mark.parametrize(
    ("query", "called"),
    [
        ({"status": "failed"}, {}),
        ({"status": ["aborted", "pending"]}, {}),
        ({"engine": "speech"}, {"on_engine": "speech"}),
        ({"until": "5d"}, {}),
        ({"status": ["paused"]}, {}),
    ],
    ids=str,
)
def test_a_filter_means_what_it_means_to_the_client(client, same, query, called):
    query = {"since": "30d", **query}
    frame = read_jobs(
        client, **(called or {name: value for name, value in query.items() if name != "since"}), since="30d"
    )
    same(frame, client, **query)


def test_jobs_of_one_instant_and_a_window_without_jobs_are_no_trouble(client, service, same):
    at = service.clock.now() - timedelta(days=50)
    for _ in range(30):
        service.add_job("complete", 1, created=at)
    frame = read_jobs(client, since="60d", per_partition=10)
    same(frame, client, since="60d")
    assert (frame.map_partitions(len).compute() == 0).any()
    assert read_jobs(client, since="60d", windows=7).npartitions == 7


def test_an_empty_service_gives_an_empty_typed_frame():
    service = Service(jobs=0, speed=0)
    with serve(service) as running, jw.connect(running.graphql_url, token=service.token) as client:
        frame = read_jobs(client, since="10d")
        assert frame.npartitions == 1
        assert frame.compute().dtypes.equals(client.jobs().dtypes)


def test_what_is_computed_still_says_which_service_its_jobs_are_of(client):
    frame = read_jobs(client, since="400d", status=["pending", "queued"], per_partition=50)
    found = frame[frame["can_cancel"]].compute()
    assert found.attrs == {
        "kind": "jobs",
        "service": client.service_url,
        "query": {"status": ["pending", "queued"]},
    }
    assert found.jobs.cancel().total == len(found) > 0


def test_a_new_status_of_the_newest_jobs_is_a_category_and_one_of_older_jobs_says_what_to_do(client, service, same):
    new = service.add_job("sleeping", 1)
    assert same(read_jobs(client, since="400d", windows=4), client)["status"].iloc[0] == "sleeping"
    service.remove_job(new)
    old = service.add_job("sleeping", 1, created=service.clock.now() - timedelta(days=70))
    with pytest.raises(jw.ServiceError, match=rf"job {old} .*'sleeping'.*more_statuses=\['sleeping'\]"):
        read_jobs(client, since="400d", windows=4).compute()
    same(read_jobs(client, since="400d", windows=4, more_statuses=["sleeping"]), client, since="400d")


def test_a_plan_is_made_of_it_here_and_applied_by_one_writer(client, service):
    frame = read_jobs(client, since="400d", per_partition=200)
    jobs = client.jobs(since="400d")
    plan = client.plan_cancel(frame[frame["can_cancel"]], reason="stuck")
    assert plan.counts == {"cancel": int(jobs["can_cancel"].sum())}
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": plan.total}
    assert len(service.ledger) == plan.total
    failed = client.plan_retry(frame["id"][frame["status"] == "failed"])
    assert failed.counts == {"retry": int((jobs["status"] == "failed").sum())}


def test_what_needs_the_jobs_here_says_so(client):
    with pytest.raises(jw.UsageError, match=r"not here yet → jobs\.compute\(\)"):
        client.tasks(read_jobs(client, since="400d"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": None}, "need a beginning"),
        ({"since": "1d", "until": "2d"}, "is empty"),
        ({"since": "1d", "engine": "speech"}, "on_engine="),
        ({"since": "1d", "windows": 0}, "windows=0"),
        ({"since": "1d", "windows": 10**6}, "from 1 to 10,000"),
        ({"since": "1d", "per_partition": 2.5}, "per_partition=2.5"),
        ({"since": "1d", "budget": -1}, "budget=-1"),
        ({"since": "1d", "status": "penidng"}, "did you mean 'pending'"),
        ({"since": "1d", "token_from": "canary"}, "token_from is neither"),
    ],
    ids=str,
)
def test_what_is_meant_wrongly_is_refused_and_no_jobs_are_read(client, service, options, said):
    service.requests.clear()
    with pytest.raises(jw.UsageError, match=said) as caught:
        read_jobs(client, **options)
    assert "canary" not in str(caught.value)
    assert service.requests.total() <= 1


def test_an_awaitable_client_is_refused(client):
    with pytest.raises(jw.UsageError, match="takes a Client"):
        read_jobs(client.aio, since="1d")


def test_nothing_of_dask_is_imported_before_a_frame_is_made():
    code = "import sys, jobwidgets.client, jobwidgets.distributed; print({'dask', 'distributed'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_without_dask_it_says_what_to_install(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(jw.SettingsError, match=r"pip install 'jobwidgets\[distributed\]'"):
        read_jobs(client, since="1d")
