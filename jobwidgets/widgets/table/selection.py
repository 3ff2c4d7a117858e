"""Which jobs are selected: a predicate and its exceptions, or a set of ids. No list of rows ever leaves the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from jobwidgets.widgets.table.column_filters import Mask
    from jobwidgets.widgets.table.row_view import Filter


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of jobs.

    Attributes
    ----------
    matching : Filter or None
        Everything that matches this is selected, also what comes later, but for `ids`.
        None: only `ids` are selected.
    ids : frozenset of str
        The exceptions, or the selected ones.
    """

    matching: Filter | None = None
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.matching is not None or bool(self.ids)

    def mask(self, frame: pd.DataFrame, keys: pd.Series[str]) -> Mask:
        """Say for each row whether it is selected."""
        listed = keys.isin(list(self.ids)).to_numpy(dtype=bool) if self.ids else np.zeros(len(keys), dtype=bool)
        return listed if self.matching is None else self.matching.mask(frame) & ~listed

    def toggle(self, key: str, frame: pd.DataFrame, keys: pd.Series[str]) -> Selection:
        """Take one job out if it is in, or in if it is out."""
        if self.matching is None:
            return Selection(None, self.ids ^ {key})
        if key in self.ids:
            return Selection(self.matching, self.ids - {key})
        if self.mask(frame, keys)[np.flatnonzero((keys == key).to_numpy(dtype=bool))].any():
            return Selection(self.matching, self.ids | {key})
        return self.add([key], frame, keys)

    def add(self, more: Iterable[str], frame: pd.DataFrame, keys: pd.Series[str]) -> Selection:
        """Take jobs in. What a predicate selects becomes a set of ids, since these may lie outside of it."""
        now = self.ids if self.matching is None else frozenset(keys[self.mask(frame, keys)])
        return Selection(None, now.union(more))
