"""Where operations are kept on this machine: the directory, the names in it, and files for this user alone."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITABLE = "set JOBWIDGETS_STATE to a directory you can write"
OPEN = getattr(os, "O_BINARY", 0)  # Windows would change the line breaks
OP = re.compile(r"[a-z]{2,16}-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
"""How an operation is called: its kind, when it was planned, chance."""
_NO_SYNC_OF_DIRECTORIES = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR)


def state_dir(env: Mapping[str, str] | None = None) -> Path:
    """Where this user's state is: `JOBWIDGETS_STATE`, or the state directory of the system.

    Raises
    ------
    SettingsError
        It begins with the home directory of a user who has none.
    """
    named = (os.environ if env is None else env).get("JOBWIDGETS_STATE")
    if named:
        try:
            return Path(named).expanduser().absolute()  # a notebook may change its directory later
        except RuntimeError:
            raise SettingsError(f"JOBWIDGETS_STATE is {named!r}, and there is no such home", hint=WRITABLE) from None
    from platformdirs import user_state_path  # noqa: PLC0415  only when none is named

    return user_state_path("jobwidgets")


def operations_dir(root: Path | None) -> Path:
    """Where the operations are, below the state directory `root`; None takes `state_dir()`."""
    return (state_dir() if root is None else Path(root)) / "operations"


def journal_path(op: str, root: Path | None) -> Path:
    """Where an operation's journal is; what is no operation never becomes a file name.

    Raises
    ------
    UsageError
        It is no operation; no file was touched.
    """
    if not isinstance(op, str) or not OP.fullmatch(op):
        raise UsageError(
            f"{sanitize(repr(op), 80)} is no operation", hint='they look like "cancel-20260301-080000-1a2b3c"'
        )
    return operations_dir(root) / f"{op}.jsonl"


def names_in(directory: Path) -> list[str]:
    """Name the files in a directory."""
    return [path.name for path in directory.iterdir()]


def make_dir(directory: Path) -> None:
    """Make a directory and what is missing above it, for this user alone."""
    if directory.is_dir():
        return
    if directory.parent != directory:
        make_dir(directory.parent)
    try:
        directory.mkdir(0o700)
        directory.chmod(0o700)  # whatever the umask took away
    except FileExistsError:
        if not directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory)) from None
    sync_dir(directory.parent)


def sync_dir(directory: Path) -> None:
    """See that a new file's name is on disk too, where directories can be synced."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(directory, os.O_RDONLY | OPEN)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_DIRECTORIES:
            raise


def write_new(path: Path) -> int:
    """Create a file that was not there, empty and for this user alone, and give its descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | OPEN, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        raise
    return descriptor


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it at once; a disk that takes only a part of it is full, or the file may grow no more."""
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, "the disk takes no more")


def why(error: OSError) -> str:
    """Say what the system said, and about which file."""
    return (error.strerror or type(error).__name__) + (f": {error.filename}" if error.filename else "")


def unreadable(path: Path, error: OSError) -> SettingsError:
    """Say that something that is there cannot be read."""
    return SettingsError(f"{path} cannot be read ({error.strerror or type(error).__name__})", hint=WRITABLE)


def unwritable(error: OSError) -> SettingsError:
    """Say that no journal can be kept, before anything is sent."""
    return SettingsError(f"the journal cannot be written ({why(error)}); nothing was sent", hint=WRITABLE)
