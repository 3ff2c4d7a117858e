"""JupyterLab, Notebook 7 and Voila in Chromium: one server, one browser, one kernel a notebook."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from tests.support import ROOT
from tests.support.forked_kernels import NAME, KernelForks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ERRORS_OF_FRONT_ENDS = {
    "lab": ["Canceled future"],  # a request was open when its kernel went
    "notebook": [
        "Canceled future",
        "(reading 'schema')",
    ],  # the latter from its settings: our scripts have no such word
    "voila": [],
}
PATIENCE = 60_000
"""Milliseconds until something awaited counts as missing; a machine under load must not fail a test."""

LAB_SETTINGS: dict[str, dict[str, Any]] = {
    # no news and no update check: both ask the internet
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # every cell is in the page, in view or not
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none", "kernelShutdown": True},
    # no saving while something is being checked
    "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {
        "autosave": False,
        "renameUntitledFileOnSave": False,
    },
}
SERVER_CONFIG: dict[str, dict[str, Any]] = {
    "LabApp": {
        "expose_app_in_browser": True,  # window.jupyterapp: commands by name
        "news_url": None,
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "extension_manager": "readonly",
    },
    "LabServerApp": {"extra_labextensions_path": [str(ROOT / "jobwidgets" / "labextension")]},  # ours, as it is
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "KernelManager": {"shutdown_wait_time": 1.0},
    # above a thousand messages a second the server drops some, which ten panels at once come near to
    "ZMQChannelsWebsocketConnection": {"iopub_msg_rate_limit": 1_000_000},
}
# Ends as if by SIGTERM when the test run is gone, however that ended: then this process has another parent.
BOOT = """
import os, runpy, signal, sys, threading, time
owner = os.getppid()
def watch():
    while os.getppid() == owner:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@dataclass
class JupyterServer:
    """A Jupyter server on a free port of loopback, in a home of its own."""

    root: Path
    app: str = "jupyterlab"
    timeout: float = 120
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    url: str = ""

    def __enter__(self) -> Self:
        self.root = Path(self.root).resolve()
        state = self.root / ".jupyter-test"
        folders = {name: state / name for name in ("config", "data", "runtime", "settings", "workspaces", "ipython")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        folders["runtime"].chmod(0o700)
        for name, value in LAB_SETTINGS.items():
            target = folders["settings"] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(value))
        (folders["config"] / "jupyter_server_config.json").write_text(json.dumps(SERVER_CONFIG))
        self.log = state / "server.log"
        self._forks = KernelForks(folders["data"], self._environment(folders))
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                self._command(), cwd=self.root, env=self._environment(folders), stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait(folders["runtime"] / f"jpserver-{self._process.pid}.json")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _command(self) -> list[str]:
        command = [sys.executable, "-c", BOOT, self.app, "--no-browser", "--ServerApp.ip=127.0.0.1"]
        command += ["--ServerApp.port=0", f"--ServerApp.root_dir={self.root}"]
        return [*command, "--allow-root"] if os.geteuid() == 0 else command

    def _environment(self, folders: dict[str, Path]) -> dict[str, str]:
        ours = ("AIWARE_", "JUPYTER", "JOBWIDGETS_")  # the state goes below XDG_STATE_HOME
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **clean,
            "JUPYTER_CONFIG_DIR": str(folders["config"]),
            "JUPYTER_DATA_DIR": str(folders["data"]),
            "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
            "JUPYTERLAB_SETTINGS_DIR": str(folders["settings"]),
            "JUPYTERLAB_WORKSPACES_DIR": str(folders["workspaces"]),
            "IPYTHONDIR": str(folders["ipython"]),
            "JUPYTER_TOKEN": self.token,
            "XDG_STATE_HOME": str(folders["data"]),
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        }

    def _wait(self, info_file: Path) -> None:
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log.read_text()}")
            with contextlib.suppress(OSError, ValueError, KeyError):
                info = json.loads(info_file.read_text())
                self.url = f"http://127.0.0.1:{info['port']}{info['base_url']}"
                self.api("api/status")
                return
            time.sleep(0.05)
        raise TimeoutError(f"no server after {self.timeout} s:\n{self.log.read_text()}")

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the server's own interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def shutdown_kernels(self) -> None:
        """End the kernels between tests: the server is slow to start, they are not."""
        for session in self.api("api/sessions"):
            with contextlib.suppress(urllib.error.URLError):
                self.api(f"api/sessions/{session['id']}", "DELETE")

    def __exit__(self, *_error: object) -> None:
        self._forks.close()
        # only ever the process group that was made here; SIGTERM lets it end its kernels
        for end, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, end) if end == signal.SIGKILL else self._process.send_signal(end)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience)


CHROMIUM_ARGS = [
    "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no name but loopback resolves
]  # fmt: skip


def find_chromium(playwright: Playwright) -> str:
    """Find a Chromium: the one in CHROMIUM, the one that Playwright brought, or the system's."""
    chosen = os.environ.get("CHROMIUM", "")
    brought = playwright.chromium.executable_path
    if not chosen and Path(brought).exists():
        return brought
    known = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in filter(None, (chosen, *known)):
        found = shutil.which(name)
        if found:
            return found
    raise FileNotFoundError(
        "there is no Chromium: `playwright install chromium` or the system's package brings one; CHROMIUM names another"
    )


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser without a screen."""
    args = [*CHROMIUM_ARGS, "--no-sandbox"] if os.geteuid() == 0 else CHROMIUM_ARGS  # root gets no sandbox
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), headless=True, args=args)
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, *, width: int = 1280, height: int = 900, scheme: str = "light") -> BrowserContext:
    """Open a profile; pages of one profile share its cache."""
    return browser.new_context(
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
        service_workers="block",
        color_scheme=scheme,  # type: ignore[arg-type]  one of Playwright's words
        permissions=["clipboard-read", "clipboard-write"],
    )


def write_notebook(root: Path, name: str, *cells: str, kernel_name: str = NAME) -> str:
    """Write a notebook with these code cells; it names its kernel, so that no page asks for one."""
    kernel = {"name": kernel_name, "display_name": kernel_name, "language": "python"}
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel})
    nbformat.write(notebook, root / name)
    return name


@dataclass
class NotebookPage:
    """One open notebook, with the same verbs in every front end."""

    page: Page
    server: JupyterServer
    frontend: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def open(self, path: str) -> Self:
        """Open it and wait until its kernel is ready."""
        route = {
            "lab": f"lab/workspaces/test-{secrets.token_hex(4)}/tree/{quote(path)}?reset",
            "notebook": f"notebooks/{quote(path)}",
            "voila": f"voila/render/{quote(path)}",
        }[self.frontend]
        glue = "&" if "?" in route else "?"
        url = f"{self.server.url}{route}{glue}token={self.server.token}"
        self.page.goto(url, wait_until="domcontentloaded", timeout=PATIENCE)
        if self.frontend == "voila":  # it has run every cell when the page is complete
            expect(self.page.locator("body[data-voila], .jp-Notebook, #rendered_cells").first).to_be_attached(
                timeout=PATIENCE
            )
            return self
        ready = "() => window.jupyterapp && document.querySelector('.jp-Notebook .jp-Cell')"
        self.page.wait_for_function(ready, timeout=PATIENCE)
        self.page.evaluate("() => window.jupyterapp.restored")
        self.wait_idle()
        return self

    def open_in_lab(self, path: str) -> Self:
        """Open it in the JupyterLab that the page already shows, and wait until its kernel is ready."""
        self.command("docmanager:open", {"path": path, "factory": "Notebook"})
        ready = """path => {
            const widget = window.jupyterapp.shell.currentWidget;
            return widget?.context?.path === path && widget.context.isReady && widget.node.querySelector('.jp-Cell');
        }"""
        self.page.wait_for_function(ready, arg=path, timeout=PATIENCE)
        self.wait_idle()
        return self

    def command(self, command: str, args: dict[str, Any] | None = None) -> None:
        """Run a command of the front end and wait for it."""
        script = "async ([c, a]) => { await window.jupyterapp.commands.execute(c, a); }"
        self.page.evaluate(script, [command, args or {}])

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        script = """() => {
            const widget = window.jupyterapp.shell.currentWidget;
            const kernel = widget?.sessionContext?.session?.kernel;
            return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
        }"""
        self.page.wait_for_function(script, timeout=PATIENCE)

    def run_all(self) -> None:
        """Run every cell."""
        if self.frontend != "voila":
            self.command("notebook:run-all-cells")
            self.wait_idle()

    def run(self, code: str) -> str:
        """Run code in the notebook's kernel, unseen; give what it printed."""
        script = """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let said = '';
            future.onIOPub = m => {
                if (m.header.msg_type === 'stream') said += m.content.text;
                if (m.header.msg_type === 'error') said += m.content.traceback.join('\\n');
            };
            const reply = await future.done;
            return [reply.content.status, said];
        }"""
        status, said = self.page.evaluate(script, code)
        if status != "ok":
            raise AssertionError(f"the kernel said {status}:\n{said}")
        return str(said)

    def restart(self) -> None:
        """Restart the kernel."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        self.page.evaluate(f"async () => {{ await {kernel}.restart(); }}")

    def cell(self, index: int) -> Locator:
        """Give a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    @property
    def own_errors(self) -> list[str]:
        """The page's errors, without those that the front end itself is known to have."""
        known = ERRORS_OF_FRONT_ENDS[self.frontend]
        return [error for error in self.errors if not any(words in error for words in known)]

    def theme(self, name: str) -> None:
        """Change to a theme: "JupyterLab Dark"."""
        self.command("apputils:change-theme", {"theme": name})
        wanted = "false" if "Dark" in name else "true"
        expect(self.page.locator(f"body[data-jp-theme-light='{wanted}']")).to_be_attached(timeout=PATIENCE)


def new_page(context: BrowserContext) -> Page:
    """Open an empty page that waits as long as the tests do."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def listen(page: Page, host: str, current: Callable[[], NotebookPage]) -> None:
    """Note a page's errors, what its console says of errors, and requests to other hosts, at the notebook it shows."""

    def requested(url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc not in (host, ""):
            current().foreign.append(url)

    page.on("pageerror", lambda error: current().errors.append(str(error)))
    page.on("console", lambda said: current().console.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: requested(asked.url))


def keep_picture(notebook: NotebookPage, path: str) -> None:
    """Leave a picture of the page of a failed test in the server's folder."""
    with contextlib.suppress(Exception):
        notebook.page.screenshot(path=str(notebook.server.root / f"FAILED-{notebook.frontend}-{path}.png"))


@contextlib.contextmanager
def notebook_page(context: BrowserContext, server: JupyterServer, path: str, frontend: str) -> Iterator[NotebookPage]:
    """Open a notebook in a page of its own; a picture of the page is left in the server's folder on failure."""
    notebook = NotebookPage(new_page(context), server, frontend)
    listen(notebook.page, urlsplit(server.url).netloc, lambda: notebook)
    try:
        yield notebook.open(path)
    except BaseException:
        keep_picture(notebook, path)
        raise
    finally:
        notebook.page.close()
        with contextlib.suppress(OSError):
            server.shutdown_kernels()


EMPTY = """async () => {
    const app = window.jupyterapp;
    for (const widget of [...app.shell.widgets('main')]) {
        await widget.sessionContext?.shutdown?.();
        widget.dispose();
    }
    await app.serviceManager.sessions.shutdownAll();
    app.shell.activateById('filebrowser');
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


class LabTab:
    """One page with JupyterLab in it, in which one test after the other opens its notebook.

    Loading JupyterLab costs four seconds of a processor, more than most tests. Between two tests everything that a
    test opened is closed, and the size of the page and its media are as they were; a page in which a test failed, or
    whose test asks for a page of its own, is not used again.
    """

    def __init__(self, context: BrowserContext, server: JupyterServer) -> None:
        self._context, self._server = context, server
        self._page: Page | None = None

    def open(self, path: str) -> NotebookPage:
        """Open a notebook."""
        page = self._page or self._load()
        self._shown = NotebookPage(page, self._server, "lab")
        return self._shown.open_in_lab(path)

    def _load(self) -> Page:
        page = self._page = new_page(self._context)
        self._size = page.viewport_size
        self._shown = NotebookPage(page, self._server, "lab")  # nobody's yet
        listen(page, urlsplit(self._server.url).netloc, lambda: self._shown)
        url = f"{self._server.url}lab/workspaces/test-{secrets.token_hex(4)}?reset&token={self._server.token}"
        page.goto(url, wait_until="domcontentloaded", timeout=PATIENCE)
        page.wait_for_function("() => window.jupyterapp", timeout=PATIENCE)
        page.evaluate("() => window.jupyterapp.restored")
        page.evaluate(EMPTY)  # the launcher
        return page

    def leave(self, path: str, *, failed: bool) -> None:
        """End what a test did in the page."""
        if failed:
            keep_picture(self._shown, path)
            self.close()
        elif self._page is not None:
            self._page.set_viewport_size(self._size)
            self._page.emulate_media(forced_colors="none", color_scheme="light")
            self._page.mouse.move(0, 0)
            self._page.evaluate(EMPTY)

    def close(self) -> None:
        """Close the page, and end the kernels of what was open in it."""
        if self._page is not None:
            self._page.close()
            with contextlib.suppress(OSError):
                self._server.shutdown_kernels()
        self._page = None
