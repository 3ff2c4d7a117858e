"""From the list to the result, in JupyterLab and in Notebook 7, on the real embedded service."""

import pytest
from playwright.sync_api import expect

from tests.support.panel_page import CALM, SHOW, START, Panel

pytestmark = pytest.mark.browser
FRONTENDS = pytest.mark.parametrize("frontend", ["lab", pytest.param("notebook", marks=pytest.mark.other_host)])


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
    expect(panel.root.get_by_text("1 cannot be cancelled:")).to_be_visible()
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


def test_from_the_list_to_the_receipt_and_back_by_the_keyboard_alone(open_notebook):
    made = "jobs = [service.add_job('pending', 1, name=f'Zebra {i}') for i in range(25)]\n"
    panel = Panel(open_notebook(START + made + CALM))
    keys, focused = panel.page.keyboard, panel.page.locator(":focus")

    def tab_to(name, *, most=60):
        """Press Tab until a control of this name, or a row, has the keyboard."""
        for _ in range(most):
            keys.press("Tab")
            tag, label = focused.evaluate(
                "node => [node.tagName, node.getAttribute('aria-label') || node.textContent.trim()]"
            )
            if name in (label, tag):
                return
        raise AssertionError(f"Tab does not come to {name}")

    panel.search.focus()
    keys.type("Zebra")
    panel.count(25)
    tab_to("TR")
    keys.press("/")
    expect(panel.search).to_be_focused()
    tab_to("TR")
    keys.press("Control+a")
    expect(panel.root.get_by_text("25 jobs selected")).to_be_visible()
    tab_to("Cancel 25")
    keys.press("Enter")
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    tab_to("Cancel 25 jobs")
    keys.press("Enter")
    expect(panel.root.get_by_role("button", name="Undo")).to_be_focused()
    expect(panel.root.get_by_text("Cancel: 25 done")).to_be_visible()
    assert panel.kernel("sorted(w.target_id for w in service.ledger) == sorted(jobs)")
    expect(panel.root.locator(".jw-zone .jw-note").first).to_be_focused()  # what became of them is read first
    tab_to("Back to the list")
    keys.press("Enter")
    expect(panel.page.locator("tr:focus")).to_be_visible()
    panel.no_trouble()
