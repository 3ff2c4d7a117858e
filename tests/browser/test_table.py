"""The table in a real page: scroll, sort, keyboard, and what a refresh must not take away."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.panel_page import CALM, SHOW, START, Panel

pytestmark = pytest.mark.browser


def test_a_refresh_keeps_selection_scroll_sort_and_focus(open_notebook):
    panel = Panel(open_notebook(START + SHOW))
    panel.rows.nth(2).click()
    for _ in range(30):
        panel.page.keyboard.press("ArrowDown")
    panel.page.keyboard.press("Space")
    expect(panel.root.get_by_text("2 jobs selected")).to_be_visible()
    chosen = panel.kernel("list(panel.selected['id'])")
    assert len(chosen) == 2
    place = "() => { const row = document.activeElement; return [row.textContent, row.getBoundingClientRect().top]; }"
    text, top = panel.page.evaluate(place)

    panel.notebook.run("for i in range(7): service.add_job('pending', 1, name=f'New {i}')")
    panel.button(re.compile("^7 changes, apply")).click()  # nothing moves before: somebody is at the table
    panel.count(panel.kernel("len(client.jobs())"))
    panel.page.wait_for_function(
        "([text]) => document.activeElement.textContent.slice(0, 40) === text.slice(0, 40)", arg=[text]
    )
    assert panel.page.evaluate(place)[1] == pytest.approx(top, abs=1)
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", str(32 + 7 + 2))
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-selected", "true")
    assert sorted(panel.kernel("list(panel.selected['id'])")) == sorted(chosen)


def test_every_row_is_of_one_height_whatever_is_in_it(open_notebook):
    made = "service.add_job('running', ['complete', 'running', 'pending'], name='Half way')\n"
    panel = Panel(open_notebook(START + made + CALM))
    expect(panel.rows.filter(has_text="Half way")).to_contain_text("1/3")
    heights = "() => [...new Set([...document.querySelectorAll('.jw-rows tr')].map(row => row.offsetHeight))]"
    assert panel.page.evaluate(heights) == [28]


def test_at_the_top_new_jobs_come_into_view(open_notebook):
    panel = Panel(open_notebook(START + SHOW))
    panel.notebook.run("service.add_job('pending', 1, name='Brand new')")
    expect(panel.rows.first).to_contain_text("Brand new")


def test_a_click_on_a_heading_sorts(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    heading = panel.grid.get_by_role("columnheader", name="Name")
    expect(heading).to_have_attribute("aria-sort", "none")
    for wanted, ascending in (("ascending", True), ("descending", False)):
        heading.get_by_role("button", name="Name", exact=True).click()
        expect(heading).to_have_attribute("aria-sort", wanted)
        name = panel.kernel(f"client.jobs().sort_values('name', ascending={ascending}, kind='stable')['name'].iloc[0]")
        expect(panel.rows.first).to_contain_text(name)


def test_everything_can_be_done_by_the_keyboard_and_no_shortcut_of_the_notebook_fires(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    cells = panel.page.locator(".jp-Notebook .jp-Cell").count()
    panel.rows.first.click()
    keys = panel.page.keyboard
    keys.press("ArrowDown")
    keys.press("Shift+ArrowDown")
    keys.press("Shift+ArrowDown")
    expect(panel.root.get_by_text("4 jobs selected")).to_be_visible()
    keys.press("PageDown")
    keys.press("Space")
    expect(panel.root.get_by_text("5 jobs selected")).to_be_visible()
    keys.press("End")
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", panel.grid.get_attribute("aria-rowcount"))
    keys.press("Home")
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", "2")
    for letter in ("a", "b", "x", "c", "v", "m"):  # in command mode these add, cut and change cells
        keys.press(letter)
    keys.press("d")
    keys.press("d")
    keys.press("0")
    keys.press("0")
    keys.press("Escape")
    expect(panel.root.get_by_text("Nothing is selected")).to_be_visible()
    keys.press("Control+a")
    total = panel.kernel("len(panel.visible)")
    expect(panel.root.get_by_text(f"{total} jobs selected")).to_be_visible()
    keys.press("ArrowUp")
    keys.press("ArrowRight")  # the menu of the first column
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(panel.grid.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    keys.press("ArrowDown")
    expect(panel.page.locator("tr:focus")).to_be_visible()
    keys.press("/")
    expect(panel.search).to_be_focused()
    keys.type("no such job")
    expect(panel.root.get_by_text("No job matches")).to_be_visible()
    assert panel.page.locator(".jp-Notebook .jp-Cell").count() == cells
    panel.no_trouble()


def test_a_million_rows_scroll_to_the_end_and_row_by_row(open_notebook):
    frame = (
        "import pandas as pd\nfrom jobwidgets import JobTable\n"
        "names = pd.Series(range(1_000_000)).astype('string')\n"
        "table = JobTable(pd.DataFrame({'id': names, 'name': names}))\ntable"
    )
    notebook = open_notebook(frame)
    grid = notebook.page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "1000001")
    rows = grid.locator("tbody.jw-rows tr")
    rows.first.click()
    assert rows.count() < 60
    notebook.page.keyboard.press("End")
    last = grid.locator("tr[aria-rowindex='1000001']")
    expect(last).to_contain_text("999999")
    expect(last).to_be_focused()
    notebook.page.keyboard.press("ArrowUp")
    expect(grid.locator("tr[aria-rowindex='1000000']")).to_be_focused()
    grid.hover()
    notebook.page.mouse.wheel(0, -28 * 100)
    expect(grid.locator("tr[aria-rowindex='999895']")).to_contain_text("999893")
    notebook.page.keyboard.press("Control+a")
    expect(notebook.page.get_by_text("1,000,000 rows · all 1,000,000 selected, and those to come")).to_be_visible()
    heights = notebook.page.evaluate("[...document.querySelectorAll('.jw-rows tr')].map(r => r.offsetHeight)")
    assert set(heights) == {28}


def test_a_line_in_each_count_tells_how_it_went(open_notebook):
    quick = """from jobwidgets.live import count_history
from jobwidgets.widgets.panel import status_counts
count_history.SPAN, count_history.APART, status_counts.SHOWN_AFTER = 6, 0.1, 0
"""
    panel = Panel(open_notebook(START + quick + CALM))
    lines = panel.root.locator(".jw-chips .jw-trend polyline")
    expect(lines).to_have_count(0)  # there is no history yet
    for _ in range(3):
        panel.notebook.run("service.add_job('pending', 1)\npanel.refresh()\npanel._work.settle()\npanel._hand.run()")
        panel.page.wait_for_timeout(300)
    expect(panel.chip("pending").locator(".jw-trend polyline")).to_have_count(1)
    heights = (
        panel.chip("pending")
        .locator("polyline")
        .evaluate("node => node.getAttribute('points').split(' ').map(point => Number(point.split(',')[1]))")
    )
    assert heights[-1] < heights[0]  # up, as the count went
    expect(panel.chip("pending")).to_have_attribute("title", re.compile(r"pending, up [1-3] in \d+ s"))
