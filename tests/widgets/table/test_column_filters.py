"""Filters of single columns, their menus, and the layout of the columns, driven by the page's messages."""

import pandas as pd
import pytest

from jobwidgets.widgets import JobTable
from tests.support import job_frames
from tests.support.fake_frontend import rows_of

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def table():
    return JobTable(job_frames.jobs(1_000))


@pytest.fixture
def page(wire, table):
    return wire(table)


def menu(page, column, intent="menu", **more):
    heard = rows_of(page.say(intent, view="v", column=column, **more))
    return next(message["menu"] for message in heard if message["kind"] == "menu")


def options(told):
    return {option["key"]: (option["count"], option["on"]) for option in told["options"]}


def test_the_statuses_are_listed_with_their_counts_and_can_be_ticked(page, table):
    counts = table.df["status"].value_counts()
    assert options(menu(page, "status")) == {status: (f"{count:,}", False) for status, count in counts.items() if count}
    told = menu(page, "status", "tick", option="failed")
    assert options(told)["failed"] == (str(counts["failed"]), True)
    assert options(told)["queued"] == (str(counts["queued"]), False)
    assert table.rule.statuses == {"failed"}
    menu(page, "status", "tick", option="queued")
    assert set(table.visible["status"]) == {"failed", "queued"}
    menu(page, "status", "clear")
    assert len(table) == 1_000


def test_the_engines_are_listed_one_by_one_though_a_job_has_several(wire):
    frame = job_frames.jobs(3)
    frame["engines"] = pd.Series(["OCR, Speech", "Speech", None], dtype="string")
    table = JobTable(frame)
    page = wire(table)
    assert options(menu(page, "engines")) == {"Speech": ("2", False), "OCR": ("1", False), "": ("1", False)}
    menu(page, "engines", "tick", option="OCR")
    assert list(table.visible.index) == [0]
    menu(page, "engines", "tick", option="")
    assert list(table.visible.index) == [0, 2]


def test_the_counts_of_one_column_are_of_the_rows_that_the_other_filters_let_through(page, table):
    menu(page, "status", "tick", option="failed")
    failed = table.df[table.df["status"] == "failed"]
    told = options(menu(page, "engines"))
    assert told["OCR Latin"] == (str((failed["engines"] == "OCR Latin").sum()), False)


@pytest.mark.parametrize(
    ("asked", "text", "wanted"),
    [
        ("created older", "2d", "created < '2026-02-27T12:00Z'"),
        ("created after", "2d", "created >= '2026-02-27T12:00Z'"),
        ("created before", "2026-02-20", "created < '2026-02-20T00:00Z'"),
        ("queued_for longer", "1h30min", "queued_for >= '90min'"),
        ("ran_for shorter", "10min", "ran_for <= '10min'"),
        ("tasks least", "3", "tasks >= 3"),
        ("tasks most", "3.5", "tasks <= 3"),
        ("name contains", "bodycam 3", "name.str.contains('Bodycam 3')"),
        ("id contains", "_0", "id.str.contains('_0')"),
    ],
)
def test_a_column_is_filtered_by_what_is_typed(page, table, asked, text, wanted):
    column, way = asked.split()
    told = menu(page, column, "type", way=way, text=f" {text} ")
    assert next(field for field in told["fields"] if field["way"] == way)["text"] == text
    expected = table.df.query(wanted, engine="python")
    assert 0 < len(expected) < 1_000
    assert list(table.visible["id"]) == list(expected["id"])
    assert table.head["marked"] == [column]
    menu(page, column, "type", way=way, text="")
    assert len(table) == 1_000


@pytest.mark.parametrize(
    ("column", "way", "text"),
    [
        ("created", "older", "2 fortnights"),
        ("created", "after", "soon"),
        ("ran_for", "longer", "x"),
        ("tasks", "least", "many"),
        ("tasks", "least", "nan"),
    ],
)
def test_what_cannot_be_understood_is_said_where_it_was_typed_and_filters_nothing(page, table, column, way, text):
    told = menu(page, column, "type", way=way, text=text)
    field = next(field for field in told["fields"] if field["way"] == way)
    assert field["text"] == text
    assert repr(text) in field["error"]
    assert len(table) == 1_000
    assert table.head["error"] == ""


def test_filters_of_columns_combine_with_statuses_search_and_expression(page, table):
    menu(page, "created", "type", way="older", text="10d")
    menu(page, "tasks", "type", way="least", text="3")
    table.narrow(statuses=["complete", "failed"], text="bodycam")
    table.filter = "queued_for > '20min'"
    frame = table.df
    wanted = frame[
        (frame["created"] < job_frames.AS_OF - pd.Timedelta(days=10))
        & (frame["tasks"] >= 3)
        & frame["status"].isin(["complete", "failed"])
        & frame["name"].str.contains("Bodycam")
        & (frame["queued_for"] > "20min")
    ]
    assert len(wanted) > 0
    assert list(table.visible["id"]) == list(wanted["id"])
    table.select_matching()
    assert table.picked == len(wanted)


def test_every_filter_in_force_is_shown_and_can_be_taken_away(page, table):
    menu(page, "created", "type", way="older", text="10d")
    menu(page, "engines", "tick", option="OCR Latin")
    menu(page, "status", "tick", option="failed")
    table.filter = "tasks > 2"
    shown = {each["text"]: each["key"] for each in table.head["filters"]}
    assert list(shown) == ["Status: failed", "Created older than 10d", "Engines: OCR Latin", "tasks > 2"]
    for key in shown.values():
        before = len(table)
        page.say("drop", filter=key)
        assert len(table) > before
    assert len(table) == 1_000
    assert table.filter == ""
    page.say("drop", filter="where")  # went before the click came
    table.narrow(text="bodycam", where="tasks > 2")
    page.say("drop", filter="")
    assert len(table) == 1_000


def test_the_filters_of_columns_survive_a_refresh_that_lacks_the_column(page, table):
    menu(page, "tasks", "type", way="least", text="3")
    shown = len(table)
    whole = table.df
    table.df = whole.drop(columns=["tasks", "tasks_done", "tasks_failed"])
    assert len(table) == 1_000
    assert [each["text"] for each in table.head["filters"]] == ["tasks at least 3"]
    table.df = whole
    assert len(table) == shown


@pytest.mark.parametrize(
    ("intent", "content"),
    [
        ("menu", {"column": "why_not"}),
        ("menu", {"column": 7}),
        ("tick", {"column": "status", "option": "no such status"}),
        ("tick", {"column": "created", "option": "x"}),
        ("type", {"column": "created", "way": "any", "text": "x"}),
        ("type", {"column": "created", "way": "contains", "text": "x"}),
        ("type", {"column": "created", "way": "older", "text": "x" * 300}),
        ("column", {"column": "", "option": "no such column"}),
        ("width", {"column": "created", "width": "200"}),
        ("search", {"text": 3}),
    ],
)
def test_what_the_page_may_not_ask_is_refused_and_changes_nothing(page, table, expects_errors, intent, content):
    before = table.head
    page.say(intent, view="v", **content)
    assert table.head["error"].startswith("UsageError: the page ")
    assert {**table.head, "error": ""} == before
    assert len(expects_errors()) == 1


def test_columns_can_be_hidden_shown_widened_and_put_back_and_survive_a_refresh(page, table):
    keys = [column["key"] for column in table.head["columns"]]
    menu(page, "", "column", option="engines")
    menu(page, "", "column", option="can_retry")
    page.say("width", column="name", width=10_000)
    page.say("width", column="created", width=-3)
    table.df = pd.concat([job_frames.jobs(5, seed=9), table.df], ignore_index=True)
    columns = {column["key"]: column for column in table.head["columns"]}
    assert list(columns) == [*(key for key in keys if key != "engines"), "can_retry"]
    assert (columns["name"]["width"], columns["name"]["grow"]) == (900, False)
    assert columns["created"]["width"] == 48
    told = menu(page, "", "usual")
    assert not told["usual"]
    assert [column["key"] for column in table.head["columns"]] == keys


@pytest.mark.usefixtures("expects_errors")
def test_the_last_column_stays(wire):
    table = JobTable(job_frames.jobs(5), columns=["name"])
    page = wire(table)
    assert not menu(page, "name")["hide"]
    page.say("column", view="v", column="", option="name")
    assert [column["key"] for column in table.head["columns"]] == ["name"]


def test_a_page_gets_its_rows_anew_when_the_columns_change(page, table):
    page.ask(0, 20)
    page.say("column", view="v", column="", option="name")
    answer = page.ask(0, 20)
    assert answer["fresh"]
    assert {len(row["c"]) for row in answer["rows"]} == {len(table.head["columns"])}
    assert page.ask(0, 20)["rows"] == []
    assert len(page.ask(0, 20, anew=True)["rows"]) == 20


def test_times_are_ages_or_written_in_full(page):
    cell = page.ask(0, 1)["rows"][0]["c"][4]
    heard = rows_of(page.say("exact", view="v", column=""))
    turned = next(message for message in heard if message["kind"] == "rows")["rows"][0]["c"][4]
    assert cell["h"] == f"{turned['t']} UTC"
    assert turned["h"] == cell["t"]


def test_hostile_values_are_offered_as_plain_text_and_can_be_chosen(wire):
    frame = job_frames.jobs(4)
    names = ["a\u202eb", "<img src=x onerror=alert(1)>", "\x1b[31mred" + "y" * 500, "fine"]
    frame["engines"] = pd.Series(names, dtype="string")
    table = JobTable(frame)
    page = wire(table)
    for option in menu(page, "engines")["options"]:
        assert option["text"].isprintable()
        assert len(option["text"]) < 100
        menu(page, "engines", "tick", option=option["key"])
        assert len(table) == 1
        menu(page, "engines", "clear")


def test_the_search_of_a_table_that_stands_alone_comes_from_its_page(page, table):
    assert table.head["search"]
    page.say("search", text=" bodycam 3 ")
    assert table.visible["name"].str.startswith("Bodycam 3").all()
    assert table.head["text"] == "bodycam 3"


def test_the_foot_says_what_is_selected_in_words(page, table):
    assert table.head["foot"] == "1,000 rows"
    table.narrow(statuses=["failed"])
    count = len(table)
    page.say("all")
    assert table.head["foot"] == f"{count} of 1,000 rows match · all {count} that match selected, and those to come"
    page.pick(2, "toggle")
    assert table.head["foot"].endswith(f"· {count - 1} selected: all that match but 1")
    table.narrow()
    assert table.head["foot"].endswith(f"{count - 1} selected by an expression or an earlier filter")
    page.say("page", first=3, last=9, version=table.head["version"])
    assert list(table.selected["id"]) == list(table.df["id"][3:9])
    table.narrow(text=table.df["id"][3])
    assert table.head["foot"] == "1 of 1,000 rows match · 6 selected, 5 of them not shown"
    assert [act["text"] for act in table.head["acts"]] == ["Clear the selection"]


def test_a_page_of_an_old_order_selects_nothing(page, table):
    old = table.head["version"]
    table.sort("name")
    page.say("page", first=0, last=9, version=old)
    page.say("page", first=0, last=5_000, version=table.head["version"])
    assert table.picked == 0
