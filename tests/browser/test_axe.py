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


def serious(panel, state, rules):
    """Have axe look at the panel, by all rules or by some; give what is serious or worse."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = Axe().run(panel.page, context=CHECKED, options=options).response
    if rules:
        assert {each["id"] for each in found["passes"] + found["violations"]} == set(rules), state
    else:
        assert len(found["passes"]) > 10, f"axe looked at nothing in {state}"
    return [
        (state, each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def walk(panel, *rules):
    """Go from the list to the result; have axe look at each state on the way."""
    found = serious(panel, "list", rules)
    panel.search.fill("Zebra")
    panel.button(re.compile("^Select all 30")).click()
    cancel = panel.button(re.compile("^Cancel 30"))
    expect(cancel.first).to_be_enabled()
    found += serious(panel, "selection", rules)
    cancel.first.click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    found += serious(panel, "plan", rules)
    panel.button("Cancel 30 jobs").click()
    expect(panel.root.get_by_role("timer")).to_be_visible()
    found += serious(panel, "countdown", rules)
    panel.button("Start now").click()
    expect(panel.button("Stop")).to_be_visible()
    found += serious(panel, "working", rules)
    expect(panel.button("Back to the list")).to_be_visible()
    found += serious(panel, "receipt", rules)
    panel.button("Back to the list").click()
    panel.rows.first.click()
    panel.page.keyboard.press("Enter")
    drawer = panel.root.locator(".jw-drawer")
    expect(drawer.first).to_be_visible()
    found += serious(panel, "drawer", rules)
    return found


def test_axe_finds_nothing_serious_in_jupyterlab(open_notebook):
    assert walk(Panel(open_notebook(START + ZEBRAS))) == []


def test_axe_finds_enough_contrast_in_the_dark_theme(open_notebook):
    """All other rules are about what no theme changes."""
    panel = Panel(open_notebook(START + ZEBRAS))
    panel.notebook.theme("JupyterLab Dark")
    try:
        assert walk(panel, "color-contrast") == []
    finally:
        panel.notebook.theme("JupyterLab Light")


@pytest.mark.other_host
@pytest.mark.one_front_end
def test_axe_finds_nothing_serious_in_voila(open_notebook):
    assert walk(Panel(open_notebook(START + ZEBRAS, frontend="voila"))) == []
