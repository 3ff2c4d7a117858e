"""The table, driven by the messages of its page."""

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.widgets import JobTable
from tests.support import job_frames
from tests.support.fake_frontend import rows_of, size

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def table():
    return JobTable(job_frames.jobs(1_000))


@pytest.fixture
def page(wire, table):
    return wire(table)


def test_an_answer_carries_only_the_rows_asked_for(page, table):
    answer = page.ask(100, 140)
    assert [row["i"] for row in answer["rows"]] == list(range(100, 140))
    assert [row["id"] for row in answer["rows"]] == list(table.df["id"][100:140])
    assert answer["total"] == 1_000


def test_a_page_that_scrolls_is_sent_only_the_rows_it_lacks(page):
    page.ask(100, 140)
    assert [row["i"] for row in page.ask(120, 160)["rows"]] == list(range(140, 160))


def test_no_question_brings_more_than_a_few_rows(page):
    assert len(page.ask(0, 1_000_000)["rows"]) <= 240


@pytest.mark.parametrize(("first", "last"), [(-50, -10), (5_000, 6_000), (30, 10), (990, 2_000)])
def test_a_question_beyond_the_table_is_answered_by_what_there_is(page, first, last):
    answer = page.ask(first, last)
    assert 0 <= answer["first"] <= answer["last"] <= 1_000


def test_two_displays_of_one_table_are_told_apart(page):
    page.ask(0, 20, view="one")
    assert len(page.ask(0, 20, view="two")["rows"]) == 20
    heard = rows_of(page.pick(3))
    assert [message["view"] for message in heard] == ["one", "two"]


def test_a_hundred_thousand_selected_rows_send_no_ids(wire):
    table = JobTable(job_frames.jobs(100_000))
    page = wire(table)
    page.ask(0, 40)
    heard = page.say("all")
    assert table.picked == 100_000
    assert all("id" not in row for message in rows_of(heard) for row in message["rows"])
    assert size(heard) < 10_000


def test_a_click_on_a_heading_sorts_up_then_down_then_not_at_all(page, table):
    page.say("sort", column="tasks")
    assert table.visible["tasks"].is_monotonic_increasing
    page.say("sort", column="tasks")
    assert table.visible["tasks"].is_monotonic_decreasing
    assert table.head["sort"] == ["tasks", True]
    page.say("sort", column="tasks")
    assert list(table.visible["id"]) == list(table.df["id"])
    assert table.head["sort"] is None


@pytest.mark.parametrize("column", ["status", "name", "created", "ran_for", "tasks", "can_cancel", "id"])
@pytest.mark.parametrize("descending", [False, True])
def test_every_column_sorts_stably_with_missing_values_last(table, column, descending):
    table.sort(column, descending=descending)
    wanted = table.df.sort_values(column, ascending=not descending, kind="stable", na_position="last")
    assert list(table.visible[column].isna()) == list(wanted[column].isna())
    assert list(table.visible["id"]) == list(wanted["id"])


def test_the_first_rows_come_with_the_table_and_are_not_sent_again(wire, table):
    page = wire(table)
    begun = table.begun
    assert begun["version"] == table.head["version"]
    assert [row["id"] for row in begun["rows"]] == list(table.df["id"][: len(begun["rows"])])
    assert len(begun["rows"]) >= 420 // 28
    count = len(begun["rows"])
    answer = page.ask(0, count + 5, begun=True)
    assert not answer["fresh"]
    assert [row["i"] for row in answer["rows"]] == list(range(count, count + 5))


def test_what_changed_since_the_table_was_made_is_told_with_the_first_answer(wire, table):
    page = wire(table)
    table.df = table.df.assign(name=["another name", *table.df["name"][1:]])
    answer = page.ask(0, 10, begun=True)
    (row,) = answer["rows"]
    assert (row["i"], [cell["t"] for cell in row["c"].values()]) == (0, ["another name"])


def test_rows_that_came_with_the_table_count_for_nothing_once_their_order_has_changed(wire, table):
    page = wire(table)
    table.sort("name")
    answer = page.ask(0, 10, begun=True)
    assert answer["fresh"]
    assert [row["i"] for row in answer["rows"]] == list(range(10))


def test_no_more_rows_come_with_a_table_than_one_answer_carries():
    assert len(JobTable(job_frames.jobs(1_000), height=1_000_000).begun["rows"]) <= 240
    assert JobTable(job_frames.jobs(0)).begun["rows"] == []


def test_a_sort_or_filter_brings_the_top_to_a_display_in_sight_with_one_message(page, table):
    page.ask(500, 540)
    page.say("seen", view="v", seen=True)
    for act in (lambda: page.say("sort", column="name"), lambda: page.say("search", text="Hearing")):
        (window,) = rows_of(act())
        assert (window["kind"], window["first"], window["last"], window["fresh"]) == ("window", 0, 40, True)
        assert [row["id"] for row in window["rows"]] == list(table.visible["id"][:40])
        assert window["version"] == table.head["version"]
    assert rows_of(page.pick(3))[0]["rows"] == [{"i": 3, "s": 1}]


def test_a_sort_sends_no_row_to_a_display_out_of_sight_until_it_asks(page):
    page.ask(0, 40)
    heard = page.say("sort", column="name")
    assert rows_of(heard) == []
    assert page.ask(0, 40)["fresh"]


def test_a_question_about_an_old_order_is_answered_by_the_order(page, table):
    old = table.head["version"]
    page.say("sort", column="name")
    answer = page.ask(0, 40, version=old)
    assert answer["kind"] == "order"
    assert answer["version"] == table.head["version"]
    assert "rows" not in answer


def test_a_refresh_sends_only_the_cells_that_changed(page, table):
    page.ask(0, 100)
    frame = table.df.copy()
    frame.loc[5, "name"] = "in view"
    frame.loc[500, "name"] = "out of view"
    before = len(page._sent)
    table.df = frame
    heard = [data for _, data in page._sent[before:]]
    assert [(row["i"], list(row["c"])) for message in rows_of(heard) for row in message["rows"]] == [(5, [1])]


def test_a_refresh_that_changes_nothing_sends_nothing(page, table):
    page.ask(0, 100)
    before = len(page._sent)
    table.df = table.df.copy()
    assert page._sent[before:] == []


def test_a_hundred_changed_rows_are_a_small_message(page, table):
    page.ask(0, 100)
    frame = table.df.copy()
    frame["status"] = pd.Categorical(["running"] * len(frame), categories=frame["status"].cat.categories, ordered=True)
    before = len(page._sent)
    table.df = frame
    assert size(rows_of([data for _, data in page._sent[before:]])) < 10_000


def test_after_a_refresh_the_page_learns_where_its_rows_went(page, table):
    page.ask(300, 340)
    anchor, focus = table.df["id"][310], table.df["id"][320]
    new = job_frames.jobs(1_000, seed=9).head(7)
    table.df = pd.concat([new, table.df], ignore_index=True)
    answer = page.ask(300, 340, anchor=[anchor, 310], focus=[focus, 320])
    assert answer["anchor"] == [310, 317]
    assert answer["focus"] == [320, 327]
    assert (answer["first"], answer["last"]) == (307, 347)


def test_selection_sort_and_filter_survive_a_refresh(page, table):
    page.say("sort", column="name")
    table.narrow(statuses=["pending", "failed"])
    page.pick(2)
    page.pick(4, "toggle")
    chosen = list(table.selected["id"])
    table.df = pd.concat([job_frames.jobs(5, seed=9), table.df], ignore_index=True)
    assert sorted(table.selected["id"]) == sorted(chosen)
    assert table.head["sort"] == ["name", False]
    assert set(table.visible["status"]) == {"pending", "failed"}


def test_a_refresh_does_not_send_the_page_to_the_top_but_a_sort_does(page, table):
    jump = table.head["jump"]
    table.df = pd.concat([job_frames.jobs(5, seed=9), table.df], ignore_index=True)
    assert table.head["jump"] == jump
    page.say("sort", column="name")
    assert table.head["jump"] > jump


def test_click_shift_and_control_select_as_everywhere(page, table):
    ids = list(table.df["id"])
    page.pick(3)
    page.pick(6, "range")
    assert list(table.selected["id"]) == ids[3:7]
    page.pick(4, "toggle")
    page.pick(8, "toggle")
    page.pick(10, "more")
    assert list(table.selected["id"]) == [ids[3], ids[5], ids[6], ids[8], ids[9], ids[10]]
    page.pick(1)
    assert list(table.selected["id"]) == [ids[1]]
    page.say("none")
    assert table.selected.empty


def test_a_range_follows_the_order_shown(page, table):
    page.say("sort", column="name")
    page.pick(0)
    page.pick(3, "range")
    assert set(table.selected["id"]) == set(table.visible["id"][:4])


def test_a_click_counts_for_the_row_that_was_clicked_though_the_rows_moved(page, table):
    wanted = table.df["id"][7]
    table.df = pd.concat([job_frames.jobs(5, seed=9), table.df], ignore_index=True)
    page.say("pick", how="only", index=7, id=wanted, version=0)
    assert list(table.selected["id"]) == [wanted]


def test_a_click_on_a_place_of_an_old_order_does_nothing(page, table):
    old = table.head["version"]
    page.say("sort", column="name")
    page.say("pick", how="only", index=7, id=None, version=old)
    assert table.picked == 0


def test_all_that_match_is_a_predicate_with_exceptions(page, table):
    table.narrow(statuses=["pending"])
    page.say("all")
    count = len(table)
    assert table.picked == count > 3
    page.pick(2, "toggle")
    assert table.picked == count - 1
    assert not table.head["picked"]["all"]
    table.narrow()
    assert table.picked == count - 1
    assert set(table.selected["status"]) == {"pending"}
    late = job_frames.jobs(40, seed=5)
    table.df = pd.concat([late, table.df], ignore_index=True)
    assert table.picked == count - 1 + int((late["status"] == "pending").sum())
    page.pick(int((table.visible["status"] != "pending").to_numpy().argmax()), "toggle")
    assert table.picked == count + int((late["status"] == "pending").sum())


def test_rows_can_be_selected_by_frame_ids_and_expression(table):
    table.select(table.df[table.df["status"] == "failed"])
    assert set(table.selected["status"]) == {"failed"}
    table.select(["nothing", table.df["id"][3]])
    assert list(table.selected["id"]) == [table.df["id"][3]]
    table.select(table.df["id"][5])
    assert list(table.selected["id"]) == [table.df["id"][5]]
    table.select("queued_for > '1h' and status == 'pending'")
    assert len(table.selected) > 0
    assert table.selected["queued_for"].min() > pd.Timedelta("1h")
    table.select(None)
    assert table.picked == 0


def test_an_expression_that_makes_no_sense_leaves_the_selection(table):
    table.select("status == 'failed'")
    picked = table.picked
    with pytest.raises(jw.UsageError, match="cannot select by"):
        table.select("no_such_column > 3")
    assert table.picked == picked


def test_how_many_are_selected_can_be_observed(table):
    seen = []
    table.observe(lambda change: seen.append(change["new"]), "picked")
    table.select("status == 'failed'")
    assert seen == [table.picked]


def test_the_search_finds_parts_of_names_ids_and_engines_as_plain_text(table):
    table.narrow(text="bodyCAM 3")
    assert len(table) > 0
    assert table.visible["name"].str.startswith("Bodycam 3").all()
    table.narrow(text=table.df["id"][17][-8:])
    assert list(table.visible["id"]) == [table.df["id"][17]]
    table.narrow(text="OCR")
    assert set(table.visible["engines"]) == {"OCR Latin"}
    table.narrow(text=".*")
    assert len(table) == 0


def test_rows_can_be_singled_out_until_the_filter_changes(table):
    ids = table.df["id"].iloc[[3, 8, 9]].tolist()
    table.narrow(text=ids[0])
    table.single_out(ids)
    assert table.visible["id"].tolist() == ids[:1]
    table.narrow()
    table.single_out(ids)
    assert table.visible["id"].tolist() == ids
    table.single_out([])
    assert len(table) == 0
    table.single_out(None)
    assert len(table) == len(table.df)


def test_a_status_never_seen_before_is_shown_as_it_came_with_no_look_of_its_own(wire):
    frame = job_frames.jobs(5)
    frame["status"] = pd.Categorical(['evil" onclick'] * 5)
    page = wire(JobTable(frame))
    cell = page.ask(0, 5)["rows"][0]["c"][0]
    assert cell == {"t": 'evil" onclick', "f": "other"}


def test_hidden_and_turning_characters_of_names_are_shown_as_escapes(wire):
    frame = job_frames.jobs(3)
    frame["name"] = pd.Series(["a\u202eb", "\x1b[31mred", "<b>x</b>\n" + "y" * 500], dtype="string")
    names = [row["c"][1]["t"] for row in wire(JobTable(frame)).ask(0, 3)["rows"]]
    assert names[:2] == ["a\\u202eb", "\\x1b[31mred"]
    assert names[2].startswith("<b>x</b>\\n")
    assert len(names[2]) < 260


def test_any_frame_can_be_shown(wire):
    frame = pd.DataFrame(
        {"when": pd.to_datetime(["2026-01-01", None]), "n": [1, 2_000], "what": ["a", None], "ok": [True, False]}
    )
    table = JobTable(frame)
    rows = wire(table).ask(0, 2)["rows"]
    assert [cell["t"] for cell in rows[1]["c"]] == ["\N{EN DASH}", "2,000", "\N{EN DASH}", "False"]
    assert "JobTable(2 rows)" in repr(table)


@pytest.mark.parametrize("frame", [job_frames.jobs(1_000).head(0), pd.DataFrame({"id": pd.Series([], dtype="string")})])
def test_an_empty_frame_is_a_table_with_no_rows(wire, frame):
    page = wire(JobTable(frame))
    assert page.ask(0, 40)["rows"] == []
    page.say("all")
    page.pick(0)
    assert page.widget.picked == 0


def test_rows_with_the_same_id_are_kept_apart(wire):
    frame = pd.concat([job_frames.jobs(3), job_frames.jobs(3)], ignore_index=True)
    page = wire(JobTable(frame))
    first = page.ask(0, 6)  # the first rows come before a million ids are looked through
    assert page.widget.head["version"] != first["version"], "the page would not ask again"
    assert len({row["id"] for row in page.ask(0, 6)["rows"]}) == 6


def test_a_column_that_is_not_there_is_an_error_that_names_the_others():
    with pytest.raises(jw.UsageError, match="no column 'colour'"):
        JobTable(job_frames.jobs(3), columns=["id", "colour"])


NONSENSE = [
    None, 7, "rows", [], {}, {"do": None}, {"do": "plan"}, {"do": "rows"}, {"do": "rows", "view": 3},
    {"do": "rows", "view": "v", "first": "0", "last": 9}, {"do": "rows", "view": "v" * 201, "first": 0, "last": 9},
    {"do": "pick", "index": 0, "how": "everything", "id": None}, {"do": "pick", "index": True, "how": "only"},
    {"do": "sort", "column": "why_not"}, {"do": "sort", "column": ["name"]}, {"do": {"rows": 1}}, {"do": "seen"},
]  # fmt: skip


@pytest.mark.parametrize("content", NONSENSE)
def test_nonsense_from_the_page_is_shown_and_logged_and_changes_nothing(page, table, expects_errors, content):
    before = table.head
    if isinstance(content, dict) and content.get("do") in ("rows", "pick"):
        content = {"version": before["version"], **content}
    page.send(content)
    assert table.head["error"].startswith("UsageError: the page ")
    assert len(expects_errors()) == 1
    assert {**table.head, "error": ""} == before
    page.say("all")
    assert table.head["error"] == ""


def test_writing_the_traits_of_a_table_changes_nothing_that_counts(page, table):
    page.write(head={"total": 3, "picked": {"count": 9}}, picked=9, lock=None, _state=None, _esm="alert(1)")
    assert table.picked == 0
    assert len(table) == 1_000
    page.say("pick", how="only", index=1, id=table.df["id"][1])
    assert table.picked == 1
    assert table.head["total"] == 1_000


@pytest.mark.usefixtures("expects_errors")
def test_an_unforeseen_error_is_shown_and_logged_with_its_traceback(page, table, caplog, monkeypatch):
    monkeypatch.setattr(table._state, "sort_next", lambda _: 1 / 0)
    page.say("sort", column="name")
    assert "unexpected ZeroDivisionError" in table.head["error"]
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_displays_that_are_gone_are_forgotten(page, table):
    for number in range(50):
        page.ask(0, 20, view=f"view {number}")
    assert len(table._windows) == 8
    for number in range(50):
        page.say("gone", view=f"view {number}")
    assert len(table._windows) == 0


def test_a_table_knows_whether_anybody_sees_it(page, table):
    assert not table.watched
    page.say("seen", view="a", seen=True)
    assert table.watched
    page.say("seen", view="a", seen=False)
    assert not table.watched


def test_the_filter_is_an_expression_that_can_be_set_observed_and_linked(table):
    seen = []
    table.observe(lambda change: seen.append((change["new"], len(table))), "filter")
    table.filter = "status == 'failed'"
    failed = int((table.df["status"] == "failed").sum())
    table.narrow(where="status == 'failed' and tasks > 2")
    assert table.filter == "status == 'failed' and tasks > 2"
    assert 0 < len(table) < failed
    table.narrow()
    assert [where for where, _ in seen] == ["status == 'failed'", "status == 'failed' and tasks > 2", ""]
    assert (seen[0][1], seen[2][1]) == (failed, 1_000)


def test_a_filter_that_makes_no_sense_is_refused_and_the_old_one_stays(table):
    table.filter = "status == 'failed'"
    shown = len(table)
    with pytest.raises(jw.UsageError, match="cannot select by"):
        table.filter = "no_such_column > 3"
    assert (table.filter, len(table)) == ("status == 'failed'", shown)
