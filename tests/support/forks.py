"""Child processes that are forked in milliseconds from one process that has imported everything."""

import functools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

DASK_WORKER_START = "forkserver" if os.name == "posix" else "spawn"
"""How Dask starts the processes of a cluster: from one that has imported everything, where there is such a thing."""


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
