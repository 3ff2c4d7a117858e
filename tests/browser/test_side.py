"""The side panel of JupyterLab, its demo and its new cells, on the real embedded service."""

import re

import pytest
from panel_page import START
from playwright.sync_api import expect

expect.set_options(timeout=60_000)
pytestmark = pytest.mark.browser
NEW_CELL = """([where, code]) => {
    const event = new CustomEvent("jobwidgets:new-cell", { detail: { code }, cancelable: true, bubbles: true });
    document.querySelector(where).dispatchEvent(event);
    return event.defaultPrevented;
}"""
CODES = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
    cell => [cell.model.sharedModel.getSource(), cell.model.executionCount ?? 0])"""
IN_LAST_OUTPUT = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell:nth-child(1 of .jp-Cell) .jp-OutputArea pre"


class Side:
    """The side panel as a person finds it."""

    def __init__(self, notebook):
        self.notebook = notebook
        self.page = notebook.page
        self.root = self.page.get_by_role("region", name="Jobs", exact=True)

    def show(self):
        self.page.get_by_role("tab", name="Jobs", exact=True).click()
        expect(self.root).to_be_visible()
        return self

    def button(self, name):
        return self.root.get_by_role("button", name=name)

    def says(self, text):
        expect(self.root.get_by_role("status")).to_have_text(text)

    def counts(self):
        rows = self.root.locator(".jw-side-counts").get_by_role("listitem")
        expect(rows.first).to_be_visible()
        return {row.split("\n")[0]: int(row.split("\n")[-1]) for row in rows.all_inner_texts()}

    def cells(self):
        return self.page.evaluate(CODES)

    def close(self):
        """Leave the next test a page without it."""
        self.page.get_by_role("tab", name="Jobs", exact=True).click()
        expect(self.root).to_be_hidden()
        assert self.notebook.errors == []
        assert self.notebook.foreign == []


def test_it_shows_counts_and_receipts_of_the_connected_service_and_opens_the_panel(open_notebook):
    done = "jobs = [service.add_job('pending', 1) for _ in range(3)]\n"
    done += "service.faults.lose_answer(times=1, operation='cancelJob')\n"
    done += "client.plan_cancel(jobs, reason='<b>stuck</b>').apply(progress=False)\n"
    side = Side(open_notebook(START + done)).show()
    expect(side.root.get_by_text("demo", exact=True)).to_be_visible()
    expect(side.root.locator(".jw-side-label")).to_have_text(side.notebook.run("print(client.label)").strip())
    expected = side.notebook.run("print(dict(client.jobs(limit=2000).jobs.counts()))")
    assert side.counts() == {word: int(number) for word, number in re.findall(r"'(\w+)': \D*(\d+)", expected)}
    receipt = side.root.locator(".jw-side-receipts").get_by_role("listitem")
    expect(receipt).to_have_count(1)
    expect(receipt).to_contain_text("<b>stuck</b>")
    side.button("Open the panel in this notebook").click()
    expect(side.page.locator(".jobwidgets-panel").get_by_role("grid").first).to_be_visible()
    assert side.cells()[1] == ["jw.JobPanel(client)", 2]
    side.close()
