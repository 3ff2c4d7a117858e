"""Large lists: tasks that came with them, what is left of one that ends early, and what is told meanwhile."""

import asyncio
import copy
import json
import pickle
import signal
import threading
import time
from dataclasses import replace

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.frames import column_builders as _growing
from jobwidgets.frames import memory as _memory
from jobwidgets.frames import schema
from jobwidgets.transport import connection as _connection


def plain(frame):
    """Take the ages out: those of what has not ended go on."""
    return frame.drop(columns=["queued_for", "ran_for"]).astype("object")


def test_tasks_that_a_list_has_brought_are_not_asked_for_again(client, service):
    jobs = client.jobs()
    before = service.requests.total()
    tasks = client.tasks(jobs)
    assert service.requests.total() == before
    pd.testing.assert_frame_equal(plain(tasks), plain(client.tasks(jobs.id)))
    assert service.requests.total() > before
    assert tasks.attrs["as_of"] == jobs.attrs["as_of"]
    assert tasks.attrs["missing"] == []


def test_the_tasks_of_some_of_a_list_come_in_the_order_of_these(client, service):
    jobs = client.jobs()
    some = jobs[jobs.tasks > 1].sample(frac=0.5, random_state=1)
    before = service.requests.total()
    for part in (some, jobs, some.head(3), jobs.iloc[:0]):
        tasks = client.tasks(part)
        assert service.requests.total() == before
        assert tasks.job_id.drop_duplicates().tolist() == part.id[part.tasks > 0].tolist()
        assert len(tasks) == part.tasks.sum()
        assert tasks.index.equals(pd.RangeIndex(len(tasks)))


def test_a_frame_of_tasks_that_is_changed_changes_no_other(client):
    jobs = client.jobs()
    first = client.tasks(jobs)
    first.loc[0, "name"] = "mine"
    assert client.tasks(jobs).name[0] != "mine"


def test_a_long_list_is_put_together_from_pieces(client, service, monkeypatch):
    whole = client.jobs()
    tasks = client.tasks(whole)
    monkeypatch.setattr(_growing, "TOGETHER", 16)
    monkeypatch.setattr(_growing, "FEW", 1)
    monkeypatch.setattr(_memory, "LARGE", 10)
    monkeypatch.setattr(_connection, "LARGE", 1)  # each page on another thread
    client.aio._connection.limits.page = 10
    jobs = client.jobs()
    before = service.requests.total()
    pd.testing.assert_frame_equal(plain(jobs), plain(whole))
    pd.testing.assert_frame_equal(plain(client.tasks(jobs)), plain(tasks))
    shuffled = jobs.sample(frac=1, random_state=3)
    again = client.tasks(shuffled).set_index("id").loc[tasks.id].reset_index()[tasks.columns]
    pd.testing.assert_frame_equal(plain(again), plain(tasks))
    assert client.tasks(shuffled).job_id.drop_duplicates().tolist() == shuffled.id[shuffled.tasks > 0].tolist()
    assert service.requests.total() == before


def test_a_client_that_is_closed_while_a_page_is_read_says_so(client, monkeypatch):
    monkeypatch.setattr(_connection, "LARGE", 1)
    client.aio._connection._readers.shutdown()
    with pytest.raises(jw.UsageError, match="closed while it was at work"):
        client.jobs()


def test_jobs_with_more_tasks_than_a_page_holds_bring_all_of_them(client, service):
    many = service.add_job("queued", ["queued"] * 230, lives=False)
    jobs = client.jobs()
    before = service.requests.total()
    tasks = client.tasks(jobs)
    assert service.requests.total() == before
    assert (tasks.job_id == many).sum() == 230
    assert tasks.id.is_unique


def test_tasks_that_were_not_brought_are_read(client, service):
    jobs = client.jobs(tasks=False)
    assert "tasks" not in jobs.attrs
    other = pd.concat([client.jobs().head(2), client.jobs(ids=[service.a_failed_job()])])
    for frame in (jobs, other, client.jobs(api="rest")):
        before = service.requests.total()
        assert set(client.tasks(frame).job_id) <= set(frame.id)
        assert service.requests.total() > before


def test_what_is_kept_goes_with_the_last_frame_and_is_no_burden_to_any(client):
    import gc
    import weakref

    jobs = client.jobs()
    kept = weakref.ref(jobs.attrs["tasks"])
    part = jobs[jobs.can_retry].head(2)
    assert part.attrs["tasks"] is jobs.attrs["tasks"]
    assert copy.deepcopy(jobs.attrs)["tasks"] is kept()
    assert json.dumps(jobs.attrs)
    stored = pickle.loads(pickle.dumps(jobs))
    assert type(stored.attrs["tasks"]) is dict
    assert len(pickle.dumps(jobs.attrs)) < 1_000
    assert len(client.tasks(stored)) == len(client.tasks(jobs))
    del jobs
    gc.collect()
    assert kept() is not None
    del part
    gc.collect()
    assert kept() is None


def test_without_pyarrow_the_frames_are_the_same(client, monkeypatch):
    jobs = client.jobs()
    tasks = client.tasks(jobs)
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "pyarrow" else find(name, *more)
    )
    schema.text_dtype.cache_clear()
    try:
        plainly = client.jobs()
        assert plainly.id.dtype.storage == "python"
        pd.testing.assert_frame_equal(plain(plainly), plain(jobs))
        pd.testing.assert_frame_equal(plain(client.tasks(plainly)), plain(tasks))
    finally:
        schema.text_dtype.cache_clear()


@pytest.fixture
def half(client, service):
    """Let the service die for good after some pages."""
    client.aio._connection.limits.page = 5
    client.aio.timeout = 2
    client.aio._connection.throttle.readers._most = 1.0
    send, calls = client.aio._connection.http.send, []

    async def some(*request):
        calls.append(request)
        if len(calls) == 6:
            service.faults.server_error(times=None, operation="jobs")
        return await send(*request)

    client.aio._connection.http.send = some
    return client


def test_what_was_read_before_an_error_is_in_the_error(half):
    with pytest.raises(jw.ServiceError) as caught:
        half.jobs()
    check_part(caught.value.partial, half)


def test_what_was_read_before_an_error_is_given_where_it_is_wanted(half):
    with pytest.warns(UserWarning, match="not whole: jobs tried"):
        part = half.jobs(partial=True)
    check_part(part, half)
    assert "tried" in part.attrs["partial"]


def check_part(part, client):
    assert 0 < len(part) < 60
    assert part.attrs["truncated"] is True
    assert client.service_url == part.attrs["service"]
    assert part.id.is_unique
    assert len(client.tasks(part)) == part.tasks.sum()


def test_no_job_is_missing_above_the_time_that_a_part_says(half, service):
    with pytest.raises(jw.ServiceError) as caught:
        half.jobs()
    part = caught.value.partial
    service.faults.clear()
    whole = half.jobs()
    above = whole[whole.created > pd.Timestamp(part.attrs["complete_to"])]
    assert 0 < len(above) <= len(part)
    assert set(above.id) <= set(part.id)


def test_nothing_read_is_an_error_also_where_a_part_is_wanted(client, service):
    service.faults.server_error(times=None)
    with pytest.raises(jw.ServiceError) as caught:
        client.jobs(partial=True)
    assert caught.value.partial is None
    service.faults.clear()
    with pytest.raises(jw.UsageError):
        client.jobs(status="no such", partial=True)


@pytest.mark.parametrize("wanted", [False, True])
def test_an_interrupt_leaves_what_was_read(client, wanted, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell can have it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    client.aio._connection.limits.page = 5
    came = threading.Event()
    send, calls = client.aio._connection.http.send, []

    async def slow(*request):
        calls.append(request)
        if len(calls) > 8:
            came.set()
            await asyncio.sleep(30)
        return await send(*request)

    client.aio._connection.http.send = slow
    main = threading.main_thread().ident
    stopper = threading.Thread(
        target=lambda: (came.wait(20), time.sleep(0.2), signal.pthread_kill(main, signal.SIGINT))
    )
    stopper.start()
    if wanted:
        part = client.jobs(partial=True)
    else:
        with pytest.raises(KeyboardInterrupt) as caught:
            client.jobs()
        part = caught.value.partial
    stopper.join()
    assert 0 < len(part) < 60
    assert part.attrs["partial"] == "it was interrupted"
    client.aio._connection.http.send = send
    assert len(client.jobs()) == 60


def test_a_cancelled_task_leaves_what_was_read(client):
    async def work():
        client.aio._connection.limits.page = 5
        told = asyncio.Event()
        reading = asyncio.ensure_future(kept(told))
        await told.wait()
        reading.cancel()
        return await reading

    async def kept(told):
        try:
            await client.aio.jobs(progress=lambda counts: sum(counts.values()) > 20 and told.set())
        except asyncio.CancelledError as stopped:
            return stopped.partial

    assert len(client.run(work())) > 20


def test_progress_tells_an_honest_count_and_a_rate(client, capsys):
    client.aio._connection.limits.page = 5
    told = []
    assert len(client.jobs(progress=lambda counts: told.append(sum(counts.values())))) == 60
    assert told == sorted(told)
    assert told[-1] == 60
    assert capsys.readouterr().err == ""
    send = client.aio._connection.http.send

    async def slow(*request):
        await asyncio.sleep(0.05)
        return await send(*request)

    client.aio._connection.http.send = slow
    client.jobs(progress=True)
    drawn = capsys.readouterr().err
    assert "Reading" in drawn
    assert "jobs/s" in drawn
    client.jobs(progress=False)
    assert capsys.readouterr().err == ""


def test_tasks_that_cannot_be_read_do_not_spoil_the_list(client):
    send = client.aio._connection.http.send

    async def spoilt(*request):
        reply = await send(*request)
        return replace(reply, body=reply.body.replace(b'"queuedDateTime":"2', b'"queuedDateTime":"in 2'))

    client.aio._connection.http.send = spoilt
    jobs = client.jobs()
    assert len(jobs) == 60
    with pytest.raises(jw.ServiceError, match="something else than a time"):
        client.tasks(jobs)
    client.aio._connection.http.send = send
    assert len(client.tasks(jobs)) == jobs.tasks.sum()
