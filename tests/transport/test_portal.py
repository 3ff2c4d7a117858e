"""Blocking callers: an interrupt ends their waiting and nothing else, and a closed client leaves nothing behind."""

import _thread
import gc
import threading
import time
from pathlib import Path

import pytest

import jobwidgets as jw
from tests.support.waiting import until


def interrupted_after(seconds, call):
    """Call, be interrupted, and say how long the call went on after that."""
    at = []

    def interrupt():
        at.append(time.monotonic())
        _thread.interrupt_main()

    timer = threading.Timer(seconds, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        timer.cancel()  # a call that did not wait must not leave its interrupt to the next test
    return time.monotonic() - at[0]


@pytest.mark.parametrize("dial", ["delay", "trickle"])
def test_an_interrupt_ends_a_list_at_once_and_the_client_still_works(client, service, dial):
    {"delay": service.faults.delay, "trickle": service.faults.trickle}[dial](30.0, times=1)
    went_on = interrupted_after(0.3, client.jobs)
    assert went_on < 5  # far below the thirty seconds of the answer
    assert len(client.jobs()) == 60


def test_an_interrupt_ends_the_wait_for_a_busy_service(client, service):
    service.faults.rate_limit(window=0.1, retry_after=10)
    assert interrupted_after(0.3, client.me) < 5
    assert client.me().name


def test_an_interrupt_never_cancels_a_job(client, service):
    job = service.add_job("running", ["running"], lives=False)
    interrupted_after(0.3, lambda: client.wait([job], timeout="1min"))
    assert service.job_status(job) == "running"
    assert service.ledger == []


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_clients_leave_no_thread_and_no_descriptor_closed_or_forgotten(served, service):
    def use(*, close):
        client = jw.connect(served.graphql_url, token=service.token)
        client.me()
        if close:
            client.close()

    use(close=True)
    gc.collect()
    threads = set(threading.enumerate())
    before = descriptors()
    for turn in range(20):
        use(close=turn % 2 == 0)
    gc.collect()
    until(lambda: not set(threading.enumerate()) - threads and descriptors() <= before + 4)
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= before + 4


def test_the_newest_open_client_is_the_current_one(served, service):
    first = jw.connect(served.graphql_url, token=service.token)
    second = jw.connect(served.graphql_url, token=service.token)
    assert jw.current_client() is second
    second.close()
    assert jw.current_client() is first
    first.close()
    assert jw.current_client() not in (first, second)


def test_a_call_from_the_clients_own_loop_is_told_to_await(client):
    async def wrong():
        client.me()

    with pytest.raises(RuntimeError, match="await"):
        client.portal.run(wrong())
