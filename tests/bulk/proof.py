"""What the proofs of bulk work have in common: everything is judged by the service's own ledger."""

import functools
import json
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

OUTCOMES = {"done", "refused", "skipped", "unknown", "not_sent"}


def figures(**values):
    """Print what was proved; `pytest -rA` shows it."""
    sys.stdout.write(" ".join(f"{name}={value}" for name, value in values.items()) + "\n")


def waiting(service, count, **options):
    """Add jobs that can be cancelled, each with a target of its own."""
    return [service.add_job("pending", 1, target=f"wait {n}", lives=False, **options) for n in range(count)]


def failed(service, count, target="fail {}", **options):
    """Add jobs that can be retried, each with a target of its own unless `target` says otherwise."""
    return [
        service.add_job("failed", ["failed"], target=target.format(n), lives=False, **options) for n in range(count)
    ]


def effects(service):
    """Count how often each target was written to with effect."""
    return Counter(write.target_id for write in list(service.ledger))


def doubled(service):
    """Count the writes that should not have been."""
    return sum(count - 1 for count in effects(service).values())


def outcomes(receipt):
    """Give each target's outcome; the sums hold, whoever asks and whenever."""
    counts, frame = receipt.counts, receipt.df
    assert set(counts) <= OUTCOMES
    assert sum(counts.values()) == receipt.total == len(frame)
    assert frame.id.is_unique
    return dict(zip(frame.id, frame.outcome, strict=True))


def of(receipt, *words):
    """Give the targets of some outcomes."""
    return {job for job, outcome in outcomes(receipt).items() if outcome in words}


def never_says_too_much(receipt, service):
    """Hold a receipt, at any moment, against the ledger: sure of nothing that is not so."""
    took, told = set(effects(service)), outcomes(receipt)
    done = {job for job, outcome in told.items() if outcome == "done"}
    open_ = {job for job, outcome in told.items() if outcome == "unknown"}
    mine = took & set(told)
    assert done <= took, f"{len(done - took)} called done that were not"
    assert mine <= done | open_, f"{len(mine - done - open_)} took effect and are called something else"


class Child:
    """A process that was forked for one task; what it tells arrives in `told`."""

    def __init__(self, pid, kill):
        self.pid, self._kill = pid, kill
        self.told = queue.SimpleQueue()
        self.status = None
        self.last = None

    def wait_for(self, event, timeout=60):
        """Wait until it tells of an event, or of its end; give what it told, None when it is over."""
        while self.status is None:
            try:
                said = self.told.get(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"child {self.pid} told nothing of {event!r} in {timeout} s") from None
            if said["event"] == "over":
                self.status = said["status"]
            else:
                self.last = said
            if said["event"] == event:
                return said
        return None

    def kill(self, number=9):
        """Send it a signal, if it is there still: 9 cannot be caught."""
        self._kill(number)

    def go(self):
        """Give the word to a child that waits for it."""
        self.kill(signal.SIGUSR1)

    def over(self, timeout=60):
        """Wait for its end: 0, an exit status, or minus the signal that ended it."""
        self.wait_for("over", timeout)
        return self.status


class Nursery:
    """A process that has imported everything and has no threads: it forks children in milliseconds."""

    def __init__(self, environment):
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash_child.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        )  # fmt: skip
        self._started = queue.SimpleQueue()
        self._children = {}
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            said = json.loads(line)
            pid, event = said["pid"], said["event"]
            child = self._children.get(pid)
            if child is None:  # a child may speak before its birth is announced
                child = self._children[pid] = Child(pid, functools.partial(self._ask, kill=pid))
            if event == "born":
                self._started.put(child)
            else:
                child.told.put(said)
            if event == "over":
                del self._children[pid]

    def start(self, task, **more):
        """Fork a child for a task."""
        self._ask(task={"task": task, **more})
        return self._started.get(timeout=60)

    def _ask(self, number=0, **what):
        self._process.stdin.write(json.dumps({**what, "signal": number}) + "\n")
        self._process.stdin.flush()

    def close(self):
        """End it, and with it its children."""
        self._process.stdin.close()
        self._process.wait(20)
        self._reader.join(5)
        self._process.stdout.close()
