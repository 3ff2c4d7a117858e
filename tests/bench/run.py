# ruff: noqa: T201 - it prints what was measured
"""Run every bench, or those that are named, and show all goals in one table: `python -m tests.bench.run bulk start`."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.goals import read
from tests.support import ROOT


def main():
    """Run them one after the other; nothing fails for being slow."""
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all of them if none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found there as well")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"no bench is called {unknown[0]!r}; there are {', '.join(names)}")
    failed, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or names:
            print(f"== {name}", flush=True)
            path = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", f"tests.bench.bench_{name}", "--json", str(path)]
            if subprocess.call(command, cwd=ROOT) != 0 or not path.exists():
                failed.append(name)
            else:
                found[name] = path.read_text()
        print("== all goals", flush=True)
        for name in found:
            for goal in read(Path(folder) / f"{name}.json"):
                print(f"{name:<14}{goal}")
    if options.json:
        options.json.write_text(json.dumps({name: json.loads(text) for name, text in found.items()}, indent=1))
    for name in failed:
        print(f"{name:<14}could not be run: see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
