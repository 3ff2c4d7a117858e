"""The journal of an operation: what is going to be sent is on disk before it leaves; one kernel writes at a time."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobwidgets.bulk.journal.codec import VERSION, line_of, replay
from jobwidgets.bulk.journal.lock import LockFile, holders
from jobwidgets.bulk.journal.paths import (
    OP,
    OPEN,
    WRITABLE,
    journal_path,
    make_dir,
    names_in,
    operations_dir,
    state_dir,
    sync_dir,
    unreadable,
    unwritable,
    why,
    write_new,
    write_whole,
)
from jobwidgets.bulk.journal.process_identity import LockOwner
from jobwidgets.errors import NotSentError, SettingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["VERSION", "Journal", "LockOwner", "ask_to_stop", "at_work", "operations", "read", "state_dir"]


def operations(root: Path | None = None) -> list[str]:
    """Name the operations that have a journal, the newest first.

    Parameters
    ----------
    root : Path, optional
        The state directory; None takes `state_dir()`. The same holds for every `root` here.

    Raises
    ------
    SettingsError
        The directory cannot be read.
    """
    directory = operations_dir(root)
    try:
        names = names_in(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(directory, error) from None
    ops = [name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl")]
    return sorted(filter(OP.fullmatch, ops), key=lambda op: op.partition("-")[2], reverse=True)


def at_work(root: Path | None = None) -> dict[str, LockOwner]:
    """Say which operations are being worked on, here or elsewhere, and by whom."""
    return holders(operations_dir(root))


def read(op: str, root: Path | None = None) -> list[dict[str, Any]]:
    """Read the records of an operation; what was torn off at the end is left out.

    Raises
    ------
    UsageError
        There is no such operation.
    SettingsError
        Its journal is damaged, of a later version, or cannot be read.
    """
    path = journal_path(op, root)
    _there(path, op)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    return replay(data, path)[0]


def stamp(op: str, root: Path | None = None) -> tuple[str, int, int]:
    """Say where a journal is, how long, and when it was written: what has the same stamp reads the same.

    Raises
    ------
    UsageError
        There is no such operation.
    """
    path = journal_path(op, root)
    try:
        found = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            _there(path, op)
        raise unreadable(path, error) from None
    return str(path), found.st_size, found.st_mtime_ns


def ask_to_stop(op: str, root: Path | None = None) -> None:
    """Ask whoever works on an operation, in whatever kernel, to stop at the next boundary.

    Raises
    ------
    UsageError
        There is no such operation.
    SettingsError
        The request cannot be written.
    """
    path = journal_path(op, root)
    _there(path, op)
    try:
        os.close(write_new(path.with_suffix(".stop")))
    except FileExistsError:
        pass  # somebody has asked already
    except OSError as error:
        raise SettingsError(f"the request to stop cannot be written ({why(error)})", hint=WRITABLE) from None


class Journal:
    """The one writer of an operation's journal; made by `create` or `reopen`.

    Attributes
    ----------
    op : str
        The operation.
    path : Path
        The file.
    records : list of dict
        What was in it when it was opened.
    broken : str
        Why nothing more can be written; empty while all is well.
    syncs : int
        How often the disk was asked to keep what was written.
    """

    def __init__(self, op: str, path: Path, descriptor: int, lease: LockFile) -> None:
        self.op, self.path = op, path
        self.records: list[dict[str, Any]] = []
        self.broken = ""
        self.syncs = 0
        self._descriptor = descriptor
        self._lease = lease
        self._linked = os.fstat(descriptor).st_nlink > 0
        self._written = self._kept = 0  # appends: all, and those that are on disk
        self._appending, self._keeping = threading.Lock(), threading.Lock()
        # one thread: whoever comes while it syncs waits for the next turn, and one turn serves all who wait
        self._turn: asyncio.Future[None] | None = None
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="jobwidgets-journal")
        self._close_file = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def create(cls, op: str, root: Path | None = None) -> Journal:
        """Begin the journal of a new operation.

        Raises
        ------
        UsageError
            The operation has a journal already, or another kernel begins it now; nothing was sent.
        SettingsError
            The journal cannot be written; nothing was sent.
        """
        path = journal_path(op, root)
        try:
            make_dir(path.parent)
            lease = LockFile.take(path.parent, op)
            try:
                journal = cls(op, path, write_new(path), lease)
            except BaseException:
                lease.release()
                raise
            try:
                journal._load()
            except BaseException:
                journal.discard()
                raise
        except FileExistsError:
            raise UsageError(f"operation {op} was begun already", hint="look at its receipt, resume that") from None
        except OSError as error:
            raise unwritable(error) from None
        return journal

    @classmethod
    def reopen(cls, op: str, root: Path | None = None) -> Journal:
        """Go on with the journal of an operation; what was torn off at its end is cut off.

        Raises
        ------
        UsageError
            There is no such operation, or another kernel is at work on it; nothing was sent.
        SettingsError
            The journal is damaged, of a later version, or cannot be written; nothing was sent.
        """
        path = journal_path(op, root)
        _there(path, op)
        try:
            lease = LockFile.take(path.parent, op)
            try:
                journal = cls(op, path, os.open(path, os.O_RDWR | os.O_APPEND | OPEN), lease)
            except BaseException:
                lease.release()
                raise
            try:
                journal._load()
            except BaseException:
                journal.close()
                raise
        except OSError as error:
            raise unwritable(error) from None
        return journal

    def _load(self) -> None:
        """Take what is in the file, cut a torn tail off, and see that file and name are on disk."""
        data = self.path.read_bytes()
        self.records, size = replay(data, self.path)
        if size < len(data):
            os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)  # also what another wrote and did not sync: it is built upon from here
        self.path.with_suffix(".stop").unlink(missing_ok=True)  # that was for the one before
        sync_dir(self.path.parent)

    def append(self, *records: Mapping[str, Any]) -> None:
        """Write records at the end, all or none; they are on disk when `synced` has returned.

        Raises
        ------
        NotSentError
            They cannot be written; nothing may be sent on them.
        UsageError
            Another kernel has taken the operation over: what it has written since must stand.
        """
        data = b"".join(map(line_of, records))
        with self._appending:
            self._refuse_broken()
            self._lease.check()
            now = os.fstat(self._descriptor)
            if self._linked and not now.st_nlink:
                self.broken = "it was removed"
                self._refuse_broken()
            before = now.st_size  # asked, not counted: an interrupt can come after the write
            try:
                write_whole(self._descriptor, data)
            except OSError as error:
                self.broken = why(error)
                with suppress(OSError, UsageError):  # what may stay is a torn tail, which every reader knows
                    self._lease.check()  # the file of another is not ours to cut
                    os.ftruncate(self._descriptor, before)
                self._refuse_broken()
            self._written += 1

    async def synced(self) -> None:
        """Wait until all that was appended so far is on disk; calls at the same time share the work.

        Raises
        ------
        NotSentError
            The disk would not keep it; nothing may be sent on it.
        UsageError
            Another kernel has taken the operation over; nothing may be sent here any more.
        """
        wanted, loop = self._written, asyncio.get_running_loop()
        while self._kept < wanted:
            self._refuse_broken()
            turn = self._turn
            if turn is None or turn.done() or turn.get_loop() is not loop:
                turn = self._turn = loop.run_in_executor(self._turns, self._keep, wanted)
            await asyncio.shield(turn)  # others may wait for it too
        self._still_ours()

    def sync(self) -> None:
        """Do the same as `synced`, blocking."""
        self._keep(self._written)
        self._still_ours()

    def _still_ours(self) -> None:
        """See that what is on disk now is in our own file, and only then say yes.

        Whoever takes over makes its lease first and reads the file then. So either we see that lease, or it sees
        what we have written.
        """
        self._refuse_broken()
        self._lease.check()

    def _keep(self, wanted: int) -> None:
        """Sync the file unless an earlier turn has done it."""
        with self._keeping:
            self._refuse_broken()
            if self._kept < wanted:
                written = self._written
                try:
                    os.fsync(self._descriptor)
                except OSError as error:
                    self.broken = why(error)  # the system may have dropped what it could not write: never tried again
                    self._refuse_broken()
                self.syncs += 1
                self._kept = written

    def stop_asked(self) -> bool:
        """Say whether somebody, in whatever kernel, has asked to stop.

        Raises
        ------
        UsageError
            Another kernel has taken the operation over; nothing may be sent here any more.
        """
        self._lease.check()
        return self.path.with_suffix(".stop").exists()

    def close(self) -> None:
        """Keep what was appended, and let others work on the operation; safe to call again."""
        self._end(remove=False)

    def discard(self) -> None:
        """Close it and remove the file: for an operation that could not begin, so that its plan can be used again."""
        self._end(remove=True)

    def _end(self, *, remove: bool) -> None:
        if not self._close_file.alive:
            return
        try:
            with suppress(NotSentError, UsageError, OSError):
                self.sync()
                self.path.with_suffix(".stop").unlink(missing_ok=True)  # it has stopped
        finally:
            self._turns.shutdown()
            self.broken = self.broken or "it was closed"
            self._close_file()
            if remove:
                with suppress(UsageError, OSError):
                    self._lease.check()
                    self.path.unlink()
            self._lease.release()

    def _refuse_broken(self) -> None:
        if self.broken:
            raise NotSentError(
                f"the journal {self.path} cannot be written any more ({self.broken}); nothing more was sent",
                hint="make room for it, then resume: what is in doubt is asked about first",
            )


def _there(path: Path, op: str) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise UsageError(f"no operation {op} is known here", hint="client.receipts() lists those that are") from None
    except OSError as error:
        raise unreadable(path, error) from None
