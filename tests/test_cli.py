"""`jobwidgets demo` and its small sisters, run as a user runs them."""

import json
import signal
import socket
import subprocess
import sys

import nbformat
import pytest

from jobwidgets import connect
from tests.support import ROOT

PATIENCE = 60
WITHOUT = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == sys.argv[1] else found(name, *rest)
from jobwidgets.cli import main
from tests.support import ROOT
sys.exit(main(sys.argv[2:]))
"""


def jobwidgets(*arguments):
    command = [sys.executable, "-m", "jobwidgets", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.kernel
def test_the_demo_brings_up_a_lab_whose_kernels_share_the_service(demo):
    tour = nbformat.read(ROOT / "notebooks" / "01_tour.ipynb", as_version=4)
    cells = [cell.source for cell in tour.cells if cell.cell_type == "code"][:4]
    look = "import os; print(client.service_url == os.environ['AIWARE_URL'], client.service, len(jobs) >= 300)"
    *_, seen = demo.run(*cells, look)
    assert seen.strip() == "True None True"
    pick = "import jobwidgets as jw; client = jw.demo(); client.cancel(client.jobs().query('can_cancel').id.iloc[0])"
    demo.run(pick)
    (other,) = demo.run(
        "import jobwidgets as jw; print(len(jw.connect().jobs(status='aborted').query('modified > created')) > 0)"
    )
    assert other.strip() == "True"


@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_ordinary_end_leaves_no_process_behind(demo, number):
    demo.run("1 + 1")
    code, were, alive = demo.end(number)
    assert (code, alive) == (0, [])
    assert were >= 2
    assert "Ended" in demo.shown
    assert "Traceback" not in demo.shown


@pytest.mark.kernel
def test_even_a_killed_demo_leaves_no_process_behind(demo):
    demo.run("1 + 1")
    code, were, alive = demo.end(signal.SIGKILL)
    assert (code, alive) == (-signal.SIGKILL, [])
    assert were >= 2


def test_the_lab_opens_on_the_tour_and_asks_nothing(demo):
    assert demo.url.startswith("http://127.0.0.1:")
    assert "/lab/workspaces/demo/tree/01_tour.ipynb?token=" in demo.url
    assert {item["name"] for item in demo.ask("api/contents")["content"]} >= {"01_tour.ipynb"}
    notices = demo.ask("lab/api/settings/@jupyterlab/apputils-extension:notification")["schema"]["properties"]
    assert (notices["fetchNews"]["default"], notices["checkForUpdates"]["default"]) == ("false", False)


def test_a_port_that_is_taken_is_one_line_that_says_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = jobwidgets("demo", "--no-browser", "--port", port, "--dir", tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        f"jobwidgets: port {port} is taken or not allowed → give another with --port; 0 takes any free one\n"
    )


@pytest.mark.parametrize(
    ("missing", "command", "extra"),
    [("jupyterlab", "demo", "demo"), ("uvicorn", "demo", "demo"), ("uvicorn", "serve", "demo")],
)
def test_what_is_not_installed_is_one_line_that_says_what_to_install(tmp_path, missing, command, extra):
    arguments = ["--no-browser", "--dir", str(tmp_path)] if command == "demo" else []
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT, missing, command, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("jobwidgets: ")
    assert answer.stderr.endswith(f'pip install "jobwidgets[{extra}]"\n')
    assert answer.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line_that_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    answer = jobwidgets("demo", "--no-browser", "--dir", tmp_path / "file")
    assert answer.returncode == 1
    assert answer.stderr.endswith("→ give another with --dir\n")
    assert answer.stderr.count("\n") == 1


def test_a_state_file_that_cannot_be_used_is_one_line_that_says_what_to_do(tmp_path):
    (tmp_path / "notes").write_bytes(b"precious")
    answer = jobwidgets("demo", "--no-browser", "--dir", tmp_path / "copies", "--state", tmp_path / "notes")
    assert answer.returncode == 1
    assert "no state file of the embedded service → name another file" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert (tmp_path / "notes").read_bytes() == b"precious"


def test_a_wrong_word_is_a_usage_error_and_no_traceback():
    for arguments in ([], ["dmeo"], ["demo", "--job", "5"], ["demo", "--jobs", "-1"], ["demo", "--jobs", "many"]):
        answer = jobwidgets(*arguments)
        assert answer.returncode == 2
        assert "usage: jobwidgets" in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_alone_says_where_it_is_and_ends_when_asked(number):
    command = [sys.executable, "-m", "jobwidgets", "serve", "--port", "0", "--jobs", "50", "--json", "--owned"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = json.loads(process.stdout.readline())
        with connect(address["graphql"], rest_url=address["rest"], token=address["token"]) as client:
            assert len(client.jobs(api="rest")) >= 50
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0


def test_help_for_serve_is_the_services_own():
    answer = jobwidgets("serve", "--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage: jobwidgets serve")
