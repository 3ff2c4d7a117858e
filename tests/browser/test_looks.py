"""What the panel looks like, as far as it can be measured."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.contrast import CONTRAST
from tests.support.panel_page import CALM, START, Panel

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_text_has_enough_contrast_in_light_and_dark(open_notebook, theme):
    panel = Panel(open_notebook(START + "service.add_job('pending', 1)\n" + CALM))
    panel.notebook.theme(theme)
    try:
        assert panel.page.evaluate(CONTRAST) == []
        panel.page.keyboard.press("Tab")
        panel.chip("pending").click()
        panel.rows.first.click()
        expect(panel.button(re.compile("^Cancel "))).to_be_enabled()
        assert panel.page.evaluate(CONTRAST) == []
        panel.button(re.compile("^Cancel ")).click()
        expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
        panel.notebook.run("panel.show_error('something is wrong')")
        expect(panel.root.get_by_text("something is wrong")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
    finally:
        panel.notebook.theme("JupyterLab Light")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_text_of_an_act_has_enough_contrast_in_light_and_dark(open_notebook, theme):
    left = """jobs = [service.add_job('pending', 1, name=f'Zebra {i}') for i in range(60)]
service.faults.lose_answer(times=1, operation='cancelJob')
service.faults.expire_token(times=None, operation='cancelJob')
client.plan_cancel(jobs).apply(progress=False)
service.faults.clear()
"""
    panel = Panel(open_notebook(START + left + CALM))
    panel.notebook.theme(theme)
    try:
        expect(panel.root.get_by_text("1 operation is unfinished")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
        panel.button("Show").click()
        expect(panel.button("Resume 50")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
        panel.root.get_by_role("group", name="Filter by outcome").get_by_role("button", name="not sent 50").click()
        panel.button("Resume 50").click()
        expect(panel.root.get_by_role("timer")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
        panel.notebook.run("service.faults.delay(seconds=2, times=None, operation='cancelJob')")
        panel.button("Start now").click()
        expect(panel.button("Stop")).to_be_visible()
        aloud = panel.root.locator(".jw-aloud")  # for those who hear it only
        assert aloud.evaluate("node => Math.max(node.offsetWidth, node.offsetHeight)") <= 1
        assert panel.page.evaluate(CONTRAST) == []
        panel.button("Stop").click()
        expect(panel.root.get_by_text("Stopping:")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
        panel.notebook.run("service.faults.clear()")
        expect(panel.button("Back to the list")).to_be_visible()
        assert panel.page.evaluate(CONTRAST) == []
    finally:
        panel.notebook.theme("JupyterLab Light")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_production_is_a_badge_in_a_colour_of_its_own(open_notebook, theme):
    both = """connection = client.aio._connection
real = jw.connect(connection.url, rest_url=connection.rest_url, token=service.token, environment="production")
from IPython.display import display
display(jw.JobPanel(client, refresh=None), jw.JobPanel(real, refresh=None))"""
    notebook = open_notebook(START + both)
    notebook.theme(theme)
    try:
        Panel(notebook, at=0)
        Panel(notebook, at=1)
        looks = [
            notebook.page.locator(f".jw-line-{kind}").evaluate(
                "node => { const s = getComputedStyle(node); return [s.backgroundColor, s.borderColor, s.color]; }"
            )
            for kind in ("badge", "alarm")
        ]
        assert all(plain != warning for plain, warning in zip(*looks, strict=True))
        assert notebook.page.evaluate(CONTRAST) == []
    finally:
        notebook.theme("JupyterLab Light")
