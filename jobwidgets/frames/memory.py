"""Memory that is free, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from mmap import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGE = 500_000
"""Rows from which on it is worth it."""


def release_memory(rows: int) -> None:
    """Give memory back that a long list has left free: it lies in many pieces between what is still in use.

    Allocators keep such pieces for requests of their size, which do not come again: a list of a million jobs took half
    as much again. To ask them is a matter of milliseconds, and where they cannot be asked nothing is lost.
    """
    if rows < LARGE:
        return
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None:
        pyarrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others have none
        if trim is not None:
            trim(0)


def mmap_array(rows: int, kind: str) -> Any:
    """Make an array whose memory is the system's own, which has it back at once when the array goes."""
    return np.frombuffer(mmap(-1, max(1, rows * np.dtype(kind).itemsize)), kind, rows)


def arrow_joined(parts: Sequence[Any]) -> Any:
    """Join arrays of Arrow's in memory of the system's allocator, which can be asked for what other threads left."""
    import pyarrow as pa  # noqa: PLC0415  an extra

    return pa.concat_arrays(parts, pa.system_memory_pool())
