#!/usr/bin/env python3
"""Set this project up and use it: `python3 dev.py demo`, and the same with `test`, `soak` and `bench`.

Needs Python only; the environment is made in `.venv` the first time and kept until `pyproject.toml` changes.
Python 3.7 can read this file, so that a machine with an old one is told what to do.
"""

# ruff: noqa: S603, S606 - starting programs is what this script is for; none comes from outside

from __future__ import annotations

import collections
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
NEWEST = (3, 14)  # newer ones have no wheels yet

USAGE = """usage: python3 dev.py COMMAND [ARGUMENTS]

  demo [...]    open the tour in JupyterLab, with the embedded service; ARGUMENTS go to `jobwidgets demo`
  test [...]    lint, types and all tests, the browser's included; ARGUMENTS go to pytest
  soak [...]    the tests that repeat an experiment, at their full size (up to 90 minutes); ARGUMENTS go to pytest
  bench [...]   measure how quick it is, beside the plain ways; ARGUMENTS name benches, e.g. bulk --json FILE

Each makes its own environment in .venv first. PYTHON=python3.12 chooses what it is made with.
"""

EXTRAS = ("demo", "test", "bench")
"""Of `pyproject.toml`; each includes those before it."""

INSTALL_REPORT_SECONDS = 5

# More test processes than processors: while some wait, others work.
TEST_PROCESSES = min((os.cpu_count() or 1) + 2, 8)
PARALLEL_PYTEST = ["-m", "pytest", "-n", str(TEST_PROCESSES)]

# What an interpreter must be able to do before an environment can be made with it.
PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"

# A page rendered is the only proof that a browser has all the libraries it needs.
PAGE = "data:text/html,<title>ready</title>"
CHROMIUM_ARGS = ["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--dump-dom", PAGE]
PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


class SetupError(Exception):
    """Something is missing that this script cannot bring; the text says what to do."""


def main(argv: list[str]) -> int:
    """Run one of the commands and return its exit code."""
    commands = {"demo": demo, "test": test, "soak": soak, "bench": bench}
    if not argv or argv[0] not in commands:
        asked_for_help = bool(argv) and argv[0] in ("-h", "--help", "help")
        (sys.stdout if asked_for_help else sys.stderr).write(USAGE)
        return 0 if asked_for_help else 2
    for name in ("VIRTUAL_ENV", "PYTHONHOME"):  # of an environment that is active here: what runs is in .venv
        os.environ.pop(name, None)
    try:
        return commands[argv[0]](argv[1:])
    except SetupError as error:
        sys.stderr.write(f"dev.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


# ------------------------------------------------------------------------------------------------- commands


def demo(arguments: list[str]) -> int:
    """Open the tour."""
    environment("demo")
    command = [str(PYTHON), "-m", "jobwidgets", "demo", *arguments]
    if os.name != "nt":
        os.execv(command[0], command)  # so that Ctrl-C and SIGTERM reach the command itself
    return subprocess.call(command)


def test(arguments: list[str]) -> int:
    """Run every check; all of them run, whichever fails."""
    environment("test")
    where = dict(os.environ, CHROMIUM=chromium())
    checks = [
        ("ruff check", ["-m", "ruff", "check"]),
        ("ruff format", ["-m", "ruff", "format", "--check"]),
        ("mypy", ["-m", "mypy"]),
        ("pytest", [*PARALLEL_PYTEST, *arguments]),
    ]
    failed = []
    for name, command in checks:
        say(name)
        if subprocess.call([str(PYTHON), *command], cwd=str(ROOT), env=where) != 0:
            failed.append(name)
    if failed:
        say("failed: " + ", ".join(failed))
    return 1 if failed else 0


def soak(arguments: list[str]) -> int:
    """Run the campaigns at their full size, and browser tests in the other front ends; show the figures."""
    environment("test")
    where = dict(os.environ, CHROMIUM=chromium())
    say("pytest --soak")
    command = [str(PYTHON), *PARALLEL_PYTEST, "--soak", "-m", "campaign or soak_only or other_host", *arguments]
    return subprocess.call(command, cwd=str(ROOT), env=where)


def bench(arguments: list[str]) -> int:
    """Measure, side by side in one run; nothing here fails for being slow."""
    environment("bench")
    where = dict(os.environ, CHROMIUM=chromium())
    return subprocess.call([str(PYTHON), "-m", "tests.bench.run", *arguments], cwd=str(ROOT), env=where)


# ---------------------------------------------------------------------------------------------- environment


def environment(extra: str) -> None:
    """Prepare `.venv` with this project and one extra in it; quick when nothing has changed."""
    sufficient = EXTRAS[EXTRAS.index(extra) :]
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    works = PYTHON.exists() and succeeds([str(PYTHON), "-c", PROBE])
    if works and any(stamp.exists() and stamp.read_text() == wanted for stamp in map(stamp_of, sufficient)):
        return
    if not works:
        interpreter = newest_python()
        say(f"making .venv with {interpreter}")
        if subprocess.call([interpreter, "-m", "venv", "--clear", str(VENV)]) != 0:
            raise SetupError("no environment could be made in .venv; see above")
    say(f"installing jobwidgets[{extra}] into .venv (a few minutes the first time)")
    if not installed(f".[{extra}]"):
        raise SetupError("pip could not install what is needed; see above. Run the same command again to go on")
    stamp_of(extra).write_text(wanted)


def stamp_of(extra: str) -> Path:
    """Return the file that says for which `pyproject.toml` an extra was installed."""
    return VENV / f".{extra}-installed"


def installed(requirement: str) -> bool:
    """Install with pip and show every few seconds how far it is; on failure, show the end of what pip printed."""
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    began = time.monotonic()
    process = subprocess.Popen([*pip, "--editable", requirement], cwd=str(ROOT), stdout=subprocess.PIPE)
    lines = collections.deque(["starting pip"], maxlen=30)

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line.decode(errors="replace").rstrip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(INSTALL_REPORT_SECONDS)
            if reader.is_alive():
                minutes, seconds = divmod(int(time.monotonic() - began), 60)
                show(f"   {minutes}:{seconds:02} {lines[-1].strip()[:100]}")
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if code != 0:
        show("\n".join(lines))
    return code == 0


def newest_python() -> str:
    """Find the newest interpreter that fits and can make environments."""
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    names = [f"python3.{minor}" for minor in minors] + ["python3", "python", sys.executable]
    if os.environ.get("PYTHON"):
        names = [os.environ["PYTHON"]]
    without_venv = ""
    for path in filter(None, map(shutil.which, names)):
        version = answer([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if not version or tuple(map(int, version.split("."))) < OLDEST:
            continue
        if succeeds([path, "-c", PROBE]):
            return path
        without_venv = without_venv or version
    if without_venv:
        raise SetupError(
            f"Python {without_venv} is here without its venv module; "
            f"on Debian and Ubuntu: apt-get install python{without_venv}-venv"
        )
    raise SetupError(
        f"Python 3.11 or newer is needed and {', '.join(dict.fromkeys(names))} is none; install one, "
        "or name it: PYTHON=/path/to/python3.12 python3 dev.py ..."
    )


# -------------------------------------------------------------------------------------------------- browser


def chromium() -> str:
    """Find a Chromium that renders a page, or bring one; return its path."""
    tries = [
        (None, found_chromium),
        ("getting Chromium through Playwright", playwright_chromium),
        ("getting Chromium from the distribution's packages", debian_chromium),
    ]
    for note, find in tries:
        if note:
            say(note)
        path = find()
        if path:
            return path
    raise SetupError(
        "the browser tests need Chromium and none could be had; install it (Debian: "
        "apt-get install chromium-headless-shell), "
        "or say where it is: CHROMIUM=/path/to/chromium python3 dev.py test"
    )


def found_chromium() -> str | None:
    """Look for one that is here already; without a user interface it takes half the processor time."""
    names = [os.environ.get("CHROMIUM"), "chromium-headless-shell", "chromium", "chromium-browser"]
    names += ["google-chrome", "google-chrome-stable"]
    names.append("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    for path in filter(None, map(shutil.which, filter(None, names))):
        if renders(path):
            return path
    playwrights = answer([str(PYTHON), "-c", PLAYWRIGHT_PATH])
    return playwrights if playwrights and renders(playwrights) else None


def playwright_chromium() -> str | None:
    """Download Playwright's own; some networks refuse it, some let it hang."""
    download = [str(PYTHON), "-m", "playwright", "install", "chromium"]
    return found_chromium() if succeeds(download, seconds=300, show=True) else None


def debian_chromium() -> str | None:
    """Install Debian's package, with its libraries."""
    if not shutil.which("apt-get"):
        return None
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    succeeds([*apt, "update"], seconds=300, show=True)  # one stale list must not stop the rest
    packages = ("chromium-headless-shell", "chromium")  # not every release has the first
    installed = any(succeeds([*apt, "install", "-y", package], seconds=900, show=True) for package in packages)
    return found_chromium() if installed else None


def renders(path: str) -> bool:
    """Say whether this browser starts and shows a page."""
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # refused to root
    return "ready" in answer([path, *sandbox, *CHROMIUM_ARGS])


# ------------------------------------------------------------------------------------------------ processes


def say(text: str) -> None:
    """Print what happens now."""
    show(f"== {text}")


def show(text: str) -> None:
    """Print at once, also where the output goes to a file."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def succeeds(command: list[str], *, seconds: float = 60, show: bool = False) -> bool:
    """Run a command that may be missing, fail or hang; say whether it did its work."""
    return run(command, seconds, None if show else subprocess.DEVNULL)[0] == 0


def answer(command: list[str], *, seconds: float = 60) -> str:
    """Run a command that may be missing, fail or hang; return what it printed, or nothing."""
    code, printed = run(command, seconds, subprocess.PIPE)
    return printed.strip() if code == 0 else ""


def run(command: list[str], seconds: float, out: int | None) -> tuple[int, str]:
    """Run to the end or to the time limit, and leave no child of it behind."""
    quiet = subprocess.DEVNULL if out is not None else None
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=quiet, start_new_session=os.name != "nt"
        )
    except OSError:
        return 1, ""
    try:
        printed, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, 9)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return 1, ""
    return process.returncode, (printed or b"").decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
