"""A service that loses its answers: of many writes none is done twice, none lost, and the receipt is true."""

import random
import time
from collections import Counter
from contextlib import suppress

import pytest

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from tests.support import bulk_checks
from tests.support.campaigns import figures

LOSSES = (("lose_answer", 0.05, {}), ("fail_after", 0.03, {"status": 502}), ("fail_before", 0.05, {"status": 503}))
ROUNDS = 60


def lossy(service, operation):
    """Let writes be lost as promised, and the reads around them too, a little less."""
    for dial, probability, more in LOSSES:
        getattr(service.faults, dial)(operation=operation, probability=probability, times=None, **more)
        for look in ("job", "jobs", "me"):
            getattr(service.faults, dial)(operation=look, probability=probability / 4, times=None, **more)


@pytest.fixture
def under_way(client, service, monkeypatch):
    """Send ten jobs a request and eight requests at once, so that many are lost; return the most at once."""
    monkeypatch.setattr(_apply, "MAX_BATCH_SIZE", 10)
    service.clock.speed = 1.0  # a list in which everything was made in one instant is no list of this world
    connection = client.aio._connection
    connection.throttle.places = 8.0
    once, now, most = connection.http._once, [0], [0]

    async def counted(request):
        now[0] += request.write
        most[0] = max(most[0], now[0])
        try:
            return await once(request)
        finally:
            now[0] -= request.write

    connection.http._once = counted
    return most


class Watched:
    """Takes the progress in, and sees that the sums hold at every step."""

    def __init__(self, total):
        self.total, self.steps = total, 0

    def __call__(self, told, total, counts):
        assert sum(counts.values()) == total == self.total
        assert told == total - counts.get("not_sent", 0)
        self.steps += 1


def stubborn(call):
    """Ask until the service has answered: its reads are lost too."""
    for _ in range(ROUNDS):
        with suppress(jw.ServiceError, jw.NotSentError):
            return call()
    raise AssertionError("the service never answered")


def settled(receipt, service):
    """Resolve what is in doubt, first at once and then with the clock moved on, and hold it against the ledger."""
    doubt = bulk_checks.of(receipt, "unknown")
    stubborn(receipt.resolve)
    took = set(bulk_checks.effects(service))
    assert bulk_checks.of(receipt, "done") == took & set(bulk_checks.outcomes(receipt))
    assert bulk_checks.of(receipt, "unknown") <= doubt - took
    service.clock.advance("1min")
    stubborn(receipt.resolve)
    assert not bulk_checks.of(receipt, "unknown")
    assert bulk_checks.of(receipt, "done") == took & set(bulk_checks.outcomes(receipt))
    return len(doubt)


@pytest.mark.campaign(test=2_000, soak=10_000)
@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_many_writes_to_a_lossy_service_happen_once_each(client, service, under_way, verb, size):
    """`size`: jobs."""
    ids = (bulk_checks.failed if verb == "retry" else bulk_checks.waiting)(service, size)
    plan = getattr(client, f"plan_{verb}")(ids)
    lossy(service, f"{verb}Job")
    began, watched, doubts, rounds = time.monotonic(), Watched(size), 0, 0
    receipt = plan.apply(limit=size, progress=watched)
    while set(receipt.counts) != {"done"}:
        rounds += 1
        assert rounds < ROUNDS, receipt
        bulk_checks.never_says_too_much(receipt, service)
        doubts += settled(receipt, service)
        if bulk_checks.of(receipt, "not_sent"):
            stubborn(lambda: receipt.resume(progress=watched))
    figures(
        verb=verb,
        targets=size,
        requests=service.requests[f"{verb}Job"],
        in_doubt=doubts,
        rounds=rounds,
        doubled=bulk_checks.doubled(service),
        seconds=round(time.monotonic() - began, 1),
    )
    assert bulk_checks.effects(service) == Counter(ids)
    assert bulk_checks.outcomes(receipt) == dict.fromkeys(ids, "done")
    assert watched.steps > 2
    assert under_way == [8]
    assert doubts > size // 50  # or nothing was proved
    if verb == "retry":
        made = {write.target_id: write.new_id for write in service.ledger}
        assert dict(zip(receipt.df.id, receipt.df.new_id, strict=True)) == made


@pytest.mark.usefixtures("under_way")
@pytest.mark.campaign(test=200, soak=1_000)
def test_twins_are_never_told_apart_by_guessing(client, service, size):
    """`size`: groups of three jobs that look alike."""
    trios = [[service.add_job("failed", ["failed"], name="Twin", target=f"twin {n}", lives=False) for _ in range(3)]
             for n in range(size)]  # fmt: skip
    ids = [job for trio in trios for job in trio]
    random.Random(3).shuffle(ids)  # so that twins go in different documents
    plan = client.plan_retry(ids)
    lossy(service, "retryJob")
    receipt = plan.apply(limit=len(ids), progress=False)
    for _ in range(ROUNDS):
        bulk_checks.never_says_too_much(receipt, service)
        doubt = bulk_checks.of(receipt, "unknown")
        service.clock.advance("1min")
        stubborn(receipt.resolve)
        bulk_checks.never_says_too_much(receipt, service)
        took, unknown = set(bulk_checks.effects(service)), bulk_checks.of(receipt, "unknown")
        for trio in trios:
            left = unknown & set(trio)
            assert left <= doubt
            # where none or all of those in doubt were done, it can be told
            assert not left or 0 < len(left & took) < len(left)
        if not bulk_checks.of(receipt, "not_sent"):
            break
        stubborn(lambda: receipt.resume(progress=False))
    open_ = bulk_checks.of(receipt, "unknown")
    figures(
        twins=len(ids), undecidable=len(open_), done_of_them=len(open_ & took), doubled=bulk_checks.doubled(service)
    )
    assert bulk_checks.doubled(service) == 0
    assert bulk_checks.of(receipt, "done", "unknown") == set(ids)
    assert len(ids) - len(open_) > 2 * size
    assert open_, "twins that were lost apart must have been among so many"
    assert receipt.df.new_id.dropna().is_unique
