"""The drawer of a job in a real page: by the keyboard, inert, beside or below the table, and its code in a cell."""

import pytest
from playwright.sync_api import expect

from tests.support.panel_page import CALM, START, Panel

pytestmark = pytest.mark.browser


class Drawer:
    def __init__(self, panel):
        self.panel, self.page = panel, panel.page
        self.box = panel.root.locator(".jw-drawer")
        self.job = panel.root.locator(".jw-job")

    def show(self, expression):
        self.panel.notebook.run(f"panel._drawer.show({expression})")
        expect(self.job.get_by_role("table")).to_be_visible()

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)


def opened(open_notebook, expression, **more):
    panel = Panel(open_notebook(START + CALM, **more))
    drawer = Drawer(panel)
    drawer.show(expression)
    return drawer


def test_a_row_is_opened_read_and_left_by_the_keyboard_alone(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    drawer, keys = Drawer(panel), panel.page.keyboard
    expect(drawer.job).to_be_hidden()
    panel.rows.first.click()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    row = panel.page.locator("tr:focus")
    place = row.get_attribute("aria-rowindex")
    job_id = panel.kernel("panel.visible['id'].iloc[2]")
    keys.press("Enter")
    expect(drawer.job).to_contain_text(job_id)
    expect(drawer.job.get_by_role("heading", level=3)).to_be_focused()
    keys.press("Tab")
    expect(drawer.button("Close")).to_be_focused()
    keys.press("Tab")
    expect(drawer.button("Copy id")).to_be_focused()
    task = drawer.job.get_by_role("table", name="Tasks and their timeline").get_by_role("button").first
    task.focus()
    keys.press("Enter")
    expect(task).to_have_attribute("aria-expanded", "true")
    expect(task).to_be_focused()
    expect(drawer.job.get_by_role("region", name="Payload of task 1")).to_contain_text("{")
    keys.press("Escape")
    expect(drawer.job).to_be_hidden()
    expect(panel.page.locator("tr:focus")).to_have_attribute("aria-rowindex", place)
    panel.no_trouble()


def test_a_hostile_job_is_text_and_nothing_else(open_notebook):
    drawer = opened(open_notebook, "service.add_job('failed', 2, name='<img src=x onerror=window.hurt=1>\\u202eevil')")
    expect(drawer.job.get_by_role("heading", level=3)).to_have_text("<img src=x onerror=window.hurt=1>\\u202eevil")
    assert drawer.job.locator("img").count() == 0
    assert drawer.page.evaluate("window.hurt") is None
    drawer.panel.no_trouble()


def test_75_tasks_are_all_there_when_they_are_asked_for(open_notebook):
    drawer = opened(open_notebook, "panel.visible.set_index('tasks').loc[[75], 'id'].iloc[0]")
    rows = drawer.job.locator("tbody tr")
    expect(rows).to_have_count(20)
    drawer.button("Show all 75 tasks").click()
    expect(rows).to_have_count(75)


def test_the_drawer_stands_beside_the_table_and_below_it_where_there_is_no_room(open_notebook):
    drawer = opened(open_notebook, "service.a_failed_job()")
    table, box = drawer.panel.root.locator(".jw-table").first, drawer.box
    drawer.page.set_viewport_size({"width": 1500, "height": 900})
    drawer.page.wait_for_function("() => document.querySelector('.jw-drawer').getBoundingClientRect().x > 700")
    assert abs(table.bounding_box()["y"] - box.bounding_box()["y"]) < 2
    drawer.page.set_viewport_size({"width": 640, "height": 900})
    drawer.page.wait_for_function("() => document.querySelector('.jw-drawer').getBoundingClientRect().x < 400")
    assert box.bounding_box()["y"] > table.bounding_box()["y"] + 100
    wide = "e => e.scrollWidth - e.clientWidth"
    assert drawer.job.evaluate(wide) <= 0
    drawer.page.set_viewport_size({"width": 1280, "height": 900})


def test_code_goes_to_a_front_end_that_takes_it_and_else_to_the_clipboard(open_notebook):
    drawer = opened(open_notebook, "service.a_failed_job()")
    drawer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    job_id = drawer.panel.kernel("service.a_failed_job()")
    drawer.button("Code: this job").click()
    code = drawer.box.get_by_role("region", name="Code, Python")
    expect(code).to_contain_text(f"client.job('{job_id}')")
    said = drawer.box.locator(".jw-code-said")

    drawer.button("Copy, Python").click()
    expect(said).to_have_text("Copied: paste it into a cell.")
    assert drawer.page.evaluate("navigator.clipboard.readText()") == code.text_content()

    listen = """taken => window.addEventListener("jobwidgets:new-cell", event => {
      event.stopImmediatePropagation();
      window.heard = event.detail.code;
      if (taken) event.preventDefault();
    }, { capture: true, once: true })"""
    for taken, words in ((True, "In a new cell below"), (False, "No new cell can be made here. Copied")):
        drawer.page.evaluate(listen, taken)
        drawer.button("New cell, Python").click()
        expect(said).to_contain_text(words)
        assert drawer.page.evaluate("window.heard") == code.text_content()
    drawer.panel.no_trouble()


def test_a_job_that_is_not_there_is_said_and_can_be_asked_for_again(open_notebook):
    panel = Panel(open_notebook(START + CALM))
    drawer = Drawer(panel)
    panel.notebook.run("panel._drawer.show('nowhere')")
    expect(drawer.job.get_by_role("alert")).to_contain_text("no job 'nowhere'")
    expect(drawer.button("Read again")).to_be_visible()
    drawer.button("Close").click()
    expect(drawer.job).to_be_hidden()
