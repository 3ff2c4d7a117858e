"""How frames, jobs, plans and receipts look: everything said, nothing let through."""

import html.parser
import re

import pandas as pd
import pytest

from jobwidgets import rendering as display
from jobwidgets.models import Job, Task
from jobwidgets.rendering.text import cut, pad, width_of
from jobwidgets.vocabulary import OUTCOMES

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' style='position:fixed",
    "\u202egnp.exe",
    "\x1b[2J\x1b[31mred",
    "line\nbreak\ttab\x00nul",
    "javascript:alert(1)",
    "</td></tr></table><h1>out</h1>",
    "&lt;b&gt;",
)
ALLOWED = {"div", "span", "strong", "table", "thead", "tbody", "tr", "th", "td", "code"}


class Page(html.parser.HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attrs, self.texts, self._open = set(), [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attrs += attrs
        self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def everything(samples, name="plain"):
    """Every display there is, with one name and id in all of them."""
    jobs = samples.jobs(((name, name, "pending", ["pending"], name, 1), ("b", "b", "failed", ["failed"], "OCR", 2)))
    tasks = pd.DataFrame({"job_id": [name], "id": [name], "status": [name], "engine": [name], "category": [name]})
    tasks = tasks.assign(
        created=samples.now, queued_for=pd.NaT, ran_for=pd.NaT, failure_reason=name, failure_message=name
    )
    tasks.attrs = {"kind": "tasks", "service": name}
    plan, receipt = samples.plan(frame=jobs, reason=name), samples.receipt()
    receipt.df[["name", "message"]] = name
    receipt.halted = receipt.why = name
    task = Task(id=name, job_id=name, status=name, engine=name, failure_reason=name, failure_message=name)
    job = Job(id=name, name=name, status=name, target_id=name, tasks=(task,))
    jobs.attrs["missing"] = [name]
    extra = jobs.assign(**{"my column": name})
    pairs = [
        (display.frame_html, display.frame_text, [jobs, tasks, extra, jobs.head(0)]),
        (display.plan_html, display.plan_text, [plan]),
        (display.receipt_html, display.receipt_text, [receipt]),
        (display.job_html, display.job_text, [job]),
    ]
    return [(as_html(thing), as_text(thing)) for as_html, as_text, things in pairs for thing in things]


@pytest.mark.parametrize("name", HOSTILE)
def test_text_from_the_service_is_text(samples, name):
    clean = everything(samples)
    for (page, text), (clean_page, _) in zip(everything(samples, name), clean, strict=True):
        found = Page(page)
        assert found.tags <= ALLOWED
        assert {key for key, _ in found.attrs} <= {"style", "scope"}
        assert set(found.attrs) <= set(Page(clean_page).attrs)
        for forbidden in ("\x1b", "\u202e", "\x00"):
            assert forbidden not in page
            assert forbidden not in text


def test_no_script_no_link_and_no_class_is_written(samples):
    for page, _ in everything(samples):
        assert not re.search(r"<(script|style|a|img|iframe)|\b(class|id|href|src|on\w+)=", page)


def test_every_colour_has_a_fallback(samples):
    for page, _ in everything(samples):
        for colour in re.findall(r"color:(var\([^;\"]*)", page):
            assert colour.count("var(") == colour.count(")") - colour.count("rgba(")
            assert "," in colour


def test_a_frame_of_jobs_says_how_many_which_range_and_what_can_be_done(samples):
    text = display.frame_text(samples.jobs(truncated=True))
    for said in (
        "7 jobs",
        "✗ 1 failed",
        "api.example.org · read at 2026-03-02 12:00:00 UTC",
        "created from 2026-02-28 12:00:00 to 2026-03-02 12:00:00 UTC",
        "Cut off at the limit",
        "3 can be cancelled, 6 can be retried.",
        "a task has started",
        "1 d 2 h ago",
        "2026-03-01 10:00:00",
        "1 failed, 1/2",
        "会議の記録",
    ):
        assert said in text, said
    page = "".join(Page(display.frame_html(samples.jobs(truncated=True))).texts)
    assert "Cut off at the limit" in page
    assert "Court hearing <b>7</b>" in page


def test_what_is_not_shown_is_said(samples):
    text = display.frame_text(samples.many(340))
    assert text.count("26030209_") == 20
    assert "20 of 340 rows are shown; the frame holds them all." in text
    with pd.option_context("display.max_rows", 100):
        assert display.frame_text(samples.many(340)).count("26030209_") == 100
    with pd.option_context("display.max_rows", None):
        assert display.frame_text(samples.many(340)).count("26030209_") == 340


def test_an_empty_frame_helps(samples):
    text = display.frame_text(samples.jobs((), query={"status": ["failed"], "engine": "OCR", "since": "x"}))
    assert "No jobs" in text
    assert "Nothing matches status failed, engine OCR here." in text
    assert "leave a filter out, or look further back" in text
    assert "created from 2026-02-28 12:00:00" in text


def test_an_unknown_status_is_shown_as_it_came(samples):
    frame = samples.jobs((("a", "b", "hibernating", ["hibernating"], "OCR", 1),))
    assert "• hibernating" in display.frame_text(frame)
    assert "hibernating" in display.frame_html(frame)


def test_a_frame_with_fewer_columns_is_shown_with_those(samples):
    text = display.jobs_text(samples.jobs()[["id", "status"]])
    assert "7 jobs" in text
    assert "queued for" not in text


def test_columns_that_a_user_added_are_shown(samples):
    assert "my note" in display.frame_text(samples.jobs().assign(note="my note"))


def test_ids_are_never_cut_and_what_has_no_room_is_named(samples, monkeypatch):
    monkeypatch.setattr("jobwidgets.rendering.text.terminal_width", lambda: 80)
    text = display.frame_text(samples.jobs())
    assert "2603020900_complete05" in text
    assert "Not shown for want of room: " in text
    assert "engines" in text.splitlines()[-1]


def test_columns_line_up_with_wide_and_combining_characters(samples):
    lines = display.frame_text(samples.jobs()).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("status"))
    head, rows = lines[start], lines[start + 2 : start + 9]
    place = width_of(head[: head.index("created at (UTC)")])
    for row in rows:
        assert cut(pad(row, 200), place + 5).endswith("2026…"), row


def test_widths_count_columns_not_characters():
    assert width_of("会議") == 4
    assert width_of("e\u0301") == 1
    assert cut("会議の記録", 6) == "会議…"
    assert pad("é", 3, right=True) == "  é"


def test_a_plan_says_the_numbers_the_reasons_and_the_next_step(samples):
    text = display.plan_text(samples.plan())
    for said in (
        "Cancel 3 of 7 jobs",
        "4 left out",
        "stuck since noon",
        "a task has started",
        "%job apply c-2026",
        "Nothing has been sent",
    ):
        assert said in text, said


def test_a_plan_of_more_than_the_cap_says_how_to_send_it(samples):
    text = display.plan_text(samples.plan("retry", frame=samples.many(800)))
    assert "Retry 600 of 800 jobs" in text
    assert "--limit 600 (or plan.apply(limit=600))" in text
    assert "… and 595 more" in text


def test_a_plan_with_nothing_to_send_and_an_empty_one_say_so(samples):
    ended = (("a", "b", "complete", ["complete"], "OCR", 1),)
    assert "None of these can be cancelled" in display.plan_text(samples.plan(frame=samples.jobs(ended)))
    assert "there is nothing to cancel" in display.plan_text(samples.plan(frame=samples.jobs(())))


def test_a_receipt_names_the_refused_first_and_why(samples):
    text = display.receipt_text(samples.receipt())
    assert text.index("Refused by the service") < text.index("Unknown") < text.index("Not sent") < text.index("Done")
    for said in (
        "✗ 1 refused",
        "a task has started · Invalid <input>",
        "◑ running · was queued",
        "receipt.resolve()",
        "%job resume",
    ):
        assert said in text, said


def test_a_receipt_says_why_it_halted_what_had_moved_what_was_seen_after_and_how_to_go_on(samples):
    receipt = samples.receipt()
    receipt.halted, receipt.drifted = "the service is away", 2
    receipt.df["verified"] = ["confirmed", "finished_first", None, None, None]
    text = display.receipt_text(receipt)
    for said in (
        "Halted: the service is away",
        "2 of 5 had moved since the plan was made.",
        "Looked at again: 1 confirmed, 1 finished first.",
        f'%job resume {receipt.op} (or client.receipt("{receipt.op}").resume()), here or in another kernel.',
    ):
        assert said in text, said
    receipt.state = "at work"
    text = display.receipt_text(receipt)
    assert f"%job stop {receipt.op}" in text
    assert "%job resume" not in text


def test_receipts_say_how_each_stands_and_what_can_be_done(samples):
    frame = pd.DataFrame(
        {
            "op": ["retry-1", "cancel-2", "cancel-3", "cancel-4"],
            "kind": ["retry", "cancel", "cancel", "cancel"],
            "why": "",
            "begun": samples.now,
            "total": pd.array([9, 5, 4, None], dtype="Int32"),
            **{name: pd.array([1, 1, 1, None], dtype="Int32") for name in OUTCOMES},
            "state": ["open", "finished", "at work", "damaged"],
        }
    )
    frame.attrs["kind"] = "receipts"
    assert display.is_ours(frame)
    text = display.frame_text(frame)
    for said in (
        "4 receipts",
        "○ open",
        "✓ finished",
        "◑ at work",
        "✗ damaged",
        "%job resume retry-1 goes on",
        "%job stop cancel-3",
        "%job receipts cancel-4 says why",
    ):
        assert said in text, said
    assert "%job" not in display.frame_text(frame[frame["state"] == "finished"])
    assert "Nothing was applied at this service" in display.frame_text(frame.head(0))


def test_a_receipt_of_retries_names_the_new_jobs(samples):
    text = display.receipt_text(samples.receipt("retry"))
    assert "new job" in text
    assert "2603021200_again0001" in text


def test_a_job_says_its_verdicts_and_why_its_task_failed(samples):
    now = samples.now.to_pydatetime()
    task = Task(
        id="j1t", job_id="j1", status="failed", engine="OCR", started=now, failure_reason="url", failure_message="404"
    )
    text = display.job_text(Job(id="j1", status="failed", name="n", tasks=(task,), as_of=now, created=now))
    for said in ("Job n", "✗ failed", "the job has failed already", "✓ yes", "url · 404", "1 task"):
        assert said in text, said
    part = Job(id="j1", status="running", tasks=(task,), tasks_known=False)
    assert "1 task read so far" in display.job_text(part)
