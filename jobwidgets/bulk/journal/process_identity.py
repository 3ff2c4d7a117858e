"""Which process holds a lock: its host, container, boot, process number and start time."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from jobwidgets._internal import iso

START_TIME_TOLERANCE_S = 1.0
"""Seconds by which two readings of one start may differ; no process number comes round that fast."""


class LockOwner(msgspec.Struct, frozen=True):
    """The process that holds a lease, as its file says it."""

    host: str
    pid: int
    started: float
    """When the process started, in seconds."""
    at: str
    """Since when it holds the lease."""
    boot: str = ""
    """Which start of the machine it was; empty where that is not told."""
    space: str = ""
    """In which container: process numbers mean nothing outside of it."""
    mark: str = ""

    @property
    def text(self) -> str:
        """Who it is, for a message."""
        return f"host {self.host}, process {self.pid}, since {self.at}"


def is_alive(holder: LockOwner) -> bool:
    """Return whether the process of `holder` still runs; True where it may not be looked at."""
    import psutil  # noqa: PLC0415  it looks at the whole machine when it is loaded: only those who act wait for that

    try:
        if psutil.Process(holder.pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False  # ended, and its parent has not looked yet
        return same_start(holder.started, start_time(holder.pid))
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError, OverflowError):  # the last two: a number that no process has
        return False


def this_process(mark: str) -> LockOwner:
    """Identify this process; `mark` tells two locks of one process apart."""
    pid = os.getpid()
    boot = space = ""
    with suppress(OSError):  # Linux tells
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    return LockOwner(socket.gethostname(), pid, start_time(pid), iso(datetime.now(UTC)), boot, space, mark)


def start_time(pid: int) -> float:
    """Return when a process started, in seconds that do not change when the clock is set; 0 if unknown."""
    import psutil  # noqa: PLC0415  as above

    try:
        boot = psutil.boot_time() if psutil.LINUX else 0.0  # Linux counts from its start, and moves that with the clock
        return float(psutil.Process(pid).create_time() - boot)
    except (OSError, RuntimeError):
        return 0.0


def same_start(one: float, other: float) -> bool:
    """Return whether two readings are of one start; unknown ones (0) agree with all."""
    return not (one and other) or abs(one - other) < START_TIME_TOLERANCE_S
