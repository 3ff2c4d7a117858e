"""Take pictures of the real panel: `python tests/browser/screenshots.py [--all FOLDER] [SCENE ...]`.

Without `--all` the pictures of the README are made anew. With it, every state of every scene, in light and dark, wide
and narrow.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
from pathlib import Path

import scenes
from browser_room import JupyterServer, chromium, new_context, notebook_page, write_notebook

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = {"wide": 1450, "narrow": 460}


def every_state(folder: Path, names: list[str]) -> None:
    """Walk through the scenes and take each state in every look."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes.SCENES:
        if names and scene.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory() as home, JupyterServer(root=Path(home)) as server, chromium() as browser:
            context = new_context(browser, width=WIDTHS["wide"], height=1000)
            with contextlib.ExitStack() as opened:
                scene(opener(opened, context, server), lambda name, what: take(folder, name, what))


def opener(opened, context, server):
    """Give a function that opens a notebook with these cells and runs it."""
    numbers = itertools.count(1)

    def open_notebook(*cells: str, frontend: str = "notebook"):
        path = write_notebook(server.root, f"jobs-{next(numbers)}.ipynb", *cells)
        notebook = opened.enter_context(notebook_page(context, server, path, frontend))
        notebook.run_all()
        return notebook

    return open_notebook


def take(folder: Path, name: str, what) -> None:
    """Take one state in every theme and width."""
    notebook = getattr(what, "notebook", what)
    for theme, title in THEMES.items():
        notebook.theme(title)
        for size, width in WIDTHS.items():
            notebook.page.set_viewport_size({"width": width, "height": 1000})
            notebook.page.wait_for_timeout(300)
            shown = notebook.page.locator(".jobwidgets-panel, .jw-table").first
            shown.screenshot(path=folder / f"{name}-{theme}-{size}.png")
    notebook.theme(THEMES["light"])
    notebook.page.set_viewport_size({"width": WIDTHS["wide"], "height": 1000})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    every_state(options.all, options.names)
