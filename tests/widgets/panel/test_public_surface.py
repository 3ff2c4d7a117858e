"""What Python reads and sets of a panel, and what it is told when the page changes it."""

import pytest

import jobwidgets as jw

pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture
def told(panel):
    """Collect what observers of the panel are told."""
    news = []
    panel.observe(lambda change: news.append((change.name, change.new)), ["filter", "picked"])
    return news


def test_a_filter_set_by_python_narrows_the_list_and_observers_are_told_once(panel, told):
    every = len(panel.visible)
    panel.filter = " status == 'pending' "
    assert 0 < len(panel.visible) < every
    assert set(panel.visible["status"]) == {"pending"}
    assert told == [("filter", "status == 'pending'")]
    panel.filter = ""
    assert len(panel.visible) == every
    assert told == [("filter", "status == 'pending'"), ("filter", "")]


def test_a_filter_that_cannot_be_evaluated_is_refused_and_the_old_one_stays(panel, told):
    panel.filter = "status == 'pending'"
    shown = len(panel.visible)
    with pytest.raises(jw.UsageError, match="cannot select by"):
        panel.filter = "no_such_column > 3"
    assert (panel.filter, len(panel.visible)) == ("status == 'pending'", shown)
    assert told == [("filter", "status == 'pending'")]


def test_the_filter_goes_together_with_what_the_page_filters(page, panel):
    panel.filter = "tasks > 1"
    page.chip("pending")
    assert set(panel.visible["status"]) == {"pending"}
    assert panel.visible["tasks"].min() > 1
    assert panel.filter == "tasks > 1"
    page.chip("pending")
    assert panel.visible["status"].nunique() > 1


def test_rows_that_the_page_selects_are_counted_and_observers_are_told(wire, panel, told):
    table = wire(panel._table)
    table.ask()
    table.pick(0)
    table.pick(3, "toggle")
    assert panel.picked == 2
    assert panel.selected["id"].tolist() == panel.visible["id"].iloc[[0, 3]].tolist()
    assert told == [("picked", 1), ("picked", 2)]


@pytest.mark.parametrize("what", ["frame", "ids", "query", None])
def test_rows_that_python_selects_are_those_it_named_and_observers_are_told(panel, told, what):
    pending = panel.visible.query("status == 'pending'")
    asked = {"frame": pending, "ids": pending["id"].tolist(), "query": "status == 'pending'", None: None}[what]
    panel.select(asked)
    assert panel.selected["id"].tolist() == ([] if what is None else pending["id"].tolist())
    assert panel.picked == len(panel.selected)
    assert told == ([] if what is None else [("picked", len(pending))])


def test_the_page_can_write_neither_the_filter_nor_the_count(wire, panel, told):
    wire(panel).write(filter="status == 'failed'", picked=3)
    wire(panel._table).write(filter="status == 'failed'", picked=3)
    assert (panel.filter, panel.picked, panel._table.filter, told) == ("", 0, "", [])


def test_a_filter_can_be_set_before_the_first_list_is_there(client):
    panel = jw.JobPanel(client, refresh=None)
    panel.filter = "status == 'pending'"
    assert set(panel.visible["status"]) == {"pending"}
    panel.close()
