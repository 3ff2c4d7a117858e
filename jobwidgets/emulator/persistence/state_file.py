"""A file that keeps a world between runs: held by one service at a time, replaced whole, read only when it is sound.

Its first line says what it is, in which format, and the SHA-256 of the rest; the rest is the world's memory, packed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jobwidgets.emulator.options import EmulatorOptions
from jobwidgets.emulator.persistence.snapshot import WorldMemory, catalogue

if TYPE_CHECKING:
    from typing import BinaryIO

_NAME = b"jobwidgets-world"
_FORMAT = 1
_LONGEST_HEAD = 200
_ELSE = "name another file, or move this one away to begin a new world"


class StateError(Exception):
    """A state file cannot be used; what is in it was left as it is. `hint` says what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint}")
        self.what = what
        self.hint = hint


class StateFile:
    """The file, held until it is closed.

    Parameters
    ----------
    path
        Where it is, or shall be.

    Raises
    ------
    StateError
        Another service holds it, or there is no place for it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().resolve()
        self._hold = _hold(self.path)
        self._written = ""
        self._mark = self._look()

    def read(self) -> WorldMemory | None:
        """Return the world that the file keeps, or None where there is no file yet.

        Raises
        ------
        StateError
            It is damaged, of a later format, or no state file.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})", _ELSE) from None
        head, _, packed = raw.partition(b"\n") if b"\n" in raw[:_LONGEST_HEAD] else (raw[:_LONGEST_HEAD], b"", b"")
        name, _, rest = head.partition(b" ")
        number, _, digest = rest.partition(b" ")
        if name != _NAME or not number.isdigit():
            raise self._error("is no state file of the embedded service", _ELSE)
        if int(number) > _FORMAT:
            raise self._error(f"is of a later version (format {int(number)})", f"update jobwidgets, {_ELSE}")
        if hashlib.sha256(packed).hexdigest().encode() != digest:
            raise self._error("is damaged", f"put a copy of it in its place, {_ELSE}")
        return self._unpack(packed)

    def _unpack(self, packed: bytes) -> WorldMemory:
        try:
            raw = zlib.decompress(packed)
            found = msgspec.msgpack.decode(raw, type=WorldMemory)
        except (zlib.error, msgspec.DecodeError) as error:
            raise self._error(f"cannot be understood ({error})", _ELSE) from None
        try:
            EmulatorOptions(**found.choices)
        except (TypeError, ValueError) as error:
            raise self._error(f"is of another version ({error})", f"update jobwidgets, {_ELSE}") from None
        if found.catalogue != catalogue():
            raise self._error("is of a version with other engines, or of another kind of machine", _ELSE)
        self._written = hashlib.sha256(raw).hexdigest()
        return found

    def write(self, raw: bytes) -> None:
        """Replace what the file keeps by a world's memory; whatever happens, one of the two is there whole.

        Raises
        ------
        StateError
            Something else has taken its place meanwhile; that was left as it is.
        OSError
            It could not be written; what was kept before still is.
        """
        digest = hashlib.sha256(raw).hexdigest()
        if digest == self._written and self._mark == self._look() is not None:
            return
        if self._look() not in (None, self._mark):
            raise self._error("was changed by someone else since it was read", "move it away, and save again")
        packed = zlib.compress(raw, 1)
        head = b"%s %d %s\n" % (_NAME, _FORMAT, hashlib.sha256(packed).hexdigest().encode())
        beside = self.path.with_name(f".{self.path.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(head)
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        self._mark, self._written = self._look(), digest
        _sync_folder(self.path.parent)

    def close(self) -> None:
        """Let others have the file; closing twice is harmless."""
        if not self._hold.closed:
            if sys.platform != "win32":  # there an open file cannot be removed: an empty one stays
                Path(self._hold.name).unlink(missing_ok=True)
            self._hold.close()

    def _look(self) -> tuple[int, int, int] | None:
        """Return what tells the file from any other that might take its place."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _error(self, what: str, do: str) -> StateError:
        return StateError(f"{self.path} {what}", do)


def _hold(path: Path) -> BinaryIO:
    """Take the right to a path: a lock, on a file beside it, that ends with this process at the latest."""
    beside = path.with_name(f".{path.name}.held")
    while True:
        try:
            held = beside.open("ab")
        except OSError as error:
            raise StateError(f"{path} cannot be kept there ({error.strerror})", "name another file") from None
        try:
            _lock(held)
            if beside.stat().st_ino == os.fstat(held.fileno()).st_ino:
                return held
        except (BlockingIOError, PermissionError):
            held.close()
            raise StateError(f"{path} is in use by another service", "end that one, or name another file") from None
        except FileNotFoundError:
            pass  # its last holder has removed it in between
        held.close()


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - there is none elsewhere

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - there is none on Windows

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """Have the new name of a file outlive a loss of power."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
