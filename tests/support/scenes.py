"""Every state of the panel that a person meets, brought about on the real embedded service, to be looked at.

A scene is a walk: it goes from state to state and calls `take(name)` at each.
"""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.hostile_names import HOSTILE
from tests.support.panel_page import CALM, SHOW, START, Panel

WORLD = "import jobwidgets as jw\nclient = jw.demo(jobs={0}, speed=0)\nservice = client.service\n"
MANY = "jobs = [service.add_job('pending', 2, name=f'Okapi lecture {i}') for i in range(340)]\n"
BLOCKED = """for job in jobs[:16]:
    service.add_job('running', ['running', 'pending'], name='Okapi lecture, live')
for job in jobs[:12]:
    service.add_job('failed', 2, name='Okapi lecture, again')
"""
LEFT = """service.faults.lose_answer(times=1, operation='cancelJob')
service.faults.expire_token(times=None, operation='cancelJob')
client.plan_cancel(jobs[:60], reason='feed broken').apply(progress=False)
service.faults.clear()
"""
PRODUCTION = """import jobwidgets as jw
from jobwidgets.emulator import Service, serve
service = Service(jobs=300, seed=0, speed=0)
here = serve(service)
client = jw.connect(here.graphql_url, rest_url=here.rest_url, token=service.token, environment="production")
"""


def journey(open_notebook, take):
    """From the list to the receipt, with 340 of 368 that can be cancelled."""
    panel = Panel(open_notebook(START + MANY + BLOCKED + CALM))
    take("list", panel)
    panel.search.fill("Okapi lecture")
    panel.count(368)
    panel.button("Select all 368 that match").click()
    cancel = panel.button("Cancel 340 of 368")
    expect(cancel).to_be_enabled()
    take("selection", panel)
    cancel.click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    panel.root.get_by_label("Reason", exact=True).fill("the feed is broken")
    take("plan", panel)
    panel.button("Cancel 340 jobs").click()
    expect(panel.root.get_by_role("timer")).to_be_visible()
    take("countdown", panel)
    panel.notebook.run("service.faults.delay(seconds=1, times=None, operation='cancelJob')")
    panel.button("Start now").click()
    expect(panel.button("Stop")).to_be_visible()
    take("working", panel)
    panel.notebook.run("service.faults.clear()")
    expect(panel.button("Back to the list")).to_be_visible()
    take("receipt", panel)
    panel.root.get_by_role("button", name="Code").last.click()
    take("receipt-code", panel)


def unfinished(open_notebook, take):
    """What another kernel left, and a job whose answer was lost."""
    panel = Panel(open_notebook(START + MANY + LEFT + CALM))
    expect(panel.root.get_by_text("1 operation is unfinished")).to_be_visible()
    take("unfinished", panel)
    panel.button("Show").click()
    expect(panel.button(re.compile("^Resume"))).to_be_visible()
    take("unfinished-receipt", panel)


def drawers(open_notebook, take):
    """One job: failed, with 75 tasks, without tasks."""
    panel = Panel(open_notebook(START + CALM))
    for name, which in {
        "failed": "service.a_failed_job()",
        "75-tasks": "panel.visible.set_index('tasks').loc[[75], 'id'].iloc[0]",
        "no-tasks": "service.add_job('pending', [], name='Nothing to do')",
        "running": "panel.visible[panel.visible.status == 'running'].sort_values('tasks').id.iloc[-1]",
    }.items():
        panel.notebook.run(f"panel._drawer.show({which})")
        panel.page.wait_for_timeout(800)
        take(f"drawer-{name}", panel)


def menus(open_notebook, take):
    """The menus of the headings, filters in force, the list as code."""
    panel = Panel(open_notebook(START + CALM))
    for column in ("Status", "Created", "Engines"):
        panel.grid.get_by_role("columnheader", name=column).hover()
        panel.root.get_by_role("button", name=f"Filter {column}", exact=True).click()
        expect(panel.page.get_by_role("dialog")).to_be_visible()
        take(f"menu-{column.lower()}", panel)
        panel.page.keyboard.press("Escape")
    panel.root.get_by_role("button", name="Columns", exact=True).click()
    take("menu-columns", panel)
    panel.page.keyboard.press("Escape")
    panel.chip("failed").click()
    panel.notebook.run("panel.filter = \"queued_for > '10s'\"")
    panel.root.get_by_role("button", name="Code").last.click()
    take("filters-and-code", panel)


def names(open_notebook, take):
    """Long, hostile, right-to-left names; one job."""
    made = f"""for name in {HOSTILE[:24] + HOSTILE[-3:]!r}:
    service.add_job('pending', 1, name=name)
"""
    panel = Panel(open_notebook(START + made + CALM))
    take("names", panel)
    panel.notebook.run("panel._drawer.show(service.add_job('failed', 2, name=" + repr("שלום עולם " * 30) + "))")
    panel.page.wait_for_timeout(800)
    take("names-drawer", panel)
    panel = Panel(open_notebook(WORLD.format(0) + "service.add_job('pending', 1, name='The only one')\n" + CALM))
    take("one-job", panel)


def trouble(open_notebook, take):
    """Nothing there, an expired token, no rights, a dead service, production."""
    empty = open_notebook(WORLD.format(0) + CALM)
    expect(empty.page.get_by_text("There are no jobs").first).to_be_visible()
    take("no-jobs", empty)
    for name, fault in {"expired": "expire_token(", "no-rights": "fail_before(status=403, "}.items():
        refused = open_notebook(WORLD.format(50) + f"service.faults.{fault}times=None)\n" + CALM)
        expect(refused.page.locator(".jobwidgets-panel").get_by_text("AuthError").first).to_be_visible()
        take(name, refused)
    panel = Panel(open_notebook(WORLD.format(50) + SHOW))
    panel.rows.first.click()
    panel.notebook.run("job = service.add_job('pending', 1, name='Okapi')\npanel.refresh(); panel._work.settle()")
    panel.page.wait_for_timeout(1500)
    take("changes-wait", panel)
    panel.notebook.run("service.faults.fail_before(status=403, times=None, operation='cancelJob')")
    panel.notebook.run("panel.select([job])")
    panel.button(re.compile("^Cancel 1")).click()
    panel.button("Cancel 1 job").click()
    expect(panel.root.get_by_text("Cancel: 1")).to_be_visible()
    take("refused", panel)
    panel.button("Back to the list").click()
    panel.notebook.run("service.faults.fail_before(status=503, times=None)\npanel.refresh()")
    expect(panel.root.get_by_text("ServiceError").first).to_be_visible()
    take("dead", panel)
    panel = Panel(open_notebook(PRODUCTION + "service.add_job('pending', 1)\n" + CALM))
    panel.rows.first.click()
    take("production", panel)
    panel.button(re.compile("^Cancel 1")).click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    take("production-plan", panel)


def side(open_notebook, take):
    """The left panel of JupyterLab, with a receipt in it."""
    began = (
        START
        + """%load_ext jobwidgets
client.plan_cancel([service.add_job('pending', 1) for _ in range(12)], reason='feed broken').apply(progress=False)
"""
    )
    notebook = open_notebook(began + CALM, frontend="lab")
    notebook.page.get_by_role("tab", name="Jobs", exact=True).click()
    expect(notebook.page.get_by_role("region", name="Jobs", exact=True)).to_be_visible()
    notebook.page.wait_for_timeout(3_000)
    take("side", notebook, ".jw-side, [aria-label=Jobs]")


SCENES = (side, journey, unfinished, drawers, menus, names, trouble)
