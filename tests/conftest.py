"""The real embedded service on a real port, with its clock stopped, and a client of it."""

import atexit
import signal
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.transport.messages import Reply

pytest_plugins = ["tests.support.campaigns", "tests.support.scheduling"]


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    """Keep the developer's own environment and profiles out of every test."""
    for name in ("URL", "REST_URL", "TOKEN", "USER", "PASSWORD", "PROFILE", "BUDGET", "ENVIRONMENT"):
        monkeypatch.delenv(f"AIWARE_{name}", raising=False)
    monkeypatch.delenv("JOBWIDGETS_DEMO", raising=False)
    monkeypatch.setenv("JOBWIDGETS_PROFILES", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("JOBWIDGETS_STATE", str(tmp_path / "state"))


def _small_world():
    return Service(jobs=60, seed=1, speed=0, start=datetime(2026, 3, 4, 12, tzinfo=UTC))


@pytest.fixture(scope="session")
def small_world():
    """Make a small world whose clock stands still, the same one at any hour of any day."""
    return _small_world


@pytest.fixture
def service(small_world):
    """Give such a world."""
    return small_world()


@pytest.fixture
def served(service):
    """Serve it over HTTP."""
    with serve(service) as running:
        yield running


@pytest.fixture
def client(service, served):
    """Connect to it."""
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, timeout=20) as client:
        yield client


@pytest.fixture
def edited(client):
    """Change each answer to one operation on its way to the client: a service as strange as a test wants it."""
    send = client.aio._connection.http.send
    changes = []

    async def send_and_edit(request, *options):
        answer = await send(request, *options)
        for operation, change in changes:
            if isinstance(answer, Reply) and request.name.startswith(operation):
                answer = Reply(answer.status, change(answer.body), answer.retry_after, answer.date)
        return answer

    def edit(operation, change):
        changes[:] = [(operation, change)]
        client.aio._connection.http.send = send_and_edit

    return edit


@pytest.fixture
def ip():
    """Make a real IPython shell, anew for one test, without a history file and without colours."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    yield shell
    if "jobwidgets" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "jobwidgets")
    InteractiveShell.clear_instance()
    atexit.unregister(shell.atexit_operations)  # each shell would collect garbage at the end of the process


@pytest.fixture
def samples():
    """Return builders of frames, plans and receipts that need no service."""
    from tests.support import sample_frames as made

    return SimpleNamespace(
        jobs=made.jobs_frame,
        many=made.many_jobs,
        plan=made.plan,
        receipt=made.receipt,
        now=made.NOW,
        service=made.SERVICE,
    )


@pytest.fixture
def demo(request, tmp_path):
    """Start `jobwidgets demo`, with 300 jobs or as many as `parametrize("demo", [number], indirect=True)` says."""
    from tests.support.demo_command import Demo

    running = Demo(tmp_path / "demo", getattr(request, "param", 300))
    yield running
    if running.process.poll() is None:
        running.end(signal.SIGTERM)
    running.process.stdout.close()
