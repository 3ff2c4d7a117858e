"""A page that forges, names that attack, a service that is slow or dead."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.hostile_names import HOSTILE
from tests.support.panel_page import CALM, START, Panel

pytestmark = pytest.mark.browser

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
            for (const value of ['cancel', {stage: 'working'}])
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


def test_hostile_names_are_inert_text(open_notebook):
    made = f"jobs = [service.add_job('pending', 1, name=name) for name in {HOSTILE!r}]\n"
    panel = Panel(open_notebook(START + made + CALM))
    for text, shown in (('"><svg', '"><svg onload=window.pwned=1>'), ("gpj", "\\u202egpj.exe")):
        panel.search.fill(text)
        panel.count(1)
        expect(panel.rows.first).to_contain_text(shown)
    panel.search.fill("")
    panel.chip("pending").click()
    panel.count(panel.kernel("int((panel._table.df.status == 'pending').sum())"))
    panel.grid.get_by_role("checkbox", name=re.compile("Select all")).click()
    panel.button(re.compile("^Cancel ")).click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    panel.button(re.compile(r"^Cancel .* jobs$")).click()
    expect(panel.root.get_by_role("grid", name="What became of each job")).to_be_visible()
    foreign = "img, script, svg, iframe, style, b, a, mjx-container, .MathJax, [onerror], [onload], [onmouseover]"
    assert panel.root.locator(foreign).count() == 0
    assert panel.page.evaluate("window.pwned === undefined")
    expect(panel.root.get_by_text(re.compile(r"^Cancel: \d+ done"))).to_be_visible()
    assert panel.kernel("set(jobs) <= {write.target_id for write in service.ledger}")  # each can be acted on as well
    panel.no_trouble()


def test_a_slow_and_then_dead_service_leaves_the_panel_usable_and_says_what_is_wrong(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    panel.notebook.run("service.faults.delay(seconds=20, times=1)")
    panel.button("Refresh").click()
    expect(panel.button("Refresh")).to_be_disabled()
    panel.chip("complete").click()
    panel.count(panel.kernel("int((panel._table.df.status == 'complete').sum())"))  # a click on a row that goes is none
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
