"""The panel in a real notebook, in a real Chromium, on the real embedded service."""

import json
import re

import pytest
from browser_room import PATIENCE
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

START = """import jobwidgets as jw
client = jw.demo(jobs=300, seed=0, speed=0)
service = client.service
"""
SHOW = "panel = jw.JobPanel(client, refresh='1s')\npanel"
CALM = "panel = jw.JobPanel(client, refresh=None)\npanel"
FRONTENDS = pytest.mark.parametrize("frontend", ["lab", "notebook"])


class Panel:
    """The panel as a person finds it: by roles and names."""

    def __init__(self, notebook):
        self.notebook = notebook
        self.page = notebook.page
        self.root = self.page.locator(".jobwidgets-panel")
        self.grid = self.root.get_by_role("grid").first
        self.rows = self.grid.locator("tbody.jw-rows").get_by_role("row")
        self.search = self.root.get_by_placeholder("Search name, id, engine")
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
        assert self.notebook.foreign == []
        if self.notebook.frontend == "lab":
            assert self.notebook.errors == []


@FRONTENDS
def test_list_filter_select_plan_confirm_and_see_them_aborted(open_notebook, frontend):
    made = "jobs = [service.add_job('pending', 2, name=f'Zebra {i}') for i in range(12)]\n"
    started = "service.add_job('running', ['running', 'pending'], name='Zebra that runs')\n"
    panel = Panel(open_notebook(START + made + started + SHOW, frontend=frontend))
    total = panel.kernel("len(panel.visible)")
    panel.count(total)

    panel.chip("pending").click()
    expect(panel.chip("pending")).to_have_attribute("aria-pressed", "true")
    panel.count(panel.kernel("int((panel._table.df.status == 'pending').sum())"))
    panel.chip("pending").click()
    panel.search.fill("Zebra")
    panel.count(13)

    panel.button("Select all 13 that match").click()
    expect(panel.root.get_by_text("13 jobs selected")).to_be_visible()
    expect(panel.root.get_by_text("Cancel: 1 left out, which has a task that started")).to_be_visible()
    panel.button("Cancel 12 of 13").click()
    expect(panel.root.get_by_text("Cancel 12 jobs?")).to_be_visible()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    assert panel.kernel("len(service.ledger)") == 0

    panel.button("Cancel 12 jobs").click()
    expect(panel.root.get_by_text("Cancel: 12 done, 1 skipped")).to_be_visible()
    result = panel.root.get_by_role("grid", name="What became of each job")
    expect(result).to_have_attribute("aria-rowcount", "14")
    expect(panel.grid.get_by_role("row").filter(has_text="aborted").first).to_be_visible()
    assert panel.kernel("sorted(w.target_id for w in service.ledger) == sorted(jobs)")
    assert panel.kernel("{service.job_status(job) for job in jobs} == {'aborted'}")

    panel.button("Back to the list").click()
    expect(panel.chip("aborted")).to_be_visible()
    expect(panel.root.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    panel.no_trouble()


@FRONTENDS
def test_a_refused_job_says_why(open_notebook, frontend):
    made = "service.choices.retry_allowed = 'failed_only'\nservice.add_job('queued', 1, name='Wait for me')\n"
    panel = Panel(open_notebook(START + made + SHOW, frontend=frontend))
    panel.search.fill("Wait for me")
    panel.count(1)
    panel.rows.first.click()
    panel.button("Retry 1").click()
    panel.button("Retry 1 job").click()
    expect(panel.root.get_by_text("Retry: 1 refused")).to_be_visible()
    refused = panel.root.get_by_role("grid", name="What became of each job").get_by_role("row").last
    said = panel.kernel("panel._work.receipt.df['message'][0]")
    assert said
    expect(refused).to_contain_text(said[:30])
    assert panel.kernel("len(service.ledger)") == 0


def test_a_refresh_keeps_selection_scroll_sort_and_focus(open_notebook):
    panel = Panel(open_notebook(START + SHOW))
    panel.rows.nth(2).click()
    for _ in range(30):
        panel.page.keyboard.press("ArrowDown")
    panel.page.keyboard.press("Space")
    chosen = panel.kernel("list(panel.selected['id'])")
    assert len(chosen) == 2
    place = "() => { const row = document.activeElement; return [row.textContent, row.getBoundingClientRect().top]; }"
    text, top = panel.page.evaluate(place)

    panel.notebook.run("for i in range(7): service.add_job('pending', 1, name=f'New {i}')")
    panel.count(panel.kernel("len(service.jobs_by_status('x')) + len(client.jobs())"))
    panel.page.wait_for_function(
        "([text]) => document.activeElement.textContent.slice(0, 40) === text.slice(0, 40)", arg=[text]
    )
    assert panel.page.evaluate(place)[1] == pytest.approx(top, abs=1)
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", str(32 + 7 + 2))
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-selected", "true")
    assert sorted(panel.kernel("list(panel.selected['id'])")) == sorted(chosen)


def test_at_the_top_new_jobs_come_into_view(open_notebook):
    panel = Panel(open_notebook(START + SHOW))
    panel.notebook.run("service.add_job('pending', 1, name='Brand new')")
    expect(panel.rows.first).to_contain_text("Brand new")


def test_a_click_on_a_heading_sorts(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    heading = panel.grid.get_by_role("columnheader", name="Name")
    expect(heading).to_have_attribute("aria-sort", "none")
    for wanted, ascending in (("ascending", True), ("descending", False)):
        heading.get_by_role("button").click()
        expect(heading).to_have_attribute("aria-sort", wanted)
        name = panel.kernel(f"client.jobs().sort_values('name', ascending={ascending}, kind='stable')['name'].iloc[0]")
        expect(panel.rows.first).to_contain_text(name)


def test_everything_can_be_done_by_the_keyboard_and_no_shortcut_of_the_notebook_fires(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    cells = panel.page.locator(".jp-Notebook .jp-Cell").count()
    panel.rows.first.click()
    keys = panel.page.keyboard
    keys.press("ArrowDown")
    keys.press("Shift+ArrowDown")
    keys.press("Shift+ArrowDown")
    expect(panel.root.get_by_text("4 jobs selected")).to_be_visible()
    keys.press("PageDown")
    keys.press("Space")
    expect(panel.root.get_by_text("5 jobs selected")).to_be_visible()
    keys.press("End")
    expect(panel.page.locator("tr:focus")).to_have_attribute(
        "aria-rowindex", panel.grid.get_attribute("aria-rowcount")
    )
    keys.press("Home")
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", "2")
    for letter in ("a", "b", "x", "c", "v", "m"):  # in command mode these add, cut and change cells
        keys.press(letter)
    keys.press("d")
    keys.press("d")
    keys.press("0")
    keys.press("0")
    keys.press("Escape")
    expect(panel.root.get_by_text("Nothing is selected")).to_be_visible()
    keys.press("Control+a")
    total = panel.kernel("len(panel.visible)")
    expect(panel.root.get_by_text(f"{total} jobs selected")).to_be_visible()
    keys.press("ArrowUp")
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(panel.grid.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    keys.press("ArrowDown")
    expect(panel.page.locator("tr:focus")).to_be_visible()
    keys.press("/")
    expect(panel.search).to_be_focused()
    keys.type("no such job")
    expect(panel.root.get_by_text("No job matches")).to_be_visible()
    assert panel.page.locator(".jp-Notebook .jp-Cell").count() == cells
    panel.no_trouble()


def test_a_million_rows_scroll_to_the_end_and_row_by_row(open_notebook):
    frame = (
        "import pandas as pd\nfrom jobwidgets import JobTable\n"
        "names = pd.Series(range(1_000_000)).astype('string')\n"
        "table = JobTable(pd.DataFrame({'id': names, 'name': names}))\ntable"
    )
    notebook = open_notebook(frame)
    grid = notebook.page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "1000001")
    rows = grid.locator("tbody.jw-rows tr")
    rows.first.click()
    assert rows.count() < 60
    notebook.page.keyboard.press("End")
    last = grid.locator("tr[aria-rowindex='1000001']")
    expect(last).to_contain_text("999999")
    expect(last).to_be_focused()
    notebook.page.keyboard.press("ArrowUp")
    expect(grid.locator("tr[aria-rowindex='1000000']")).to_be_focused()
    grid.hover()
    notebook.page.mouse.wheel(0, -28 * 100)
    expect(grid.locator("tr[aria-rowindex='999895']")).to_contain_text("999893")
    notebook.page.keyboard.press("Control+a")
    expect(notebook.page.get_by_text("1,000,000 rows · 1,000,000 selected")).to_be_visible()
    heights = notebook.page.evaluate("[...document.querySelectorAll('.jw-rows tr')].map(r => r.offsetHeight)")
    assert set(heights) == {28}


FORGE = """async () => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const said = [
        {event: 'click'}, {do: 'all'}, {do: 'pick', index: 0, how: 'only', id: null, version: 0}, {do: 'apply'},
        {do: 'press', key: 'pending'}, {do: 'rows', view: 'x', first: -5, last: 1e9, version: 0}, {do: 'confirm'},
        {event: 'submit'}, null, 7, {do: {}}, {do: 'sort', column: '__class__'},
    ];
    const traits = ['head', 'state', 'value', 'disabled', 'description', 'children', 'picked', '_esm', 'op', 'plan'];
    for (const comm of kernel._comms.values()) {
        for (const content of said) comm.send({method: 'custom', content});
        for (const name of traits)
            for (const value of [null, true, 'cancel', {stage: 'working'}, []])
                comm.send({method: 'update', state: {[name]: value}, buffer_paths: []});
    }
    return kernel._comms.size;
}"""


def test_forged_messages_leave_the_ledger_unchanged(open_notebook):
    """Every widget of the panel is pressed, and every trait written; only the confirming button itself may act."""
    made = "jobs = [service.add_job('pending', 1) for _ in range(3)]\n"
    panel = Panel(open_notebook(START + made + CALM))
    assert panel.page.evaluate(FORGE) > 20
    panel.notebook.wait_idle()
    panel.notebook.run("panel._work.settle()")
    assert panel.kernel("len(service.ledger)") == 0
    assert panel.kernel("panel._work.stage") in ("confirm", "planning", "list")
    assert panel.kernel("client.service is service and panel._work.client is client")


HOSTILE = [
    "<img src=x onerror=window.pwned=1>", "<script>window.pwned=1</script>", "\"><svg onload=window.pwned=1>",
    "javascript:window.pwned=1", "[x](javascript:window.pwned=1)", "$\\href{javascript:window.pwned=1}{x}$", "$$x^2$$",
    "\\(\\unicode{x41}\\)", "{{constructor.constructor('window.pwned=1')()}}", "${window.pwned=1}",
    "</td></tr></table><b>out</b>", "\u202egpj.exe", "\x1b[31mred", "a\x00b", "\u2028\u2029", "<iframe srcdoc=x>",
    "&lt;b&gt;", "%3Cscript%3E", "' onmouseover='window.pwned=1", "<style>*{display:none}</style>",
]  # fmt: skip


def test_hostile_names_are_inert_text(open_notebook):
    made = f"for name in {HOSTILE!r}: service.add_job('pending', 1, name=name)\n"
    panel = Panel(open_notebook(START + made + CALM))
    panel.chip("pending").click()
    panel.grid.get_by_role("checkbox", name=re.compile("Select all")).click()
    panel.button(re.compile("^Cancel ")).click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    panel.button(re.compile(r"^Cancel .* jobs$")).click()
    expect(panel.root.get_by_role("grid", name="What became of each job")).to_be_visible()
    foreign = "img, script, svg, iframe, style, b, a, mjx-container, .MathJax, [onerror], [onload], [onmouseover]"
    assert panel.root.locator(foreign).count() == 0
    assert panel.page.evaluate("window.pwned === undefined")
    expect(panel.root.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()
    expect(panel.root.get_by_text("\\u202egpj.exe").first).to_be_visible()
    panel.no_trouble()


def test_a_slow_and_then_dead_service_leaves_the_panel_usable_and_says_what_is_wrong(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    panel.notebook.run("service.faults.delay(seconds=20, times=1)")
    panel.button("Refresh").click()
    expect(panel.button("Refresh")).to_be_disabled()
    panel.chip("complete").click()
    panel.rows.first.click()
    expect(panel.root.get_by_text("1 job selected")).to_be_visible()
    assert panel.kernel("panel._work.busy")
    panel.notebook.run("panel._work._drop(); panel._draw(); service.faults.server_error(times=None)")
    panel.button("Refresh").click()
    alert = panel.root.get_by_role("alert").filter(has_text="ServiceError")
    expect(alert).to_be_visible()
    panel.count(panel.kernel("int((panel._table.df.status == 'complete').sum())"))
    panel.notebook.run("service.faults.clear()")
    panel.button("Refresh").click()
    expect(alert).to_be_hidden()


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
