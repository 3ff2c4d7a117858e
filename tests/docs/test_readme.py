"""What the README shows, run as it stands; where it points, looked up."""

import collections
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import nbformat
import pytest
from nbclient import NotebookClient

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.transport.config import resolve_settings
from tests.support import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SAMPLE_ID = "23041407_RORjiJw7te"


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


def table(heading):
    """The rows of the first table under a heading, without its head."""
    section = README.partition(f"# {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture
def service():
    """A demo's service on a stopped clock, so that what happened can be counted."""
    with serve(Service(jobs=2_000, seed=0, speed=0, start=datetime(2026, 3, 4, 12, tzinfo=UTC))) as running:
        yield running


def shown_by(service, *cells):
    """Run cells in a kernel of `jobwidgets demo`; return what each of them shows."""
    address = {"graphql": service.graphql_url, "rest": service.rest_url, "token": service.service.token}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, kernel_name="python3").execute(
        env={**os.environ, "JOBWIDGETS_DEMO": json.dumps(address)}
    )
    parts = ([o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs] for cell in book.cells)
    return ["\n".join(part) for part in parts]


@pytest.mark.kernel
def test_the_tour_has_twelve_lines_and_they_run(service):
    tour = next(block for block in blocks("python") if "jw.demo()" in block)
    assert len([line for line in tour.splitlines() if line]) == 12
    (shown,) = shown_by(service, tour)
    assert "{'done': 100}" in shown
    done = collections.Counter(write.operation for write in service.service.ledger)
    assert done == {"cancelJob": 100, "retryJob": 1}


@pytest.mark.kernel
def test_the_magics_run(service):
    (magics,) = [block for block in blocks("text") if "%load_ext" in block]
    pick = service.service.a_cancellable_job()
    lines = magics.replace(SAMPLE_ID, pick).splitlines()
    shown = dict(zip(lines, shown_by(service, *lines), strict=True))
    assert pick in shown[f"%job show {pick}"]
    assert service.service.job_status(pick) == "aborted"
    retried = [write for write in service.service.ledger if write.operation == "retryJob"]
    assert len(retried) > 1
    assert f"{len(retried)} done" in shown["%job apply"]


def test_the_bulk_block_runs_and_retries_each_job_once(service, tmp_path, monkeypatch):
    (bulk,) = [block for block in blocks("python") if "load_plan" in block]
    monkeypatch.chdir(tmp_path)
    world = service.service
    world.clock.speed = 3_000  # the new jobs of the waves come to an end
    with jw.connect(service.graphql_url, token=world.token) as client:
        names = {"jw": jw, "client": client}
        exec(bulk, names)
    retried = collections.Counter(write.target_id for write in world.ledger)
    assert retried
    assert set(retried.values()) == {1}
    assert names["receipt"].counts["done"] == len(retried)


@pytest.mark.kernel
def test_the_archive_block_runs(service, tmp_path, monkeypatch):
    (copy,) = [block for block in blocks("python") if "archive" in block]
    monkeypatch.chdir(tmp_path)
    with jw.connect(service.graphql_url, token=service.service.token) as client:
        names = {"client": client}
        exec(copy, names)
        assert set(names["moves"]["job_id"]) == set(names["month"]["id"])
        assert set() < set(names["month"]["id"]) <= set(client.jobs(status="failed")["id"])
        assert names["slow"].columns.tolist() == ["engine", "ran"]


@pytest.mark.filterwarnings("ignore:Port 8787 is already in use")  # by the cluster of another test
def test_the_distributed_block_runs(service):
    (dask,) = [block for block in blocks("python") if "read_jobs" in block]
    with jw.connect(service.graphql_url, token=service.service.token) as client:
        names = {"client": client}
        exec(dask, names)
        with names["cluster"].cluster, names["cluster"]:
            assert set(names["year"].compute()["id"]) == set(client.jobs(since="365d")["id"])


def test_the_panel_block_runs(service):
    (panel,) = [block for block in blocks("python") if "JobPanel" in block]
    *_, kind = shown_by(service, "import jobwidgets as jw; client = jw.demo()", panel, "print(type(panel).__name__)")
    assert kind == "JobPanel\n"


def test_the_client_table_names_what_both_clients_have():
    calls = [call for row in table("The client") for call in names(row[0])]
    methods = {call.partition(".")[2].partition("(")[0] for call in calls if call.startswith("client.")}
    assert len(methods) > 12
    for name in methods:
        assert hasattr(jw.Client, name), name
        assert hasattr(jw.AsyncClient, name), name


def test_the_profile_in_the_readme_is_one_that_is_taken(tmp_path):
    (profile,) = blocks("toml")
    path = tmp_path / "profiles.toml"
    path.write_text(profile)
    (name,) = tomllib.loads(profile)
    env = {"JOBWIDGETS_PROFILES": str(path), "STAGING_TOKEN": "a-token"}
    found = resolve_settings(url=None, rest_url=None, secret=None, user=None, profile=name, allow_http=False, env=env)
    assert found.url == tomllib.loads(profile)[name]["url"]


def test_the_columns_table_is_the_frame(service):
    with jw.connect(service.graphql_url, rest_url=service.rest_url, token=service.service.token) as client:
        frame = client.jobs(limit=5)
    told = [name for row in table("Columns") for name in names(row[0])]
    assert sorted(told) == sorted(frame.columns)
    for row in table("Columns"):
        for name in names(row[0]):
            kind = str(frame.dtypes[name])
            assert kind.partition("[")[0] in row[1].replace("`", "") or kind in row[1], (name, kind)


def test_the_errors_table_names_every_error():
    told = {name for row in table("Errors") for name in names(row[0])}
    assert told == {name for name in jw.__all__ if name.endswith("Error")} - {"JobError"}


def test_the_requests_of_the_service_alone_are_answered():
    (start,) = [block for block in blocks("console") if "serve" in block]
    command = shlex.split(start)
    assert command[0] == "jobwidgets"
    command = [sys.executable, "-m", *command, "--jobs", "300", "--speed", "0", "--json", "--owned"]
    command[command.index("9000")] = "0"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = json.loads(process.stdout.readline())
        with jw.connect(address["graphql"], rest_url=address["rest"], token=address["token"]) as client:
            pick = client.jobs().query("can_cancel").id.iloc[0]
            port = address["rest"].split(":")[2].partition("/")[0]
            answers = [
                sent(block.replace("<YOUR_JOB_ID>", pick).replace(":9000", f":{port}")) for block in blocks("bash")
            ]
            assert answers[0]["job"]["internalJobID"] == pick
            assert answers[1] == {"cancelled": [pick], "refused": []}
            assert client.status(pick) == client.status(pick, api="rest") == "aborted"
            assert client.status(answers[2]["data"]["retryJob"]["id"]) == "pending"
    assert process.returncode == 0  # its input was closed, so it has ended by itself


def sent(block):
    """Send a curl line: by curl where there is one, else by reading it as curl would."""
    line = block.strip().removesuffix("\\")
    if shutil.which("curl"):
        return json.loads(subprocess.run(["sh", "-c", f"{line} --silent"], capture_output=True, check=True).stdout)
    words = shlex.split(line.replace("\\\n", " "))
    options = collections.defaultdict(list)
    for option, value in zip(words[1::2], words[2::2], strict=True):
        options[option].append(value)
    headers = dict(header.split(": ", 1) for header in options["--header"])
    data = options["--data"][0].encode() if options["--data"] else None
    with urlopen(Request(options["--url"][0], data=data, headers=headers, method=options["--request"][0])) as answer:
        return json.loads(answer.read())


def test_every_link_to_a_file_leads_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README) + re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert "notebooks/01_tour.ipynb" in targets
    assert [target for target in targets if not (ROOT / target).is_file()] == []
