"""A refresh while somebody is at the table: nothing moves under the pointer, and what waits is counted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwidgets.widgets import JobTable
from jobwidgets.widgets.table.refresh_diff import changes, places
from tests.support import job_frames
from tests.support.fake_frontend import rows_of, size

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def table():
    return JobTable(job_frames.jobs(1_000))


@pytest.fixture
def page(wire, table):
    page = wire(table)
    page.say("seen", view="v", seen=True)
    page.say("at", view="v", at=True)
    page.ask(0, 40)
    return page


def newer(frame, count=7):
    return pd.concat([job_frames.jobs(count, seed=9), frame], ignore_index=True)


def test_with_nobody_at_the_table_an_offer_is_shown_at_once(table):
    frame = newer(table.df)
    table.offer(frame)
    assert table.df is frame
    assert (len(table), table.waiting) == (1_007, 0)


def test_rows_that_come_wait_while_somebody_is_at_the_table_and_cells_change_at_once(page, table):
    ids = list(table.visible["id"])
    frame = newer(table.df)
    frame.loc[12, "name"] = "changed"
    seen = []
    table.observe(lambda change: seen.append(change["new"]), "waiting")
    before = len(page._sent)
    table.offer(frame)
    heard = [data for _, data in page._sent[before:]]
    assert [[row["i"] for row in message["rows"]] for message in rows_of(heard)] == [[5]]
    assert list(table.visible["id"]) == ids
    assert table.visible["name"].iloc[5] == "changed"
    assert table.head["waiting"] == "7 changes, apply"
    page.say("apply")
    assert table.df is frame
    assert list(table.visible["id"]) == list(frame["id"])
    assert seen == [7, 0]


@pytest.mark.usefixtures("page")
def test_rows_that_are_gone_stay_until_the_change_is_applied(table):
    table.offer(table.df.drop(index=[3, 4]).reset_index(drop=True))
    assert (len(table), table.waiting) == (1_000, 2)
    assert table.head["waiting"] == "2 changes, apply"
    table.apply_waiting()
    assert (len(table), table.waiting) == (998, 0)


def test_a_row_whose_place_in_the_sort_changes_waits_and_the_others_do_not(page, table):
    page.say("sort", column="name")
    page.ask(0, 40)
    frame = table.df.copy()
    first = table.visible["id"].iloc[0]
    frame.loc[frame["id"] == first, "name"] = "zzz"
    table.offer(frame)
    assert table.waiting == 1
    assert table.visible["name"].iloc[0] == "zzz"
    table.apply_waiting()
    assert table.visible["id"].iloc[-1] == first


@pytest.mark.usefixtures("page")
def test_a_row_that_the_filter_lets_through_no_longer_waits(table):
    table.narrow(statuses=["pending"])
    frame = table.df.copy()
    frame.loc[frame["id"] == table.visible["id"].iloc[0], "status"] = "running"
    table.offer(frame)
    assert table.head["waiting"] == "1 change, apply"
    assert table.visible["status"].iloc[0] == "running"


@pytest.mark.usefixtures("page")
def test_an_offer_that_moves_no_row_is_shown_at_once(table):
    frame = table.df.copy()
    frame.loc[500, "name"] = "changed"
    table.offer(frame)
    assert table.df is frame
    assert table.waiting == 0


def test_what_waits_is_shown_when_the_last_person_leaves(page, table):
    page.say("seen", view="w", seen=True)
    page.say("at", view="w", at=True)
    table.offer(newer(table.df))
    page.say("at", view="v", at=False)
    assert table.waiting == 7
    page.say("at", view="w", at=False)
    assert (len(table), table.waiting) == (1_007, 0)


def test_a_display_that_cannot_be_seen_holds_nothing_back(page, table):
    page.say("seen", view="v", seen=False)
    table.offer(newer(table.df))
    assert len(table) == 1_007


@pytest.mark.usefixtures("page")
def test_a_later_offer_takes_the_place_of_one_that_waits(table):
    start = table.df
    table.offer(newer(start))
    table.offer(newer(start, 9))
    assert table.waiting == 9
    table.offer(start.copy())
    assert (len(table), table.waiting) == (1_000, 0)


ACTS = {
    "sort": lambda table: table.sort("name"),
    "search": lambda table: table.narrow(text="2603"),
    "filter": lambda table: setattr(table, "filter", "tasks > 0"),
}


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("act", ACTS)
def test_a_sort_or_filter_by_the_person_shows_what_waits(table, act):
    table.offer(newer(table.df))
    ACTS[act](table)
    assert table.waiting == 0
    assert len(table) == 1_007


def test_selecting_while_a_change_waits_selects_what_is_shown(page, table):
    table.offer(newer(table.df))
    page.say("all")
    assert table.picked == 1_000
    table.apply_waiting()
    assert table.picked == 1_007


@pytest.mark.usefixtures("page")
def test_a_status_that_is_new_keeps_the_dtype_of_what_waits(table):
    frame = newer(table.df).drop(index=[10]).reset_index(drop=True)
    frame["status"] = frame["status"].cat.add_categories(["odd"])
    frame.loc[20, "status"] = "odd"
    kinds = frame.dtypes.drop("status")
    table.offer(frame)
    assert isinstance(table.df["status"].dtype, pd.CategoricalDtype)
    assert table.df.dtypes.drop("status").equals(kinds)
    assert table.df.attrs == frame.attrs


def test_a_hundred_changed_rows_are_one_small_message(page, table):
    page.ask(0, 100)
    frame = table.df.copy()
    frame["tasks_done"] = frame["tasks_done"] + 1
    before = len(page._sent)
    table.offer(frame)
    heard = rows_of([data for _, data in page._sent[before:]])
    assert len(heard) == 1
    assert len(heard[0]["rows"]) == 100
    assert size(heard) < 10_000


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(8, 11)))
def test_the_changes_counted_are_the_fewest_that_turn_one_order_into_the_other(then, gone, come):
    before = pd.Series([str(each) for each in range(8)])
    after = pd.Series([str(each) for each in [*come, *then] if each not in gone], dtype=before.dtype)
    kept = [each for each in then if each not in gone]
    longest = max((some.bit_count() for some in range(1 << len(kept)) if _rising(kept, some)), default=0)
    assert changes(places(before, after), len(after)) == len(gone) + len(come) + len(kept) - longest


def _rising(kept, some):
    taken = [each for at, each in enumerate(kept) if some >> at & 1]
    return taken == sorted(taken)


def test_many_rows_out_of_order_are_counted_without_walking_over_each():
    before = pd.Series(range(200_000)).astype("string")
    after = pd.Series(np.roll(before, 1)).astype("string")
    assert changes(places(before, after), len(after)) == 1


def test_a_row_is_opened_by_its_id_where_it_is_now(wire):
    table = JobTable(job_frames.jobs(50))
    page, opened = wire(table), []
    assert not table.head["open"]
    table.on_open(opened.append)
    assert table.head["open"]
    wanted = table.df["id"][7]
    table.df = newer(table.df)
    page.say("open", index=7, id=wanted, version=0)
    page.say("open", index=7, id="gone", version=0)
    assert opened == [wanted]


def test_an_error_of_what_opens_a_row_is_shown(wire, expects_errors):
    table = JobTable(job_frames.jobs(5))
    table.on_open(lambda _: 1 / 0)
    wire(table).say("open", index=0, id=table.df["id"][0], version=0)
    assert "unexpected ZeroDivisionError" in table.head["error"]
    assert len(expects_errors()) == 1


def test_the_rows_of_results_are_opened_by_the_id_of_their_job(wire):
    table, opened = JobTable(pd.DataFrame({"job_id": ["a", "b"], "outcome": ["done", "done"]})), []
    table.on_open(opened.append)
    wire(table).say("open", index=1, id=None, version=table.head["version"])
    assert opened == ["b"]


def test_ids_that_do_not_tell_rows_apart_are_found_out_after_the_first_rows(wire):
    frame = pd.concat([job_frames.jobs(3), job_frames.jobs(3)], ignore_index=True)
    table = JobTable(frame)
    page = wire(table)
    version = table.head["version"]
    page.ask(0, 3)
    assert table.head["version"] > version
    page.pick(4)
    assert list(table.selected.index) == [4]
