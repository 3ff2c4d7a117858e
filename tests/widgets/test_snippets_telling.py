"""The code that the bar, the plan and the receipt show: run as it stands, it does what the panel does."""

import pytest

from jobwidgets.widgets.panel import receipt_view as _outcome
from jobwidgets.widgets.snippets import Code

pytestmark = pytest.mark.usefixtures("wire", "fast")


@pytest.fixture
def code(page):
    """Open the code of the zone that is shown; give its Python and its %job lines."""

    def opened():
        found = [each for each in below(page.panel.children[-1]) if isinstance(each, Code)]
        page.wire(found[0]).say("open", open=True)
        return {block["name"]: block["code"] for block in found[0].state["blocks"]}

    return opened


def below(widget):
    return [found for child in getattr(widget, "children", ()) for found in (*below(child), child)]


def run(client, panel, lines):
    """Run the lines, as a cell would."""
    names = {"client": client, "panel": panel}
    exec(lines, names)
    return names


def test_the_code_of_the_list_gives_what_is_shown_and_selects_what_is_selected(page, panel, client, code):
    page.chip("pending")
    panel.filter = "tasks > 0"
    panel.select(panel.visible.head(3))
    ids = panel.visible["id"].tolist(), panel.selected["id"].tolist()
    lines = code()
    assert list(lines) == ["Python"]  # %job cannot say it
    panel.select(None)
    assert run(client, panel, lines["Python"])["df"]["id"].tolist() == ids[0]
    assert panel.selected["id"].tolist() == ids[1]


def test_without_a_filter_a_job_line_lists_the_same(code):
    assert code()["%job"] == "%job list -o df"


@pytest.mark.parametrize("count", [3, 30])
def test_the_code_of_a_plan_does_what_its_button_does(page, client, service, code, count):
    jobs = [service.add_job("pending", 1) for _ in range(count)]
    page.press("Refresh")
    page.panel.select(jobs)
    page.press(f"Cancel {count}")
    page.field("Reason").value = "stuck"
    lines = code()["Python"]
    assert len(service.ledger) == 0
    receipt = run(client, page.panel, lines)["receipt"]
    assert (receipt.counts, receipt.why) == ({"done": count}, "stuck")
    assert sorted(write.target_id for write in service.ledger) == sorted(jobs)


@pytest.mark.parametrize("count", [2, 25])
def test_the_code_of_a_second_plan_is_about_what_was_refused(page, client, service, code, count):
    service.choices.retry_allowed = "failed_only"
    queued = [service.add_job("queued", 1) for _ in range(count)]
    failed = service.add_job("failed", 1)
    page.press("Refresh")
    page.panel.select([*queued, failed])
    page.press("Retry")
    page.press(f"Retry {count + 1} jobs")
    service.choices.retry_allowed = "not_complete"
    page.press(f"Retry {count}")
    receipt = run(client, page.panel, code()["Python"])["receipt"]
    assert receipt.counts == {"done": count}
    assert sorted(receipt.df["id"]) == sorted(queued)


def test_the_code_of_a_receipt_gives_its_rows(page, panel, client, service, code):
    panel.select(service.a_pending_job())
    page.press("Cancel 1")
    page.press("Cancel 1 job")
    lines = code()
    assert lines["%job"] == f"%job receipts {panel._work.op}"
    assert run(client, panel, lines["Python"])["receipt"].df["outcome"].tolist() == ["done"]


def test_how_far_it_is_is_read_out_seldom(monkeypatch):
    """Not each number: the first, and then one in five seconds."""
    now = [100.0]
    monkeypatch.setattr(_outcome.time, "monotonic", lambda: now[0])
    progress = _outcome._Progress(lambda: None)
    said = []
    progress._aloud.observe(lambda change: said.append(change.new["lines"][0]["text"]), "state")

    class Run:
        doubtful, stopping = 0, False
        act = type("Act", (), {"sends": True})()

    for done in range(1, 101):
        now[0] += 0.2
        Run.progress = (done, 100, {})
        progress.draw(Run())
    assert said == [f"{done} of 100 through" for done in (1, 26, 51, 76)]
    assert progress._aloud.state["role"] == "status"
    assert progress.parts[1].children[0].state["role"] == ""  # what changes all the time is not read out
