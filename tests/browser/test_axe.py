"""What axe finds in the panel: nothing serious, in any state that a person meets."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support.panel_page import START, Panel

pytestmark = pytest.mark.browser

ZEBRAS = """service.faults.delay(seconds=1, times=None, operation='cancelJob')
jobs = [service.add_job('pending', 2, name=f'Zebra {i}') for i in range(30)]
panel = jw.JobPanel(client, refresh=None)
panel"""
CHECKED = {"include": [[".jobwidgets-panel"]]}


def serious(panel, state):
    """Have axe look at the panel; give what is serious or worse."""
    found = Axe().run(panel.page, context=CHECKED).response
    assert len(found["passes"]) > 10, f"axe looked at nothing in {state}"
    return [
        (state, each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def walk(panel):
    """Go from the list to the result; have axe look at each state on the way."""
    found = serious(panel, "list")
    panel.search.fill("Zebra")
    panel.button(re.compile("^Select all 30")).click()
    cancel = panel.button(re.compile("^Cancel 30"))
    expect(cancel.first).to_be_enabled()
    found += serious(panel, "selection")
    cancel.first.click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    found += serious(panel, "plan")
    panel.button("Cancel 30 jobs").click()
    expect(panel.root.get_by_role("timer")).to_be_visible()
    found += serious(panel, "countdown")
    panel.button("Start now").click()
    expect(panel.button("Stop")).to_be_visible()
    found += serious(panel, "working")
    expect(panel.button("Back to the list")).to_be_visible()
    found += serious(panel, "receipt")
    panel.button("Back to the list").click()
    panel.rows.first.click()
    panel.page.keyboard.press("Enter")
    drawer = panel.root.locator(".jw-drawer")
    expect(drawer.first).to_be_visible()
    found += serious(panel, "drawer")
    return found


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_in_jupyterlab(open_notebook, theme):
    panel = Panel(open_notebook(START + ZEBRAS))
    panel.notebook.theme(theme)
    try:
        assert walk(panel) == []
    finally:
        panel.notebook.theme("JupyterLab Light")


@pytest.mark.other_host
@pytest.mark.one_front_end
def test_axe_finds_nothing_serious_in_voila(open_notebook):
    assert walk(Panel(open_notebook(START + ZEBRAS, frontend="voila"))) == []
