"""The panel as time goes by, on a service outside of the kernel: shared, restarted, gone, hidden, kept open."""

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from jobwidgets.emulator import Service, serve
from tests.support.campaigns import figures
from tests.support.panel_page import CALM, PATIENCE, SHOW, Panel
from tests.support.ports import held_port
from tests.support.waiting import until_quiet

pytestmark = [pytest.mark.browser, pytest.mark.own_page]
QUICK = (
    "from jobwidgets.live import poll_interval\n"
    "poll_interval.SOONEST = poll_interval.SLOWEST = {0}\npoll_interval.CALM = 0\n"
)
PLAIN = """import ipywidgets
from IPython.display import display
boxes = [ipywidgets.VBox([ipywidgets.Button(description="B") for _ in range(27)]) for _ in range(number)]
for each in boxes:
    each.add_class("plain-box")
display(*boxes)
shown += boxes"""
CLOSE = """from jobwidgets.widgets.parts import dispose
for each in shown:
    each.close() if isinstance(each, jw.JobPanel) else dispose(each)
shown.clear()
each = boxes = panels = None"""
TO_CELL = "(at) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at; }"
GROUP = """from IPython.display import display
panels = [jw.JobPanel(client, refresh='1s') for _ in range(number)]
display(*panels)
shown += panels"""
LEFT = """import gc, json, threading
from ipywidgets.widgets.widget import _instances
from jobwidgets.live import poller_for
gc.collect()
ours = [each for each in gc.get_objects() if str(type(each).__module__).startswith('jobwidgets.widgets')]
print(json.dumps({"widgets": len(_instances), "ours": len(ours),
                  "threads": threading.active_count(), "feeds": len(poller_for(client)._feeds),
                  "at_work": poller_for(client).at_work}))
"""


class World:
    """A service outside of the notebook's kernel."""

    def __init__(self, port, **how):
        self.service = Service(**how)
        self.running = serve(self.service, port=port)

    @property
    def connect(self):
        service, running = self.service, self.running
        where = f"{running.graphql_url!r}, rest_url={running.rest_url!r}"
        return f"import jobwidgets as jw\nclient = jw.connect({where}, token={service.token!r}, timeout=20)\n"

    @property
    def asked(self):
        """How many requests it has had."""
        return self.service.requests.total()

    def go(self):
        self.running.close()

    def come_back(self):
        self.running = serve(self.service, port=self.running.port)


@pytest.fixture
def world():
    with held_port() as port:
        made = World(port, jobs=200, seed=0, speed=0, start=datetime(2026, 3, 4, 12, tzinfo=UTC))
        yield made
        made.go()


def until(panel, test):
    """Wait for something that happens outside of the page."""
    for _ in range(PATIENCE // 100):
        if test():
            return
        panel.page.wait_for_timeout(100)
    raise AssertionError("it did not come")


def gauge(where):
    """Give a function that says how large the page is, once what is not needed is gone."""
    debugger = where.page.context.new_cdp_session(where.page)
    debugger.send("Performance.enable")

    def size():
        for _ in range(2):
            debugger.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in debugger.send("Performance.getMetrics")["metrics"]}
        return {"heap": metrics["JSHeapUsedSize"], "nodes": metrics["Nodes"], "hears": metrics["JSEventListeners"]}

    return size


def test_two_panels_of_one_service_share_their_looks_and_nothing_else(open_notebook, world):
    second = "second = jw.JobPanel(client, refresh='1s')\nsecond"
    notebook = open_notebook(world.connect + QUICK.format(0.3) + SHOW, second)
    left, right = Panel(notebook, at=0), Panel(notebook, at=1)
    left.rows.first.click()
    expect(left.root.get_by_text("1 job selected")).to_be_visible()
    left.page.mouse.move(5, 5)  # nothing moves under the pointer
    expect(right.root.get_by_text("Nothing is selected")).to_be_visible()

    job = world.service.add_job("pending", 1, name="Okapi")
    for each in (left, right):
        each.search.fill("Okapi")
        each.count(1)
    one_list = "len({each._work._following.feed for each in (panel, second)}) == 1"
    assert left.kernel(one_list)
    right.rows.first.click()
    right.button("Cancel 1").click()
    right.button("Cancel 1 job").click()
    expect(right.root.get_by_text("Cancel: 1 done")).to_be_visible()
    left.page.mouse.move(5, 5)
    expect(left.rows.first).to_contain_text("aborted")
    expect(left.root.get_by_text("1 job selected")).to_be_visible()
    assert [write.target_id for write in world.service.ledger] == [job]
    left.no_trouble()


def test_a_kernel_that_is_killed_amid_a_cancel_is_gone_on_with_and_no_job_is_sent_twice(open_notebook, world):
    jobs = [world.service.add_job("pending", 1, name=f"Okapi {number}") for number in range(60)]
    panel = Panel(open_notebook(world.connect.replace("timeout=20", "timeout=600") + CALM))
    panel.search.fill("Okapi")
    panel.count(60)
    panel.button("Select all 60 that match").click()
    world.service.faults.delay(seconds=600, times=None, operation="cancelJob")  # no answer before the kernel is killed
    panel.button("Cancel 60").click()
    panel.button("Cancel 60 jobs").click()
    panel.root.get_by_role("button", name="Start now").click()
    until(panel, lambda: len(world.service.ledger) > 0)
    panel.notebook.restart()
    expect(panel.root.first).to_be_hidden()
    world.service.faults.clear()
    panel.notebook.wait_idle()
    sent = len(world.service.ledger)
    assert 0 < sent < len(jobs)
    panel.notebook.run_all()
    expect(panel.rows.first).to_be_visible()
    expect(panel.root.get_by_text("1 operation is unfinished")).to_be_visible()
    panel.button("Show").click()
    resolve, resume = panel.button(re.compile(r"^Resolve \d+$")), panel.button(re.compile(r"^Resume \d+$"))
    expect(resolve.or_(resume).first).to_be_visible()
    if resolve.is_visible():
        resolve.click()
        expect(resolve).to_be_hidden()
    resume.click()
    expect(panel.root.get_by_text(re.compile(r"^Cancel: \d+ done"))).to_be_visible()
    until(panel, lambda: {world.service.job_status(job) for job in jobs} == {"aborted"})
    assert sorted(write.target_id for write in world.service.ledger) == sorted(jobs)
    assert panel.notebook.own_errors == []


def test_a_service_that_dies_and_comes_back_is_told_since_when_and_taken_up_again(open_notebook, world):
    panel = Panel(open_notebook(world.connect + QUICK.format(0.3) + SHOW))
    rows = panel.kernel("len(panel.visible)")
    world.go()
    alert = panel.root.get_by_role("alert").filter(has_text="since")
    expect(alert).to_be_visible()
    panel.count(rows)
    panel.rows.first.click()
    expect(panel.root.get_by_text("1 job selected")).to_be_visible()
    assert panel.kernel("1 + 1") == 2
    world.come_back()
    expect(alert).to_be_hidden()
    world.service.add_job("pending", 1, name="Okapi")
    panel.button("1 change, apply").click()
    panel.count(rows + 1)
    expect(panel.root.get_by_text("1 job selected")).to_be_visible()
    panel.no_trouble()


@pytest.mark.one_front_end  # the launcher hides it
@pytest.mark.campaign(test=3, soak=60)
def test_a_hidden_panel_asks_for_nothing_and_looks_at_once_when_it_is_seen(open_notebook, world, size):
    """`size`: seconds for which it is hidden; a panel in view would ask three times in each."""
    panel = Panel(open_notebook(world.connect + QUICK.format(0.3) + SHOW))
    rows, before = panel.kernel("len(panel.visible)"), world.asked
    until(panel, lambda: world.asked > before + 3)
    panel.notebook.command("launcher:create")
    expect(panel.root).to_be_hidden()
    until_quiet(lambda: world.asked, seconds=size)
    world.service.add_job("pending", 1, name="Okapi")
    panel.page.get_by_role("tab", name=re.compile(r"\.ipynb")).click()
    expect(panel.root).to_be_visible()
    panel.count(rows + 1)


@pytest.mark.campaign(test=3, soak=30)
def test_a_changing_list_leaves_kernel_and_page_as_large_as_they_were(open_notebook, world, size):
    """Refresh every five seconds of the service's clock, with one new and one removed job each time.

    `size`: minutes of that clock.
    """
    show = "from datetime import timedelta\npanel = jw.JobPanel(client, refresh=timedelta(seconds=0.02))\npanel"
    panel = Panel(open_notebook(world.connect + QUICK.format(0.02) + show))
    service, gauged = world.service, gauge(panel)
    kernel = "(__import__('gc').collect(), __import__('psutil').Process().memory_info().rss)[1]"

    def minutes(number):
        for _ in range(number * 12):
            before = service.requests["jobs"]
            job = service.add_job("pending", 1, lives=False)
            until(panel, lambda before=before: service.requests["jobs"] > before)
            service.remove_job(job)
            service.clock.advance("5s")
        return {**gauged(), "kernel": panel.kernel(kernel)}

    first = minutes(size // 3)
    most = minutes(size - size // 3)
    figures(first=first, last=most)
    assert most["nodes"] < first["nodes"] * 1.1 + 200
    assert most["hears"] < first["hears"] * 1.1 + 50
    assert most["heap"] < first["heap"] * 1.1 + 2e6
    assert most["kernel"] < first["kernel"] * 1.05 + 8e6


@pytest.mark.campaign(test=(4, 4), soak=(10, 10))
def test_panels_opened_and_closed_leave_nothing(open_notebook, world, size):
    """The kernel keeps nothing. JupyterLab keeps what a closed widget was as long as its kernel: no more of ours.

    `size`: how often a group of panels is opened and closed, and how many panels are in it.
    """
    rounds, number = size
    notebook = open_notebook(world.connect + f"number, shown, boxes, panels = {number}, [], [], []", PLAIN, GROUP)
    gauged, found = gauge(notebook), {}
    tables = notebook.page.locator(".jobwidgets-panel .jw-table:has(tbody.jw-rows tr)")
    expect(tables).to_have_count(number)
    for cell, times, kind in ((1, 3, ".plain-box"), (2, rounds, ".jobwidgets-panel")):
        roots, found[kind] = notebook.page.locator(kind), []
        notebook.page.evaluate(TO_CELL, cell)
        for _ in range(times):
            notebook.command("notebook:run-cell")
            expect(roots).to_have_count(number)
            if cell == 2:
                expect(tables).to_have_count(number)
            notebook.run(CLOSE)
            expect(notebook.page.locator(".jobwidgets-panel, .plain-box")).to_have_count(0)
            found[kind].append((json.loads(notebook.run(LEFT)), gauged()))
    (_, plain_first), *_, (_, plain_last) = found[".plain-box"]
    (_, (kernel, first), *_, (kernel_last, last)) = found[".jobwidgets-panel"]
    figures(panels=rounds * number, first=first, last=last)
    assert kernel_last.pop("threads") <= kernel.pop("threads") + 4  # a pool of workers fills, and stays
    assert kernel_last == kernel
    assert not kernel["at_work"]
    for what, slack in (("nodes", 4_000), ("heap", 4e6)):
        plain = max(0, plain_last[what] - plain_first[what]) / 2
        assert last[what] - first[what] < (rounds - 2) * 2 * plain + slack, (what, found)
