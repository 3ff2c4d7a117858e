"""JupyterLab: the sidebar's backend, the server launcher, the bundled notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.lab.sidebar import register, unregister

if TYPE_CHECKING:
    from jobwidgets.lab.notebooks import default_folder, lay_out
    from jobwidgets.lab.server import Lab

__all__ = ["Lab", "default_folder", "lay_out", "register", "unregister"]


def __getattr__(name: str) -> object:
    """Import what starts a server only when it is asked for: the sidebar is loaded with every `%load_ext`."""
    if name == "Lab":
        from jobwidgets.lab import server as module  # noqa: PLC0415  as said
    elif name in ("default_folder", "lay_out"):
        from jobwidgets.lab import notebooks as module  # type: ignore[no-redef]  # noqa: PLC0415  as said
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)
