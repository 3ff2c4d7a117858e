"""In a real kernel, over the real protocol, against the real service."""

import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import jobwidgets
from jobwidgets.emulator import serve

pytestmark = pytest.mark.kernel

PATIENCE = 60


class Cell:
    """What a cell gave back."""

    def __init__(self, reply, messages):
        self.status = reply["content"]["status"]
        self.messages = [(message["msg_type"], message["content"]) for message in messages]

    def of(self, kind):
        return [content for found, content in self.messages if found == kind]

    @property
    def printed(self):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == "stdout")

    @property
    def shown(self):
        return [content["data"] for kind, content in self.messages if kind in {"display_data", "execute_result"}]

    @property
    def traceback(self):
        (error,) = self.of("error")
        return error["traceback"]


class Kernel:
    """A kernel, as a front end sees it."""

    def __init__(self, manager, client):
        self._manager, self._client = manager, client

    def run(self, code, *, meanwhile=None):
        """Run a cell; `meanwhile` is called with each message as it comes."""
        messages = []

        def took(message):
            messages.append(message)
            if meanwhile is not None:
                meanwhile(message)

        reply = self._client.execute_interactive(code, output_hook=took, allow_stdin=False, timeout=PATIENCE)
        return Cell(reply, messages)

    def good(self, code, **options):
        """Run a cell that must not fail."""
        cell = self.run(code, **options)
        assert cell.status == "ok", cell.messages
        return cell

    def interrupt(self):
        """Do what the stop button does; the manager's own way leaves an event loop open on every thread."""
        os.kill(self._manager.provisioner.pid, signal.SIGINT)

    def complete(self, code, place=None):
        reply = self._client.complete(code, len(code) if place is None else place, reply=True, timeout=PATIENCE)[
            "content"
        ]
        return reply["matches"], code[reply["cursor_start"] : reply["cursor_end"]]

    def inspect(self, code, place):
        return self._client.inspect(code, place, reply=True, timeout=PATIENCE)["content"]


@pytest.fixture(scope="module")
def service(small_world):
    return small_world()


@pytest.fixture(scope="module")
def environment(service, tmp_path_factory):
    """What a kernel needs to find the service, and nothing of this machine's settings."""
    home = tmp_path_factory.mktemp("home")
    with serve(service) as running:
        yield {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIWARE", "JOBWIDGETS"))},
            "AIWARE_URL": running.graphql_url,
            "AIWARE_REST_URL": running.rest_url,
            "AIWARE_TOKEN": service.token,
            "IPYTHONDIR": str(home),
            "PYTHONPATH": str(Path(jobwidgets.__file__).parents[1]),
            "JOBWIDGETS_PROFILES": str(home / "profiles.toml"),
            "JOBWIDGETS_STATE": str(home / "state"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }


@pytest.fixture(scope="module", autouse=True)
def loop():
    """Close the event loop that jupyter_client's blocking calls leave on this thread."""
    yield
    ensure_event_loop().close()


@pytest.fixture(scope="module")
def kernel(environment):
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    found = Kernel(manager, client)
    found.good("%load_ext jobwidgets\n%job list;")  # connected, which is told once
    yield found
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()
    manager.context.destroy()


def cancellable(service, number):
    """Make so many jobs that can be cancelled."""
    return [service.add_job(status="pending", tasks=["pending"]) for _ in range(number)]


def test_loading_into_a_kernel_imports_nothing_heavy(environment):
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    try:
        fresh = Kernel(manager, client)
        printed = fresh.good(
            "import sys\nbefore = set(sys.modules)\n%load_ext jobwidgets\n"
            "heavy = {'pandas', 'gql', 'httpx', 'aiohttp', 'ipywidgets', 'anywidget', 'pyarrow', 'msgspec'}\n"
            "print(sorted(heavy & (set(sys.modules) - before)))"
        ).printed
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()
    assert printed == "[]\n"


def test_a_list_is_shown_as_a_table_and_as_text(kernel):
    cell = kernel.good("%job list --limit 4 -o df")
    (data,) = cell.shown
    assert data["text/html"].count("<tr") == 5
    assert "Cut off at the limit" in data["text/html"]
    assert data["text/plain"].startswith("4 jobs")
    assert kernel.good("print(type(df).__name__, len(df))").printed == "DataFrame 4\n"


def test_one_job_is_cancelled_and_a_refusal_is_one_line(kernel, service):
    (job_id,) = cancellable(service, 1)
    assert kernel.good(f"%job cancel {job_id}").printed == f"{job_id}: Job cancelled\n"
    assert service.job_status(job_id) == "aborted"
    cell = kernel.run(f"%job cancel {job_id}")
    assert cell.status == "error"
    (line,) = cell.traceback
    assert line.startswith(f"RefusedError: job {job_id} is aborted → ")
    assert "\n" not in line


def test_a_frame_is_cancelled_by_a_plan_and_yes(kernel, service):
    ids = cancellable(service, 12)
    kernel.good(f"ids = {ids}\n%job status $ids -o df;")
    (plan,) = kernel.good("%job cancel $df").shown
    assert "Cancel 12 of 12 jobs" in plan["text/html"]
    assert {service.job_status(job_id) for job_id in ids} == {"pending"}
    cell = kernel.good("%job cancel $df --yes -o done")
    assert "12 done" in cell.shown[-1]["text/html"]
    assert {service.job_status(job_id) for job_id in ids} == {"aborted"}


def test_a_cell_holds_one_id_a_line(kernel, service):
    one, two = cancellable(service, 2)
    cell = kernel.good(f"%%job cancel --yes\n# both\n{one}\n{two}\n")
    assert "2 done" in cell.shown[-1]["text/plain"]
    assert service.job_status(one) == service.job_status(two) == "aborted"


def test_completion_over_the_protocol(kernel, service):
    job_id, other = cancellable(service, 2)
    kernel.good("%job list;")
    assert kernel.complete("%job can") == (["cancel"], "can")
    assert kernel.complete("%job list --status fai") == (["failed"], "fai")
    assert kernel.complete("%job list --sta") == (["--status"], "--sta")
    matches, replaced = kernel.complete(f"%job cancel {job_id[:-2]}")
    assert job_id in matches
    assert replaced == job_id[:-2]
    body = f"%%job cancel\n{other}\n{job_id[:-2]}"
    assert job_id in kernel.complete(body)[0]
    assert service.a_complete_job() not in kernel.complete("%job cancel ")[0]
    kernel.good("mine = %job list --limit 3")
    assert kernel.complete("%job cancel $mi") == (["$mine"], "$mi")


def test_help_by_question_mark_and_by_inspection(kernel):
    assert kernel.good("%job cancel?").printed.startswith("usage: %job cancel ")
    assert "retry" in kernel.inspect("%job cancel", 2)["data"]["text/plain"]
    payload = kernel.good("%job?")
    assert payload.status == "ok"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("%job cancl x", "did you mean cancel"),
        ("%job list --stauts failed", "did you mean --status"),
        ("%job list --status faild", "did you mean failed"),
        ("%job cancel $nothing", "there is no variable nothing"),
        ("%job list --where 'x > 1'", "no column x"),
        ("%job show nonsense", "check the id"),
        ("%job list --since someday", "no time"),
    ],
)
def test_errors_are_one_line_with_what_to_do_next(kernel, line, why):
    cell = kernel.run(line)
    (shown,) = cell.traceback
    assert why in shown
    assert " → " in shown
    assert "\n" not in shown
    assert cell.of("stream") == []


def test_no_token_can_be_asked_for_here_and_one_line_says_so(kernel, environment):
    cell = kernel.run(
        "import os\nkept = os.environ.pop('AIWARE_TOKEN')\n"
        f"try:\n    %job connect {environment['AIWARE_URL']}\nfinally:\n    os.environ['AIWARE_TOKEN'] = kept"
    )
    (line,) = cell.traceback
    assert line.startswith("SettingsError: no token for 127.0.0.1")
    assert environment["AIWARE_TOKEN"] not in str(cell.messages)


class Interrupt:
    """Interrupts the kernel as soon as the service has received one more request of a kind."""

    def __init__(self, kernel, service, operation):
        self._kernel, self._requests, self._operation = kernel, service.requests, operation

    def __enter__(self):
        self._before = self._requests[self._operation]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while not self._over.wait(0.01):
            if self._requests[self._operation] > self._before:
                self._kernel.interrupt()
                return

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join()


def test_watching_updates_one_display_until_an_interrupt(kernel, service):
    job_id, other = cancellable(service, 2)

    shown = []

    def act(message):
        if message["msg_type"] == "display_data" and not shown:
            shown.append(message)
            kernel.interrupt()

    cell = kernel.good(f"%job watch {job_id} {other} --every 30s -o last", meanwhile=act)
    first, *updates = [content["data"]["text/html"] for kind, content in cell.messages if "display_data" in kind]
    assert "Interrupt to stop watching; the jobs go on." in first
    assert "The watching has ended; the jobs go on." in updates[-1]
    assert len(cell.of("display_data")) == 1
    assert service.job_status(job_id) == "pending"
    assert kernel.good("print(len(last))").printed == "2\n"


def test_an_interrupt_ends_the_waiting_in_one_line_and_the_client_still_works(kernel, service):
    (job_id,) = cancellable(service, 1)
    kernel.good("%job list --limit 1;")
    with Interrupt(kernel, service, "job"):
        cell = kernel.run(f"%job wait {job_id}")
    assert cell.traceback == ["Stopped: the waiting has ended; the jobs go on"]
    assert service.job_status(job_id) == "pending"
    assert kernel.good(f"%job status {job_id}").shown[0]["text/plain"] == f"{job_id}  ○ pending"


def test_an_interrupted_apply_accounts_for_every_job_and_can_be_resumed(kernel, service):
    ids = cancellable(service, 60)
    kernel.good(f"ids = {ids}\n%job plan cancel $ids")
    service.faults.delay(seconds=0.5, times=None, operation="cancelJob")
    begun = len(service.ledger)
    with Interrupt(kernel, service, "cancelJob"):
        cell = kernel.run("%job apply")
    service.faults.clear()
    (line,) = cell.traceback
    assert "Stopped: no more is sent; what was sent stays" in line
    assert len(service.ledger) < begun + 60
    kernel.good("r = %job resume")
    assert kernel.good("print(r.counts)").printed == "{'done': 60}\n"
    written = [write.target_id for write in list(service.ledger)[begun:]]
    assert sorted(written) == sorted(ids)


def test_what_a_killed_kernel_left_is_gone_on_with_by_another(kernel, service, environment):
    """SIGKILL in the middle of the sending: nothing is lost, nothing is sent twice, and one line goes on."""
    ids = cancellable(service, 60)
    begun = len(service.ledger)
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    doomed = Kernel(manager, client)
    try:
        doomed.good(f"%load_ext jobwidgets\nids = {ids}\n%job plan cancel $ids -o p;")
        op = doomed.good("print(p.op)").printed.strip()
        service.faults.delay(seconds=0.5, times=None, operation="cancelJob")
        before = service.requests["cancelJob"]
        client.execute("%job apply")
        while service.requests["cancelJob"] < before + 2:
            time.sleep(0.01)
        os.kill(manager.provisioner.pid, signal.SIGKILL)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()
    service.faults.clear()
    assert len(service.ledger) < begun + 60
    shown = kernel.good("%job receipts").shown[0]["text/plain"]
    assert next(line for line in shown.splitlines() if line.startswith(op)).startswith(f"{op}  ○ open")
    kernel.good(f"%job resume {op} -o r;")
    assert kernel.good("print(r.counts)").printed == "{'done': 60}\n"
    written = [write.target_id for write in list(service.ledger)[begun:]]
    assert sorted(written) == sorted(ids)


def test_an_exported_page_holds_the_table(environment, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cells = ["%load_ext jobwidgets", "%job list --limit 3", "%job plan retry --status failed", "%job help list"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "3 jobs" in page
    assert "can be cancelled" in page
    assert 'scope="col"' in page
    assert "Nothing has been sent yet" in page
    assert environment["AIWARE_TOKEN"] not in page
    assert environment["AIWARE_TOKEN"] not in nbformat.writes(notebook)
