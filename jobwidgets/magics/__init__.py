"""The `%job` magic: what `%load_ext jobwidgets` puts into a shell, and takes out of it again.

Nothing heavy is imported here: the work is loaded when the magic is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobwidgets.magics.extension import Extension

_loaded: dict[int, Extension] = {}


def load_ipython_extension(ip: Any) -> None:
    """Give a shell the `%job` magic, its completion, its `?` help, and the look of job frames.

    Parameters
    ----------
    ip : IPython.core.interactiveshell.InteractiveShell
        The shell to extend. Loading twice is the same as loading once.
    """
    from jobwidgets.lab import register  # noqa: PLC0415  importing the package must stay free
    from jobwidgets.magics.extension import Extension  # noqa: PLC0415  as above

    if id(ip) in _loaded:
        return
    _loaded[id(ip)] = Extension(ip)
    register(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Take all of it away again; jobs, clients and frames are left as they are."""
    from jobwidgets.lab import unregister  # noqa: PLC0415  as above

    shelf = _loaded.pop(id(ip), None)
    if shelf is not None:
        shelf.clear()
        unregister(ip)


def client_of(ip: Any) -> Any:
    """Tell which client `%job` would talk to in a shell; None where it has none, or is not loaded there."""
    shelf = _loaded.get(id(ip))
    return shelf.session().here if shelf is not None else None
