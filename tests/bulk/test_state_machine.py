"""Bulk work in any order: plans, faults, deaths, interrupts, jobs that start by themselves; the ledger judges."""

import asyncio
import itertools
import os
import shutil
import stat
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import jobwidgets as jw
from jobwidgets._internal.secret import Secret
from jobwidgets.bulk import history as _past
from jobwidgets.bulk.execution import executor as _apply
from jobwidgets.bulk.execution import readback as _verify
from jobwidgets.bulk.execution import reconcile as _doubt
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal import lock as _lease
from jobwidgets.emulator import Service
from jobwidgets.transport import retry as _flow
from jobwidgets.transport.config import Settings
from jobwidgets.transport.messages import Reply, TransportFailure
from tests.support import bulk_checks
from tests.support.campaigns import figures

URL = "http://127.0.0.1/v3/graphql"
SHORT = {
    (_flow, "FIRST_PAUSE"): 0.0005,
    (_doubt, "ASK_EVERY"): 0.002,
    (_verify, "READBACK_DELAYS_S"): (0.0, 0.001),
    (_apply, "STOP_GRACE_S"): 0.05,
    (_apply, "INITIAL_BATCH_SIZE"): 2,
    (_apply, "MAX_BATCH_SIZE"): 3,
}
"""What is waited for by the clock is waited for shortly."""
JOBS = {
    "pending": ("pending", 1),
    "queued": ("queued", ["queued", "pending"]),
    "running in name only": ("running", ["pending"]),
    "running": ("running", ["running"]),
    "failed": ("failed", ["failed"]),
    "complete": ("complete", ["complete"]),
    "aborted": ("aborted", ["aborted"]),
}
JOB_KINDS = (*JOBS, "failed", "failed", "pending", "pending")
POINTS = ("append", "appended", "synced", "send", "sent", "look", "looked", "on the way")
DIALS = ("lose_answer", "fail_before", "fail_after", "server_error", "capacity_exceeded", "garbage", "cut", "trickle",
         "rate_limit", "expire_token", "delay")  # fmt: skip
OPERATIONS = ("retryJob", "retryJob", "cancelJob", "job", "jobs", "me", None)
LATEST = 20
"""Seconds in which a request arrives, if it does."""
KIND = st.sampled_from(["retry", "retry", "cancel"])
WHICH = st.integers(0, 2**10)
MASK = st.lists(st.booleans(), min_size=12, max_size=12)
END = st.tuples(
    st.sampled_from(["well", "by death", "by death", "by an interrupt"]),
    st.sampled_from(POINTS),
    st.integers(1, 5),  # the how manyeth time
    st.sampled_from([0.0, 0.3, 0.7, 0.99, 1.0]),  # how much is left of what was not synced
)
"""How a piece of work ends. Nothing that is drawn depends on what happened before: what happens depends on time."""


class DiedError(BaseException):
    """The process is gone: nothing that would run after this runs."""


class Kernel:
    """A process as far as an operation can tell: a loop, a client, and perhaps a death at the n-th time at a point."""

    def __init__(self, service, state, late):
        self.late = late
        self.loop = asyncio.new_event_loop()
        self.state, self.grave = state, state.with_name("grave")
        self.end, self.point, self.left, self.cut = "well", "", 0, 0.0
        self.dead, self.task = False, None
        self.client = jw.AsyncClient(Settings(URL, None, Secret(service.token)), timeout=3.0, app=service.app)
        self._send = self.client._connection.http.send
        self.client._connection.http.send = self.send

    def run(self, work):
        """Do something to its end, or to the end of this kernel."""
        self.task = self.loop.create_task(work)
        try:
            return self.loop.run_until_complete(self.task)
        finally:
            self.loop.run_until_complete(self._rest())

    async def _rest(self):
        """Let what was left behind come to its end, as it does in the seconds after an interrupt."""
        me = asyncio.current_task()
        while left := [task for task in asyncio.all_tasks() if task is not me]:
            if self.dead:
                for task in left:
                    task.cancel()
            await asyncio.wait(left, timeout=5)

    def come(self, point):
        """Die or be interrupted here, if this is the time."""
        if self.comes(point):
            self.end_here()

    def comes(self, point):
        """Say whether this is the time; who is dead comes nowhere."""
        if self.dead:
            raise DiedError
        if self.end == "well" or point != self.point:
            return False
        self.left -= 1
        return self.left == 0

    def end_here(self):
        if self.end == "by an interrupt":
            self.task.cancel()
        else:
            self.die()

    def die(self):
        """Keep what is on disk at this moment; what was not synced may be lost from any byte on."""
        self.dead = True
        durable = dict(DURABLE)
        shutil.copytree(self.state, self.grave)
        for path in (self.grave / "operations").glob("*.jsonl"):
            if self.cut == 0 and path.name not in durable:
                path.unlink()
                continue
            size = path.stat().st_size
            kept = min(size, durable.get((self.state / "operations" / path.name).stat().st_ino, 0))
            with path.open("r+b") as file:
                file.truncate(kept + round((size - kept) * self.cut))
        raise DiedError

    async def send(self, request, seconds):
        if request.write and self.comes("on the way"):
            self.late.append(request)  # the bytes have left, and arrive when nobody is there any more
            self.end_here()
            return TransportFailure(sent=True, why="nobody waits for it")
        self.come("send" if request.write else "look")
        answer = await self._send(request, seconds)
        self.come("sent" if request.write else "looked")
        if isinstance(answer, Reply) and answer.retry_after:  # a service in a hurry: seconds are milliseconds
            return Reply(answer.status, answer.body, answer.retry_after / 1000, answer.date)
        return answer

    async def deliver(self, request):
        """Let a request arrive that a kernel had sent which is gone."""
        await self._send(request, 3.0)

    def bury(self):
        """Bring back what was on disk when it died; nobody holds its leases any more."""
        shutil.rmtree(self.state)
        self.grave.rename(self.state)
        DURABLE.clear()  # what has survived is on disk
        for path in self.state.rglob("*"):
            DURABLE.update({path.name: True, path.stat().st_ino: path.stat().st_size})
        for lease in list(_lease._HELD.values()):
            _lease._HELD.pop(lease._mark, None)

    def close(self):
        if not self.dead:
            self.loop.run_until_complete(self.client.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


SEEN = Counter()
BATCH = 10
TROUBLE = ("operations", "dead", "unknown", "not_sent")
"""What happened to the machines, for the record."""
DURABLE = {}
"""What the disk was asked to keep: how much of each file, and the names in each directory."""


@contextmanager
def points(machine):
    """Let the kernel of a machine come to its points."""
    with pytest.MonkeyPatch.context() as patch:
        append, synced, fsync = _journal.Journal.append, _journal.Journal.synced, os.fsync

        def wrapped_append(journal, *records):
            machine.kernel.come("append")
            append(journal, *records)
            machine.kernel.come("appended")

        async def wrapped_synced(journal):
            await synced(journal)
            machine.kernel.come("synced")

        def wrapped_fsync(descriptor):
            before = os.fstat(descriptor)
            names = os.listdir(descriptor) if stat.S_ISDIR(before.st_mode) else []  # noqa: PTH208  it has no path
            fsync(descriptor)
            DURABLE.update({before.st_ino: before.st_size, **dict.fromkeys(names, True)})

        patch.setattr(os, "fsync", wrapped_fsync)
        patch.setattr(_journal.Journal, "append", wrapped_append)
        patch.setattr(_journal.Journal, "synced", wrapped_synced)
        for (module, name), value in SHORT.items():
            patch.setattr(module, name, value)
        yield


class Machine(RuleBasedStateMachine):
    """One user, who does it all, at one service."""

    def __init__(self):
        super().__init__()
        self.room = Path(tempfile.mkdtemp(prefix="jobwidgets-"))
        self.state = self.room / "state"
        self.state.mkdir()
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("JOBWIDGETS_STATE", str(self.state))
        self.points = points(self)
        self.points.__enter__()
        self.service = Service(jobs=0, seed=1, speed=0)
        self.late = []
        self.kernel = Kernel(self.service, self.state, self.late)
        self.jobs, self.free, self.twins = {}, [], set()
        self.plans, self.ops = [], {}
        DURABLE.clear()

    # ------------------------------------------------------------------------------------------------ rules

    @initialize(
        kinds=st.lists(st.sampled_from(JOB_KINDS), min_size=4, max_size=16), twins=st.sampled_from([0, 3, 6, 12])
    )
    def fill(self, kinds, twins):
        for kind in kinds:
            self.add(kind)
        for _ in range(twins):
            self.twins.add(self.add("failed", "twins"))
        self.service.clock.advance("10min")  # none of them can be taken for one that was made later

    def add(self, kind, target=None):
        """Add a job, with a target of its own unless it is a twin of others."""
        status, tasks = JOBS[kind]
        target = target or f"target {len(self.jobs)}"
        job = self.service.add_job(status, tasks, target=target, name="A job", lives=False)
        self.jobs[job] = kind
        self.free.append(job)
        return job

    @rule(kind=KIND, which=MASK, later=st.sampled_from([False, False, True]), once_more=st.booleans(), end=END)
    def plan_and_apply(self, kind, which, later, once_more, end):
        """Make a plan, of new jobs if all are in plans already, and apply it, or one that was made before."""
        if not self.free:
            for added in ("failed", "pending", "failed"):
                self.add(added)
        others = [job for other, jobs in self.ops.values() if other == kind == "retry" for job in jobs]
        among = [*self.free, *(others if once_more else ())]
        picked = [job for job, wanted in zip(among, itertools.cycle(which), strict=False) if wanted]
        with suppress(jw.JobError):
            plan = self.kernel.run(getattr(self.kernel.client, f"plan_{kind}")(picked or self.free[:1]))
            taken = plan.df.id.tolist()
            self.free = [job for job in self.free if job not in taken]
            self.plans.append(plan)
            self.ops[plan.op] = (kind, taken)
        if self.plans and not later:
            self.work(end, self.plans[0].apply)
            self.plans = [plan for plan in self.plans if not plan.applied]

    @rule(which=WHICH, what=st.sampled_from(["resume", "resume", "resolve", "settle"]), end=END)
    def go_on(self, which, what, end):
        begun = self.begun()
        if begun and what == "settle":
            self.settle(begun[which % len(begun)])
        elif begun:

            async def work():
                receipt = await self.kernel.client.receipt(begun[which % len(begun)])
                await getattr(receipt, what)()

            self.work(end, work)

    @rule(
        dial=st.sampled_from([*DIALS, "none"]),
        operation=st.sampled_from(OPERATIONS),
        times=st.sampled_from([1, 1, 2, 5]),
        status=st.sampled_from([500, 502, 503, 504]),
    )
    def goes_wrong(self, dial, operation, times, status):
        if dial == "none":
            self.service.faults.clear()
            return
        more = {"times": times, "operation": operation}
        if dial in {"fail_before", "fail_after", "server_error"}:
            more["status"] = status
        elif dial == "delay":
            more["seconds"] = 0.01
        elif dial == "trickle":
            more["bytes_per_s"] = 1e6
        elif dial == "rate_limit":
            more["window"] = 0.01
        getattr(self.service.faults, dial)(**more)

    @rule(
        seconds=st.sampled_from([1, 10, 40, 600]),
        event=st.sampled_from(["none", "a job moves", "a job moves", "a restart"]),
        which=WHICH,
        status=st.sampled_from(["running", "complete", "failed"]),
    )
    def time_passes(self, seconds, event, which, status):
        self.move_on(seconds)
        if event == "a restart":
            self.kernel.close()
            self.start()
        if event == "a job moves":
            took = bulk_checks.effects(self.service)
            jobs = [job for job, kind in self.jobs.items() if kind == "pending" and job not in took]
            for job in jobs[which % 4 : which % 4 + 1]:
                self.jobs[job] = status
                world = self.service.world
                world.place_job(world.store.rows[job], status, [status], lives=False)

    def move_on(self, seconds):
        """Move the clock on; what was on the way arrives before twenty seconds are over."""
        self.service.clock.advance(min(seconds, LATEST))
        for request in self.late:
            self.kernel.run(self.kernel.deliver(request))
        self.late.clear()
        self.service.clock.advance(max(0, seconds - LATEST))

    # ------------------------------------------------------------------------------------------- the promises

    @invariant()
    def every_promise_holds(self):
        took, begun = bulk_checks.effects(self.service), self.begun()
        assert max(took.values(), default=1) == 1, "something was done twice"
        done, open_ = Counter(), set()
        for op in begun:
            told = self.hold(op, set(took))
            done.update(job for job, outcome in told.items() if outcome == "done")
            open_.update(job for job, outcome in told.items() if outcome == "unknown")
        assert max(done.values(), default=1) == 1, "two say that they have done it"
        assert set(took) <= set(done) | open_, "nobody knows that it was done"

    def hold(self, op, took):
        """Hold what is on disk, and in memory, against the plan and the ledger."""
        kind, planned = self.ops[op]
        account = _past.account_of(op)
        told = {line.id: line.outcome for line in account.numbered}
        assert Counter(told.keys()) == Counter(planned)
        assert sum(account.counts.values()) == len(planned)
        assert {job for job, outcome in told.items() if outcome == "done"} <= took, f"{kind}: called done, and was not"
        held = self.kernel.client.operations.held(op)
        if held is not None:
            assert not held.at_work
            known = {line.id: (line.outcome, line.new_id) for line in held.account.numbered}
            assert known == {line.id: (line.outcome, line.new_id) for line in account.numbered}
        return told

    def settle(self, op):
        """After the clock has moved on nothing is in doubt, but twins of which some were done and some not."""
        self.service.faults.clear()
        for _ in range(2):  # what a dead kernel had sent was under way until now at most
            self.kernel.run(self.asked(op))
            self.move_on(300)
        self.kernel.run(self.asked(op))
        unknown = {line.id for line in _past.account_of(op).numbered if line.outcome == "unknown"}
        assert unknown <= self.twins
        if unknown:
            lines = [line for other in self.begun() for line in _past.account_of(other).numbered]
            doubtful = {line.id for line in lines if line.outcome == "unknown"}  # in any operation
            took = set(bulk_checks.effects(self.service))
            assert 0 < len(doubtful & took) < len(doubtful), "it could have been told"

    def teardown(self):
        try:
            for op in self.begun():
                self.finish(op)
            self.every_promise_holds()
            self.what_could_be_done_is_done()
        finally:
            self.kernel.close()
            self.points.__exit__(None, None, None)
            self.patch.undo()
            shutil.rmtree(self.room)

    def finish(self, op):
        """Resume as often as it takes: of everything it is told what became of it."""
        SEEN["operations"] += 1
        SEEN.update(line.outcome for line in _past.account_of(op).numbered)
        for _ in range(3):
            self.settle(op)
            self.kernel.run(self.resumed(op))
        told = {line.id: line.outcome for line in _past.account_of(op).numbered}
        assert "not_sent" not in told.values()
        assert {job for job, outcome in told.items() if outcome == "unknown"} <= self.twins

    def what_could_be_done_is_done(self):
        """Hold, when all operations are at their end, that none left a job to another which did not do it either."""
        took = bulk_checks.effects(self.service)
        for op in self.begun():
            kind, planned = self.ops[op]
            may = {"pending", "queued", "running in name only"} if kind == "cancel" else set(JOBS) - {"complete"}
            left = [job for job in planned if self.jobs[job] in may and job not in self.twins and job not in took]
            assert not left, (op, [(line, self.jobs[line.id]) for line in _past.account_of(op).numbered])

    # ---------------------------------------------------------------------------------------------- in short

    def begun(self):
        """Name the operations that were written down whole."""
        found = []
        for op in self.ops:  # in the order in which they were planned
            with suppress(jw.UsageError):
                _past.account_of(op)
                found.append(op)
        return found

    async def asked(self, op):
        await (await self.kernel.client.receipt(op)).resolve()

    async def resumed(self, op):
        await (await self.kernel.client.receipt(op)).resume()

    def work(self, end, work):
        """Let the kernel work, and perhaps die of it, or be interrupted."""
        kernel = self.kernel
        kernel.end, kernel.point, kernel.left, kernel.cut = end
        try:
            with suppress(jw.JobError, asyncio.CancelledError, DiedError):
                kernel.run(work())
        finally:
            kernel.end = "well"
        SEEN["ended_" + end[0].replace(" ", "_")] += 1
        SEEN["dead"] += kernel.dead
        if kernel.dead:
            kernel.bury()
            kernel.close()
            self.plans.clear()
            self.start()

    def start(self):
        """Start the next kernel; plans that were not applied are gone with the one before."""
        begun = self.begun()
        for plan in self.plans:
            if plan.op not in begun:
                planned = self.ops.pop(plan.op)[1]
                taken = {job for _, jobs in self.ops.values() for job in jobs}.union(self.free)
                self.free.extend(job for job in planned if job not in taken)
        self.plans.clear()
        self.kernel = Kernel(self.service, self.state, self.late)


@pytest.mark.skipif(sys.platform == "win32", reason="moves a directory away under open files")
@pytest.mark.campaign(test=20, soak=80)
def test_whatever_happens_in_whatever_order_the_promises_hold(size):
    """Run batches of ten examples until there were `size`, and enough of each kind of trouble among them.

    What an example brings about depends on how threads meet, so that a fixed number of them could prove nothing.
    """
    SEEN.clear()
    batches = 0
    while batches * BATCH < size or min(SEEN[kind] for kind in TROUBLE) <= size // 8:
        assert batches * BATCH < 10 * size, f"too little happened: {SEEN}"
        machine = seed(batches)(type("SeededMachine", (Machine,), {}))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=BATCH,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        batches += 1
    figures(examples=batches * BATCH, **SEEN)
