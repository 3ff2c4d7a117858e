"""The panel: jobs as a living table in a notebook, with a way to act on many of them."""

from __future__ import annotations

from jobwidgets.panel._panel import JobPanel
from jobwidgets.panel._table import JobTable

__all__ = ["JobPanel", "JobTable"]
