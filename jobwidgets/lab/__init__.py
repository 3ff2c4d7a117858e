"""JupyterLab: the sidebar's backend, the server launcher, the bundled notebooks."""

from __future__ import annotations

from jobwidgets.lab.notebooks import default_folder, lay_out
from jobwidgets.lab.server import Lab
from jobwidgets.lab.sidebar import deafen, listen

__all__ = [
    "Lab",
    "deafen",
    "default_folder",
    "lay_out",
    "listen",
]
