"""Click to code: each line does what the panel did, and no text breaks out of it."""

import ast
import datetime as dt
import sys

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given

import jobwidgets as jw
from jobwidgets.widgets import snippets as code
from jobwidgets.widgets.table.column_filters import Condition
from jobwidgets.widgets.table.row_view import Filter

texts = st.text() | st.sampled_from(
    ["'); import os #", '"""', "\\", "\n", "\u202e", "$HOME {x}", "%job cancel", "\ud800"]
)


def run(*lines, **names):
    """Run lines as a person would who pastes them."""
    held = dict(names)
    *before, last = ast.parse("\n".join(lines)).body
    exec(compile(ast.Module(before, []), "cell", "exec"), held)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "cell", "eval"), held)
    exec(compile(ast.Module([last], []), "cell", "exec"), held)
    return held[last.targets[0].id]


def ids(frame):
    return list(frame["id"])


# ------------------------------------------------------------------- hostile texts


def literals(line):
    (statement,) = ast.parse(line).body
    return [node.value for node in ast.walk(statement) if isinstance(node, ast.Constant)]


@given(texts)
def test_a_text_comes_back_from_the_line_as_it_was(text):
    for line in (
        code.code_list({"engine": text}),
        code.code_job(text),
        code.code_detail(text),
        code.code_receipt(text),
        code.code_resume(text),
        code.code_resolve(text),
        code.code_stop(text),
        code.code_scheduled(text),
        code.code_retries(text),
        code.code_tasks(text),
        code.code_select(text),
        code.code_select([text]),
        code.code_plan("cancel", [text]),
    ):
        assert literals(line) == [text]
        assert line.isprintable()


@given(texts, texts, texts, st.frozensets(texts, min_size=1, max_size=5))
def test_a_filter_of_any_texts_is_a_line_for_each_part_and_nothing_else(text, where, column, values):
    rule = Filter(
        values, text, where, values, (Condition(column, "contains", text), Condition(column, "any", "", values))
    )
    for line in code.code_filter(rule):
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.Assign)
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        assert names <= {"df", "panel"}
        assert line.isprintable()


@given(texts, texts)
def test_a_reason_comes_back_from_the_line_as_it_was(job_id, reason):
    assert literals(code.code_plan("retry", [job_id], reason=reason)) == [job_id, *([reason] if reason else [])]


@given(texts)
def test_a_line_of_job_is_offered_only_for_words_that_need_no_quotes(text):
    for line in (code.magic_job(text), code.magic_receipt(text), code.magic_list({"engine": text})):
        if line:
            assert text in line.split()
            assert not set(text) & set("$\"'\\{}` ;#~*?\n")
            assert not text.startswith("-")


def test_what_is_no_act_or_name_is_no_line():
    with pytest.raises(ValueError, match="nothing that can be planned"):
        code.code_plan("drop", ["a"])
    with pytest.raises(ValueError, match="no name of a variable"):
        code.code_plan("cancel", "df; x")


# ---------------------------------------------------------------- the same as the panel


@pytest.mark.parametrize(
    "query",
    [
        {"status": ["failed"]},
        {"status": "failed", "since": "2d"},
        {"since": dt.timedelta(days=2), "limit": 7},
        {"engine": "Transcription"},
        {},
    ],
)
def test_the_list_is_that_of_the_panel(client, query):
    panel = jw.JobPanel(client, refresh=None, **query)
    assert ids(run(code.code_list(query), client=client)) == ids(panel.visible)
    panel.close()


def test_the_list_of_a_moment_is_that_of_the_panel(client):
    since = client.jobs()["created"].sort_values().iloc[10].to_pydatetime()
    for moment in (since, since.replace(tzinfo=None), since.date(), pd.Timestamp(since)):
        assert ids(run(code.code_list({"since": moment}), client=client)) == ids(client.jobs(since=moment))


@pytest.mark.parametrize(
    "rule",
    [
        Filter(frozenset({"failed", "queued"})),
        Filter(text="poll (do not"),
        Filter(text="TRANS"),
        Filter(where="queued_for > '1min' and can_retry"),
        Filter(frozenset({"failed"}), "e", "tasks >= 1"),
        Filter(columns=(Condition("created", "older", "2d"),)),
        Filter(columns=(Condition("created", "after", "3d"), Condition("created", "before", "1h"))),
        Filter(columns=(Condition("queued_for", "longer", "1min"), Condition("ran_for", "shorter", "1h"))),
        Filter(columns=(Condition("tasks", "least", "2"), Condition("tasks", "most", "8"))),
        Filter(columns=(Condition("name", "contains", "a"), Condition("status", "any", "", frozenset({"failed"})))),
        Filter(columns=(Condition("scheduled_job_id", "any", "", frozenset({""})),)),
    ],
)
def test_the_filter_lets_through_what_the_panel_lets_through(client, rule):
    df = client.jobs()
    as_of = dt.datetime.fromisoformat(df.attrs["as_of"])
    wanted = ids(df[rule.mask(df)])
    assert 0 < len(wanted) < len(df)
    lines = code.code_filter(rule, as_of)
    assert all("panel" not in line for line in lines)
    assert ids(run(*lines, df=df)) == wanted


def test_a_filter_that_no_line_says_is_taken_from_the_panel(panel):
    df = panel.visible
    for rule in (
        Filter(columns=(Condition("engines", "any", "", frozenset({"Transcription"})),)),
        Filter(among=frozenset(df["id"].head(30))),
    ):
        assert code.code_filter(rule) == ["df = panel.visible"]
    assert ids(run("df = panel.visible", panel=panel)) == ids(df)


@pytest.mark.parametrize("count", [0, 1, 20, 21, 60])
def test_the_selection_is_that_of_the_panel(panel, count):
    wanted = ids(panel.visible.head(count))
    panel.select(wanted)
    line = code.code_select(wanted)
    if count <= code.FEW:
        panel.select(None)
    run(f"x = {line}", panel=panel)
    assert sorted(panel.selected["id"]) == sorted(wanted)
    assert sorted(ids(run(code.code_selected(), panel=panel))) == sorted(wanted)
    assert len(line) < 600
    for what in ("can_cancel", None):
        run(f"x = {code.code_select(what)}", panel=panel)
        assert len(panel.selected) == (0 if what is None else panel.visible["can_cancel"].sum())


@pytest.mark.parametrize("count", [1, 30])
def test_the_plan_is_that_of_the_panel_and_applying_it_sends_the_same(client, service, page, count):
    wanted = ids(page.panel.visible.sort_values("can_retry", ascending=False).head(count))
    page.panel.select(wanted)
    page.press("Retry")
    shown = page.panel._work.plan
    line = code.code_plan("retry", wanted, reason='it\'s "late"')
    plan = run(line, client=client, panel=page.panel)
    assert plan.df["id"].tolist() == shown.df["id"].tolist()
    assert plan.counts == shown.counts
    assert (plan.reason, len(service.ledger)) == ('it\'s "late"', 0)
    receipt = run(code.code_apply(plan.counts["retry"]), plan=plan)
    assert receipt.counts["done"] == len(service.ledger) == plan.counts["retry"]
    again = run(code.code_receipt(receipt.op), client=client)
    assert again.counts == receipt.counts
    for line in (code.code_resume(receipt.op), code.code_resolve(receipt.op)):
        assert run(line, client=client).counts == receipt.counts
    assert run(code.code_stop(receipt.op), client=client) == []
    assert len(service.ledger) == plan.counts["retry"]


def test_above_the_cap_the_number_is_in_the_line():
    assert code.code_apply(500) == "receipt = plan.apply()"
    assert code.code_apply(501) == "receipt = plan.apply(limit=501)"
    assert code.magic_apply(501) == "%job apply --limit 501"


def test_one_job_is_read_as_the_panel_reads_it(client, service):
    job_id = service.a_failed_job()
    assert run(code.code_job(job_id), client=client) == client.job(job_id)
    assert run(code.code_detail(job_id), client=client) == client.detail(job_id)
    assert ids(run(code.code_tasks(job_id), client=client)) == ids(client.tasks([job_id]))
    assert run(code.code_retries(job_id), client=client) == client.retries(job_id)
    schedule = client.scheduled_jobs()["id"].iloc[0]
    assert run(code.code_scheduled(schedule), client=client) == client.scheduled_job(schedule)


# -------------------------------------------------------------------------- the names


class Shell:
    def __init__(self, **names):
        self.user_ns = names


def test_the_line_names_the_variable_that_holds_the_client(client, monkeypatch):
    shell = Shell(c=client, _=client, __=object(), other=object())
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    assert code.name_of(client, "client") == "c"
    shell.user_ns = {"client": client, "a": client}
    assert code.name_of(client, "client") == "client"
    shell.user_ns = {"_": client, "lambda": client, "x y": client, 3: client}
    assert code.name_of(client, "client") == "client"


@pytest.fixture
def shell(ip):
    """Give a real shell in which %job is loaded."""
    ip.run_line_magic("load_ext", "jobwidgets")
    return ip


def test_job_lines_do_what_the_panel_did_and_are_offered_only_for_its_client(client, service, shell):
    assert code.magic_speaks_for(client)
    job_id = service.a_failed_job()
    assert shell.run_line_magic("job", code.magic_job(job_id).removeprefix("%job ")) == client.job(job_id)
    shell.run_line_magic("job", code.magic_list({"status": ["failed"], "limit": 5}).removeprefix("%job "))
    assert ids(shell.user_ns["df"]) == ids(client.jobs(status=["failed"], limit=5))
    plan = shell.run_line_magic("job", code.magic_plan("retry", [job_id], reason="late").removeprefix("%job "))
    assert (plan.counts, plan.reason, len(service.ledger)) == ({"retry": 1}, "late", 0)
    receipt = shell.run_line_magic("job", code.magic_apply(1).removeprefix("%job "))
    assert (receipt.counts, len(service.ledger)) == ({"done": 1}, 1)
    for line in (code.magic_receipt(receipt.op), code.magic_resume(receipt.op)):
        assert shell.run_line_magic("job", line.removeprefix("%job ")).counts == {"done": 1}
    assert len(service.ledger) == 1
    with jw.connect(client.service_url, token=service.token) as other:
        assert not code.magic_speaks_for(client)
        assert code.magic_speaks_for(other)


# ------------------------------------------------------------------------- the button


@pytest.fixture
def button(wire):
    def make(lines):
        made = code.Code(lines, what="this job")
        return made, wire(made)

    return make


def test_the_code_is_written_when_somebody_looks(button):
    asked = []
    made, page = button(lambda: asked.append(1) or ["a = 1", "", "%job show x", "b = 2"])
    made.draw()
    assert (asked, made.state["blocks"]) == ([], [])
    page.say("open", open=True)
    assert made.state["blocks"] == [
        {"name": "Python", "code": "a = 1\nb = 2"},
        {"name": "%job", "code": "%job show x"},
    ]
    made.show(["c = 3"])
    assert made.state["blocks"] == [{"name": "Python", "code": "c = 3"}]
    page.say("open", open=False)
    assert made.state["blocks"] == []


@pytest.mark.parametrize("message", [None, 3, {}, {"do": "run"}, {"do": "open"}, {"do": "open", "open": "yes"}])
def test_a_forged_message_is_refused_and_said(button, message, expects_errors):
    made, page = button(["a = 1"])
    page.send(message)
    assert "not understood" in made.state["error"]
    assert made.state["blocks"] == []
    assert len(expects_errors()) == 1


def test_an_error_while_the_code_is_written_is_shown(button, expects_errors):
    made, page = button(lambda: 1 / 0)
    page.say("open", open=True)
    assert "ZeroDivisionError" in made.state["error"]
    assert len(expects_errors()) == 1


def test_a_page_that_writes_the_trait_changes_no_line(button):
    made, page = button(["a = 1"])
    page.say("open", open=True)
    page.write(state={"what": "", "open": True, "error": "", "blocks": [{"name": "Python", "code": "evil"}]})
    made.draw()
    assert made.state["blocks"] == [{"name": "Python", "code": "a = 1"}]
