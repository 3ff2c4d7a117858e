"""The real embedded service on a real port, with its clock stopped, and a client of it."""

import pytest

import jobwidgets as jw
from jobwidgets.emulator import Service, serve


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path):
    """Keep the developer's own environment and profiles out of every test."""
    for name in ("URL", "REST_URL", "TOKEN", "USER", "PASSWORD", "PROFILE"):
        monkeypatch.delenv(f"AIWARE_{name}", raising=False)
    monkeypatch.delenv("JOBWIDGETS_DEMO", raising=False)
    monkeypatch.setenv("JOBWIDGETS_PROFILES", str(tmp_path / "profiles.toml"))


@pytest.fixture
def service():
    """Give a small world whose clock stands still."""
    return Service(jobs=60, seed=1, speed=0)


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
