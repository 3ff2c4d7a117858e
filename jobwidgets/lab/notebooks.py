"""The notebooks that come with the package, and the copies a user works in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from platformdirs import user_data_path

_HERE = Path(__file__).parent.parent


def shipped() -> Path:
    """Return the folder of the notebooks as they came: inside an installed package, beside it in a checkout."""
    return next(folder for folder in (_HERE / "notebooks", _HERE.parent / "notebooks") if folder.is_dir())


def default_folder() -> Path:
    """Return where a user's copies are when nobody says where."""
    return user_data_path("jobwidgets") / "demo"


def lay_out(folder: Path) -> list[str]:
    """Copy the shipped notebooks into a folder, and keep what the user has changed there.

    A copy whose code and text are still as they were laid out is brought up to date (its outputs go: they were of a
    service that is gone); a changed one stays as the user left it.

    Parameters
    ----------
    folder : Path
        Made when missing. A hidden folder in it remembers what was laid out.

    Returns
    -------
    list of str
        The names of the notebooks that were kept because the user had changed them.
    """
    memory = folder / ".as-laid-out"
    memory.mkdir(parents=True, exist_ok=True)
    kept = []
    for notebook in sorted(shipped().glob("*.ipynb")):
        copy, before = folder / notebook.name, memory / notebook.name
        if copy.exists() and not (before.exists() and _sources(copy) == _sources(before)):
            kept.append(notebook.name)
            continue
        shutil.copyfile(notebook, copy)
        shutil.copyfile(notebook, before)
    return kept


def _sources(notebook: Path) -> list[tuple[str, str]] | None:
    """Return what a user writes in a notebook, without what running it adds; None for what is no notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return None
