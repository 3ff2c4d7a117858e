"""The drawer of one job: what it shows, what it reads, and what it makes of nonsense."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

import jobwidgets as jw
from jobwidgets.models import Job, JobDetail, ScheduledJob, Task, TaskDetail
from jobwidgets.widgets.drawer import presenter as story
from jobwidgets.widgets.drawer.widget import FOLDS
from tests.support.panel_driver import below, until

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def detail_of(*tasks, after=(), **job):
    """Make a job of tasks; `after` pairs a task with the one that it follows."""
    known = {task.id: TaskDetail(parent_id=dict(after).get(task.id)) for task in tasks}
    return JobDetail(Job("j", "running", tasks=tasks, as_of=at(100), created=at(0), **job), tasks=known)


def task(name, status="complete", **more):
    return Task(name, "j", status, engine=f"Engine {name}", **more)


@pytest.fixture
def drawer(wire, panel):
    """Give the drawer of a panel, and the page's end of it."""
    return Opened(panel, wire)


class Opened:
    def __init__(self, panel, wire):
        self.panel, self.drawer = panel, panel._drawer
        self.wire = wire(self.drawer._page)

    @property
    def state(self):
        return self.drawer._page.state

    def open(self, job_id):
        self.drawer.show(job_id)
        self.settle()
        return self.state

    def settle(self):
        while (flight := self.drawer._flight) is not None:
            with_answer = flight.exception if not flight.cancelled() else flight.cancelled
            with_answer()
            for _ in range(200):
                self.panel._hand.run()
                if self.drawer._flight is not flight:
                    break

    @property
    def shown(self):
        return self.drawer.box.layout.display is None


# ------------------------------------------------------------------------ the timeline


def test_a_task_stands_on_the_timeline_where_its_times_are():
    one = task("a", queued=at(0), started=at(20), completed=at(60))
    two = task("b", "running", queued=at(50), started=at(75))
    three = task("c", "queued", queued=at(80))
    span = story.axis(detail_of(one, two, three).job)
    assert span == (at(0), at(100))
    assert [story.bar(each, span, at(100)) for each in (one, two, three)] == [
        [0, 0.2, 0.6],
        [0.5, 0.75, 1],
        [0.8, 1, 1],
    ]
    assert [story.spans(each, at(100)) for each in (one, two, three)] == [
        "waited 20 s, ran 40 s",
        "waited 25 s, running 25 s",
        "waiting 20 s",
    ]


def test_what_is_not_told_is_not_drawn():
    silent, cancelled = task("a", "pending"), task("b", "aborted", queued=at(0))
    assert story.axis(detail_of(silent).job) is None
    assert story.bar(silent, (at(0), at(10)), at(10)) is None
    assert (story.spans(silent, at(10)), story.spans(cancelled, at(10))) == ("no times told",) * 2


times = st.none() | st.integers(0, 10**6).map(at)


@given(times, times, times, st.sampled_from(["pending", "running", "complete", "failed", "new word"]))
def test_times_in_any_order_stay_on_the_timeline(queued, started, completed, status):
    odd = task("a", status, queued=queued, started=started, completed=completed)
    detail = detail_of(odd)
    (row,) = story.rows(detail, {1}, every=False)
    if row["bar"] is not None:
        assert 0 <= row["bar"][0] <= 1
        assert 0 <= row["bar"][1] <= row["bar"][2] <= 1
    json.dumps(row)


# --------------------------------------------------------------------------- the graph


def test_a_graph_is_drawn_only_where_the_service_tells_one():
    a, b, c, d = (task(name, order=order) for order, name in enumerate("abcd"))
    assert story.graph(detail_of(a)) == {"said": "", "nodes": [], "edges": []}
    assert "tells of no task" in story.graph(detail_of(a, b))["said"]
    chain = story.graph(detail_of(a, b, c, after=[("b", "a"), ("c", "b")]))
    assert (chain["said"], chain["nodes"]) == ("Each task follows the one before it.", [])
    fork = story.graph(detail_of(a, b, c, d, after=[("b", "a"), ("c", "a"), ("d", "c")]))
    assert [(node["x"], node["y"]) for node in fork["nodes"]] == [(0, 0), (1, 0), (1, 1), (2, 0)]
    assert fork["edges"] == [[0, 1], [0, 2], [2, 3]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=30))
def test_any_tangle_of_dependencies_is_laid_out(pairs):
    tasks = [task(str(number), order=number) for number in range(10)]
    known = {each.id: TaskDetail(child_ids=tuple(str(b) for a, b in pairs if str(a) == each.id)) for each in tasks}
    laid = story.graph(replace(detail_of(*tasks), tasks=known))
    for before, after in laid["edges"]:
        assert before != after
    assert all(0 <= node["x"] < 10 for node in laid["nodes"])


# ----------------------------------------------------------------------------- the texts


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_json_is_shown_exactly_and_hides_nothing(value):
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return
    shown = story.json_text(value)
    assert msgspec.json.decode(shown) == msgspec.json.decode(encoded)
    assert all(char.isprintable() or char in "\n\u200c\u200d" for char in shown)
    assert msgspec.json.decode(story.raw_text([encoded.decode()])) == msgspec.json.decode(encoded)


def test_a_long_text_is_cut_and_says_where_the_rest_is():
    assert story.cut("a" * story.LONGEST, "x") == {"text": "a" * story.LONGEST, "cut": ""}
    long = story.cut("a" * (story.LONGEST + 1), "client.detail(…).raw")
    assert len(long["text"]) == story.LONGEST
    assert long["cut"] == "The first 100,000 of 100,001 letters; client.detail(…).raw has all of them."


def test_failures_that_read_the_same_are_told_once():
    same = [task(str(n), "failed", order=n, failure_reason="timeout", failure_message="too slow") for n in range(7)]
    other = task("x", "failed", order=9, failure_reason="bad_input")
    assert story.failures(detail_of(*same, other).job) == [
        {"who": "7 tasks: 1, 2, 3, 4, 5 …", "reason": "timeout", "message": "too slow"},
        {"who": "Task 8", "reason": "bad_input", "message": ""},
    ]


def test_a_schedule_that_cannot_be_read_is_named():
    job = Job("j", "complete", scheduled_job_id="9")
    assert story.schedule(job, None) == [["Schedule", "9 (cannot be read)"]]
    assert story.schedule(Job("j", "complete"), None) == []
    known = ScheduledJob("9", "Nightly", is_active=False, is_public=None, run_mode="Recurring")
    assert ["State", "switched off"] in story.schedule(job, known)


# ------------------------------------------------------------------------------ reading


def test_an_opened_row_shows_its_job(drawer, client):
    of_few_tasks = client.jobs(status="failed").query("tasks < 20")  # of many not all are shown at first
    job_id = of_few_tasks["id"].iloc[0]
    asked = []
    drawer.panel._table.on_open(asked.append)
    place = list(drawer.panel.visible["id"]).index(job_id)
    table = drawer.panel._table
    wired = type(drawer.wire)(table, drawer.wire._sent)
    wired.say("open", index=place, id=job_id, version=table.head["version"])
    drawer.settle()
    assert asked == [job_id]
    state, detail = drawer.state, client.detail(job_id)
    assert drawer.shown
    assert (state["id"], state["status"], state["error"]) == (job_id, "failed", "")
    assert len(state["tasks"]) == len(detail.job.tasks)
    assert [each["status"] for each in state["tasks"]] == [each.status for each in story.in_order(detail.job)]
    assert state["failures"]
    assert all(row["more"] is None for row in state["tasks"])
    assert "text" not in state["folds"][-1]


def test_long_texts_go_to_the_page_only_while_they_are_unfolded(drawer, service, client):
    job_id = service.a_failed_job()
    drawer.open(job_id)
    drawer.wire.say("fold", key="raw", open=True)
    assert msgspec.json.decode(drawer.state["folds"][-1]["text"])["id"] == job_id
    drawer.wire.say("fold", key="raw", open=False)
    assert "text" not in drawer.state["folds"][-1]
    drawer.wire.say("fold", key=1, open=True)
    first = story.in_order(client.job(job_id))[0]
    texts = {each["name"]: each["text"] for each in drawer.state["tasks"][0]["more"]["json"]}
    assert msgspec.json.decode(texts["Payload"]) == client.detail(job_id).tasks[first.id].payload


def test_75_tasks_are_shown_when_they_are_asked_for(drawer, client):
    job_id = client.jobs().set_index("tasks").loc[75, "id"]
    state = drawer.open(job_id)
    assert (len(state["tasks"]), state["every"], state["count"]) == (20, "Show all 75 tasks", "75 tasks")
    drawer.wire.say("fold", key="tasks", open=True)
    assert (len(drawer.state["tasks"]), drawer.state["every"]) == (75, "")
    assert len(json.dumps(drawer.state)) < 40_000


def test_a_job_without_tasks_says_so(drawer, service, edited):
    def without(body):
        answer = msgspec.json.decode(body)
        answer["data"]["job"]["tasks"] = {"count": 0, "records": []}
        return msgspec.json.encode(answer)

    edited("job", without)
    state = drawer.open(service.a_pending_job())
    assert (state["tasks"], state["count"], state["axis"]) == ([], "0 tasks", [])


def test_opening_another_job_drops_the_read_of_the_first(drawer, service):
    first, second = service.a_failed_job(), service.a_pending_job()
    drawer.drawer.show(first)
    dropped = drawer.drawer._flight
    drawer.drawer.show(second)
    drawer.settle()
    assert dropped.cancelled() or dropped.done()
    assert drawer.state["id"] == second
    assert drawer.state["status"] == "pending"


def test_a_job_that_can_change_is_followed_with_the_list_and_one_that_ended_is_not(drawer, service, client):
    job_id = service.a_pending_job()
    drawer.open(job_id)

    def reads():
        return service.requests["job"]

    before = reads()
    client.cancel(job_id)
    before = reads()
    drawer.panel.refresh()
    drawer.panel._work.settle()
    drawer.settle()
    assert drawer.state["status"] == "aborted"
    assert reads() - before == 2  # the news, and all of it once more since it has ended
    drawer.panel.refresh()
    drawer.panel._work.settle()
    drawer.settle()
    assert reads() - before == 2


def test_both_ends_of_a_retry_lead_to_each_other(drawer, service, client):
    old = service.a_failed_job()
    new = client.plan_retry([old]).apply().df["new_id"].iloc[0]
    (to_new,) = drawer.open(old)["lineage"]
    assert (to_new["said"], to_new["id"]) == ("Retried as", new)
    assert "receipts" in drawer.state["source"]
    drawer.wire.say("show", key=new)
    drawer.settle()
    assert drawer.state["id"] == new
    assert [(each["said"], each["id"]) for each in drawer.state["lineage"]] == [("Retry of", old)]


# ------------------------------------------------------------------------------ trouble


def test_a_job_that_is_not_there_is_said(drawer, expects_errors):
    state = drawer.open("nowhere")
    assert "no job 'nowhere'" in state["error"]
    assert "tasks" not in state
    assert len(expects_errors()) == 1


def test_a_job_that_vanished_keeps_what_was_seen(drawer, service, edited, expects_errors):
    job_id = service.a_pending_job()
    drawer.open(job_id)
    gone = {"data": {"job": None}, "errors": [{"name": "not_found", "message": "gone", "path": ["job"]}]}
    edited("job", lambda body: msgspec.json.encode(gone) if b'"job":' in body else body)
    for _ in range(2):
        drawer.panel.refresh()
        drawer.panel._work.settle()
        drawer.settle()
    assert "no job" in drawer.state["error"]
    assert drawer.state["asof"].startswith("last seen")
    assert drawer.state["tasks"]
    assert len([line for line in expects_errors() if job_id in line]) == 1


@pytest.mark.parametrize("name", ["not_allowed", "authentication_error"])
def test_no_rights_and_an_expired_token_are_said(drawer, service, edited, name, expects_errors):
    answer = {"data": {"job": None}, "errors": [{"name": name, "message": "no", "path": ["job"]}]}
    edited("job", lambda _body: msgspec.json.encode(answer))
    state = drawer.open(service.a_failed_job())
    assert state["error"]
    assert "tasks" not in state
    edited("nothing", lambda body: body)
    drawer.wire.say("again")
    drawer.settle()
    assert drawer.state["error"] == ""
    assert drawer.state["tasks"]
    assert len(expects_errors()) == 1


def test_receipts_that_cannot_be_read_leave_the_job_readable(drawer, service, client, monkeypatch):
    async def broken(_job_id):
        raise jw.SettingsError("the directory is not there")

    monkeypatch.setattr(client.aio, "retries", broken)
    state = drawer.open(service.a_failed_job())
    assert "the directory is not there" in state["source"]
    assert state["tasks"]


def test_a_closed_client_is_said(drawer, service, client, expects_errors):
    client.close()
    drawer.drawer.show(service.a_failed_job())
    assert "closed" in drawer.state["error"]
    assert len(expects_errors()) == 1


@pytest.mark.parametrize(
    "content",
    [
        None,
        "close",
        {},
        {"do": "fold", "key": "raw"},
        {"do": "fold", "key": "evil", "open": True},
        {"do": "fold", "key": 99, "open": True},
        {"do": "fold", "key": True, "open": True},
        {"do": "show", "key": "other"},
        {"do": "show", "key": ["x"]},
        {"do": "cancel", "key": "x"},
    ],
)
def test_a_forged_message_is_refused_and_sends_nothing(drawer, service, content, expects_errors):
    drawer.open(service.a_failed_job())
    before = (len(service.ledger), service.requests["job"])
    drawer.wire.send(content)
    assert "not understood" in drawer.state["error"]
    assert (len(service.ledger), service.requests["job"]) == before
    assert len(expects_errors()) == 1


def test_what_a_page_writes_is_not_believed(drawer, service):
    job_id = service.a_failed_job()
    true = drawer.open(job_id)
    drawer.wire.write(state={**true, "id": "evil", "lineage": [{"id": "evil"}]})
    drawer.wire.say("fold", key="raw", open=True)
    drawer.wire.say("fold", key="raw", open=False)
    assert drawer.state == true


def test_closing_hides_the_drawer_and_gives_the_keyboard_back(drawer, service):
    drawer.open(service.a_failed_job())
    heard = drawer.wire.say("close")
    assert not drawer.shown
    assert drawer.state["id"] == ""
    assert {"method": "custom", "content": {"kind": "focus"}} in heard


def test_the_code_of_the_drawer_runs_as_it_stands(drawer, service, client):
    job_id = service.a_failed_job()
    drawer.open(job_id)
    lines = drawer.drawer._lines()
    names = {"client": client}
    for line in lines:
        if line and not line.startswith("%"):
            exec(line, names)
    assert names["detail"] == client.detail(job_id)
    assert not any(line.startswith("%") for line in lines)  # no %job is loaded here


def test_a_closed_panel_leaves_nothing_of_its_drawer(panel, service):
    panel._drawer.show(service.a_failed_job())
    widgets = [each for each in below(panel) if "jw-drawer" in getattr(each, "_dom_classes", ())]
    assert len(widgets) == 1
    panel.close()
    assert all(each.comm is None for each in widgets)
    assert not panel._drawer.busy


def test_only_what_is_shown_can_be_unfolded():
    assert {"tasks", "config", "raw"} == FOLDS


async def opened_in_a_loop(client, service):
    panel = jw.JobPanel(client, refresh=None)
    panel._drawer.show(service.a_failed_job())
    await until(lambda: not panel._drawer.busy)
    state = panel._drawer._page.state
    panel.close()
    return state


def test_in_a_kernel_the_answer_comes_by_the_loop(client, service):
    assert asyncio.run(opened_in_a_loop(client, service))["status"] == "failed"
