"""The table that stands alone, in a real page: menus, filters, widths, opening rows, and a refresh that waits."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.support.panel_page import START

pytestmark = pytest.mark.browser

TABLE = (
    START
    + """from jobwidgets.widgets import JobTable
frame = client.jobs()
table = JobTable(frame)
opened = []
table.on_open(opened.append)
table"""
)


class Alone:
    """A table with no panel around it."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        self.keys = self.page.keyboard
        self.grid = self.page.get_by_role("grid")
        self.rows = self.grid.locator("tbody.jw-rows").get_by_role("row")
        self.menu = self.page.get_by_role("dialog")
        self.foot = self.page.locator(".jw-foot")
        expect(self.rows.first).to_contain_text("ago")

    def kernel(self, expression):
        said = self.notebook.run(f"import json as _j; print(_j.dumps({expression}))")
        return json.loads(said.strip().splitlines()[-1])

    def open_menu(self, column):
        self.grid.get_by_role("columnheader", name=column).hover()
        self.button(f"Filter {column}").click()
        expect(self.menu).to_be_visible()

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def heading(self, column):
        return self.grid.get_by_role("columnheader", name=column)

    def width(self, column):
        return self.heading(column).evaluate("node => node.offsetWidth")


def test_the_menu_of_a_heading_filters_and_gives_the_keyboard_back(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.open_menu("Status")
    failed = alone.kernel("int((frame.status == 'failed').sum())")
    alone.menu.get_by_role("checkbox", name=f"failed {failed}").click()
    expect(alone.foot).to_contain_text(f"{failed} of 300 rows match")
    expect(alone.menu.get_by_role("checkbox", name="failed")).to_be_focused()
    alone.keys.press("Escape")
    expect(alone.menu).to_have_count(0)
    expect(alone.button("Filter Status (filtered)")).to_be_focused()
    alone.button("Remove the filter: Status: failed").click()
    expect(alone.foot).to_contain_text("300 rows")
    expect(alone.page.locator("tr:focus")).to_be_visible()


def test_a_filter_is_typed_checked_and_taken_away_by_the_keyboard_alone(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.rows.first.click()
    alone.keys.press("ArrowUp")
    for _ in range(9):  # status and its menu, name, can cancel, tasks, created and its menu
        alone.keys.press("ArrowRight")
    expect(alone.button("Filter Created")).to_be_focused()
    alone.keys.press("Enter")
    expect(alone.menu.get_by_role("textbox", name="After")).to_be_focused()
    alone.keys.press("Tab")
    alone.keys.press("Tab")
    alone.keys.type("2 fortnights")
    alone.keys.press("Enter")
    expect(alone.menu.get_by_role("alert").filter(has_text="is no age")).to_be_visible()
    refused = alone.menu.get_by_role("textbox", name="Older than", exact=True)  # the error is no part of its name
    expect(refused).to_have_accessible_description(re.compile("is no age"))
    alone.keys.press("Control+a")
    alone.keys.type("2h")
    alone.keys.press("Enter")
    expect(alone.page.get_by_text("Created older than 2h")).to_be_visible()
    assert alone.kernel("len(table)") < 300
    alone.keys.press("Escape")
    expect(alone.button("Filter Created (filtered)")).to_be_focused()
    alone.keys.press("ArrowDown")
    expect(alone.page.locator("tr:focus")).to_be_visible()


def test_a_click_elsewhere_closes_the_menu_and_one_on_its_button_too(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.open_menu("Name")
    alone.page.get_by_placeholder("Search name, id, engine").click()
    expect(alone.menu).to_have_count(0)
    alone.open_menu("Name")
    alone.button("Filter Name").click()
    expect(alone.menu).to_have_count(0)


def test_the_menu_stays_at_its_heading_when_the_page_becomes_wider_or_narrower(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.open_menu("Created")
    beside = """([menu, heading]) => Math.abs(menu.getBoundingClientRect().left - Math.max(4, Math.min(
        heading.getBoundingClientRect().left, innerWidth - menu.offsetWidth - 4))) < 2"""
    for width in (700, 1500, 460, 1300):
        alone.page.set_viewport_size({"width": width, "height": 900})
        menu, heading = alone.menu.element_handle(), alone.heading("Created").element_handle()
        alone.page.wait_for_function(beside, arg=[menu, heading], timeout=3_000)


def test_the_menu_stays_at_its_heading_when_what_is_above_the_table_grows(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.open_menu("Created")
    gap = "([menu, heading]) => menu.getBoundingClientRect().top - heading.getBoundingClientRect().bottom"
    menu, heading = alone.menu.element_handle(), alone.heading("Created").element_handle()
    before = heading.evaluate("node => node.getBoundingClientRect().top")
    assert alone.page.evaluate(gap, [menu, heading]) == pytest.approx(4, abs=2)
    for height in (90, 0):
        table = alone.page.locator(".jobwidgets").filter(has=alone.grid)
        table.evaluate("(node, height) => { node.style.marginTop = `${height}px` }", height)
        alone.page.wait_for_function(f"args => Math.abs(({gap})(args) - 4) < 2", arg=[menu, heading], timeout=3_000)
        assert heading.evaluate("node => node.getBoundingClientRect().top") == pytest.approx(before + height, abs=2)


def test_columns_are_chosen_widened_and_kept_through_a_refresh(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.button("Columns").click()
    alone.menu.get_by_role("checkbox", name="Engines").click()
    expect(alone.heading("Engines")).to_have_count(0)
    alone.menu.get_by_role("checkbox", name="Times in full").click()
    expect(alone.rows.first).to_contain_text(":")
    alone.keys.press("Escape")
    expect(alone.button("Columns")).to_be_focused()
    before = alone.width("Status")
    edge = alone.heading("Status").locator(".jw-grip").bounding_box()
    alone.page.mouse.move(edge["x"] + 3, edge["y"] + 9)
    alone.page.mouse.down()
    alone.page.mouse.move(edge["x"] + 43, edge["y"] + 9, steps=4)
    alone.page.mouse.up()
    alone.page.wait_for_function(
        f"() => document.querySelector('.jw-table th:nth-child(2)').offsetWidth === {before + 40}"
    )
    alone.button("Status").focus()
    alone.keys.press("Shift+ArrowRight")
    alone.page.wait_for_function(
        f"() => document.querySelector('.jw-table th:nth-child(2)').offsetWidth === {before + 56}"
    )
    alone.notebook.run("table.df = frame.head(100).copy()")
    expect(alone.foot).to_contain_text("100 rows")
    assert alone.width("Status") == before + 56
    expect(alone.heading("Engines")).to_have_count(0)
    assert alone.kernel("dict(table._state.layout.widths)") == {"status": before + 56}


def test_a_row_is_opened_by_enter_a_double_click_and_its_button(open_notebook):
    alone = Alone(open_notebook(TABLE))
    ids = alone.kernel("list(frame.id[:4])")
    alone.rows.nth(1).dblclick()
    alone.rows.nth(2).hover()
    alone.button(f"Open {ids[2]}").click()
    alone.rows.nth(2).click()
    alone.keys.press("ArrowDown")
    alone.keys.press("Enter")
    alone.page.wait_for_timeout(300)
    assert alone.kernel("opened") == [ids[1], ids[2], ids[3]]


def test_nothing_moves_under_the_pointer_until_the_change_is_applied(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.rows.nth(3).click()
    first = alone.rows.first.text_content()
    alone.notebook.run(
        "import pandas as pd\n"
        "newer = pd.concat([frame.head(5).assign(id=[f'n{i}' for i in range(5)], name='Brand new'), frame])\n"
        "newer = newer.reset_index(drop=True)\nnewer.loc[7, 'name'] = 'Changed in place'"
    )
    alone.rows.nth(3).hover()
    alone.page.wait_for_timeout(500)
    alone.notebook.run("table.offer(newer)")
    expect(alone.button("5 changes, apply")).to_be_visible()
    expect(alone.rows.nth(2)).to_contain_text("Changed in place")
    assert alone.rows.first.text_content() == first
    alone.button("5 changes, apply").click()
    expect(alone.foot).to_contain_text("305 rows")
    expect(alone.page.locator(".jw-news")).to_be_hidden()
    expect(alone.page.locator("tr:focus")).to_have_attribute("aria-selected", "true")
    assert alone.kernel("list(table.selected['id']) == [frame.id[3]]")


def test_the_slash_leads_to_the_search_of_the_table_and_control_a_says_all_that_match(open_notebook):
    alone = Alone(open_notebook(TABLE))
    alone.rows.first.click()
    alone.keys.press("/")
    search = alone.page.get_by_placeholder("Search name, id, engine")
    expect(search).to_be_focused()
    alone.keys.type("news")
    expect(alone.foot).to_contain_text("of 300 rows match")
    count = alone.kernel("len(table)")
    assert 0 < count < 300
    search.focus()
    alone.keys.press("ArrowDown")
    expect(alone.rows.first).to_be_focused()
    alone.page.wait_for_timeout(300)  # a scroll takes its time
    assert alone.page.locator(".jw-scroll").evaluate("node => node.scrollTop") == 0
    alone.keys.press("Control+a")
    expect(alone.foot).to_contain_text(f"all {count} that match selected, and those to come")
    alone.button("Clear the selection").click()
    alone.button("Select the rows in view").click()
    expect(alone.foot).to_contain_text(re.compile(r"match · \d+ selected"))  # the kernel has heard both clicks
    expect(alone.foot).to_contain_text(f"{alone.kernel('table.picked')} selected")
    assert alone.kernel("list(table.selected['id']) == list(table.visible['id'][:table.picked])")
