"""Browser fixtures beside asyncio tests, in one pytest process.

Sync Playwright leaves a running event loop on its thread, so that any later `asyncio.run` there fails. It lives on one
worker thread: fixtures open pages there, and tests marked `browser` are called there.

Every process of pytest-xdist has one Jupyter server, one browser and, unless a test needs a page of its own, one page
with JupyterLab.
"""

from __future__ import annotations

import concurrent.futures
import contextlib

import pytest

from tests.support.forked_kernels import NAME
from tests.support.jupyter import JupyterServer, LabTab, chromium, new_context, notebook_page, write_notebook

_worker = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="playwright")
FAILED = pytest.StashKey[bool]()


def pytest_generate_tests(metafunc):
    """Run a test in Notebook 7 as well, with --soak, unless it is about one front end or names its front ends."""
    anywhere = "open_notebook" in metafunc.fixturenames and "frontend" not in metafunc.fixturenames
    if metafunc.config.getoption("soak") and anywhere and not any(metafunc.definition.iter_markers("one_front_end")):
        hosts = ["lab", pytest.param("notebook", marks=pytest.mark.other_host)]
        metafunc.parametrize("host", hosts, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not pyfuncitem.get_closest_marker("browser"):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    try:
        on_browser_thread(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    except BaseException:
        pyfuncitem.stash[FAILED] = True
        raise
    return True


def on_browser_thread(function, *arguments, **options):
    """Call a function where Playwright lives, and return what it returns."""
    return _worker.submit(function, *arguments, **options).result()


def _held(manager):
    """Enter a context manager on the browser's thread, and leave it there."""
    value = on_browser_thread(manager.__enter__)
    yield value
    on_browser_thread(manager.__exit__, None, None, None)


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    with JupyterServer(root=tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="session")
def browser():
    yield from _held(chromium())


@pytest.fixture(scope="session")
def profile(browser):
    value = on_browser_thread(new_context, browser)
    yield value
    on_browser_thread(value.close)


@pytest.fixture(scope="session")
def lab_tab(profile, jupyter):
    tab = LabTab(profile, jupyter)
    yield tab
    on_browser_thread(tab.close)


@pytest.fixture
def host(request):
    """Return the front end in which a test opens its notebooks unless it names another."""
    return getattr(request, "param", "lab")


@pytest.fixture
def open_notebook(profile, jupyter, lab_tab, request, host):
    """Open a notebook with these cells in a front end, and run it."""
    opened = contextlib.ExitStack()
    tab_taken = request.node.get_closest_marker("own_page") is not None

    def open_it(*cells, frontend=host, kernel_name=NAME):
        nonlocal tab_taken
        name = f"{request.node.name.partition('[')[0][:60]}.ipynb"
        write_notebook(jupyter.root, name, *cells, kernel_name=kernel_name)
        if frontend == "lab" and not tab_taken:
            tab_taken = True
            opened.callback(lambda: lab_tab.leave(name, failed=request.node.stash.get(FAILED, False)))
            notebook = lab_tab.open(name)
        else:
            notebook = opened.enter_context(notebook_page(profile, jupyter, name, frontend))
        notebook.run_all()
        return notebook

    yield open_it
    on_browser_thread(opened.close)
