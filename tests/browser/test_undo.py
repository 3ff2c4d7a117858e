"""Many jobs: the seconds to undo, the keyboard, a busy kernel, and going on with what another kernel left."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.panel_page import CALM, START, Panel

pytestmark = pytest.mark.browser
MANY = "jobs = [service.add_job('pending', 1, name=f'Zebra {i}') for i in range(30)]\n"


def to_confirm(panel):
    """Select the thirty and come to their plan."""
    panel.search.fill("Zebra")
    panel.count(30)
    panel.button("Select all 30 that match").click()
    panel.button("Cancel 30").click()
    expect(panel.root.get_by_text("After the click there are 5 seconds to undo it.")).to_be_visible()


BLOCK = """(button, code) => {
    button.click();
    window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
}"""
"""Click a button, and have the kernel run code right after what the click brings about."""
LONGER_THAN_THE_COUNTDOWN = """import pathlib, time
begun = time.monotonic()
while time.monotonic() < begun + 6 or not pathlib.Path("undo was clicked").exists():
    time.sleep(0.1)"""


def test_undo_has_the_keyboard_and_goes_back_and_the_countdown_then_begins_by_itself(open_notebook):
    panel = Panel(open_notebook(START + MANY + CALM))
    to_confirm(panel)
    go = panel.button("Cancel 30 jobs")
    go.focus()
    panel.page.keyboard.press("Enter")
    expect(panel.root.get_by_role("button", name="Undo")).to_be_focused()
    expect(panel.root.get_by_role("status").filter(has_text="Cancelling 30 jobs in a moment")).to_be_visible()
    expect(panel.root.get_by_role("timer")).to_have_text(re.compile("^[1-4]$"))  # it counts
    panel.page.keyboard.press("Enter")
    expect(panel.root.get_by_text("Undone in time. Nothing has been sent yet.")).to_be_visible()
    assert panel.kernel("len(service.ledger)") == 0

    panel.button("Cancel 30 jobs").click()
    expect(panel.root.get_by_text("Cancel: 30 done")).to_be_visible()
    assert panel.kernel("sorted(w.target_id for w in service.ledger) == sorted(jobs)")
    panel.no_trouble()


def test_a_double_click_undoes_and_never_begins(open_notebook):
    panel = Panel(open_notebook(START + MANY + CALM))
    to_confirm(panel)
    go = panel.button("Cancel 30 jobs")
    go.scroll_into_view_if_needed()
    box = go.bounding_box()
    x, y = box["x"] + box["width"] - 12, box["y"] + box["height"] / 2
    panel.page.mouse.click(x, y)
    undo = panel.root.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    under = undo.bounding_box()
    assert under["x"] <= x <= under["x"] + under["width"]  # what the first click brought lies under the second one
    undo.click()
    expect(panel.root.get_by_text("Undone in time.")).to_be_visible()
    assert panel.kernel("len(service.ledger)") == 0


def test_an_undo_is_heard_also_when_a_cell_blocked_the_kernel_all_the_while(open_notebook):
    panel = Panel(open_notebook(START + MANY + CALM))
    to_confirm(panel)
    panel.button("Cancel 30 jobs").evaluate(BLOCK, LONGER_THAN_THE_COUNTDOWN)
    undo = panel.root.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.click()
    (panel.notebook.server.root / "undo was clicked").touch()
    expect(panel.root.get_by_text("Undone in time.")).to_be_visible()
    panel.notebook.wait_idle()
    assert panel.kernel("len(service.ledger)") == 0
    assert panel.kernel("panel._work.stage") == "confirm"


def test_what_another_kernel_left_is_told_shown_and_resumed(open_notebook):
    left = """service.faults.lose_answer(times=1, operation='cancelJob')
service.faults.expire_token(times=None, operation='cancelJob')
op = client.plan_cancel(jobs, reason='feed broken').apply(progress=False).op
service.faults.clear()
client.aio.operations._held.clear()  # as another kernel has it: by its journal alone
"""
    panel = Panel(open_notebook(START + MANY + left + CALM))
    op = panel.kernel("op")
    expect(panel.root.get_by_text(f"1 operation is unfinished: {op}, 10 unknown, 20 not sent")).to_be_visible()
    panel.button("Show").click()
    outcomes = panel.root.get_by_role("group", name="Filter by outcome")
    expect(outcomes.get_by_role("button", name="not sent 20")).to_be_visible()
    expect(panel.root.get_by_text(f'client.receipt("{op}").resume()')).to_be_visible()
    outcomes.get_by_role("button", name="unknown 10").click()
    result = panel.root.get_by_role("grid", name="What became of each job")
    expect(result).to_have_attribute("aria-rowcount", "11")
    panel.button("Resolve 10").click()
    expect(outcomes.get_by_role("button", name="done 10")).to_be_visible()
    assert panel.kernel("len(service.ledger)") == 10
    panel.button("Resume 20").click()
    expect(panel.root.get_by_text("Cancel: 30 done")).to_be_visible()
    assert panel.kernel("sorted(w.target_id for w in service.ledger) == sorted(jobs)")
    panel.button("Back to the list").click()
    expect(panel.root.get_by_text("is unfinished")).to_be_hidden()
    panel.no_trouble()


def test_a_result_takes_no_keyboard_from_somebody_who_types_elsewhere(open_notebook):
    panel = Panel(open_notebook(START + MANY + CALM, "# notes"))
    to_confirm(panel)
    panel.button("Cancel 30 jobs").click()
    panel.notebook.cell(1).locator(".cm-content").click()
    panel.page.keyboard.type(" while it counts")
    expect(panel.root.get_by_text("Cancel: 30 done")).to_be_visible()
    panel.page.keyboard.type(" and after")
    expect(panel.notebook.cell(1).locator(".cm-content")).to_contain_text("while it counts and after")
