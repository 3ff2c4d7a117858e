"""The plan before anything is sent: what it takes, where it acts, what has moved since; and planning once more."""

import pytest

import jobwidgets as jw
from jobwidgets.rendering import phrases as words
from tests.support.panel_driver import Page, settle

pytestmark = pytest.mark.usefixtures("wire", "fast")


@pytest.fixture
def jobs(page, panel, service):
    """Come to a plan for thirty jobs."""
    made = [service.add_job("pending", 1) for _ in range(30)]
    page.press("Refresh")
    panel.select(made)
    page.press("Cancel 30")
    return made


@pytest.fixture
def production(service, served, wire):
    """Put a person in front of a panel of a service that is production."""
    with jw.connect(served.graphql_url, token=service.token, environment="production") as client:
        panel = jw.JobPanel(client, refresh=None)
        settle(panel)
        yield Page(wire, panel)
        panel.close()


def test_the_plan_says_about_how_many_requests_it_takes_and_no_more_are_made(page, panel, service, jobs):
    assert jobs
    assert "Takes about 5 requests." in page.zone()
    before = service.requests["cancelJob"]
    page.press("Cancel 30 jobs")
    assert panel._work.receipt.counts == {"done": 30}
    assert service.requests["cancelJob"] - before == 3


def test_a_plan_says_that_nothing_has_moved_when_the_list_was_read_again(page, jobs):
    assert jobs
    assert "None of them has moved since the list was read; looked again at " in page.zone()


def test_what_moves_while_the_plan_is_shown_is_said_and_the_plan_stays_as_it_is(page, panel, client, jobs):
    for job in jobs[:3]:
        client.cancel(job)  # as a colleague would
    panel.refresh()
    settle(panel)
    assert "3 of 30 have moved since: the apply looks again and leaves out what has moved." in page.zone()
    assert "Cancel 30 jobs?" in page.zone()
    page.press("Cancel 30 jobs")
    assert panel._work.receipt.counts == {"done": 27, "skipped": 3}


def test_a_job_that_is_no_longer_listed_is_told_as_that(page, panel, service, jobs):
    service.remove_job(jobs[0])
    panel.refresh()
    settle(panel)
    assert "1 is no longer in the list: the apply looks again" in page.zone()


def test_in_production_every_step_says_so(production, service):
    jobs = [service.add_job("pending", 1) for _ in range(30)]
    production.press("Refresh")
    production.panel.select(jobs)
    production.press("Cancel 30")
    assert "Cancel 30 jobs in production?" in production.zone()
    production.wire(production.button("Cancel 30 jobs in production")).click()
    assert "Cancelling 30 jobs in production in a moment" in production.zone()
    production.press("Undo")
    assert len(service.ledger) == 0
    head = [(line["kind"], line["text"]) for line in production.panel._top.title.state["lines"]]
    assert ("alarm", "production") in head


def test_elsewhere_no_button_speaks_of_production(page, jobs):
    assert jobs
    assert page.button("Cancel 30").description == "Cancel 30 jobs"


def test_what_was_refused_can_be_planned_once_more_and_then_retried(page, panel, service):
    service.choices.retry_allowed = "failed_only"
    queued = [service.add_job("queued", 1) for _ in range(4)]
    page.press("Refresh")
    panel.select(queued)
    page.press("Retry 4")
    page.press("Retry 4 jobs")
    assert page.outcomes() == {"refused": 4}
    service.choices.retry_allowed = "not_complete"
    page.press("Retry 4")  # a new plan, and nothing sent yet
    assert "Retry 4 jobs?" in page.zone()
    assert len(service.ledger) == 0
    page.press("Retry 4 jobs")
    assert page.outcomes() == {"done": 4}
    assert sorted(write.target_id for write in service.ledger) == sorted(queued)


@pytest.mark.parametrize(("kind", "name"), [("retry", "Retry 4"), ("cancel", "Cancel 4 again")])
def test_the_button_that_plans_once_more_never_takes_a_cancel_for_a_retry(kind, name):
    assert words.again(kind, 4) == name


def test_only_what_was_refused_in_the_receipt_that_is_shown_can_be_planned_again(page, panel, jobs, expects_errors):
    assert jobs
    panel._again("cancel-20260301T000000-abcdef")
    assert "not the one that is shown" in page.error()
    page.press("Cancel 30 jobs")
    panel._again(panel._work.op)
    assert "nothing of this operation was refused" in page.error()
    assert len(expects_errors()) == 2
