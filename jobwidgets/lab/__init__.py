"""JupyterLab: the sidebar's backend, the server launcher, the bundled notebooks."""

from __future__ import annotations

from jobwidgets.lab.notebooks import default_folder, lay_out
from jobwidgets.lab.server import Lab
from jobwidgets.lab.sidebar import register, unregister

__all__ = [
    "Lab",
    "default_folder",
    "lay_out",
    "register",
    "unregister",
]
