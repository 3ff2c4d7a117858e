"""Who writes the journal of an operation: one kernel at a time, on any file system, without locks.

A lease is a file `<op>.lease-<n>` that only one can create. Whoever finds that the holders of all that are there have
ended creates the next number. The new file is empty until its maker has seen that those before it are still the ones
it judged; only then it says who holds it. It is held once no file is there but those judged and its own. One number
alone proves nothing: a kernel that was late, and ended, can leave an empty file above a lease that is held.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from jobwidgets.bulk.journal.paths import OPEN, names_in, write_new, write_whole
from jobwidgets.bulk.journal.process_identity import LockOwner, is_alive, same_start, this_process
from jobwidgets.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

EMPTY_LOCK_PATIENCE_S = 2.0
"""Seconds after which an empty lease is that of a maker who died before it wrote."""
POLL_INTERVAL_S = 0.02
"""Seconds between two looks at an empty lease."""
MAX_TRIES = 50
"""How often the others may be faster before it is given up."""
MAX_LOCK_BYTES = 4096
"""Bytes: no lease is longer."""
_NAME = re.compile(r"(.+)\.lease-([1-9][0-9]{0,8})")


class LockFile:
    """The right to write one operation's journal, held by this process.

    Attributes
    ----------
    op : str
        The operation.
    path : Path
        The file that says so.
    """

    def __init__(self, directory: Path, op: str, number: int) -> None:
        self.op = op
        self._number = number
        self.path = _path(directory, op, number)
        self._next = _path(directory, op, number + 1)
        self._mark = secrets.token_hex(8)
        self._content = msgspec.json.encode(this_process(self._mark))
        self._process = os.getpid()

    @classmethod
    def take(cls, directory: Path, op: str) -> LockFile:
        """Become the one who writes; the directory exists.

        Looks at an empty lease for two seconds at most before it is taken over.

        Raises
        ------
        UsageError
            Another one holds it; nothing was sent.
        SettingsError
            The lease that is there cannot be read; nothing was sent.
        OSError
            The directory cannot be written.
        """
        for _ in range(MAX_TRIES):
            judged = _ended(directory, op)
            if judged is not None:
                lease = cls(directory, op, max(judged, default=0) + 1)
                if lease._won(directory, judged):
                    return lease
            time.sleep(POLL_INTERVAL_S * secrets.randbelow(100) / 100)  # somebody was faster: look again
        raise UsageError(f"operation {op} is wanted by many kernels at once", hint="try again in a moment")

    def _won(self, directory: Path, judged: dict[int, bytes]) -> bool:
        """Create the file, see that nothing has moved, say who holds it, see that again."""
        try:
            descriptor = write_new(self.path)
        except FileExistsError:
            return False
        won = False
        _HELD[self._mark] = self
        try:
            try:
                if any(_content(_path(directory, self.op, number)) != content for number, content in judged.items()):
                    return False
                write_whole(descriptor, self._content)
                alone = _numbers(directory, self.op) == [*judged, self._number]
                won = alone and _content(self.path) == self._content
            finally:
                ours = won or _same_file(descriptor, self.path)
                os.close(descriptor)
        finally:
            if not won:
                _HELD.pop(self._mark, None)
                if ours:
                    self._remove()
        if not won:
            return False
        for number in judged:  # upwards: as long as one is there, the one above it was never removed
            with suppress(OSError):
                _path(directory, self.op, number).unlink()
        return True

    def check(self) -> None:
        """See that it is still held.

        Raises
        ------
        UsageError
            Another kernel has taken it over, or its file was removed.
        """
        content = b""
        try:
            with suppress(FileNotFoundError):
                content = _bytes(self._next)
            if content:
                holder = _read(content)
                raise UsageError(
                    f"operation {self.op} was taken over by another kernel" + (f": {holder.text}" if holder else ""),
                    hint="this one has stopped; ask the other, or resume when it has ended",
                )
            if _bytes(self.path) == self._content:
                return
        except OSError:
            pass  # not to be read is as bad as gone: somebody else may be writing
        raise UsageError(
            f"operation {self.op} was taken from this kernel: its lease {self.path} is gone or cannot be read",
            hint="this one has stopped; resume to go on",
        )

    def release(self) -> None:
        """Give it up; safe to call again."""
        _HELD.pop(self._mark, None)
        with suppress(OSError):  # what cannot be read is another's by now, or a disk that is gone
            if self._process == os.getpid() and _content(self.path) == self._content:  # a forked child holds nothing
                self._remove()

    def _remove(self) -> None:
        try:
            self.path.unlink()
        except OSError:
            with suppress(OSError):  # Windows keeps a file that somebody reads: an empty one is nobody's
                os.truncate(self.path, 0)


_HELD: WeakValueDictionary[str, LockFile] = WeakValueDictionary()
"""What this process holds, by mark: one that was dropped without a release is held no longer."""


def holders(directory: Path) -> dict[str, LockOwner]:
    """Say which operations are at work, and who works on them."""
    try:
        names = names_in(directory)
    except OSError:
        return {}
    numbers = sorted((match[1], int(match[2])) for match in filter(None, map(_NAME.fullmatch, names)))
    found = {}
    for op, number in numbers:
        with suppress(OSError):
            holder = _read(_path(directory, op, number).read_bytes())
            if holder is not None and _owner_status(holder) != "gone":
                found[op] = holder
    return found


def _ended(directory: Path, op: str) -> dict[int, bytes] | None:
    """Read the leases that are there, all of holders that have ended, lowest first; None if one was just removed.

    Raises
    ------
    UsageError
        One of them is held; nothing was sent.
    SettingsError
        One of them cannot be read; nothing was sent.
    """
    judged = {}
    patience = time.monotonic() + EMPTY_LOCK_PATIENCE_S
    for number in _numbers(directory, op):
        content = _of_ended(op, _path(directory, op, number), patience)
        if content is None:
            return None
        judged[number] = content
    return judged


def _of_ended(op: str, path: Path, patience: float) -> bytes | None:
    """Read one lease whose holder has ended; wait for its maker as long as it is empty, until `patience`."""
    while (content := _content(path)) is not None:
        holder = _read(content)
        if holder is not None:
            _refuse_living(op, path, holder)
            return content
        if time.monotonic() > patience:
            if content.strip(b"\0"):  # what a power cut leaves of a file that was just made is nothing, or zeros
                raise SettingsError(
                    f"the lease {path} cannot be read; nothing was sent",
                    hint="delete that file if nobody works on the operation",
                )
            return content
        time.sleep(POLL_INTERVAL_S)
    return None


def _refuse_living(op: str, path: Path, holder: LockOwner) -> None:
    standing = _owner_status(holder)
    if standing == "here":
        raise UsageError(f"operation {op} is at work in this kernel", hint=f"wait for it to end, or: %job stop {op}")
    if standing == "alive":
        raise UsageError(
            f"operation {op} is at work in another kernel: {holder.text}",
            hint=f"wait for it to end, stop it (%job stop {op}), or end that kernel",
        )
    if standing == "away":
        raise UsageError(
            f"operation {op} is at work on another machine or in another container: {holder.text}",
            hint=f"wait for it to end, or stop it (%job stop {op}); if that machine is gone, delete {path}",
        )


def _owner_status(holder: LockOwner) -> str:
    """Say of a holder: here, alive, gone, or away where it cannot be seen."""
    here = this_process("")
    same_boot = holder.boot == here.boot or not (holder.boot and here.boot)
    same_space = holder.space == here.space or not (holder.space and here.space)
    if holder.host != here.host or (same_boot and not same_space):
        return "away"
    if not same_boot:
        return "gone"  # the machine was started again since
    if holder.pid == here.pid and same_start(holder.started, here.started):
        return "here" if holder.mark in _HELD else "gone"
    return "alive" if is_alive(holder) else "gone"


def _path(directory: Path, op: str, number: int) -> Path:
    return directory / f"{op}.lease-{number}"


def _numbers(directory: Path, op: str) -> list[int]:
    found = filter(None, map(_NAME.fullmatch, names_in(directory)))
    return sorted(int(match[2]) for match in found if match[1] == op)


def _same_file(descriptor: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _content(path: Path) -> bytes | None:
    try:
        return _bytes(path)
    except FileNotFoundError:
        return None
    except PermissionError:
        if os.name == "nt":
            return None  # Windows says so of a file that is being removed
        raise


def _bytes(path: Path) -> bytes:
    """Read a lease with as few calls as can be: the holder does so several times for each batch."""
    descriptor = os.open(path, os.O_RDONLY | OPEN)
    try:
        return os.read(descriptor, MAX_LOCK_BYTES)
    finally:
        os.close(descriptor)


def _read(content: bytes) -> LockOwner | None:
    try:
        return msgspec.json.decode(content, type=LockOwner)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
