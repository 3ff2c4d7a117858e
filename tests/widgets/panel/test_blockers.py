"""The reasons why jobs are left out: grouped, counted, and a way to just those jobs, and back."""

import pytest

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def mixed(page, panel, service):
    """Select five jobs that can be cancelled, two that have started, one that is complete."""
    pending = [service.add_job("pending", 1) for _ in range(5)]
    started = [service.add_job("running", ["running"]) for _ in range(2)]
    complete = service.a_complete_job()
    page.press("Refresh")
    panel.select([*pending, *started, complete])
    return pending, started, complete


def test_a_reason_shows_just_its_jobs_and_then_all_again(page, panel, mixed):
    _, started, _ = mixed
    every = len(panel.visible)
    page.press_reason("cancelled", "task_started")
    assert sorted(panel.visible["id"]) == sorted(started)
    assert [each["on"] for each in page.toggles("cancelled").state["chips"]] == [True, False]
    assert panel.picked == 8  # what is selected stays
    page.press_reason("cancelled", "task_started")
    assert len(panel.visible) == every
    assert not any(each["on"] for each in page.toggles("cancelled").state["chips"])


def test_a_reason_keeps_the_filter_and_shows_no_job_that_is_not_selected(page, panel, service, mixed):
    _, started, _ = mixed
    service.add_job("running", ["running"])
    page.press("Refresh")
    page.search(started[0])
    page.press_reason("cancelled", "task_started")
    assert panel.visible["id"].tolist() == started[:1]
    page.search("")
    assert len(panel.visible) > 8  # another filter is another wish
    assert not any(each["on"] for each in page.toggles("cancelled").state["chips"])


def test_the_other_act_has_reasons_of_its_own(page, panel, mixed):
    *_, complete = mixed
    page.press_reason("cancelled", "task_started")
    page.press_reason("retried", "complete")
    assert panel.visible["id"].tolist() == [complete]
    assert not any(each["on"] for each in page.toggles("cancelled").state["chips"])


def test_when_the_last_job_of_a_reason_is_no_longer_selected_all_are_shown_again(page, panel, mixed):
    pending, *_ = mixed
    every = len(panel.visible)
    page.press_reason("cancelled", "task_started")
    panel.select(pending)
    assert len(panel.visible) == every
    assert page.button("Cancel").description == "Cancel 5"


@pytest.mark.parametrize("key", ["failed", "no such reason", 3, None, ["complete"]])
def test_a_reason_that_is_not_shown_is_refused(page, panel, mixed, key, expects_errors):
    assert mixed
    every = len(panel.visible)
    page.press_reason("cancelled", key)
    assert "a reason that no selected job has" in page.error()
    assert len(panel.visible) == every
    assert len(expects_errors()) == 1


def test_the_reasons_of_a_plan_show_just_its_jobs_and_then_all_again(page, mixed):
    _, started, _ = mixed
    page.press("Cancel 5 of 8")
    assert "3 left out:" in page.zone()
    assert page.reasons("left out") == {"a task has started": 2, "complete": 1}
    page.press_reason("left out", "task_started")
    assert sorted(page.results()["id"]) == sorted(started)
    page.press_reason("left out", "task_started")
    assert len(page.results()) == 8


@pytest.mark.parametrize("key", ["failed", "' or True or '", 3, None])
def test_a_reason_that_the_plan_does_not_have_is_refused(page, mixed, key, expects_errors):
    assert mixed
    page.press("Cancel 5 of 8")
    page.press_reason("left out", key)
    assert "a reason that the plan does not have" in page.error()
    assert len(page.results()) == 8
    assert len(expects_errors()) == 1


def test_a_reason_of_a_plan_that_is_gone_is_refused(page, panel, mixed, expects_errors):
    assert mixed
    page.press("Cancel 5 of 8")
    page.press("Back")
    panel._plan_reason_pressed("task_started")
    assert "reasons that are not shown" in page.error()
    assert len(expects_errors()) == 1
