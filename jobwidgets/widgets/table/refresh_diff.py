"""A refresh while somebody is at the table: what can change in place, and how many rows would come, go or move."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

    Places = npt.NDArray[np.intp]

LONG = 50_000
"""Up to so many rows that are out of place are counted exactly."""


def places(before: pd.Series[str], after: pd.Series[str]) -> Places:
    """Say for each key where it is afterwards; -1 where it is gone."""
    if before.equals(after):
        return np.arange(len(before))
    return pd.Index(after.array).get_indexer(pd.Index(before.array))


def changes(at: Places, total: int) -> int:
    """Count the rows that come, go or move, given where each row goes and how many there are then."""
    kept = at[at >= 0]
    present = np.zeros(total, dtype=bool)
    present[kept] = True
    rank = np.cumsum(present) - 1  # the place among the rows that stay
    return (len(at) - len(kept)) + (total - len(kept)) + _moved(rank[kept])


def _moved(rank: Places) -> int:
    """Count how many rows must be taken out for the others to be in order."""
    out = np.flatnonzero(rank != np.arange(len(rank)))
    if not len(out):
        return 0
    middle = rank[out[0] : out[-1] + 1]
    if len(middle) > LONG:  # at most these: all that lie behind a later one, or before an earlier one
        behind = int((middle < np.maximum.accumulate(middle)).sum())
        ahead = int((middle > np.minimum.accumulate(middle[::-1])[::-1]).sum())
        return min(behind, ahead)
    longest: list[int] = []
    for place in middle.tolist():
        at = bisect_left(longest, place)
        longest[at : at + 1] = [place]
    return len(middle) - len(longest)


def patched(old: pd.DataFrame, new: pd.DataFrame, at: Places) -> pd.DataFrame:
    """Give the rows of the old frame, in its order, with what the new one says of them; gone rows stay as they were."""
    if list(old.columns) != list(new.columns):
        return old
    gone = np.flatnonzero(at < 0)
    if not len(gone):
        return new.take(at)
    at = at.copy()
    at[gone] = len(new) + np.arange(len(gone))
    parts = [_joined(new[key], old[key].take(gone)).take(at) for key in new.columns]
    made = pd.concat([part.reset_index(drop=True) for part in parts], axis=1)
    made.attrs = dict(new.attrs)
    return made


def _joined(new: pd.Series[Any], old: pd.Series[Any]) -> pd.Series[Any]:
    """Put one column below another and keep its dtype, also when they know different categories."""
    if isinstance(new.dtype, pd.CategoricalDtype) and new.dtype != old.dtype:
        names = [*new.cat.categories, *(each for each in old.cat.categories if each not in new.cat.categories)]
        kind = pd.CategoricalDtype(names, ordered=new.dtype.ordered)
        new, old = new.astype(kind), old.astype(kind)
    return pd.concat([new, old], ignore_index=True)
