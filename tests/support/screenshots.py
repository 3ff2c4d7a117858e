"""Take pictures of the real panel: `python -m tests.support.screenshots [--all FOLDER] [SCENE ...]`.

Without `--all` the pictures of the README are made anew. With it, every state of every scene, in light and dark, wide
and narrow.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import expect

from tests.support import scenes
from tests.support.jupyter import ROOT, JupyterServer, chromium, new_context, notebook_page, write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.support.jupyter import NotebookPage

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = {"wide": 1450, "narrow": 460}
HEIGHT = 1000
CELL = """import jobwidgets as jw

client = jw.demo()
jw.JobPanel(client)"""
CALM = """import gc
from jobwidgets.live import count_history
from jobwidgets.widgets.panel import status_counts
count_history.SPAN, count_history.APART, status_counts.SHOWN_AFTER = 12, 0.2, 0  # minutes of history in seconds
panel = next(each for each in gc.get_objects() if type(each).__name__ == "JobPanel")
service, following = client.service, panel._work._following
"""
LIVE = """service.clock.advance("3min")
panel.refresh()
panel._work.settle()
panel._hand.run()
"""
SELECT = """following.every = 3_600  # the picture holds still
jobs = panel.visible
panel.select([*jobs["id"].iloc[[1, 6, 11]], *jobs[jobs["can_cancel"].fillna(False)]["id"].head(9)])
"""
READ_ME = {"live": "panel", "plan": "plan", "receipt": "receipt", "drawer-failed": "drawer"}
"""The states that the README shows, and what their pictures are called."""


class Shown(NamedTuple):
    """A part of a page."""

    notebook: NotebookPage
    root: Locator


def walk(scene: Callable[..., None], take: Callable[..., None]) -> None:
    """Go through one scene in a JupyterLab of its own."""
    with tempfile.TemporaryDirectory() as home, JupyterServer(root=Path(home)) as server, chromium() as browser:
        context = new_context(browser, width=WIDTHS["wide"], height=HEIGHT)
        with contextlib.ExitStack() as opened:
            scene(opener(opened, context, server), take)


def opener(opened, context, server):
    """Give a function that opens a notebook with these cells and runs it."""
    numbers = itertools.count(1)

    def open_notebook(*cells: str, frontend: str = "notebook"):
        path = write_notebook(server.root, f"jobs-{next(numbers)}.ipynb", *cells)
        notebook = opened.enter_context(notebook_page(context, server, path, frontend))
        notebook.run_all()
        return notebook

    return open_notebook


def every_state(folder: Path, names: list[str]) -> None:
    """Take each state of the scenes in every theme and width."""
    folder.mkdir(parents=True, exist_ok=True)

    def take(name, what, selector=".jobwidgets-panel"):
        notebook = getattr(what, "notebook", what)
        for theme, title in THEMES.items():
            notebook.theme(title)
            for size, width in WIDTHS.items():
                notebook.page.set_viewport_size({"width": width, "height": HEIGHT})
                notebook.page.wait_for_timeout(300)
                notebook.page.locator(selector).first.screenshot(path=folder / f"{name}-{theme}-{size}.png")
        notebook.theme(THEMES["light"])
        notebook.page.set_viewport_size({"width": WIDTHS["wide"], "height": HEIGHT})

    for scene in scenes.SCENES:
        if not names or scene.__name__ in names:
            walk(scene, take)


def of_the_readme(folder: Path) -> None:
    """Take the list as it lives, and the states that the README shows."""

    def take(name, what):
        if name in READ_ME:
            both(folder, READ_ME[name], what.notebook, what.root)

    for scene in (live, scenes.journey, scenes.drawers):
        walk(scene, take)


def live(open_notebook, take) -> None:
    """A list that has been looked at for a while: its counts have a history."""
    notebook = open_notebook(CELL)
    panel = notebook.page.locator(".jobwidgets-panel")
    expect(panel.locator("tbody.jw-rows tr").first).to_contain_text("ago")
    notebook.run(CALM)
    for _ in range(20):
        notebook.run(LIVE)
        notebook.page.wait_for_timeout(200)
    notebook.run(SELECT)
    expect(panel.get_by_text("12 jobs selected")).to_be_visible()
    take("live", Shown(notebook, notebook.cell(0)))


def both(folder: Path, name: str, notebook, shown) -> None:
    """Take one picture a theme."""
    for theme, title in THEMES.items():
        notebook.theme(title)
        notebook.page.mouse.move(5, 5)
        notebook.page.wait_for_timeout(500)
        shown.screenshot(path=folder / f"{name}-{theme}.png")
    notebook.theme(THEMES["light"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every state, into this folder")
    parser.add_argument("names", nargs="*", metavar="SCENE")
    options = parser.parse_args()
    if options.all:
        every_state(options.all, options.names)
    else:
        of_the_readme(ROOT / "docs")
