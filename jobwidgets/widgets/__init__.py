"""The panel: jobs as a living table in a notebook, with a way to act on many of them."""

from __future__ import annotations

from jobwidgets.widgets.callbacks import told
from jobwidgets.widgets.panel.widget import JobPanel
from jobwidgets.widgets.table.widget import JobTable

__all__ = [
    "JobPanel",
    "JobTable",
    "told",
]
