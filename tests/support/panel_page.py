"""The panel in a notebook, as a person finds it."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.support.jupyter import PATIENCE

expect.set_options(timeout=PATIENCE)

START = """import jobwidgets as jw
from datetime import UTC, datetime
from jobwidgets.emulator import Service, serve
service = Service(jobs=300, seed=0, speed=0, start=datetime(2026, 3, 4, 12, tzinfo=UTC))
running = serve(service)
client = jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token, environment="demo")
client.aio.service = service
"""
"""The same jobs at any hour of any day."""
SHOW = "panel = jw.JobPanel(client, refresh='1s')\npanel"
CALM = "panel = jw.JobPanel(client, refresh=None)\npanel"


class Panel:
    """The panel as a person finds it, by roles and names; `at` tells it from others on the page."""

    def __init__(self, notebook, at=None):
        self.notebook = notebook
        self.page = notebook.page
        panels = self.page.locator(".jobwidgets-panel")
        self.root = panels if at is None else panels.nth(at)
        self.grid = self.root.get_by_role("grid").first
        self.rows = self.grid.locator("tbody.jw-rows").get_by_role("row")
        self.search = self.root.locator(".jw-search").get_by_placeholder("Search name, id, engine")
        expect(self.rows.first).to_be_visible()

    def button(self, name):
        return self.root.get_by_role("button", name=name)

    def chip(self, status):
        group = self.root.get_by_role("group", name="Filter by status")
        return group.get_by_role("button", name=re.compile(f"^{status} "))

    def count(self, number):
        """Wait until the table has so many rows."""
        expect(self.grid).to_have_attribute("aria-rowcount", str(number + 1))

    def kernel(self, expression):
        """Evaluate in the kernel."""
        said = self.notebook.run(f"import json as _j; print(_j.dumps({expression}))")
        return json.loads(said.strip().splitlines()[-1])

    def no_trouble(self):
        if self.notebook.frontend != "voila":  # whose own page asks others for its fonts and formulas
            assert self.notebook.foreign == []
        if self.notebook.frontend == "lab":
            assert self.notebook.errors == []
