"""`dev.py`: the commands of the README on a machine where nothing is installed yet, in any order."""

import ast
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.support import ROOT

COMMANDS = ("demo", "test", "soak", "bench")


@pytest.fixture
def checkout(tmp_path):
    """A folder with the set-up in it, and no environment yet."""
    for name in ("dev.py", "Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def program(tmp_path):
    """Make a small shell program under a name of its own; return its path."""

    def make(name, text):
        path = tmp_path / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return make


def dev(checkout, *arguments, **env):
    return subprocess.run(
        [sys.executable, "dev.py", *arguments],
        cwd=checkout,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def installed_by(checkout, extra):
    """Lay out a finished environment: an interpreter that only says what it was asked for, and an extra's stamp."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ncase "$1" in -c) exit 0;; *) echo "asked for: $*"; exit 7;; esac\n')
    python.chmod(0o755)
    digest = hashlib.sha256((checkout / "pyproject.toml").read_bytes()).hexdigest()
    (checkout / ".venv" / f".{extra}-installed").write_text(digest)


def test_an_unknown_command_shows_the_known_ones(checkout):
    answer = dev(checkout, "install")
    assert answer.returncode == 2
    for command in COMMANDS:
        assert f"  {command} [...]" in answer.stderr


def test_a_python_that_is_too_old_is_named_with_what_to_do(checkout, program):
    old = program("python", "echo 3.8")
    answer = dev(checkout, "demo", PYTHON=str(old))
    assert answer.returncode == 1
    assert answer.stderr.startswith("dev.py: Python 3.11 or newer is needed")
    assert str(old) in answer.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_told_which_package_brings_it(checkout, program):
    bare = program("python", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.12;; esac')
    answer = dev(checkout, "demo", PYTHON=str(bare))
    assert answer.returncode == 1
    assert "apt-get install python3.12-venv" in answer.stderr


def test_the_newest_python_that_can_make_environments_is_taken(checkout, program):
    program("python3.13", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.13;; esac')
    chosen = program("python3.12", 'case "$1" in -c) echo 3.12;; *) echo "asked for: $*"; exit 9;; esac')
    program("python3.11", "echo 3.11")
    answer = dev(checkout, "demo", PATH=f"{chosen.parent}:/usr/bin:/bin")
    assert f"making .venv with {chosen}" in answer.stdout
    assert answer.stderr == "dev.py: no environment could be made in .venv; see above\n"


@pytest.mark.parametrize("extra", ["demo", "test"])
def test_an_environment_that_is_complete_is_used_as_it_is(checkout, extra):
    installed_by(checkout, extra)
    answer = dev(checkout, "demo", "--seed", "7", PYTHON="no-such-python")
    assert (answer.returncode, answer.stdout) == (7, "asked for: -m jobwidgets demo --seed 7\n")


def test_a_changed_pyproject_is_installed_again(checkout):
    installed_by(checkout, "demo")
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    answer = dev(checkout, "demo")
    assert "== installing jobwidgets[demo]" in answer.stdout
    assert "-m pip install" in answer.stdout
    assert answer.returncode == 1
    assert "Run the same command again" in answer.stderr


RECORDING_PYTHON = r"""#!/bin/sh
case "$*" in
    *"pip install"*) echo "$*" | sed 's/.*\.\[\(.*\)\]/installs \1/' >> log ;;
    -c*) ;;
    *) echo runs >> log ;;
esac
"""


@pytest.mark.parametrize("order", list(itertools.permutations(COMMANDS, 3)), ids="-".join)
def test_commands_in_any_order_find_what_they_need_installed(checkout, program, order):
    installed_by(checkout, "none")
    (checkout / ".venv" / "bin" / "python").write_text(RECORDING_PYTHON)
    chromium = program("my-chromium", "echo ready")
    needs = {"demo": "demo", "test": "test", "soak": "test", "bench": "bench"}
    brings = {"demo": {"demo"}, "test": {"demo", "test"}, "bench": {"demo", "test", "bench"}}
    there = set()
    for command in order:
        (checkout / "log").unlink(missing_ok=True)
        assert dev(checkout, command, CHROMIUM=str(chromium)).returncode == 0
        *installs, last = dict.fromkeys((checkout / "log").read_text().splitlines())
        assert installs == ([] if needs[command] in there else [f"installs {needs[command]}"])
        assert last == "runs"
        there |= brings[needs[command]]


def test_each_extra_includes_the_ones_before_it():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    order = ast.literal_eval(re.search(r"^EXTRAS = (.*)$", (ROOT / "dev.py").read_text(), re.MULTILINE)[1])
    for smaller, larger in itertools.pairwise(order):
        included = [Requirement(line) for line in extras[larger]]
        assert any(each.name == "jobwidgets" and smaller in each.extras for each in included), (smaller, larger)


def test_an_installation_says_how_far_it_is(checkout):
    installed_by(checkout, "none")
    wait = (
        '#!/bin/sh\ncase "$*" in *install*) echo Collecting pandas; while [ ! -e seen ]; do sleep 0.01; done;; esac\n'
    )
    (checkout / ".venv" / "bin" / "python").write_text(wait)
    source = checkout / "dev.py"
    source.write_text(re.sub(r"INSTALL_REPORT_SECONDS = \d+", "INSTALL_REPORT_SECONDS = 0.1", source.read_text()))
    with subprocess.Popen([sys.executable, "dev.py", "demo"], cwd=checkout, stdout=subprocess.PIPE, text=True) as run:
        assert "== installing jobwidgets[demo] into .venv" in next(run.stdout)
        told = next(line for line in run.stdout if "starting pip" not in line)
        (checkout / "seen").touch()
    assert re.fullmatch(r" +\d+:\d\d Collecting pandas\n", told)
    assert run.returncode == 0


def browser_bringer(checkout, program, *, playwright, apt):
    """Lay out a finished environment on a machine without Chromium.

    Whether Playwright brings one is given, and which package the distribution has.
    """
    installed_by(checkout, "test")
    brought = checkout / "programs" / "chromium"
    bring = f"printf '#!/bin/sh\\necho ready\\n' > {brought}; /bin/chmod 755 {brought}"
    program("env", 'while case "$1" in *=*) true;; *) false;; esac; do shift; done; exec "$@"')
    program("sudo", 'shift; exec "$@"')
    if apt:
        program("apt-get", f'echo "apt-get $*"; case "$*" in *update) ;; *" {apt}") {bring};; *) exit 100;; esac')
    (checkout / ".venv" / "bin" / "python").write_text(
        "#!/bin/sh\n"
        f'case "$*" in *playwright\\ install*) {bring if playwright else "exit 1"};; -c*) ;; '
        '*) echo "asked for: $* by $CHROMIUM";; esac\n'
    )
    return str(brought)


@pytest.mark.parametrize(
    ("playwright", "apt"),
    [(True, "chromium"), (True, None), (False, "chromium"), (False, "chromium-headless-shell")],
)
def test_a_missing_chromium_is_brought_by_playwright_or_else_by_the_distribution(checkout, program, playwright, apt):
    brought = browser_bringer(checkout, program, playwright=playwright, apt=apt)
    answer = dev(checkout, "test", "-k", "one", PATH=str(checkout / "programs"), CHROMIUM="")
    assert answer.returncode == 0, answer.stderr
    assert re.search(rf"asked for: -m pytest -n \d -k one by {re.escape(brought)}\n", answer.stdout)
    assert (f"apt-get -qq install -y {apt}\n" in answer.stdout) is not playwright


def test_without_any_chromium_the_command_says_what_to_do(checkout, program):
    browser_bringer(checkout, program, playwright=False, apt=None)
    answer = dev(checkout, "test", PATH=str(checkout / "programs"), CHROMIUM="")
    assert answer.returncode == 1
    assert "CHROMIUM=/path/to/chromium" in answer.stderr
    assert "pytest" not in answer.stdout


def test_every_check_runs_and_those_that_failed_are_named(checkout, program):
    installed_by(checkout, "test")
    chromium = program("my-chromium", "echo ready")
    answer = dev(checkout, "test", CHROMIUM=str(chromium))
    assert answer.returncode == 1
    assert answer.stdout.count("asked for: -m") == 4
    assert answer.stdout.endswith("== failed: ruff check, ruff format, mypy, pytest\n")


def test_the_makefile_only_opens_doors():
    doors = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("\t")]
    assert doors == [f"\t@python3 dev.py {command} $(ARGS)" for command in COMMANDS]


def test_ci_runs_the_test_command_of_the_readme():
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    assert "exec make test" in ci.read_text()
    assert "\nmake test" in (ROOT / "README.md").read_text()
