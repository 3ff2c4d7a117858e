# ruff: noqa: T201 - a script that starts interpreters and prints what it measured
"""What it takes to begin: `python tests/bench/bench_start.py`. Compare within one run only.

Everything begins in an interpreter, a shell or a kernel of its own, one after the other in each round. What they take
to start is not counted: the clock runs around the import, around `%load_ext jobwidgets`, and in a kernel from the cell
`%load_ext jobwidgets` to the end of the cell `%job list`, with `%job demo` between them. Beside them `import pandas`,
which whoever works with frames pays anyway.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from goals import Goal, report
from jupyter_client.manager import start_new_kernel

TIMED = "import time; begin = time.perf_counter(); {}; print((time.perf_counter() - begin) * 1000)"
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
"""
LOAD = "shell.run_line_magic('load_ext', 'jobwidgets')"
CELLS = ("%load_ext jobwidgets", "%job demo", "%job list")


def fresh(code, before=""):
    """Return what a statement takes in an interpreter of its own, in milliseconds."""
    command = [sys.executable, "-c", before + TIMED.format(code)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def interpreter():
    """Return what an interpreter takes that does nothing, in milliseconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - begin) * 1000


def kernel(*cells):
    """Return what cells take in a kernel of its own, in milliseconds."""
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    spans = []
    try:
        for cell in ("1 + 1", *cells):  # the first one makes sure that the kernel is ready
            begin = time.perf_counter()
            reply = client.execute_interactive(cell, output_hook=lambda _: None, timeout=120)
            spans.append((time.perf_counter() - begin) * 1000)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()
    return spans[1:]


def round_of():
    """Measure each once."""
    found = {
        "python": interpreter(),
        "import": fresh("import jobwidgets"),
        "pandas": fresh("import pandas"),
        "load": fresh(LOAD, SHELL),
        "kernel_pandas": kernel("import pandas")[0],
    }
    found |= dict(zip(("cell_load", "cell_demo", "cell_list"), kernel(*CELLS), strict=True))
    return {**found, "first_list": found["cell_load"] + found["cell_demo"] + found["cell_list"]}


NAMES = {
    "python": "an interpreter that does nothing, from outside",
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
    middle = {name: statistics.median(each[name] for each in rounds) for name in NAMES}
    print(f"medians of {len(rounds)} rounds:")
    for name, what in NAMES.items():
        print(f"  {what:<54}{middle[name]:9.1f} ms")

    def times(name, against):
        return statistics.median(each[name] / each[against] for each in rounds)

    goals = [
        Goal("import jobwidgets, ms", middle["import"], 20, note=f"{times('import', 'pandas'):.1%} of import pandas"),
        Goal("%load_ext jobwidgets, ms", middle["load"], 20, note=f"{times('load', 'pandas'):.1%} of import pandas"),
        Goal(
            "%load_ext, %job demo and the first %job list in a fresh kernel, s",
            middle["first_list"] / 1000,
            2.5,
            note=f"{times('first_list', 'kernel_pandas'):.1f} times import pandas there",
        ),
    ]
    report("start", goals, options.json, rounds=rounds)


if __name__ == "__main__":
    main()
