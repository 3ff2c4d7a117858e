# ruff: noqa: T201 - it prints what it counted
"""How far the code of one journey is spread: `python -m tests.bench.hops [JOURNEY ...]`.

For each journey it prints three counts of functions of `jobwidgets`, the embedded service left out:

calls
    Calls of such functions. A coroutine or a generator counts once, when it begins, and not when it goes on.
modules
    Modules that were visited.
moves
    Consecutive calls of functions in different modules, in the order of time over all threads.

The counts of one journey differ a little from run to run, because threads meet at other moments.
"""

import argparse
import contextlib
import dis
import io
import sys
import tempfile
import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import jobwidgets

PACKAGE = str(Path(jobwidgets.__file__).parent) + "/"
APART = PACKAGE + "emulator/"
RESUME = dis.opmap["RESUME"]


class Recorder:
    """Notes the module of every function of the package that is called between `start` and `stop`, in any thread.

    It must be made before the threads that take part.
    """

    def __init__(self):
        self.modules, self._on = [], False
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame, event, _argument):
        code = frame.f_code
        path = code.co_filename
        if self._on and event == "call" and path.startswith(PACKAGE) and not path.startswith(APART):
            at = frame.f_lasti
            if code.co_code[at] != RESUME or code.co_code[at + 1] == 0:  # not a coroutine that goes on
                self.modules.append(path.removeprefix(PACKAGE))

    @contextlib.contextmanager
    def recording(self):
        """Note what is called in the body of `with`."""
        self.modules.clear()
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def close(self):
        """Stop watching."""
        sys.setprofile(None)
        threading.setprofile(None)

    def counts(self):
        """Return the number of calls, of modules, and of moves between modules."""
        return len(self.modules), len(set(self.modules)), sum(a != b for a, b in pairwise(self.modules))


@contextlib.contextmanager
def connected():
    """Start the embedded service with its clock stopped, and connect to it."""
    from jobwidgets.emulator import Service, serve

    service = Service(jobs=60, seed=1, speed=0, start=datetime(2026, 3, 4, 12, tzinfo=UTC))
    with serve(service) as running:
        options = {"rest_url": running.rest_url, "token": service.token, "timeout": 20}
        with jobwidgets.connect(running.graphql_url, **options) as client:
            yield service, client


def magic_cancel(recorder):
    """`%job cancel ID`"""
    from IPython.core.interactiveshell import InteractiveShell

    with connected() as (service, _), contextlib.redirect_stdout(io.StringIO()):
        shell = InteractiveShell.instance()
        shell.history_manager.enabled = False
        shell.run_line_magic("load_ext", "jobwidgets")
        job = service.a_cancellable_job()
        with recorder.recording():
            shell.run_line_magic("job", f"cancel {job}")
        shell.run_line_magic("unload_ext", "jobwidgets")
        assert service.job_status(job) == "aborted"


def list_jobs(recorder):
    """`client.jobs(since="1d")`"""
    with connected() as (_, client):
        with recorder.recording():
            jobs = client.jobs(since="1d")
        assert len(jobs) > 0


def apply_plan(recorder):
    """`plan.apply()` of 20 jobs with one 429"""
    with connected() as (service, client):
        jobs = [service.add_job("pending", 1) for _ in range(20)]
        plan = client.plan_cancel(jobs)
        service.faults.fail_before(status=429, times=1, operation="cancelJob")
        with recorder.recording():
            receipt = plan.apply(progress=False)
        assert receipt.counts == {"done": 20}


def panel_cancel(recorder):
    """a click on "Cancel 15" to the receipt"""
    from tests.support.fake_frontend import fake_frontend
    from tests.support.panel_driver import Page, settle

    with connected() as (service, client), fake_frontend() as page_end_of:
        panel = jobwidgets.JobPanel(client, refresh=None)
        settle(panel)
        page = Page(page_end_of, panel)
        jobs = [service.add_job("pending", 1) for _ in range(15)]
        page.press("Refresh")
        panel.select(jobs)
        with recorder.recording():
            page.press("Cancel 15")
            page.press("Cancel 15 jobs")
        assert panel._work.receipt.counts == {"done": 15}
        panel.close()


JOURNEYS = {each.__name__: each for each in (magic_cancel, list_jobs, apply_plan, panel_cancel)}


def count(journey):
    """Go on a journey twice and count the second time: imports and first-time work are left out."""
    recorder = Recorder()
    try:
        for _ in range(2):
            with tempfile.TemporaryDirectory() as state, mock.patch.dict("os.environ", JOBWIDGETS_STATE=state):
                journey(recorder)
        calls, modules, moves = recorder.counts()
    finally:
        recorder.close()
    return SimpleNamespace(calls=calls, modules=modules, moves=moves)


def main():
    """Print one line for each journey."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="JOURNEY", help=f"of {', '.join(JOURNEYS)}; none: all of them")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in JOURNEYS]
    if unknown:
        parser.error(f"no journey is called {unknown[0]!r}; there are {', '.join(JOURNEYS)}")
    print(f"{'calls':>7}{'modules':>9}{'moves':>7}  journey")
    for name in options.names or JOURNEYS:
        found = count(JOURNEYS[name])
        print(f"{found.calls:>7}{found.modules:>9}{found.moves:>7}  {JOURNEYS[name].__doc__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
