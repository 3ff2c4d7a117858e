"""The values of the ground floor: the two rules, times, harmless text."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobwidgets as jw
from jobwidgets._internal.sanitizing import sanitize, sanitize_html
from jobwidgets._internal.timeparse import age_text, iso, parse_age, parse_when
from jobwidgets.eligibility import cancel_verdict, retry_verdict
from jobwidgets.vocabulary import IDLE, STATUSES, TERMINAL, Reason

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
words = st.sampled_from([*STATUSES, "brand_new"])


@given(words, st.lists(words, max_size=5))
def test_a_cancel_is_allowed_exactly_by_the_rule_of_the_service(status, tasks):
    idle = all(task in ("pending", "queued") for task in tasks)
    allowed = (status in ("pending", "queued") and idle) or (status == "running" and idle)
    verdict = cancel_verdict(status, tasks)
    assert bool(verdict) is allowed
    assert (verdict.reason is None) is allowed
    unread = cancel_verdict(status, tasks, tasks_known=False)
    assert unread.ok is not True
    assert (unread.reason == Reason.TASKS_UNREAD) == allowed


@given(words)
def test_a_retry_is_allowed_unless_complete(status):
    assert bool(retry_verdict(status)) is (status != "complete")


def test_every_reason_has_its_words():
    from jobwidgets.vocabulary import REASON_TEXT

    assert set(REASON_TEXT) == set(Reason)
    assert IDLE.isdisjoint(TERMINAL)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2d", NOW - timedelta(days=2)),
        ("90min", NOW - timedelta(minutes=90)),
        ("1h30min", NOW - timedelta(minutes=90)),
        ("1.5 h", NOW - timedelta(minutes=90)),
        ("now", NOW),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T08:00+02:00", datetime(2026, 2, 1, 6, tzinfo=UTC)),
        ("2026-02-01T08:00:00Z", datetime(2026, 2, 1, 8, tzinfo=UTC)),
        (date(2026, 2, 1), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 2, 1), datetime(2026, 2, 1, tzinfo=UTC)),  # noqa: DTZ001  without a zone is the point
        (datetime(2026, 2, 1, tzinfo=timezone(timedelta(hours=-5))), datetime(2026, 2, 1, 5, tzinfo=UTC)),
        (timedelta(hours=1), NOW - timedelta(hours=1)),
    ],
)
def test_times_are_read_as_people_write_them(written, meant):
    assert parse_when(written, NOW) == meant


@pytest.mark.parametrize(
    "wrong", ["", "soon", "2", "d2", "2 fortnights", "2026-13-01", 12, None, "99999999999d", "-2d"]
)
def test_what_is_no_time_is_refused_with_the_ways_to_write_one(wrong):
    with pytest.raises(jw.UsageError) as refused:
        parse_when(wrong, NOW)
    assert refused.value.hint


@given(st.integers(0, 7_000_000_000_000))
def test_a_time_survives_being_written_and_read(milliseconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert parse_when(iso(moment), NOW) == moment


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (90_000, "1 d 1 h"),
        (86_400, "1 d"),
        (-90, "-1 min 30 s"),
    ],
)
def test_ages_are_said_in_their_two_largest_units(age, said):
    assert age_text(timedelta(seconds=age)) == said


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9999)))
def test_an_age_that_was_said_can_be_read(age):
    assert abs(parse_age(age_text(age)) - age) <= timedelta(hours=1)


@given(st.text())
def test_shown_text_has_nothing_that_acts(text):
    shown = sanitize(text)
    assert len(shown) <= 200 * 10 + 1
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u2069\ufeff" for char in shown)
    assert not set("<>\"'") & set(sanitize_html(text))


def test_hostile_text_is_shown_as_it_is_and_cut():
    assert sanitize("\x1b[31mred\u202e\n") == "\\x1b[31mred\\u202e\\n"
    assert sanitize("x" * 500).endswith("…")
    assert sanitize(None) == ""
    assert sanitize("Müller 日本 عربي 👩‍👩‍👧") == "Müller 日本 عربي 👩‍👩‍👧"
