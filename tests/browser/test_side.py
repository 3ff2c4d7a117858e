"""The side panel of JupyterLab, its demo and its new cells, on the real embedded service."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.jupyter import write_notebook
from tests.support.panel_page import PATIENCE, START

expect.set_options(timeout=PATIENCE)
pytestmark = [pytest.mark.browser, pytest.mark.one_front_end]
OFFER = """([where, code]) => {
    const event = new CustomEvent("jobwidgets:new-cell", { detail: { code }, cancelable: true, bubbles: true });
    document.querySelector(where).dispatchEvent(event);
    return event.defaultPrevented;
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
    cell => [cell.model.sharedModel.getSource(), cell.model.executionCount ?? 0])"""
OUTPUT = ".jp-OutputArea pre"


class Side:
    """The side panel as a person finds it."""

    def __init__(self, notebook):
        self.notebook = notebook
        self.page = notebook.page
        self.root = self.page.get_by_role("region", name="Jobs", exact=True)
        self.receipts = self.root.locator(".jw-side-receipts").get_by_role("listitem")

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
        return {row.split("\n")[0]: int(row.split("\n")[-1].replace(",", "")) for row in rows.all_inner_texts()}

    def asks(self):
        """How many requests the service has had."""
        return int(self.notebook.run("print(sum(service.requests.values()))"))

    def cells(self):
        return self.page.evaluate(CELLS)

    def ran(self, *cells):
        """Wait until the last cells are these, with their numbers."""
        script = f"wanted => JSON.stringify(({CELLS})().slice(-wanted.length)) === JSON.stringify(wanted)"
        self.page.wait_for_function(script, arg=[list(each) for each in cells], timeout=20_000)

    def offer(self, code, where=OUTPUT):
        """Offer code as an output does; say whether it was taken."""
        return self.page.evaluate(OFFER, [where, code])

    def no_trouble(self, *, restarted=False):
        assert self.notebook.foreign == []
        assert (self.notebook.own_errors if restarted else self.notebook.errors) == []
        assert [line for line in self.notebook.console if "jobwidgets" in line] == []


def test_it_shows_counts_and_receipts_of_the_connected_service_and_opens_the_panel(open_notebook):
    done = "jobs = [service.add_job('pending', 1) for _ in range(3)]\n"
    done += "service.faults.lose_answer(times=1, operation='cancelJob')\n"
    done += "client.plan_cancel(jobs, reason='<b>stuck</b>').apply(progress=False)\n"
    side = Side(open_notebook(START + done)).show()
    expect(side.root.get_by_text("demo", exact=True)).to_be_visible()
    expect(side.root.locator(".jw-side-label")).to_have_text(side.notebook.run("print(client.label)").strip())
    expected = side.notebook.run("print({word: int(n) for word, n in client.jobs().jobs.counts().items()})")
    assert side.counts() == eval(expected)
    expect(side.receipts).to_have_count(1)
    expect(side.receipts).to_contain_text("<b>stuck</b>")
    expect(side.receipts.get_by_text("unfinished", exact=True)).to_be_visible()
    expect(side.receipts.locator("b")).to_have_count(0)

    side.button("Open the panel in this notebook").click()
    expect(side.page.locator(".jobwidgets-panel").get_by_role("grid").first).to_be_visible()
    side.ran(("jw.JobPanel(client)", 2))
    assert len(side.cells()) == 2

    side.notebook.run("client.plan_cancel(service.add_job('pending', 1)).apply(progress=False)")
    side.button("Refresh").click()
    expect(side.receipts).to_have_count(2)
    expect(side.receipts.first).to_contain_text("1 done")
    side.no_trouble()


def test_it_asks_for_nothing_while_it_is_hidden(open_notebook):
    quick = "from jobwidgets.lab import sidebar\nfrom jobwidgets.live import poll_interval\n"
    quick += "sidebar.EVERY = poll_interval.SOONEST = poll_interval.SLOWEST = 0.2"
    side = Side(open_notebook(START + quick))
    side.show()
    side.counts()
    first = side.asks()
    for _ in range(100):  # it asks again and again
        if side.asks() > first + 2:
            break
        side.page.wait_for_timeout(200)
    assert side.asks() > first + 2
    side.page.get_by_role("tab", name="Jobs", exact=True).click()
    expect(side.root).to_be_hidden()
    side.page.wait_for_timeout(500)
    before = side.asks()
    side.page.wait_for_timeout(2_000)
    assert side.asks() == before
    side.no_trouble()


def test_it_follows_the_notebook_in_front_and_what_its_kernel_does(open_notebook, jupyter):
    side = Side(open_notebook("1 + 1", kernel_name="python3")).show()
    side.says("jobwidgets is not loaded in this notebook")
    expect(side.root.get_by_text("client = jw.connect()")).to_be_visible()
    run = "([code]) => window.jupyterapp.commands.execute('notebook:replace-selection', { text: code })"
    for code, said in (("import jobwidgets as jw", "Not connected to a service"), (START, "")):
        side.notebook.command("notebook:insert-cell-below")
        side.notebook.command("notebook:enter-edit-mode")
        side.page.evaluate(run, [code])
        side.notebook.command("notebook:run-cell")
        if said:
            side.says(said)
    assert sum(side.counts().values()) == 300

    name = write_notebook(jupyter.root, "second.ipynb", START.replace("300", "200"), kernel_name="python3")
    side.notebook.command("docmanager:open", {"path": name, "factory": "Notebook"})
    expect(side.root.get_by_text("in second.ipynb")).to_be_visible()
    side.says("jobwidgets is not loaded in this notebook")
    side.notebook.run_all()
    expect(side.root.get_by_text("200 jobs")).to_be_visible()
    side.page.get_by_role("tab", name=re.compile("test_it_follows")).click()
    expect(side.root.get_by_text("300 jobs")).to_be_visible()

    side.notebook.run("client.close()")
    side.says("Not connected to a service")
    side.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    side.says("jobwidgets is not loaded in this notebook")
    side.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    side.says("This notebook has no kernel")
    for _ in range(2):
        side.notebook.command("docmanager:save")
        side.notebook.command("application:close")
    side.says("No notebook is open")
    expect(side.button("Start the demo")).to_be_enabled()
    side.no_trouble(restarted=True)


def test_it_says_that_the_kernel_is_busy_and_takes_up_again_when_it_is_not(open_notebook):
    side = Side(open_notebook("import time", "1 + 1", kernel_name="python3"))
    side.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute("
        "{ code: 'import pathlib\\nwhile not pathlib.Path(\"go on\").exists(): time.sleep(0.1)' }); }"
    )
    side.show()
    side.says("The kernel is busy")
    (side.notebook.server.root / "go on").touch()
    side.says("jobwidgets is not loaded in this notebook")
    side.no_trouble()


@pytest.mark.own_page
def test_the_launcher_and_the_palette_open_the_demo_and_it_runs(open_notebook):
    side = Side(open_notebook("1"))
    side.notebook.command("launcher:create")
    side.page.locator(".jp-LauncherCard").get_by_text("aiWARE jobs demo").click()
    panel = side.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jobwidgets-panel")
    expect(panel.get_by_role("grid").first).to_be_visible()
    side.ran(("import jobwidgets as jw\n\nclient = jw.demo()", 1), ("jw.JobPanel(client)", 2))
    side.show()
    expect(side.root.get_by_text("2,000 jobs")).to_be_visible()
    side.page.keyboard.press("Control+Shift+C")
    search = side.page.locator(".lm-CommandPalette-input, .jp-CommandPalette input").first
    search.fill("aiWARE Jobs Demo")
    expect(side.page.locator(".lm-CommandPalette-itemLabel", has_text="New Notebook with the")).to_be_visible()
    side.no_trouble()


@pytest.mark.parametrize("frontend", ["lab", pytest.param("notebook", marks=pytest.mark.other_host)])
def test_code_that_an_output_offers_becomes_a_new_cell_below_it_and_is_not_run(open_notebook, frontend):
    side = Side(open_notebook("print('first')", "second = 2", frontend=frontend))
    code = 'for each in "abc":\n    print("<b>", each)\n# \u202e'
    assert side.offer(code) is True
    assert side.cells() == [["print('first')", 1], [code, 0], ["second = 2", 2]]
    index = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    assert side.page.evaluate(index) == 1
    before = side.cells()
    for refused in ("", "  \n", "x" * 20_001, None, 7, ["1"], {"code": "1"}):
        assert side.offer(refused) is False
    for place in ("body", ".jp-Cell .jp-InputArea", ".jp-Notebook", "#top-panel-wrapper, #jp-top-panel"):
        assert side.offer("print(1)", place) is False
    assert side.cells() == before
    assert side.offer("y" * 20_000) is True
    assert len(side.cells()) == 4
    assert [line for line in side.notebook.errors if "jobwidgets" in line] == []


def test_notebook_7_has_no_side_panel_and_shows_the_job_panel_as_ever(open_notebook):
    notebook = open_notebook(START + "jw.JobPanel(client)", frontend="notebook")
    expect(notebook.page.locator(".jobwidgets-panel").get_by_role("grid").first).to_be_visible()
    has = "id => window.jupyterapp.hasPlugin(id)"
    assert notebook.page.evaluate(has, "jobwidgets-lab:new-cell") is True
    expect(notebook.page.locator("#jobwidgets-side")).to_have_count(0)
    assert [line for line in [*notebook.errors, *notebook.console] if "jobwidgets" in line] == []
