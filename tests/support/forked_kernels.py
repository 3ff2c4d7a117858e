"""Jupyter kernels that start quickly: forked from one process that has imported what every kernel needs.

A kernel that starts anew imports IPython, pandas and the package, which costs three seconds of a processor. Here one
process imports them once, without starting a thread, and forks a child for each kernel. The child is an ordinary
ipykernel with memory of its own. A small process (`forked_kernel_launcher.py`) stands for it towards Jupyter: it ends
when the kernel ends, and the kernel ends when it is killed.

`python -m tests.support.forked_kernels SOCKET` runs the process that forks; it ends when its standard input is closed.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.support import ROOT

NAME = "forked"
"""The kernel's name, as a notebook's metadata gives it."""
PRELOADED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.completer", "pandas",
    "pyarrow", "ipywidgets", "anywidget", "httpx_aiohttp", "gql", "msgspec.json", "uvicorn", "jobwidgets.client",
    "jobwidgets.widgets", "jobwidgets.magics", "jobwidgets.emulator", "jobwidgets.live", "jobwidgets.bulk", "psutil",
)  # fmt: skip


class KernelForks:
    """The process that forks kernels, and the kernel specification that asks it to."""

    def __init__(self, data_dir: Path, env: dict[str, str]) -> None:
        self._folder = data_dir / "kernels" / NAME
        self._folder.mkdir(parents=True)
        address = str(self._folder / "socket")
        launcher = str(Path(__file__).with_name("forked_kernel_launcher.py"))
        argv = [sys.executable, "-I", "-S", launcher, address, "{connection_file}"]
        spec = {"argv": argv, "display_name": "Python 3 (forked)", "language": "python"}
        (self._folder / "kernel.json").write_text(json.dumps(spec))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_kernels", address],
            cwd=ROOT, env={**env, "OPENBLAS_NUM_THREADS": "1"}, stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        """End the process; kernels that still run end by themselves when their launcher does."""
        self._process.stdin.close()
        self._process.wait(20)


def main(address: str) -> int:
    """Fork a kernel for every connection, until standard input is closed."""
    before = dict(os.environ)
    for name in PRELOADED:
        __import__(name)
    import pandas as pd

    pd.set_option("display.max_columns", 20)  # what pandas chooses when it is imported in a kernel, and not here
    added = {name: value for name, value in os.environ.items() if name not in before}  # by the imports
    if threading.active_count() != 1:
        raise RuntimeError("a process with threads must not be forked")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the operating system reaps the children
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address + ".new")
        listener.listen(16)
        Path(address + ".new").rename(address)  # it is there only once it can be connected to
        while True:
            ready, _, _ = select.select([0, listener], [], [])
            if 0 in ready and not os.read(0, 4096):
                return 0
            if listener in ready:
                connection, _ = listener.accept()
                if not os.fork():
                    listener.close()
                    return run_kernel(connection, added)
                connection.close()


def run_kernel(connection: socket.socket, added: dict[str, str]) -> int:
    """Run a kernel in this child, for the launcher at the other end of a connection; return the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not message.endswith(b"\n"):
        message += connection.recv(1 << 20)
    asked = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(added | asked["env"])
    random.seed()
    threading.Thread(target=obey, args=(connection,), name="launcher", daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher", "-f", asked["connection_file"], "--HistoryManager.hist_file=:memory:"]
    sys.argv += [f"--IPKernelApp.parent_handle={os.getppid()}", *asked["arguments"]]  # it ends with its parent, too
    sys.path[:0] = [""]
    IPKernelApp.launch_instance()
    return 0


def obey(connection: socket.socket) -> None:
    """Pass the launcher's interrupts on to the kernel, and end with the launcher."""
    while connection.recv(1):
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
