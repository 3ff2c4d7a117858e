"""JupyterLab as a child process on a folder of notebooks: started, waited for, and gone when we go."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from jobwidgets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

TOUR = "01_tour.ipynb"
LABEXTENSIONS = Path(__file__).parent / "labextension"
"""Where the package keeps its extension of JupyterLab."""
PATIENCE = 120.0
"""Seconds JupyterLab may take to answer; a cold disk needs some."""

# Defaults, which the user's own settings override: no question about news, no look for updates.
_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


class Lab:
    """JupyterLab on one folder; a context manager that starts and ends it.

    Parameters
    ----------
    folder : Path
        What it shows; it opens on the tour in there.
    port : int
        On 127.0.0.1; 0 takes any free one.
    browser : bool
        Whether it opens the user's browser.
    env : mapping of str to str
        What its kernels find in their environment, beside ours.

    Raises
    ------
    SettingsError
        It is not installed, the port is taken, or it did not start; nothing runs then.
    """

    def __init__(self, folder: Path, *, port: int, browser: bool, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._port = port
        self._browser = browser
        self._env = env
        self._token = secrets.token_hex(16)
        self._state = tempfile.TemporaryDirectory(prefix="jobwidgets-demo-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """End it as it ends itself, with its kernels; by force when it does not."""
        if self._process is not None:
            for end, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
                if self._process.poll() is None:
                    self._process.send_signal(end)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(patience)
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._state.cleanup()

    def wait(self) -> int:
        """Wait until it ends by itself (File, Shut Down); return its exit code."""
        return self._process.wait() if self._process is not None else 0

    def _start(self) -> None:
        if importlib.util.find_spec("jupyterlab") is None:
            raise SettingsError("JupyterLab is not installed here", hint='pip install "jobwidgets[demo]"')
        _check_port(self._port)
        state = Path(self._state.name)
        defaults = state / "labconfig" / "default_setting_overrides.json"
        defaults.parent.mkdir()
        defaults.write_text(json.dumps(_SETTINGS))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
                self._command(),
                cwd=self._folder,
                env=self._environment(state),
                stdin=subprocess.PIPE,  # never written to: its closing tells that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; it would ask a question
            )
        self._await_answer(self._process, state / f"jpserver-{self._process.pid}.json")

    @property
    def _log(self) -> Path:
        return Path(self._state.name, "jupyterlab.log")

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "jobwidgets.lab.supervised", "jupyterlab"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self._port}", "--ServerApp.port_retries=0"]
        # Ours is found also where it is not installed as others are: in a checkout.
        command += [f"--LabApp.extra_labextensions_path={LABEXTENSIONS}"]
        # A workspace of its own, so that the user's tabs of other days stay where they are.
        command += [f"--ServerApp.root_dir={self._folder}", f"--LabApp.default_url=/lab/workspaces/demo/tree/{TOUR}"]
        command += [] if self._browser else ["--no-browser"]
        command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        return command

    def _environment(self, state: Path) -> dict[str, str]:
        config = [str(state), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        # A token of the user's real service has no business in a demo, where every button may be pressed.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIWARE_")}
        return {
            **inherited,
            **self._env,
            "JUPYTER_CONFIG_PATH": os.pathsep.join(config),
            "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not one of the same name in the home directory
            "JUPYTER_RUNTIME_DIR": str(state),
            "JUPYTER_TOKEN": self._token,
        }

    def _await_answer(self, process: subprocess.Popen[bytes], info_file: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SettingsError("JupyterLab ended as soon as it was started", hint=f"it said: {self._last_words()}")
            with contextlib.suppress(OSError, ValueError, KeyError, URLError):
                info = json.loads(info_file.read_text())
                base = f"http://127.0.0.1:{info['port']}{info['base_url']}"
                with urlopen(f"{base}api", timeout=5):  # noqa: S310 - a loopback address we made
                    self.url = f"{base}lab/workspaces/demo/tree/{TOUR}?token={self._token}"
                    return
            time.sleep(0.1)
        raise SettingsError(f"JupyterLab did not answer within {PATIENCE:.0f} s", hint=f"it said: {self._last_words()}")

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"


def _check_port(port: int) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        reason = "no port number" if isinstance(error, OverflowError) else "taken or not allowed"
        raise SettingsError(f"port {port} is {reason}", hint="give another with --port; 0 takes any free one") from None
