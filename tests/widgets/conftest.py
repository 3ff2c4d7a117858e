"""The browser's end of the wire: messages go in where the kernel takes them in, and what goes out is read there."""

from __future__ import annotations

import logging

import pytest

import jobwidgets as jw
from jobwidgets.widgets.panel import controller as _controller
from tests.support.fake_frontend import fake_frontend
from tests.support.panel_driver import Page, settle


@pytest.fixture
def wire():
    """Return a function from a widget to the page's end of it."""
    with fake_frontend() as page_end_of:
        yield page_end_of


@pytest.fixture(autouse=True)
def no_error_is_swallowed(caplog, request):
    """Fail a test in which the panel logged an error that the test did not expect."""
    caplog.set_level(logging.INFO, "jobwidgets.widgets")
    yield
    told = [record.getMessage() for record in caplog.get_records("call") if record.name == "jobwidgets.widgets"]
    if "expects_errors" not in request.fixturenames:
        assert told == []


@pytest.fixture
def expects_errors(caplog):
    """Let a test read the errors that it brings about."""
    return lambda: [record.getMessage() for record in caplog.records if record.name == "jobwidgets.widgets"]


@pytest.fixture
def panel(client):
    """Give a panel that looks only when asked to, with its first list."""
    with_page = jw.JobPanel(client, refresh=None)
    settle(with_page)
    yield with_page
    with_page.close()


@pytest.fixture
def page(wire, panel):
    """Put a person in front of it."""
    return Page(wire, panel)


@pytest.fixture
def fast(monkeypatch):
    """Let the countdown's seconds pass fast."""
    monkeypatch.setattr(_controller, "TICK", 0.02)
