"""Processes that are killed at every moment of a bulk operation: nothing is done twice, nothing is lost."""

import os
import random
import signal
import sys
import time
from collections import Counter

import pytest

import jobwidgets as jw
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.emulator import Service, serve
from tests.support import bulk_checks
from tests.support.campaigns import figures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")

IN_THE_CHILD = (
    "in the middle of the plan",
    "before an intent",
    "in the middle of an intent",
    "after an intent",
    "when an intent is on disk",
    "before the bytes leave",
    "after the answer",
    "before an outcome",
    "in the middle of an outcome",
    "after an outcome",
    "before a look",
)
AT_THE_SERVICE = ("when it arrives", "when it is done")
BY_CHANCE = "at any moment"
POINTS = (*IN_THE_CHILD, *AT_THE_SERVICE, *[BY_CHANCE] * 7)
TARGETS = 60


class Assassin:
    """Kills a process from the service's side: when its n-th write arrives, or when that is done but not answered."""

    def __init__(self, service):
        self._answer, self._armed = service.app._answer, None
        service.app._answer = self.answer

    def arm(self, pid, point, nth):
        self._armed = (pid, point, nth)

    def disarm(self):
        self._armed = None

    def answer(self, request):
        if self._armed is None or b"mutation" not in request.body:
            return self._answer(request)
        pid, point, nth = self._armed
        self._armed = (pid, point, nth - 1) if nth > 1 else None
        if nth == 1 and point == "when it arrives":
            os.kill(pid, signal.SIGKILL)
        reply = self._answer(request)
        if nth == 1 and point == "when it is done":
            os.kill(pid, signal.SIGKILL)
        return reply


@pytest.fixture
def fast_service():
    """Return a service whose clock passes thirty seconds in half a second, so that doubt is settled meanwhile.

    Not faster: a client takes the service's clock to run like its own between two answers, within those thirty seconds.
    """
    return Service(jobs=0, seed=1, speed=60)


@pytest.fixture
def place(fast_service, nursery):
    """Say to a child where the service is."""
    assassin = Assassin(fast_service)
    with serve(fast_service) as running:
        where = {"url": running.graphql_url, "rest": running.rest_url, "token": fast_service.token}
        with jw.connect(where["url"], rest_url=where["rest"], token=where["token"], timeout=20) as client:
            yield Campaigns(fast_service, assassin, nursery, where, client)


class Campaigns:
    """Operations that are killed again and again until they are through."""

    def __init__(self, service, assassin, nursery, where, client):
        self.service, self.assassin, self.nursery, self.where, self.client = service, assassin, nursery, where, client
        self.kills = Counter()
        self.chance = random.Random(20)

    def run(self, kind, points):
        """Carry one operation through; give its op and its targets."""
        make = bulk_checks.waiting if kind == "cancel" else bulk_checks.failed
        ids = make(self.service, TARGETS)
        op = None
        while True:
            point = next(points)
            child = self.start(kind, ids, op, point)
            op = op or child.wait_for("planned")["op"]
            if point == BY_CHANCE and child.wait_for("begins"):
                time.sleep(self.chance.random() ** 2 * 0.4)
                child.kill()
            status = child.over()
            self.assassin.disarm()
            assert status in (0, -signal.SIGKILL), (status, point, child.last)
            self.kills[point] += status != 0
            if not self.began(op, ids):
                op = None
            elif status == 0 and self.through(op):
                return op, ids

    def start(self, kind, ids, op, point):
        """Send a child to work, and see to its death."""
        nth = self.chance.randint(1, {"in the middle of the plan": 1, "before a look": 2}.get(point, 6))
        kill = [point, nth] if point in IN_THE_CHILD else None
        child = self.nursery.start("work", kind=kind, ids=ids, op=op, kill=kill, **self.where)
        if point in AT_THE_SERVICE:
            self.assassin.arm(child.pid, point, nth)
        return child

    def began(self, op, ids):
        """Hold what the dead one left behind against the ledger; say whether there is anything to go on with."""
        try:
            receipt = self.client.receipt(op)
        except jw.UsageError:
            assert not set(ids) & set(bulk_checks.effects(self.service)), "sent, and nothing is known of it"
            return False
        assert receipt.total == len(ids)
        bulk_checks.never_says_too_much(receipt, self.service)
        return True

    def through(self, op):
        return set(self.client.receipt(op).counts) == {"done"}


@pytest.mark.campaign(test=40, soak=200)
def test_kills_at_every_moment_double_nothing_and_lose_nothing(place, size):
    """`size`: kills."""
    service = place.service
    chance = random.Random(2)

    def points():
        while True:
            turn = list(POINTS)
            chance.shuffle(turn)
            yield from turn

    order, planned, turn = points(), {}, 0
    while sum(place.kills.values()) < size:
        service.faults.clear()
        if turn % 2:  # every second operation meets a service that loses answers besides
            for dial, probability in (("lose_answer", 0.05), ("fail_after", 0.03), ("fail_before", 0.05)):
                operation = "cancelJob" if turn % 4 == 3 else "retryJob"
                getattr(service.faults, dial)(operation=operation, probability=probability, times=None)
        op, ids = place.run("cancel" if turn % 4 == 3 else "retry", order)
        planned[op] = ids
        turn += 1
    every = [job for ids in planned.values() for job in ids]
    took = bulk_checks.effects(service)
    lost = len(set(every) - set(took))
    kills, doubled = sum(place.kills.values()), bulk_checks.doubled(service)
    figures(kills=kills, doubled=doubled, lost=lost, targets=len(every), operations=len(planned))
    figures(**{point.replace(" ", "_"): count for point, count in place.kills.items()})
    assert (doubled, lost) == (0, 0)
    assert set(took) == set(every)
    assert set(place.kills) == set(POINTS)
    made = {write.target_id: write.new_id for write in service.ledger if write.operation == "retryJob"}
    for op, ids in planned.items():
        receipt = place.client.receipt(op)
        assert bulk_checks.outcomes(receipt) == dict.fromkeys(ids, "done")
        if receipt.kind == "retry":
            assert dict(zip(receipt.df.id, receipt.df.new_id, strict=True)) == {job: made[job] for job in ids}


def test_a_kernel_that_died_before_its_plan_was_written_leaves_nothing_to_worry_about(client):
    op = "retry-20260301-080000-1a2b3c"
    Journal.create(op).close()
    assert client.receipts().empty
    with pytest.raises(jw.UsageError, match="was never begun: nothing was sent"):
        client.receipt(op)
