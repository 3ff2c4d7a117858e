"""The panel against the real embedded service, driven by the messages of its page."""

import asyncio
import contextlib
import threading
import time

import pytest
import traitlets

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.widgets.panel.controller import Stage
from tests.support.fake_frontend import Wire
from tests.support.panel_driver import below, settle, until

pytestmark = pytest.mark.usefixtures("wire")


def test_the_list_is_there_and_counted_by_status(panel):
    assert len(panel.visible) == 60
    chips = {chip["key"]: chip["count"] for chip in panel._top.chips.state["chips"]}
    assert chips == {key: str(count) for key, count in panel.visible["status"].value_counts().items() if count}
    assert f"{chips['complete']} complete" in repr(panel)
    assert "60 jobs as of" in repr(panel)


def test_chips_and_search_filter_what_is_visible(page, panel):
    page.chip("complete")
    page.chip("failed", more=True)
    assert set(panel.visible["status"]) == {"complete", "failed"}
    page.chip("complete", more=True)
    assert set(panel.visible["status"]) == {"failed"}
    page.chip("complete")
    assert set(panel.visible["status"]) == {"complete"}
    page.chip("complete")
    assert len(panel.visible) == 60
    wanted = panel.visible["id"].iloc[7]
    page.search(wanted)
    assert list(panel.visible["id"]) == [wanted]
    page.search("")
    assert len(panel.visible) == 60


def test_the_buttons_say_how_many_and_the_line_says_why_not_the_rest(page, panel, service):
    pending = [service.add_job("pending", 2) for _ in range(3)]
    started = [service.add_job("running", ["running", "pending"]) for _ in range(2)]
    page.press("Refresh")
    panel.select([*pending, *started, service.a_complete_job()])
    assert page.button("Cancel").description == "Cancel 3 of 6"
    assert page.button("Retry").description == "Retry 5 of 6"
    assert "3 cannot be cancelled:" in page.zone()
    assert "1 cannot be retried:" in page.zone()
    assert page.reasons("cancelled") == {"a task has started": 2, "complete": 1}
    assert page.reasons("retried") == {"complete": 1}


def test_a_disabled_button_says_why(page, panel, service):
    assert page.button("Cancel").disabled
    assert "Nothing is selected" in page.button("Cancel").tooltip
    panel.select(service.a_complete_job())
    assert page.button("Cancel 0 of 1").disabled
    assert "None of these can be cancelled: 1 is complete" in page.button("Cancel").tooltip
    assert "None of these can be cancelled:" in page.zone()  # not only where a pointer finds it
    assert page.reasons("cancelled") == {"complete": 1}


def test_select_all_says_of_what(page, panel):
    assert page.button("Select all").description == "Select all 60"
    page.chip("complete")
    count = len(panel.visible)
    assert page.button("Select all").description == f"Select all {count} that match"
    page.press("Select all")
    assert set(panel.selected["status"]) == {"complete"}
    page.chip("complete")
    assert f"{count} jobs selected" in page.zone()
    page.chip("failed")
    assert "none of them in view" in page.zone()


def test_a_plan_sends_nothing_and_confirming_it_cancels_exactly_those(page, panel, service):
    pending = [service.add_job("pending", 2) for _ in range(4)]
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel 4")
    assert panel._work.stage is Stage.CONFIRM
    assert "Cancel 4 jobs?" in page.zone()
    assert "Nothing has been sent yet" in page.zone()
    assert len(service.ledger) == 0
    page.press("Cancel 4 jobs")
    assert panel._work.stage is Stage.DONE
    assert sorted(write.target_id for write in service.ledger) == sorted(pending)
    assert [service.job_status(job) for job in pending] == ["aborted"] * 4
    assert "Cancel: 4 done" in page.zone()
    assert panel.selected.empty
    assert set(panel.visible.set_index("id").loc[pending, "status"]) == {"aborted"}
    page.press("Back to the list")
    assert panel._work.stage is Stage.LIST


def test_going_back_sends_nothing_and_keeps_the_selection(page, panel, service):
    pending = service.add_job("pending", 2)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel 1")
    page.press("Back")
    assert len(service.ledger) == 0
    assert list(panel.selected["id"]) == [pending]


def test_a_retry_makes_new_jobs_and_the_receipt_says_which(page, panel, service):
    panel.select(service.a_failed_job())
    page.press("Retry 1")
    assert "Each becomes a new job" in page.zone()
    page.press("Retry 1 job")
    receipt = panel._work.receipt
    assert receipt.counts == {"done": 1}
    assert receipt.df["new_id"][0] == service.ledger[0].new_id
    assert receipt.df["new_id"][0] in set(panel.visible["id"])


def test_a_refusal_of_the_service_is_shown_with_its_reason(page, panel, service):
    service.choices.retry_allowed = "failed_only"
    panel.select([service.a_failed_job(), service.add_job("pending", 1)])
    page.press("Refresh")
    panel.select("status == 'pending' or status == 'failed'")
    count = len(panel.selected)
    page.press("Retry")
    page.press("Retry")
    counts = panel._work.receipt.counts
    assert counts["refused"] > 0
    assert sum(counts.values()) == count
    refused = panel._work.receipt.df.query("outcome == 'refused'")
    assert refused["reason"].str.len().min() > 0
    assert f"{counts['refused']} refused" in page.zone()


def test_the_reason_is_kept_with_the_receipt(page, panel, service, wire):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel")
    wire(next(each for each in below(panel) if getattr(each, "description", "") == "Reason")).write(value=" stuck ")
    page.press("Cancel")
    assert panel._work.receipt.why == "stuck"


@pytest.mark.usefixtures("fast")
def test_more_than_five_hundred_need_their_number_typed(wire, page, panel, service, expects_errors):
    for _ in range(501):
        service.add_job("pending", 1)
    page.press("Refresh")
    panel.select("status == 'pending'")
    count = len(panel.selected)
    page.press("Cancel")
    page.press(f"Cancel {count} jobs")
    assert len(service.ledger) == 0
    assert f"type {count} to go on" in page.error()
    field = next(each for each in below(panel) if getattr(each, "description", "").startswith("Type"))
    wire(field).write(value=str(count))
    page.press(f"Cancel {count} jobs")
    assert len(service.ledger) == count
    assert expects_errors() == [f"UsageError: these are {count} jobs; nothing was sent → type {count} to go on"]


def test_forged_old_and_repeated_messages_do_no_more_than_the_buttons(page, panel, service, wire, expects_errors):
    first, second = service.add_job("pending", 1), service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(first)
    page.press("Cancel 1")
    old = Wire(page.button("Cancel 1 job"), wire(panel)._sent)
    page.press("Back")
    panel.select(second)
    page.press("Cancel 1")
    assert old.widget.comm is None  # its way to the kernel was closed with it
    old.widget.click()
    settle(panel)
    assert len(service.ledger) == 0
    panel._go("cancel-of-another-day", "", "")
    assert "not the one that is shown" in page.error()
    go = page.button("Cancel 1 job")
    wire(go).click()
    assert go.comm is None
    go.click()
    settle(panel)
    assert [write.target_id for write in service.ledger] == [second]
    assert len(expects_errors()) == 3


def test_no_trait_that_a_page_can_write_sends_anything(page, panel, service, wire):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel")
    values = [None, "", "cancel", True, 0, 3.5, [], {}, {"op": panel._work.plan.op, "stage": "working"}]
    for widget in below(panel):
        for name in list(widget.keys):
            if name.startswith("_") or name in ("layout", "style", "children"):
                continue
            for value in values:
                with contextlib.suppress(traitlets.TraitError):
                    wire(widget).write(**{name: value})
    settle(panel)
    assert len(service.ledger) == 0
    assert panel._work.stage is Stage.CONFIRM


def test_disabled_buttons_pressed_all_the_same_do_nothing(page, panel, service, wire, expects_errors):
    wire(page.button("Cancel")).write(disabled=False)
    page.press("Cancel")
    assert "no job is selected" in page.error()
    panel.select(service.a_complete_job())
    page.press("Cancel")
    assert "There is nothing to cancel" in page.zone()
    panel._go(panel._work.plan.op, "", "")
    settle(panel)
    assert len(service.ledger) == 0
    assert len(expects_errors()) == 2


def test_a_service_that_is_down_is_said_in_one_line_and_the_list_stays(page, panel, service, expects_errors):
    service.faults.server_error(times=None)
    page.press("Refresh")
    assert page.error().startswith("No answer since ")
    assert "ServiceError: " in page.error()
    assert "\n" not in page.error()
    assert len(panel.visible) == 60
    service.faults.clear()
    page.press("Refresh")
    assert page.error() == ""
    assert len(expects_errors()) == 1


def test_code_that_asks_before_the_first_list_waits_for_it(client):
    panel = jw.JobPanel(client, refresh=None)
    assert len(panel.visible) == 60
    panel.close()


def test_what_is_asked_for_while_a_request_is_in_flight_is_not_asked_twice(panel, service):
    before = service.requests.total()
    service.faults.delay(seconds=0.3, times=None)
    for _ in range(5):
        panel.refresh()
    assert panel._work.busy
    settle(panel)
    once = service.requests.total() - before
    service.faults.clear()
    panel.refresh()
    settle(panel)
    assert service.requests.total() - before == 2 * once


def test_news_of_a_reading_that_are_heard_late_do_not_pass_for_its_end(panel, service):
    added, told = service.add_job("pending", 1), []
    work = panel._work
    work._following.told = told.append  # the kernel is busy, and hears when all is over
    panel.refresh()
    while not told or told[-1].reading:
        time.sleep(0.01)
    begun, ended = told[0], told[-1]
    assert begun.reading
    work._fresh = begun
    work._heard()
    assert work.busy
    work._fresh = ended
    work._heard()
    assert not work.busy
    assert added in list(panel.visible["id"])


def test_a_plan_does_not_wait_for_a_slow_refresh(page, panel, service):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    service.faults.delay(seconds=30, times=1)
    before = service.requests["jobs"]
    panel.refresh()
    asyncio.run(until(lambda: service.requests["jobs"] > before))  # the refresh is what is slow, not the plan
    page.press("Cancel 1")
    assert panel._work.stage is Stage.CONFIRM


def test_stop_ends_the_sending_and_the_receipt_says_how_far_it_came(page, panel, service, wire):
    for _ in range(200):
        service.add_job("pending", 1)
    page.press("Refresh")
    panel.select("status == 'pending'")
    count = len(panel.selected)
    page.press("Cancel")
    service.faults.delay(seconds=1.0, times=None, operation="cancelJob")
    wire(page.button("Cancel")).click()
    wire(page.button("Start now")).click()
    assert panel._work.stage is Stage.WORKING
    asyncio.run(until(lambda: service.requests["cancelJob"] > 0))
    wire(page.button("Stop")).click()
    settle(panel)
    receipt = panel._work.receipt
    assert sum(receipt.counts.values()) == count
    assert receipt.counts.get("done", 0) < count
    assert "Stopped: nothing more was sent." in page.zone()


def test_a_stop_before_the_first_job_sends_nothing_at_all(page, panel, service, expects_errors):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel 1")
    panel._work.plan.apply = lambda **_: asyncio.sleep(3_600)  # not begun when the stop comes
    panel._go(panel._work.plan.op, "", "")
    panel._stop()
    settle(panel)
    assert "stopped before anything was sent" in page.error()
    assert len(service.ledger) == 0
    assert panel._work.stage is Stage.LIST
    assert len(expects_errors()) == 1


ENTRIES = ["_refresh", "_live_pressed", "_chip_pressed", "_searched", "_select_matching", "_clear", "_act", "_go",
           "_back", "_stop", "_looked", "_changed", "_undo", "_start_now", "_outcome_pressed", "_resume", "_resolve",
           "_show_earlier", "_hide_earlier", "_reason_pressed", "_plan_reason_pressed", "_again"]  # fmt: skip


def test_all_entries_are_tried_below():
    ours = [kind for kind in jw.JobPanel.__mro__ if kind.__module__.startswith("jobwidgets.")]
    entries = {name for kind in ours for name, each in vars(kind).items() if hasattr(each, "__wrapped__")}
    assert sorted(ENTRIES) == sorted(entries)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_error_in_any_entry_is_shown_and_logged(page, panel, entry, monkeypatch, caplog, expects_errors):
    class Broken:
        error = ""

        def __getattr__(self, name):
            raise ZeroDivisionError(name)

    monkeypatch.setattr(panel, "_work", Broken())
    monkeypatch.setattr(panel, "_table", Broken())
    arguments = {"_live_pressed": ["live"], "_chip_pressed": ["failed"], "_searched": [None], "_act": ["cancel"],
                 "_go": ["", "", ""], "_undo": [""], "_start_now": [""], "_outcome_pressed": ["done"],
                 "_resume": [""], "_resolve": [""], "_show_earlier": [""], "_again": [""],
                 "_reason_pressed": ["cancel", "complete"], "_plan_reason_pressed": [""]}.get(entry, [])  # fmt: skip
    getattr(panel, entry)(*arguments)
    assert "unexpected ZeroDivisionError" in page.error()
    assert any(record.exc_info for record in caplog.records)
    assert expects_errors() == ["unexpected error in the panel"]
    monkeypatch.undo()


def test_a_panel_opens_with_few_messages(wire, client):
    """A Jupyter server drops what is beyond a thousand a second: several panels must open at once."""
    opened = jw.JobPanel(client, refresh=None)
    settle(opened)
    assert len(list(below(opened))) < 50
    assert len(wire(opened)._sent) <= 35  # beside one for each widget
    opened.close()


def test_what_comes_back_is_handled_on_the_loop_that_made_the_panel(client):
    threads = []

    async def main():
        panel = jw.JobPanel(client, refresh=None)
        panel._table.on_change(lambda: threads.append(threading.current_thread()))
        await until(lambda: not panel._work.busy)
        assert len(panel._table.df) == 60
        panel.close()

    asyncio.run(main())
    assert set(threads) == {threading.main_thread()}


def test_it_looks_again_only_while_somebody_sees_it(client, service, wire):
    async def main():
        panel = jw.JobPanel(client, refresh="1s")
        await until(lambda: not panel._work.busy)
        first = service.requests.total()
        await asyncio.sleep(1.5)
        assert service.requests.total() == first
        service.add_job("pending", 1)
        wire(panel._table).say("seen", view="v", seen=True)
        await until(lambda: len(panel._table.df) == 61)
        wire(panel._table).say("seen", view="v", seen=False)
        panel.close()

    asyncio.run(main())


def test_live_can_be_switched_off(client, wire):
    panel = jw.JobPanel(client)
    settle(panel)
    assert panel._top.live.state["chips"][0]["on"]
    wire(panel._top.live).say("press", key="live")
    assert not panel._top.live.state["chips"][0]["on"]
    wire(panel._table).say("seen", view="v", seen=True)
    assert not panel._work._following.active
    panel.close()


def test_the_query_reaches_the_service(client):
    panel = jw.JobPanel(client, status=["failed"], refresh=None)
    assert set(panel.visible["status"]) == {"failed"}
    panel.close()
    some = jw.JobPanel(client, limit=5, refresh=None)
    assert len(some.visible) == 5
    assert any("there are more" in line["text"] for line in some._top.title.state["lines"])
    some.close()


@pytest.mark.parametrize("refresh", ["soon", "0s"])
def test_a_refresh_that_is_no_length_of_time_is_refused(client, refresh):
    with pytest.raises(jw.UsageError):
        jw.JobPanel(client, refresh=refresh)


def test_a_closed_panel_leaves_no_widget_and_says_so(client, service):
    from ipywidgets.widgets.widget import _instances

    before = len(_instances)
    panel = jw.JobPanel(client, refresh=None)
    settle(panel)
    panel.select("status == 'failed'")
    panel._act("retry")
    settle(panel)
    panel.close()
    panel.close()
    assert len(_instances) == before
    assert "closed" in repr(panel)
    assert len(service.ledger) == 0


def test_a_panel_of_a_closed_client_says_so_and_looks_no_more(page, panel, client, expects_errors):
    client.close()
    panel._refresh()
    assert "the client of this panel is closed" in page.error()
    assert not client.portal.alive
    assert not panel._work.live
    assert len(expects_errors()) == 1


def test_there_is_text_for_places_without_widgets(panel):
    bundle = panel._repr_mimebundle_()
    assert "60 jobs as of" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_no_synced_trait_holds_the_token_or_the_address_of_the_api(page, panel, service, client):
    pending = service.add_job("pending", 1)
    page.press("Refresh")
    panel.select(pending)
    page.press("Cancel")
    page.press("Cancel")
    said = str([widget.get_state() for widget in (*below(panel), panel) if widget.comm is not None])
    assert service.token not in said
    assert client.service_url not in said


def test_a_panel_of_an_empty_world_says_so():
    nothing = Service(jobs=0, seed=1, speed=0)
    with serve(nothing) as running, jw.connect(running.graphql_url, token=nothing.token) as client:
        panel = jw.JobPanel(client, refresh=None)
        assert panel.visible.empty
        assert panel._table.head["empty"] == "There are no jobs in this range"
        panel.close()
