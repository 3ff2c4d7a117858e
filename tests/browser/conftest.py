"""Browser fixtures beside asyncio tests, in one pytest process.

Sync Playwright leaves a running event loop on its thread, so that any later `asyncio.run` there fails. It lives on one
worker thread: fixtures open pages there, and tests marked `browser` are called there.
"""

from __future__ import annotations

import concurrent.futures
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from browser_room import JupyterServer, chromium, new_context, notebook_page, write_notebook

_worker = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="playwright")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not pyfuncitem.get_closest_marker("browser"):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    _worker.submit(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}).result()
    return True


def _held(manager):
    """Enter a context manager on the browser's thread, and leave it there."""
    value = _worker.submit(manager.__enter__).result()
    yield value
    _worker.submit(manager.__exit__, None, None, None).result()


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    with JupyterServer(root=tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="session")
def browser():
    yield from _held(chromium())


@pytest.fixture(scope="session")
def profile(browser):
    value = _worker.submit(new_context, browser).result()
    yield value
    _worker.submit(value.close).result()


@pytest.fixture
def open_notebook(profile, jupyter, request):
    """Open a notebook with these cells in a front end, and run it."""
    opened = []

    def open_it(*cells, frontend="lab"):
        name = write_notebook(jupyter.root, f"{request.node.name.partition('[')[0][:60]}.ipynb", *cells)
        manager = notebook_page(profile, jupyter, name, frontend)
        notebook = manager.__enter__()
        opened.append((manager, notebook))
        notebook.run_all()
        return notebook

    yield open_it
    for manager, _notebook in opened:
        _worker.submit(manager.__exit__, None, None, None).result()
