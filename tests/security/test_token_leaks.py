"""One canary token, run through the notebooks and through every error: it is found nowhere."""

import copy
import json
import logging
import os
import pickle
import sqlite3
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook

import jobwidgets as jw
from jobwidgets.emulator import Service
from tests.support import ROOT

CANARY = "canary-8c1f2e77d0"

ERRORS = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
import jobwidgets as jw
from tests.support import ROOT
client = jw.connect(timeout=2)
print(repr(client), str(client), vars(client), dir(client), client.aio, vars(client.aio), vars(client.aio._connection))
--- %load_ext jobwidgets
--- %job list --limit 3
--- %job cancel no-such-id
--- %job retry no-such-id
--- client.cancel("no-such-id")
--- client.jobs(status="penidng")
--- client.jobs(since="soon")
--- await (await jw.connect_async(timeout=2)).status("no-such-id")
--- client.retry(client.jobs(status="complete", limit=1).id[0])
--- import pickle; pickle.dumps(client)
--- import copy; copy.deepcopy(client)
--- jw.connect("http://127.0.0.1:9/v3/graphql", timeout=1).jobs()
--- jw.connect("https://user:x@api.example.com/g")
--- jw.connect(rest_url="http://elsewhere.example/x")
--- client.gql.execute("not a document")
--- import gql; client.gql.execute(gql.gql("{ noSuchField }"))
--- client.jobs(no_such_option=1)
--- jw.JobPanel(client)
--- client.aio._connection.http._once = None; client.jobs()
"""
XMODES = ["Plain", "Context", "Verbose", "Minimal", "Docs"]


@pytest.fixture
def service():
    return Service(jobs=300, seed=0, speed=0, token=CANARY)


@pytest.fixture
def environment(served, tmp_path, monkeypatch):
    """Give the settings to the kernels by their environment, as users do."""
    address = {"graphql": served.graphql_url, "rest": served.rest_url, "token": CANARY}
    given = {
        "JOBWIDGETS_DEMO": json.dumps(address),
        "AIWARE_URL": served.graphql_url,
        "AIWARE_REST_URL": served.rest_url,
        "AIWARE_TOKEN": CANARY,
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return tmp_path


class Listening(NotebookClient):
    """Keeps every message that the kernel sends, those of the widgets included."""

    def process_message(self, msg, cell, cell_index):
        self.heard = [*getattr(self, "heard", []), json.dumps(msg, default=str)]
        return super().process_message(msg, cell, cell_index)


def run(notebook, directory):
    client = Listening(
        notebook,
        timeout=120,
        allow_errors=True,
        store_widget_state=True,
        ipython_hist_file=str(directory / "history.sqlite"),
        resources={"metadata": {"path": directory}},
    )
    client.execute()
    return client.heard


def exposed(notebook, heard, directory):
    """Everything a run leaves behind, as text."""
    yield "notebook", nbformat.writes(notebook)
    yield "messages", "\n".join(heard)
    yield "html", HTMLExporter().from_notebook_node(notebook)[0]
    for path in directory.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes().decode("latin-1")


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["01_tour", "02_scheduled_and_ranges"])
def test_the_token_is_nowhere_after_a_notebook(environment, name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    heard = run(notebook, environment)
    failed = [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert failed == []
    assert len(heard) > 20
    for place, text in exposed(notebook, heard, environment):
        assert CANARY not in text, place


@pytest.mark.kernel
@pytest.mark.parametrize("xmode", XMODES)
def test_the_token_is_nowhere_after_every_error(service, environment, xmode):
    cells = [new_code_cell(f"%xmode {xmode}"), *map(new_code_cell, ERRORS.strip().split("\n--- "))]
    service.faults.lose_answer(operation="createJob")
    cells.insert(8, new_code_cell('client.create_job(tasks=["x"])'))
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    heard = run(notebook, environment)
    errors = [o.ename for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert len(errors) >= 15, errors
    for place, text in exposed(notebook, heard, environment):
        assert CANARY not in text, place
    history = environment / "history.sqlite"
    assert history.exists()
    with sqlite3.connect(history) as database:
        lines = str(database.execute("select * from history").fetchall())
    assert "no_such_option" in lines
    assert CANARY not in lines
    database.close()


def test_the_token_is_in_no_log_and_in_nothing_that_can_be_kept(service, client, caplog):
    with caplog.at_level(logging.DEBUG):
        frame = client.jobs()
        plan = client.plan_cancel(frame)
        receipt = plan.apply(progress=False)
        for dial in ("lose_answer", "garbage", "cut", "expire_token"):
            getattr(service.faults, dial)(times=1)
            with pytest.raises(jw.JobError) as caught:
                client.retry(service.a_failed_job())
            error = caught.value
            texts = [
                repr(error),
                str(error),
                repr(error.args),
                repr(vars(error)),
                pickle.dumps(error).decode("latin-1"),
            ]
            while error.__cause__ or error.__context__:
                error = error.__cause__ or error.__context__
                texts += [repr(error), str(error)]
            assert not [text for text in texts if CANARY in text]
    assert CANARY not in caplog.text
    for thing in (
        client,
        client.aio,
        client.aio._connection,
        client.aio._connection.http,
        plan,
        receipt,
        frame,
        service.requests,
    ):
        assert CANARY not in repr(thing)
        if not hasattr(thing, "columns"):
            assert CANARY not in repr(vars(thing))
    for keep in (pickle.dumps, copy.copy, copy.deepcopy):
        for thing in (client, client.aio):
            with pytest.raises(TypeError, match="a client cannot be copied or pickled"):
                keep(thing)
        try:
            kept = keep(client.aio._connection.http)
        except TypeError:
            continue
        assert CANARY not in repr(kept)
    for thing in (plan, receipt):
        with pytest.raises(TypeError, match="a client cannot be copied or pickled"):
            pickle.dumps(thing)
    assert CANARY not in pickle.dumps(frame).decode("latin-1")


def test_the_token_is_in_no_journal_and_in_no_plan_on_paper(service, client, tmp_path):
    for dial in ("lose_answer", "garbage", "cut", "expire_token", "fail_after"):
        getattr(service.faults, dial)(times=1, operation="retryJob")
        jobs = [service.add_job("failed", ["failed"], lives=False) for _ in range(3)]
        plan = client.plan_retry(jobs, reason=dial)
        plan.save(tmp_path / f"{dial}.yaml")
        plan.apply(progress=False).resolve()
    client.plan_cancel([service.a_cancellable_job()]).apply(progress=False).verify(timeout="1s")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in kept) == [".jsonl"] * 6 + [".yaml"] * 5
    for path in kept:
        assert CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("xmode", XMODES)
def test_a_failure_inside_the_http_library_shows_no_frame_that_holds_the_token(client, ip, capsys, monkeypatch, xmode):
    import aiohttp

    def broken(_session, **options):
        headers = options["headers"]
        raise RuntimeError(f"with {dict(headers)}")

    monkeypatch.setattr(aiohttp.ClientSession, "request", broken)
    client.aio._connection.timeout = 1.0
    ip.run_line_magic("xmode", xmode)
    try:
        client.jobs()
    except jw.JobError:
        ip.showtraceback(sys.exc_info())
    shown = "".join(capsys.readouterr())
    assert "HTTP library failed with RuntimeError" in shown
    assert CANARY not in shown
