"""Take the pictures of the README from the real panel: `python tests/browser/screenshots.py [FOLDER]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from browser_room import REPOSITORY, JupyterServer, chromium, new_context, notebook_page, write_notebook
from playwright.sync_api import expect

CELL = """import jobwidgets as jw

client = jw.demo()
jw.JobPanel(client)"""
SELECT = """import gc
panel = next(each for each in gc.get_objects() if type(each).__name__ == "JobPanel")
panel._work._following.every = 3_600  # the picture holds still
jobs = panel.visible
panel.select([*jobs["id"].iloc[[1, 6, 11]], *jobs[jobs["can_cancel"].fillna(False)]["id"].head(9)])
"""
THEMES = {"panel-light.png": "JupyterLab Light", "panel-dark.png": "JupyterLab Dark"}


def main(folder: Path) -> None:
    """Write one picture a theme."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, JupyterServer(root=Path(home)) as server, chromium() as browser:
        context = new_context(browser, width=1450, height=1000)
        name = write_notebook(server.root, "jobs.ipynb", CELL)
        with notebook_page(context, server, name, "notebook") as notebook:
            notebook.run_all()
            panel = notebook.page.locator(".jobwidgets-panel")
            expect(panel.locator("tbody.jw-rows tr").first).to_contain_text("ago", timeout=60_000)
            notebook.run(SELECT)
            expect(panel.get_by_text("12 jobs selected")).to_be_visible()
            for picture, theme in THEMES.items():
                notebook.theme(theme)
                notebook.page.mouse.move(5, 5)
                notebook.page.wait_for_timeout(500)
                notebook.cell(0).screenshot(path=folder / picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs")
