"""The seconds before many jobs are sent: what they wait for, what they hear, and that nothing begins twice."""

import asyncio
import time

import pytest

import jobwidgets as jw
from jobwidgets.widgets.panel import controller as _controller
from jobwidgets.widgets.panel.controller import GRACE, GRACE_ABOVE, Stage
from tests.support.panel_driver import settle, until

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def many(page, panel, service):
    """Select more jobs than begin at once; give their ids."""
    jobs = [service.add_job("pending", 1) for _ in range(GRACE_ABOVE + 1)]
    page.press("Refresh")
    panel.select(jobs)
    return jobs


@pytest.fixture
def counting(page, panel, wire, many, monkeypatch):
    """Confirm the cancelling of many; the countdown has begun and stands still."""
    monkeypatch.setattr(_controller, "TICK", 3_600)
    page.press("Cancel")
    wire(page.button(f"Cancel {len(many)} jobs")).click()
    assert panel._work.stage is Stage.GRACE
    return many


def test_few_jobs_begin_at_once(page, panel, service):
    jobs = [service.add_job("pending", 1) for _ in range(GRACE_ABOVE)]
    page.press("Refresh")
    panel.select(jobs)
    page.press("Cancel")
    assert "seconds to undo" not in page.zone()
    page.press("Cancel")
    assert panel._work.receipt.counts == {"done": GRACE_ABOVE}


@pytest.mark.usefixtures("fast")
def test_many_jobs_wait_and_then_begin_by_themselves(page, panel, service, many):
    page.press("Cancel")
    assert f"After the click there are {GRACE} seconds to undo it." in page.zone()
    page.wire(page.button("Cancel")).click()
    assert "Nothing has been sent yet" in page.zone()
    assert len(service.ledger) == 0
    settle(panel)
    assert panel._work.receipt.counts == {"done": len(many)}
    assert len(service.ledger) == len(many)


@pytest.mark.usefixtures("many")
def test_the_countdown_counts_seconds_and_is_read_out_once(page, panel, wire, monkeypatch):
    monkeypatch.setattr(_controller, "TICK", 0.1)
    page.press("Cancel")
    said = []
    monkeypatch.setattr(panel._work, "_begin", lambda: said.append("begun"))

    async def main():
        panel._hand._loop = asyncio.get_running_loop()
        wire(page.button("Cancel")).click()
        notes = {note.state["role"]: note for note in page.notes()}
        said.append(notes["timer"].state["lines"][0]["text"])
        notes["timer"].observe(lambda change: said.append(change["new"]["lines"][0]["text"]), "state")
        notes["status"].observe(lambda _: said.append("read out again"), "state")
        await until(lambda: "begun" in said)

    began = time.monotonic()
    asyncio.run(main())
    assert said[:GRACE] == ["5", "4", "3", "2", "1"]
    assert "read out again" not in said
    assert time.monotonic() - began >= GRACE * 0.1


def test_undo_sends_nothing_and_shows_the_plan_again_as_it_was(page, panel, service, many, monkeypatch):
    monkeypatch.setattr(_controller, "TICK", 3_600)
    page.press("Cancel")
    page.wire(page.field("Reason")).write(value="stuck")
    op = panel._work.plan.op
    page.wire(page.button("Cancel")).click()
    page.press("Undo")
    assert panel._work.stage is Stage.CONFIRM
    assert panel._work.plan.op == op
    assert "Undone in time. Nothing has been sent yet." in page.zone()
    assert page.field("Reason").value == "stuck"
    assert len(service.ledger) == 0
    assert set(panel.selected["id"]) == set(many)


def test_after_an_undo_the_plan_can_be_confirmed_again_and_goes_once(page, panel, service, counting):
    page.press("Undo")
    page.wire(page.button("Cancel")).click()
    assert panel._work.left == GRACE
    page.press("Start now")
    assert panel._work.receipt.counts == {"done": len(counting)}
    assert len(service.ledger) == len(counting)


@pytest.mark.usefixtures("counting")
def test_a_second_click_undoes_or_does_nothing_and_never_begins(page, panel, service, expects_errors):
    op = panel._work.act.op
    panel._go(op, "", "")
    assert "not the one that is shown" in page.error()
    assert panel._work.stage is Stage.GRACE
    assert len(service.ledger) == 0
    assert len(expects_errors()) == 1


@pytest.mark.usefixtures("counting")
def test_forged_and_late_messages_begin_nothing(page, panel, service, expects_errors):
    op, undo, start = panel._work.act.op, page.button("Undo"), page.button("Start now")
    panel._start_now("cancel-20260101-000000-abcdef")
    panel._undo("cancel-20260101-000000-abcdef")
    assert panel._work.stage is Stage.GRACE
    page.wire(undo).click()
    assert start.comm is None  # its way to the kernel was closed with it
    start.click()
    panel._start_now(op)
    panel._work._ticked(None)
    panel._work._land(None)
    settle(panel)
    assert panel._work.stage is Stage.CONFIRM
    assert len(service.ledger) == 0
    assert len(expects_errors()) == 4


@pytest.mark.usefixtures("counting")
def test_a_panel_that_is_closed_while_it_counts_never_begins(panel, service):
    panel.close()
    time.sleep(0.1)
    assert len(service.ledger) == 0


@pytest.mark.usefixtures("counting")
def test_a_client_that_is_closed_while_it_counts_is_said_in_one_line(page, panel, client, expects_errors):
    client.close()
    settle(panel)
    assert "the client of this panel is closed" in page.error()
    assert panel._work.stage is Stage.CONFIRM
    assert not client.portal.alive
    assert len(expects_errors()) == 1


def test_while_the_kernel_is_busy_the_countdown_waits_so_that_an_undo_is_heard(client, service, monkeypatch):
    """The click waits in a queue while a cell blocks the kernel's thread; the work must not overtake it."""
    jobs = [service.add_job("pending", 1) for _ in range(GRACE_ABOVE + 1)]
    monkeypatch.setattr(_controller, "TICK", 0.1)
    monkeypatch.setattr(_controller, "LATE", 0.05)

    async def main():
        panel = jw.JobPanel(client, refresh=None)
        await until(lambda: not panel._work.busy)
        panel.select(jobs)
        panel._act("cancel")
        await until(lambda: panel._work.stage is Stage.CONFIRM)
        panel._go(panel._work.plan.op, "", "")
        await until(lambda: panel._work.left == 1)
        op = panel._work.act.op
        time.sleep(1.0)  # noqa: ASYNC251  a cell that blocks: longer than what is left
        asyncio.get_running_loop().call_later(0.02, panel._undo, op)  # the click that has waited comes in after it
        await asyncio.sleep(1.0)
        assert panel._work.stage is Stage.CONFIRM
        panel.close()

    asyncio.run(main())
    assert len(service.ledger) == 0
