"""What `--where` can say, and that it can reach nothing but the frame."""

import pytest

import jobwidgets as jw
from jobwidgets.magics.parsing.where_expr import where


@pytest.fixture
def ask(samples):
    frame = samples.jobs()
    return lambda query: list(where(frame, query, samples.now.to_pydatetime())["name"])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("queued_for > '90min' and can_cancel", ["Evening news 1", "Évènements à minuit"]),
        ("'90min' < queued_for <= '1d'", ["Evening news 1", "Évènements à minuit"]),
        ("status == 'failed' | status == 'aborted'", ["Podcast\u202e 12", "zero twelve"]),
        ("status in ['failed', 'nonsense']", ["Podcast\u202e 12"]),
        ("created > '2h30min'", ["Évènements à minuit", "Running in name only"]),
        ("created < '2026-03-01'", ["Podcast\u202e 12", "zero twelve"]),
        ("created < '2026-03-01T08:00Z' and not can_retry", []),
        ("name.str.contains('news') or id == '0012'", ["Evening news 1", "zero twelve"]),
        ("name.str.lower().str.startswith('evening')", ["Evening news 1"]),
        ("tasks_failed > 0 & tasks > 1", ["Podcast\u202e 12"]),
        ("~can_cancel & why_not == 'task_started'", ["Court hearing <b>7</b>"]),
        ("ran_for.notna() and queued_for > queued_for.min()", []),
        ("created.dt.hour == 9", ["Evening news 1"]),
    ],
)
def test_a_query_keeps_the_rows_for_which_it_holds(ask, query, names):
    assert ask(query) == names


def test_the_attrs_and_dtypes_survive(samples):
    frame = samples.jobs()
    kept = where(frame, "status == 'failed'", samples.now.to_pydatetime())
    assert kept.attrs == frame.attrs
    assert (kept.dtypes == frame.dtypes).all()


def test_an_empty_frame_can_be_asked(samples):
    assert len(where(samples.jobs(()), "queued_for > '1h' and can_cancel", samples.now.to_pydatetime())) == 0


def test_a_job_whose_eligibility_is_unknown_is_not_kept(samples):
    frame = samples.jobs()
    frame["can_cancel"] = None
    frame["can_cancel"] = frame["can_cancel"].astype("boolean")
    assert len(where(frame, "can_cancel", samples.now.to_pydatetime())) == 0


@pytest.mark.parametrize(
    "query",
    [
        "@x > 3",
        "name.__class__ == 3",
        "__import__('os').system('true')",
        "name.to_csv('stolen')",
        "name.apply(print)",
        "name.str.replace('a', 'b')",
        "(lambda: 1)()",
        "[x for x in id]",
        "open('stolen')",
        "pd.Timestamp('now') > created",
        "id if can_cancel else name",
        "f'{id}' == 'x'",
        "(id := name)",
        "status; id",
        "id = 'x'",
        "name[0] == 'x'",
        "`id` == 'x'",
        "(" * 300 + "id" + ")" * 300,
        "id == '" + "x" * 3000 + "'",
        "",
    ],
)
def test_nothing_but_the_frame_can_be_reached(ask, query):
    with pytest.raises(jw.UsageError, match="--where"):
        ask(query)


def test_an_unknown_column_names_the_nearest(ask):
    with pytest.raises(jw.UsageError, match=r"no column qeued_for; did you mean queued_for\?"):
        ask("qeued_for > '1h'")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("queued_for > 3", "Invalid comparison"),
        ("queued_for > 'soon'", "no age"),
        ("created > 'yesterday-ish'", "no time"),
        ("queued_for", "no condition"),
        ("1 == 1", "no condition"),
        ("id >", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error(ask, query, why):
    with pytest.raises(jw.UsageError, match=why):
        ask(query)
