# ruff: noqa: T201 - a script that starts interpreters and prints what it measured
"""What it takes to begin: `python -m tests.bench.bench_start`. Compare within one run only.

Everything begins in an interpreter, a shell or a kernel of its own, one after the other in each round. What they take
to start is not counted: the clock runs around the import, around `%load_ext jobwidgets`, and in a kernel from the cell
`%load_ext jobwidgets` to the end of the cell `%job list`, with `%job demo` between them. Beside them `import pandas`,
which whoever works with frames pays anyway. On a machine that is busy with other things a clock tells little: beside it
stands the processor time of the interpreter, the shell or the kernel.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise

from jupyter_client.manager import start_new_kernel

from tests.bench.goals import Goal, report

CLOCKS = "__import__('time').perf_counter(), __import__('time').process_time()"
TIMED = f"begin = {CLOCKS}; {{}}; print(*[(now - then) * 1000 for then, now in zip(begin, ({CLOCKS}))])"
USED = "__import__('time').process_time()"
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
"""
LOAD = "shell.run_line_magic('load_ext', 'jobwidgets')"
CELLS = ("%load_ext jobwidgets", "%job demo", "%job list")


def fresh(code, before=""):
    """Return what a statement takes in an interpreter of its own, in milliseconds: of a clock, and of a processor."""
    command = [sys.executable, "-c", before + TIMED.format(code)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [float(each) for each in told[-2:]]


def kernel(*cells):
    """Return what cells take in a kernel of its own, in milliseconds: of a clock, and of a processor."""
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    moments = []
    try:
        for cell in ("1 + 1", *cells):  # the first one makes sure that the kernel is ready
            reply = client.execute_interactive(
                cell, output_hook=lambda _: None, timeout=120, user_expressions={"used": USED}
            )
            assert reply["content"]["status"] == "ok", reply["content"]
            used = float(reply["content"]["user_expressions"]["used"]["data"]["text/plain"])
            moments.append((time.perf_counter() * 1000, used * 1000))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()
    return [[after - before for before, after in zip(*pair, strict=True)] for pair in pairwise(moments)]


def round_of():
    """Measure each once."""
    found = {
        "import": fresh("import jobwidgets"),
        "pandas": fresh("import pandas"),
        "load": fresh(LOAD, SHELL),
        "kernel_pandas": kernel("import pandas")[0],
    }
    found |= dict(zip(("cell_load", "cell_demo", "cell_list"), kernel(*CELLS), strict=True))
    cells = (found["cell_load"], found["cell_demo"], found["cell_list"])
    return {**found, "first_list": [sum(parts) for parts in zip(*cells, strict=True)]}


NAMES = {
    "import": "import jobwidgets",
    "pandas": "import pandas",
    "load": "%load_ext jobwidgets in a fresh shell",
    "kernel_pandas": "a cell with import pandas in a fresh kernel",
    "cell_load": "a cell with %load_ext jobwidgets in a fresh kernel",
    "cell_demo": "the next, %job demo: a service of 2,000 jobs starts",
    "cell_list": "the next, %job list: all of them as a frame",
    "first_list": "the three together",
}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ["JOBWIDGETS_STATE"] = state
        os.environ.pop("JOBWIDGETS_DEMO", None)  # the service is to start here
        round_of()  # warm: what is on disk is in memory, and compiled
        rounds = [round_of() for _ in range(options.times)]
    clock, used = (
        {name: statistics.median(each[name][which] for each in rounds) for name in NAMES} for which in (0, 1)
    )
    print(f"medians of {len(rounds)} rounds:")
    for name, what in NAMES.items():
        print(f"  {what:<54}{clock[name]:9.1f} ms, of a processor {used[name]:9.1f} ms")

    def beside(name, against):
        share = statistics.median(each[name][0] / each[against][0] for each in rounds)
        return f"{share:.2g} times import pandas; by the clock {clock[name]:,.0f} ms"

    goals = [
        Goal("import jobwidgets, ms of a processor", used["import"], 20, note=beside("import", "pandas")),
        Goal("%load_ext jobwidgets, ms of a processor", used["load"], 20, note=beside("load", "pandas")),
        Goal(
            "%load_ext, %job demo and the first %job list in a fresh kernel, s",
            clock["first_list"] / 1000,
            2.5,
            note=f"{beside('first_list', 'kernel_pandas')}, of a processor {used['first_list']:,.0f} ms",
        ),
    ]
    report("start", goals, options.json, rounds=rounds)


if __name__ == "__main__":
    main()
