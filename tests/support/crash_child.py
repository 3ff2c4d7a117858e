"""A nursery: imports everything, starts no thread, and forks a child for each task that comes on its standard input.

Each line in is a task, each line out what a child tells: `{"event": …, "pid": …}`. A child may be told where to kill
itself: at the n-th time that it comes to a point. Nothing in the product knows of this: the points are wrapped around
the journal and the wire.
"""

import asyncio
import json
import os
import select
import signal
import socket
import sys
import threading
import time

import jobwidgets as jw
from jobwidgets.bulk.execution import executor as _apply
from jobwidgets.bulk.execution import reconcile as _doubt
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.errors import JobError
from jobwidgets.transport.http import HttpTransport

LONGEST = 120  # seconds: what a child does takes a second or two
SLOW = 0.6  # seconds that a slow disk takes to keep what was written
Journal = _journal.Journal


def tell(event, **more):
    """Say what happened, in one write: a kill cuts no line."""
    os.write(1, (json.dumps({"event": event, "pid": os.getpid(), **more}) + "\n").encode())


# ------------------------------------------------------------------------------------------------- kills


class Kill:
    """A death at the n-th time that this process comes to a point."""

    def __init__(self, point, nth):
        self.point, self.left = point, nth
        self.tearing = self.intended = False
        self.append, self.synced, self.send, self.write = Journal.append, Journal.synced, HttpTransport.send, os.write

    def here(self, point, *, true=True):
        """Die if this is the place and the time."""
        if self.comes(point, true=true):
            os.kill(os.getpid(), signal.SIGKILL)

    def comes(self, point, *, true=True):
        if point != self.point or not true:
            return False
        self.left -= 1
        return self.left == 0

    def arm(self):
        """Wrap the journal and the wire."""

        def append(journal, *records):
            self.appended(journal, records)

        async def synced(journal):
            await self.kept(journal)

        async def send(wire, request, *options):
            return await self.sent(wire, request, *options)

        Journal.append, Journal.synced, HttpTransport.send, os.write = append, synced, send, self.written

    def appended(self, journal, records):
        what = {record["record"] for record in records}
        plan, intent = "targets" in what, "intent" in what
        outcome = "lines" in what and not plan
        self.here("before an intent", true=intent)
        self.here("before an outcome", true=outcome)
        for name, true in (("the plan", plan), ("an intent", intent), ("an outcome", outcome)):
            self.tearing = self.tearing or self.comes(f"in the middle of {name}", true=true)
        self.append(journal, *records)
        self.here("after an intent", true=intent)
        self.here("after an outcome", true=outcome)
        self.intended = self.intended or intent

    def written(self, descriptor, data):
        if self.tearing:
            self.write(descriptor, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return self.write(descriptor, data)

    async def kept(self, journal):
        await self.synced(journal)
        self.here("when an intent is on disk", true=self.intended)

    async def sent(self, wire, request, *options):
        self.here("before the bytes leave", true=request.write)
        self.here("before a look", true=not request.write)
        answer = await self.send(wire, request, *options)
        self.here("after the answer", true=request.write)
        return answer


# ------------------------------------------------------------------------------------------------- tasks


def connected(task):
    return jw.connect(task["url"], rest_url=task["rest"], token=task["token"], timeout=task.get("timeout", 20))


def small(task):
    """Let documents be small, so that an operation has many moments to die in, and questions follow each other fast."""
    _apply.INITIAL_BATCH_SIZE = _apply.MAX_BATCH_SIZE = task.get("size", 5)
    _doubt.ASK_EVERY = 0.1


def planned(client, task):
    """Make a plan, and tell its op."""
    plan = getattr(client, f"plan_{task['kind']}")(task["ids"], reason="proof")
    tell("planned", op=plan.op)
    return plan


def ready():
    """Wait for the word to go."""
    go = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: go.set())
    tell("ready")
    go.wait()
    tell("begins")


def work(task):
    """Apply a plan, or go on with an operation."""
    small(task)
    with connected(task) as client:
        plan = planned(client, task) if task.get("op") is None else None
        receipt = client.receipt(task["op"]) if plan is None else None
        if task.get("meet"):
            ready()
        if task.get("kill"):
            Kill(*task["kill"]).arm()
        tell("begins")
        if receipt is None:
            receipt = plan.apply(limit=len(task["ids"]), progress=False)
        else:
            receipt.resume(progress=False)
        tell("worked", at=time.monotonic(), counts=receipt.counts, halted=receipt.halted)


def slow_disk(*, once_sent):
    """Let the disk be slow: from now on, or from the first write that is sent."""
    fsync, send, slow = os.fsync, HttpTransport.send, [not once_sent]

    def slowly(descriptor):
        if slow[0]:
            tell("at the disk")
            time.sleep(SLOW)
        fsync(descriptor)

    async def sent(wire, request, *options):
        slow[0] = slow[0] or request.write
        return await send(wire, request, *options)

    os.fsync, HttpTransport.send = slowly, sent


def interrupted(task):
    """Do something that takes long, be interrupted, and tell how that went."""
    small(task)
    during = task["during"]
    with connected(task) as client:
        client.plan_cancel(task["first"]).apply(progress=False)  # what is made once stays: threads that wait for work
        before = set(threading.enumerate())
        plan = planned(client, task) if during != "a list" else None
        if during == "a look at the jobs":
            plan.aio._seen_at = float("-inf")
        if "disk" in during:
            slow_disk(once_sent=during == "a slow disk")
        ready()
        try:
            if plan is None:
                client.jobs()
            else:
                plan.apply(limit=len(task["ids"]), progress=False)
        except KeyboardInterrupt:
            tell("back", at=time.monotonic())
        time.sleep(2.0)
        left = [thread.name for thread in threading.enumerate() if thread not in before and not idle(thread)]

        async def tasks():
            return [repr(each) for each in asyncio.all_tasks() if each is not asyncio.current_task()]

        tell("left", threads=left, tasks=client.run(tasks())[1:], name=client.me().name)
        if plan is not None:
            tell("receipt", **known(client, plan))


def idle(thread):
    """Say whether it is one of a pool that waits for work."""
    frame = sys._current_frames().get(thread.ident)
    return frame is None or frame.f_code.co_name == "_worker"


def known(client, plan):
    """Say what is known of an operation after an interrupt, and how."""
    try:
        receipt = client.receipt(plan.op)
    except jw.UsageError:
        return {"counts": None}
    state = client.receipts().set_index("op").state[plan.op]
    return {"counts": receipt.counts, "text": repr(receipt), "state": state}


TASKS = {"work": work, "interrupted": interrupted}


def child(task):
    """Do one task, and end without ado."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(LONGEST)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    status = 0
    try:
        TASKS[task["task"]](task)
    except JobError as error:
        tell("error", error=type(error).__name__, text=str(error))
        status = 3
    except BaseException as error:  # noqa: BLE001  a child must never come back into the nursery's loop
        tell("broken", error=type(error).__name__, text=str(error))
        status = 4
    finally:
        os._exit(status)


# ----------------------------------------------------------------------------------------------- nursery


def announce(event, pid, **more):
    os.write(1, (json.dumps({"event": event, "pid": pid, **more}) + "\n").encode())


def bury(living):
    """Say which children are over, and how."""
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        living.discard(pid)
        announce("over", pid, status=os.waitstatus_to_exitcode(status))


def obey(asked, living):
    """Fork a child, or send one a signal."""
    if "kill" in asked:
        if asked["kill"] in living:  # not buried yet: nobody else has its number
            os.kill(asked["kill"], asked["signal"])
        return
    pid = os.fork()
    if not pid:
        signal.set_wakeup_fd(-1)
        child(asked["task"])
    living.add(pid)
    announce("born", pid)


def main():
    """Fork a child for each task, until standard input ends; then end them all."""
    assert threading.active_count() == 1, "a process with threads must not be forked"
    awake, waker = socket.socketpair()
    for end in (awake, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living, unread = set(), b""
    while True:
        ready, _, _ = select.select([0, awake], [], [])
        if awake in ready:
            awake.recv(4096)
            bury(living)
        if 0 in ready:
            more = os.read(0, 1 << 20)
            if not more:
                break
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                obey(json.loads(line), living)
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
