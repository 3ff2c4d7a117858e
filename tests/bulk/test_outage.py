"""A service that is away or busy: trying again never makes it worse, and nothing is sent before it may be."""

import asyncio
import math
import time
from collections import Counter
from contextlib import nullcontext, suppress
from functools import partial
from typing import NamedTuple

import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from jobwidgets.emulator import serve
from jobwidgets.emulator.http import auth as _access
from jobwidgets.transport import retry as _flow
from tests.support import bulk_checks
from tests.support.campaigns import figures
from tests.support.ports import held_port

CALLS = 1_000
MORE = 100


class Sent(NamedTuple):
    """One request as it left, and what came back."""

    name: str
    began: float
    ended: float
    wait: float | None


class Log:
    """Counts calls, and notes every request at the moment when it leaves and when its answer is there."""

    def __init__(self, client, storm=None):
        connection = client.aio._connection
        self.sent, self.calls = [], 0
        self._storm = storm
        self._call, self._once = connection.call, connection.http._once
        connection.call, connection.http._once = self.call, self.once

    async def call(self, *request, **options):
        self.calls += 1
        return await self._call(*request, **options)

    async def once(self, request):
        if request.write and self._storm:  # it breaks loose when work has begun
            storm, self._storm = self._storm, None
            storm()
        began, answer = time.monotonic(), None
        try:
            answer = await self._once(request)
        finally:
            wait = answer.retry_after if answer is not None and answer.status in (429, 503) else None
            self.sent.append(Sent(request.name, began, time.monotonic(), wait))
        return answer

    @property
    def early(self):
        """What left while the service was known to want none."""
        closed = [(sent.ended, sent.ended + sent.wait) for sent in self.sent if sent.wait]
        return [sent for sent in self.sent if any(begin < sent.began < end - 0.01 for begin, end in closed)]


class Busy:
    """An application that answers 503 with Retry-After for a while."""

    def __init__(self, app):
        self._app, self.until = app, 0.0

    async def __call__(self, scope, receive, send):
        left = self.until - time.monotonic()
        if left <= 0:
            await self._app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        headers = [(b"retry-after", b"%d" % math.ceil(left)), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def service(small_world):
    """Give a small world that can say that it is busy."""
    service = small_world()
    service.app = Busy(service.app)
    return service


@pytest.fixture
def served(service):
    """Serve it on a port that it can come back to."""
    with held_port() as port, serve(service, port=port) as running:
        yield running


async def many(client, ids):
    """Make single calls of every kind, a lot of them at once."""
    kinds = (client.status, client.job, client.cancel, client.retry, lambda _: client.jobs())
    calls = [kinds[n % len(kinds)](ids[n % len(ids)]) for n in range(CALLS)]
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("how", ["answers 503", "refuses connections"])
def test_a_thousand_calls_in_an_outage_send_hardly_more_than_a_thousand_requests(client, service, served, how):
    ids = bulk_checks.waiting(service, 100)
    log = Log(client)
    if how == "answers 503":
        service.faults.fail_before(status=503, times=None)
    else:
        served.close()
    errors = client.run(many(client.aio, ids))
    kinds = Counter(type(error).__name__ for error in errors)
    figures(outage=how, calls=CALLS, sent=len(log.sent), errors=dict(kinds))
    assert CALLS <= len(log.sent) <= CALLS + MORE
    if how == "answers 503":
        assert kinds == {"ServiceError": 600, "UnknownOutcomeError": 400}
    else:
        assert kinds == {"NotSentError": CALLS}
    assert service.ledger == []


@pytest.fixture
def short_pauses(monkeypatch):
    """Let the pauses of our own between two tries be short; those that the service asks for stay as they are."""
    monkeypatch.setattr(_flow, "FIRST_PAUSE", 0.005)


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("verb", ["retry", "cancel"])
@pytest.mark.parametrize("how", ["answers 503", "refuses connections"])
def test_a_bulk_plan_in_an_outage_sends_little_and_is_done_afterwards(client, service, served, how, verb):
    ids = (bulk_checks.failed if verb == "retry" else bulk_checks.waiting)(service, CALLS)
    plan = getattr(client, f"plan_{verb}")(ids)
    port = served.port
    outage = (
        served.close if how == "refuses connections" else partial(service.faults.fail_before, status=503, times=None)
    )
    log = Log(client, storm=outage)
    receipt = plan.apply(limit=CALLS, progress=False)
    assert receipt.halted
    for _ in range(100):
        with suppress(jw.JobError):
            receipt.resume(progress=False)
    figures(outage=how, verb=verb, calls=log.calls, sent=len(log.sent), left=receipt.counts)
    assert len(log.sent) <= log.calls + MORE
    assert len(log.sent) <= CALLS + MORE
    assert service.ledger == []
    service.faults.clear()
    with serve(service, port=port) if how == "refuses connections" else nullcontext():
        service.clock.advance("5min")
        receipt.resume(progress=False)
        assert bulk_checks.outcomes(receipt) == dict.fromkeys(ids, "done")
    assert bulk_checks.effects(service) == Counter(ids)


def worked_through(client, service, verb="retry", count=600, storm=lambda: None):
    """Apply a plan while the service is busy; nothing may be lost, doubled or sent early."""
    ids = (bulk_checks.failed if verb == "retry" else bulk_checks.waiting)(service, count)
    plan = getattr(client, f"plan_{verb}")(ids)
    plan.aio._seen_at = math.inf
    log, began = Log(client, storm), time.monotonic()
    receipt = plan.apply(limit=count, progress=False)
    told = sum(sent.wait is not None for sent in log.sent)
    taken = round(time.monotonic() - began, 1)
    figures(verb=verb, sent=len(log.sent), told_to_wait=told, early=len(log.early), seconds=taken)
    assert told
    assert log.early == []
    assert bulk_checks.outcomes(receipt) == dict.fromkeys(ids, "done")
    assert bulk_checks.effects(service) == Counter(ids)
    return log


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_a_service_that_says_later_is_asked_later(client, service, verb):
    worked_through(client, service, verb, storm=lambda: service.faults.rate_limit(window=3))


def test_a_wait_that_is_longer_than_was_left_is_kept(client, service):
    worked_through(client, service, storm=lambda: service.faults.rate_limit(window=1, retry_after=4))


def test_windows_that_fill_up_are_waited_out(client, service, monkeypatch):
    monkeypatch.setattr(_access, "WINDOW", 2.0)
    monkeypatch.setattr(_apply, "MAX_BATCH_SIZE", 10)

    def storm():
        service.choices.rate_limit = 15

    log = worked_through(client, service, storm=storm)
    assert len(log.sent) < 60 + 60  # a request in three windows, and the ones that came too soon in each


def test_a_service_that_is_away_for_a_while_and_says_so_is_waited_for(client, service):
    def storm():
        service.app.until = time.monotonic() + 3

    worked_through(client, service, storm=storm)


@pytest.mark.campaign(test=6, soak=60)
def test_a_storm_of_refusals_loses_nothing(service, served, size):
    """`size`: seconds for which the service turns every request away."""
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as client:
        log = worked_through(client, service, storm=lambda: service.faults.rate_limit(window=size))
    assert len(log.sent) < 100


def test_single_calls_wait_as_long_as_they_are_told(client, service):
    ids = bulk_checks.waiting(service, 40)
    log = Log(client)
    service.faults.rate_limit(window=2)

    async def calls():
        return await asyncio.gather(*[client.aio.status(job) for job in ids])

    assert client.run(calls()) == ["pending"] * 40
    assert log.early == []
