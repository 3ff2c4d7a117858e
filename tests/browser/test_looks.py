"""What the panel looks like, as far as it can be measured."""

import re

import pytest
from panel_page import CALM, START, Panel
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CONTRAST = """() => {
    const parse = c => c.match(/[\\d.]+/g).map(Number);
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = rgb(getComputedStyle(node).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
    };
    const poor = [];
    for (const node of document.querySelectorAll('.jobwidgets-panel *')) {
        const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !node.offsetParent || node.closest(':disabled')) continue;
        const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) poor.push([node.className, node.textContent.slice(0, 20), ratio.toFixed(2)]);
    }
    return poor;
}"""


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
    both = """core = client.aio._core
real = jw.connect(core.url, rest_url=core.rest_url, token=service.token, environment="production")
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
