"""Another kernel, for the tests of journals: takes, holds and gives up operations as it is told on its input.

It loads the journal without the rest of the bulk work, so that twenty of them start in a moment.
"""

import os
import sys
import time
import types
from pathlib import Path

import jobwidgets

package = types.ModuleType("jobwidgets.bulk")
package.__path__ = [str(Path(jobwidgets.__file__).parent / "bulk")]
sys.modules["jobwidgets.bulk"] = package  # so that its `__init__`, which imports all of bulk, is not run

from jobwidgets.bulk.journal.journal import Journal  # noqa: E402
from jobwidgets.errors import JobError, UsageError  # noqa: E402  after the package is in place


def answer(*words):
    print(*words, flush=True)  # noqa: T201  its output is the wire


def main():
    held = {}
    answer("ready", os.getpid())
    for line in sys.stdin:
        word, op, *more = line.split()
        try:
            if word == "create":
                held[op] = Journal.create(op)
                held[op].append({"record": "plan", "version": 1})
                held[op].sync()
            elif word == "reopen":
                while more and time.time() < float(more[0]):
                    pass  # all start at the same moment
                held[op] = Journal.reopen(op)
            elif word == "check":
                held[op].stop_asked()
            elif word == "write":
                held[op].append({"by": os.getpid()})
                held[op].sync()
            elif word == "close":
                held.pop(op).close()
            elif word == "churn":
                churn(op, float(more[0]))
            answer("ok")
        except (JobError, OSError) as error:
            answer(type(error).__name__, error)


def churn(op, until):
    """Take it, be alone with it, give it up, again and again."""
    import fcntl

    with Path(os.environ["JOBWIDGETS_STATE"], "alone").open("a") as alone:
        while time.time() < until:
            try:
                journal = Journal.reopen(op)
            except UsageError:
                continue
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if another one is in here, and not if it died
            journal.append({"by": os.getpid()})
            journal.sync()
            journal.stop_asked()
            fcntl.flock(alone, fcntl.LOCK_UN)
            journal.close()


if __name__ == "__main__":
    main()
