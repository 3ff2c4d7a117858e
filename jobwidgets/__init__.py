"""aiWARE jobs in a notebook: list, watch, cancel and retry them as frames, magics and a live panel."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # what checkers take as true; typing itself would be the half of what this import costs
if TYPE_CHECKING:
    from typing import Any

    from jobwidgets.bulk import Plan, Receipt
    from jobwidgets.client import AsyncClient, Client, connect, connect_async, current_client, load_plan
    from jobwidgets.demo_server import demo, demo_async
    from jobwidgets.errors import (
        AuthError,
        JobError,
        NotFoundError,
        NotSentError,
        RefusedError,
        ServiceError,
        SettingsError,
        UnknownOutcomeError,
        UsageError,
    )
    from jobwidgets.models import Job, Task
    from jobwidgets.widgets import JobPanel, JobTable

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "AuthError",
    "Client",
    "Job",
    "JobError",
    "JobPanel",
    "JobTable",
    "NotFoundError",
    "NotSentError",
    "Plan",
    "Receipt",
    "RefusedError",
    "ServiceError",
    "SettingsError",
    "Task",
    "UnknownOutcomeError",
    "UsageError",
    "connect",
    "connect_async",
    "current_client",
    "demo",
    "demo_async",
    "load_plan",
]

_ROOMS = {
    "demo_server": ("demo", "demo_async"),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "models": ("Job", "Task"),
    "bulk": ("Plan", "Receipt"),
    "client": ("AsyncClient", "Client", "connect", "connect_async", "current_client", "load_plan"),
    "widgets": ("JobPanel", "JobTable"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its room when it is first used, so that importing this package costs nothing."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    if name in ("connect", "demo"):
        importlib.import_module("jobwidgets.lab.sidebar").register()  # JupyterLab's side panel may ask for it
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Give a shell the `%job` magic: `%load_ext jobwidgets`."""
    importlib.import_module("jobwidgets.magics").load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the `%job` magic away again: `%unload_ext jobwidgets`."""
    importlib.import_module("jobwidgets.magics").unload_ipython_extension(ipython)
