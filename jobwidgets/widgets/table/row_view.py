"""What a table shows of a frame: which rows, in which order. No traits, no widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from jobwidgets.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from jobwidgets.widgets.table.column_filters import Condition, Mask

    Order = npt.NDArray[np.intp]

_SEARCHED = ("name", "id", "engines", "engine", "job_id", "new_id", "message")


@dataclass(frozen=True, slots=True)
class Filter:
    """A predicate over jobs; an empty one matches all.

    Attributes
    ----------
    statuses : frozenset of str
        Any of these; empty means any status.
    text : str
        Part of the name, the id or the engines, in any case of letters.
    where : str
        An expression for `DataFrame.query`. It comes from Python only, never from the browser.
    among : frozenset of str or None
        Only jobs with these ids; None means any.
    columns : tuple of Condition
        What single columns must be like.
    """

    statuses: frozenset[str] = frozenset()
    text: str = ""
    where: str = ""
    among: frozenset[str] | None = None
    columns: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return self != Filter()

    def mask(self, frame: pd.DataFrame) -> Mask:
        """Say for each row whether it matches.

        Raises
        ------
        UsageError
            The expression cannot be evaluated on this frame.
        """
        mask = np.ones(len(frame), dtype=bool)
        if self.statuses and "status" in frame:
            mask &= frame["status"].isin(list(self.statuses)).to_numpy(dtype=bool)
        if self.among is not None and "id" in frame:
            mask &= frame["id"].isin(list(self.among)).to_numpy(dtype=bool)
        if self.text:
            mask &= _contains(frame, self.text)
        for condition in self.columns:
            if condition.column in frame:
                mask &= condition.mask(frame)
        if self.where:
            mask &= _where(frame, self.where)
        return mask

    def of_column(self, key: str, *conditions: Condition) -> Filter:
        """Give the filter with these conditions on a column instead of those it had."""
        kept = tuple(each for each in self.columns if each.column != key)
        return replace(self, columns=kept + conditions)


def _contains(frame: pd.DataFrame, text: str) -> Mask:
    found = np.zeros(len(frame), dtype=bool)
    for key in _SEARCHED:
        if key in frame:
            column = frame[key].astype("string")
            found |= column.str.contains(text, case=False, regex=False, na=False).to_numpy(dtype=bool)
    return found


def _where(frame: pd.DataFrame, where: str) -> Mask:
    numbered = frame.set_axis(pd.RangeIndex(len(frame)))
    try:
        rows = numbered.query(where, engine="python").index
    except Exception as error:  # pandas raises nearly anything for a wrong expression
        raise UsageError(f"cannot select by {where!r}: {error}", hint="write it as for DataFrame.query") from error
    mask = np.zeros(len(frame), dtype=bool)
    mask[rows.to_numpy()] = True
    return mask


def _ids(frame: pd.DataFrame) -> pd.Series[str] | None:
    ids = frame["id"].astype("string").reset_index(drop=True) if "id" in frame else None
    return None if ids is None or ids.hasnans else ids


class View:
    """A frame with a filter and a sort: the rows that are shown, in their order.

    Attributes
    ----------
    version : int
        Grows whenever a row moves, comes or goes.
    order : array of int
        The position in the frame of each row shown.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.filter = Filter()
        self.sort: tuple[str, bool] | None = None
        self.version = 0
        self.frame = frame
        self._ids = _ids(frame)
        self._unique = False
        self.order: Order = np.arange(len(frame))

    def __len__(self) -> int:
        return len(self.order)

    @property
    def keys(self) -> pd.Series[str]:
        """What tells the rows apart: their ids, or their numbers where these do not."""
        if not self._unique:
            if self._ids is None or not self._ids.is_unique:
                self._ids = pd.Series([f"row {at + 1}" for at in range(len(self.frame))], dtype="string")
            self._unique = True
        return cast("pd.Series[str]", self._ids)

    def look_through(self) -> bool:
        """See whether the ids tell the rows apart, which takes long with many; if not, they get other names.

        Say whether they did.
        """
        before = self._ids
        renamed = self.keys is not before
        self.version += renamed
        return renamed

    def named(self, first: int, last: int) -> list[str]:
        """Name the rows of a stretch, without looking through all of them."""
        keys = self.keys if self._ids is None else self._ids
        return [str(key) for key in keys.take(self.order[first:last])]

    def show(self, frame: pd.DataFrame) -> None:
        """Show another frame by the same filter and sort."""
        before = self.shown()
        ids, old = _ids(frame), self._ids
        self._unique = self._unique and ids is not None and old is not None and ids.equals(old)
        self.frame, self._ids = frame, ids if not self._unique else old
        if self.sort is not None and self.sort[0] not in frame:
            self.sort = None
        self.order = self._ordered()
        if not self.shown().equals(before):
            self.version += 1

    def patch(self, frame: pd.DataFrame) -> None:
        """Take over a frame of the same rows in the same order, with news in their cells."""
        self.frame = frame

    def shown(self) -> pd.Series[str]:
        """Name the rows shown, in their order."""
        return self.keys.take(self.order).reset_index(drop=True)

    def narrow(self, new: Filter) -> bool:
        """Filter the rows anew; say whether that is another filter."""
        if new == self.filter:
            return False
        old, self.filter = self.filter, new
        try:
            self.order = self._ordered()
        except UsageError:
            self.filter = old
            raise
        self.version += 1
        return True

    def sort_by(self, key: str | None, *, descending: bool = False) -> None:
        """Order the rows by a column; None gives the order of the frame."""
        if key is not None and key not in self.frame:
            raise UsageError(f"the table has no column {key!r}")
        self.sort = None if key is None else (key, descending)
        self.order = self._ordered()
        self.version += 1

    def _ordered(self) -> Order:
        shown = np.flatnonzero(self.filter.mask(self.frame)) if self.filter else np.arange(len(self.frame))
        if self.sort is None:
            return shown
        key, descending = self.sort
        column: Any = self.frame[key] if len(shown) == len(self.frame) else self.frame[key].take(shown)
        if column.dtype == object:
            column = column.astype("string")
        return shown[_argsort(column, descending=descending)]

    def find(self, key: str, hint: int = 0) -> int | None:
        """Find the row with this key among those shown; None when it is not there."""
        if 0 <= hint < len(self.order) and self.keys.iloc[self.order[hint]] == key:
            return hint
        positions = np.flatnonzero((self.keys == key).to_numpy(dtype=bool))
        if not len(positions):
            return None
        places = np.flatnonzero(self.order == positions[0])
        return int(places[0]) if len(places) else None

    def rows(self, first: int, last: int) -> pd.DataFrame:
        """Give a stretch of the rows shown."""
        return self.frame.take(self.order[first:last])


def _argsort(column: pd.Series[Any], *, descending: bool) -> Order:
    """Sort stably, missing values last, and equal values in the order of the frame either way."""
    array: Any = column.array
    missing = np.asarray(array.isna() if hasattr(array, "isna") else pd.isna(array))
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.codes.to_numpy()
    elif column.dtype.kind in "mM":
        values = column.to_numpy(dtype="datetime64[us]" if column.dtype.kind == "M" else "timedelta64[us]").view("i8")
    elif pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype="float64", na_value=np.nan)
    else:
        values = pd.factorize(array, sort=True)[0]
    present = np.flatnonzero(~missing)
    keys = values[present]
    if descending:
        keys = -keys.astype("int64" if keys.dtype.kind in "iu" else "float64")
    return np.concatenate([present[np.argsort(keys, kind="stable")], np.flatnonzero(missing)])
