"""What became of each job: as it comes, at the end, filtered, resolved, resumed, and found again by another kernel."""

import asyncio
import threading

import pytest

import jobwidgets as jw
from jobwidgets.bulk.journal import journal
from jobwidgets.widgets.panel import operation_runner as _run
from jobwidgets.widgets.panel.controller import Stage
from tests.support.panel_driver import Page, settle, until

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def another(service, served):
    """Give a client as another kernel has it: it knows of the first one's work by the state directory alone."""
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, timeout=20) as client:
        yield client


def half_done(client, service, count=60):
    """Leave an operation with ten jobs unknown and the rest not sent."""
    jobs = [service.add_job("pending", 1) for _ in range(count)]
    service.faults.lose_answer(times=1, operation="cancelJob")
    service.faults.expire_token(times=None, operation="cancelJob")
    receipt = client.plan_cancel(jobs, reason="stuck").apply(progress=False)
    service.faults.clear()
    assert receipt.counts == {"unknown": 10, "not_sent": count - 10}
    return receipt.op, jobs


def looked(panel):
    """Wait until the panel has looked for earlier operations."""
    asyncio.run(until(lambda: panel._hand.run() or not panel._work.unfinished.looking))


@pytest.fixture
def left(another, service, client):
    """Open a panel where another kernel left an operation."""
    op, jobs = half_done(another, service)
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    looked(panel)
    yield panel, op, jobs
    panel.close()


@pytest.fixture
def found(wire, left):
    """Put a person in front of it."""
    return Page(wire, left[0])


# ------------------------------------------------------------------- while it works


def test_outcomes_are_shown_as_they_come(page, panel, service, wire):
    jobs = [service.add_job("pending", 1) for _ in range(100)]
    started = service.add_job("running", ["running"])
    page.press("Refresh")
    panel.select([*jobs, started])
    page.press("Cancel")
    service.faults.delay(seconds=1.0, times=None, operation="cancelJob")
    wire(page.button("Cancel")).click()
    seen = []

    async def watch():
        panel._hand._loop = asyncio.get_running_loop()
        wire(page.button("Start now")).click()
        seen.append((page.outcomes(), len(page.results())))
        while panel._work.stage is Stage.WORKING:
            await asyncio.sleep(0.02)
            if panel._work.stage is Stage.WORKING:
                seen.append((page.outcomes(), page.results()["outcome"].value_counts().to_dict()))

    asyncio.run(watch())
    settle(panel)
    assert seen[0][1] == 101  # all rows stand there before the first answer
    words = set().union(*(counts for counts, _ in seen))
    assert {"done", "waiting", "no answer yet", "skipped"} <= words
    some = [counts for counts, _ in seen if 0 < counts.get("done", 0) < 100]
    assert some, "the counts never showed it half done"
    assert any(0 < rows.get("done", 0) < 100 for _, rows in seen[1:])
    assert page.outcomes() == {"done": 100, "skipped": 1}


def test_no_more_than_ten_messages_a_second_go_to_the_browser_while_it_works(page, panel, service, wire, monkeypatch):
    """So many per report, and reports so seldom."""
    jobs = [service.add_job("pending", 1) for _ in range(100)]
    page.press("Refresh")
    panel.select(jobs)
    page.press("Cancel 100")
    service.choices.max_aliases = 5
    service.faults.delay(1.0, times=None, operation="cancelJob")
    sent, counts, draw = wire(panel)._sent, [], panel._draw

    def counted():
        before = len(sent)
        draw()
        if panel._work.stage is Stage.WORKING:
            counts.append(len(sent) - before)

    monkeypatch.setattr(panel, "_draw", counted)
    wire(page.button("Cancel 100 jobs")).click()
    while panel._work.stage is not Stage.WORKING:
        panel._hand.run()
    wire(panel._zone[1]._table).ask(0, 100)  # somebody sees every row
    while panel._work.stage is Stage.WORKING:
        panel._hand.run()
    reports = counts[1:]  # the first one makes the zone
    assert len(reports) > 1
    assert max(reports) / _run.PROGRESS_EVERY <= 10


def test_stop_asks_the_receipt_to_stop_and_says_how_to_go_on(page, panel, service, wire):
    jobs = [service.add_job("pending", 1) for _ in range(200)]
    page.press("Refresh")
    panel.select(jobs)
    page.press("Cancel")
    service.faults.delay(seconds=1.0, times=None, operation="cancelJob")
    wire(page.button("Cancel")).click()
    wire(page.button("Start now")).click()
    asyncio.run(until(lambda: service.requests["cancelJob"] > 0))
    wire(page.button("Stop")).click()
    assert "Stopping: what is on its way is waited for" in page.zone()
    wire(page.button("Stop")).click()
    settle(panel)
    receipt = panel._work.receipt
    assert receipt.halted == "stopped"
    assert receipt.counts.get("done", 0) == len(service.ledger)
    not_sent = receipt.counts["not_sent"]
    assert f"{not_sent} not sent: Resume goes on with them." in page.zone()
    assert f'client.receipt("{receipt.op}").resume()' in page.zone()
    service.faults.clear()
    page.press(f"Resume {not_sent}")
    assert panel._work.receipt.counts == {"done": 200}
    assert sorted(write.target_id for write in service.ledger) == sorted(jobs)


def test_a_stop_that_cannot_be_asked_for_is_told(page, panel, service, monkeypatch, expects_errors):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel")
    service.faults.delay(seconds=0.5, times=None, operation="cancelJob")

    async def broken(*_):
        raise jw.SettingsError("the disk is gone")

    monkeypatch.setattr(panel._work.client.aio, "stop", broken)
    page.wire(page.button("Cancel")).click()
    asyncio.run(until(lambda: service.requests["cancelJob"] > 0))
    page.wire(page.button("Stop")).click()
    asyncio.run(until(lambda: panel._hand.run() or "the disk is gone" in page.error()))
    settle(panel)
    assert len(expects_errors()) == 1


def test_closing_the_panel_stops_the_sending(page, panel, service, wire):
    for _ in range(200):
        service.add_job("pending", 1)
    page.press("Refresh")
    panel.select("status == 'pending'")
    page.press("Cancel")
    service.faults.delay(seconds=0.5, times=None, operation="cancelJob")
    wire(page.button("Cancel")).click()
    wire(page.button("Start now")).click()
    asyncio.run(until(lambda: service.requests["cancelJob"] > 0))
    client, op = panel._work.client, panel._work.op
    panel.close()
    asyncio.run(until(lambda: client.receipt(op).state == "open"))
    assert 0 < client.receipt(op).counts["not_sent"] < 200
    assert client.receipt(op).counts.get("done", 0) == len(service.ledger)


# ----------------------------------------------------------------------- when it is over


def test_outcome_chips_filter_the_rows_and_nothing_else(page, panel, service, expects_errors):
    service.choices.retry_allowed = "failed_only"
    panel.select([service.a_failed_job(), service.add_job("pending", 1)])
    page.press("Refresh")
    panel.select("status == 'pending' or status == 'failed'")
    page.press("Retry")
    page.press("Retry")
    counts = panel._work.receipt.counts
    assert page.outcomes() == counts
    assert len(page.results()) == sum(counts.values())
    page.filter_outcome("refused")
    assert set(page.results()["outcome"]) == {"refused"}
    page.filter_outcome("done")
    assert set(page.results()["outcome"]) == {"done", "refused"}
    page.filter_outcome("refused")
    page.filter_outcome("done")
    assert len(page.results()) == sum(counts.values())
    for nonsense in ("__class__", "waiting", "'] or True", None, 7, {}):
        page.filter_outcome(nonsense)
    assert "an outcome that there is not" in page.error()
    assert len(page.results()) == sum(counts.values())
    assert len(expects_errors()) == 6


def test_what_had_moved_since_the_plan_is_told(page, panel, service):
    jobs = [service.add_job("pending", 1) for _ in range(3)]
    page.press("Refresh")
    panel.select(jobs)
    page.press("Cancel")
    panel._work.plan._seen_at -= 60  # somebody thought about it for a minute
    panel._work.client.cancel(jobs[0])
    page.press("Cancel")
    assert panel._work.receipt.counts == {"done": 2, "skipped": 1}
    assert "1 of 3 had moved since the plan was made." in page.zone()


def test_what_the_jobs_themselves_read_is_shown(page, panel, service):
    jobs = [service.add_job("pending", 1) for _ in range(3)]
    page.press("Refresh")
    panel.select(jobs)
    page.press("Cancel")
    page.press("Cancel")
    assert "Looked at again: 3 confirmed" in page.zone()
    assert set(page.results()["verified"]) == {"confirmed"}


# --------------------------------------------------------------- what was left unfinished


def test_an_operation_that_another_kernel_left_is_told_quietly(left, found, service):
    panel, op, _ = left
    assert found.earlier() == f"1 operation is unfinished: {op}, 10 unknown, 50 not sent"
    assert panel._work.stage is Stage.LIST
    assert len(service.ledger) == 10


def test_show_opens_its_receipt_and_touches_nothing(left, found, service):
    panel, op, jobs = left
    panel.select(jobs[0])
    found.press("Show")
    assert found.outcomes() == {"unknown": 10, "not sent": 50}
    assert "Cancel: 10 unknown, 50 not sent" in found.zone()
    assert f"Receipt {op} · reason: stuck" in found.zone()
    assert found.earlier() == ""
    found.press("Back to the list")
    assert list(panel.selected["id"]) == [jobs[0]]
    assert found.earlier() != ""
    assert len(service.ledger) == 10


def test_resolve_asks_and_sends_nothing(left, found, service):
    panel, _, jobs = left
    found.press("Show")
    found.press("Resolve 10")
    assert panel._work.receipt.counts == {"done": 10, "not_sent": 50}
    assert found.outcomes() == {"done": 10, "not sent": 50}
    assert not any(button.description.startswith("Resolve") for button in found.buttons())
    assert len(service.ledger) == 10
    assert {service.job_status(write.target_id) for write in service.ledger} == {"aborted"}
    assert len(jobs) == 60


def test_what_it_is_too_early_to_tell_of_is_said(client, another, service):
    jobs = [service.add_job("pending", 1) for _ in range(3)]
    service.faults.fail_before(times=1, operation="cancelJob")
    receipt = another.plan_cancel(jobs).apply(progress=False)
    assert receipt.counts == {"unknown": 3}
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    panel._show_earlier(receipt.op)
    settle(panel)
    panel._resolve(receipt.op)
    settle(panel)
    assert panel._work.receipt.counts == {"unknown": 3}
    lines = [line["text"] for line in panel._zone[1]._note.state["lines"]]
    assert "Of 3 it is too early to tell, or nobody can: ask again in half a minute." in lines
    panel.close()


@pytest.mark.usefixtures("fast")
def test_resume_counts_down_first_and_then_sends_each_job_once(left, found, service):
    panel, op, jobs = left
    found.press("Show")
    found.wire(found.button("Resume 50")).click()
    assert panel._work.stage is Stage.GRACE
    found.press("Undo")
    assert "Undone in time: nothing more was sent." in found.zone()
    assert len(service.ledger) == 10
    found.press("Resume 50")
    assert panel._work.receipt.counts == {"done": 60}
    assert sorted(write.target_id for write in service.ledger) == sorted(jobs)
    found.press("Back to the list")
    looked(panel)
    assert found.earlier() == ""
    assert panel._work.receipt is None
    assert panel._work.client.receipt(op).counts == {"done": 60}


def test_an_act_from_its_plan_to_its_end_leaves_no_widget(client, service):
    from ipywidgets.widgets.widget import _instances

    half_done(client, service)
    client.aio.operations._held.clear()
    before = len(_instances)
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    looked(panel)
    op = panel._work.unfinished.newest.op
    panel._show_earlier(op)
    settle(panel)
    panel._outcome_pressed("unknown")
    panel._resolve(op)
    settle(panel)
    panel._resume(op)
    panel._undo(op)
    panel._resume(op)
    panel._start_now(op)
    settle(panel)
    assert panel._work.receipt.counts == {"done": 60}
    panel.close()
    assert len(_instances) == before


def test_forged_messages_resume_only_what_is_shown(left, found, service, expects_errors):
    panel, op, _ = left
    panel._resume(op)
    panel._resolve(op)
    assert "that receipt is not the one that is shown" in found.error()
    panel._show_earlier("../../etc/passwd")
    settle(panel)
    panel._show_earlier("")
    settle(panel)
    panel._outcome_pressed("done")
    assert panel._work.stage is Stage.LIST
    found.press("Show")
    panel._resume("cancel-20260101-000000-abcdef")
    assert panel._work.stage is Stage.DONE
    assert len(service.ledger) == 10
    assert len(expects_errors()) == 6


def test_an_operation_that_is_at_work_in_another_kernel_cannot_be_resumed_here(left, found, service, expects_errors):
    panel, op, _ = left
    found.press("Show")
    held = journal.Journal.reopen(op)
    try:
        found.press("Resolve 10")
        assert f"operation {op} is at work" in found.zone()
        assert panel._work.stage is Stage.DONE
        assert found.outcomes() == {"unknown": 10, "not sent": 50}
    finally:
        held.close()
    assert len(service.ledger) == 10
    found.press("Resolve 10")
    assert "at work" not in found.zone()
    assert panel._work.receipt.counts == {"done": 10, "not_sent": 50}
    assert len(expects_errors()) == 1


def test_not_now_takes_the_line_away_and_changes_nothing(left, found):
    panel, op, _ = left
    found.press("Not now")
    assert found.earlier() == ""
    found.press("Refresh")
    assert found.earlier() == ""
    assert panel._work.client.receipt(op).state == "open"


def test_several_are_counted_and_the_newest_is_named(client, another, service):
    half_done(another, service, 20)
    newest, _ = half_done(another, service, 20)
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    looked(panel)
    line = panel._work.unfinished.line
    assert line.startswith("2 operations are unfinished, the newest: ")
    assert panel._work.unfinished.newest.op in line
    assert newest in {each.op for each in panel._work.unfinished._all}
    panel.close()


def test_a_state_directory_that_cannot_be_read_is_one_quiet_line(client, tmp_path, monkeypatch):
    nowhere = tmp_path / "a file"
    nowhere.write_text("")
    monkeypatch.setenv("JOBWIDGETS_STATE", str(nowhere))
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    looked(panel)
    assert len(panel.visible) == 60
    assert panel._trouble.state["lines"] == []
    assert panel._work.unfinished.line.startswith("Earlier operations cannot be read: ")
    panel.close()


def test_a_journal_that_is_damaged_is_in_nobodys_way(left, client, tmp_path):
    _, op, _ = left
    (path,) = (tmp_path / "state" / "operations").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    looked(panel)
    assert panel._work.unfinished.newest is None
    assert panel._trouble.state["lines"] == []
    assert op in path.name
    panel.close()


def test_looking_for_them_never_holds_up_the_list(client, monkeypatch):
    waiting = threading.Event()

    async def slow():
        await asyncio.to_thread(waiting.wait)
        raise jw.SettingsError("gone")

    monkeypatch.setattr(client.aio, "receipts", slow)
    panel = jw.JobPanel(client, refresh=None)
    assert len(panel.visible) == 60
    assert panel._work.unfinished.looking
    waiting.set()
    looked(panel)
    assert panel._work.unfinished.line == "Earlier operations cannot be read: gone"
    panel.close()
