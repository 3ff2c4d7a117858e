"""Run a module in a process that ends when its owner does, however the owner ended.

`python -m jobwidgets.lab.supervised jupyterlab --no-browser` is `python -m jupyterlab --no-browser` with one
difference: the process asks itself to end (SIGTERM, so that it can tidy up) as soon as its standard input is closed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _end_with_owner() -> None:
    while os.read(0, 4096):
        pass  # nothing is ever sent; the end of the stream is the message
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_owner, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
