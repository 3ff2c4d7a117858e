"""The state of a table: a frame, what is shown of it, and what is selected. No traits, no widgets, no messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._errors import UsageError
from jobwidgets.panel._cells import cells, columns_of
from jobwidgets.panel._selection import Selection
from jobwidgets.panel._view import Filter, View
from jobwidgets.panel._windows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobwidgets.panel._view import Mask


class TableState:
    """What a table is about.

    Attributes
    ----------
    view : View
        The rows shown, in their order.
    selection : Selection
        What is selected, shown or not.
    columns : tuple of Column
        What is shown of each row.
    jump : int
        Grows whenever the rows became others by the person's own wish: the table then starts at its top.
    """

    def __init__(self, frame: pd.DataFrame, columns: Iterable[str] | None = None) -> None:
        self._chosen = None if columns is None else tuple(columns)
        self.columns = columns_of(frame, self._chosen)
        self.view = View(frame)
        self.selection = Selection()
        self.jump = 0
        self._anchor: str | None = None
        self._mask: Mask | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The whole frame."""
        return self.view.frame

    def show(self, frame: pd.DataFrame) -> None:
        """Show another frame; filter, sort and selection stay."""
        columns = columns_of(frame, self._chosen)
        self.view.show(frame)
        self.columns = columns
        self._mask = None

    def narrow(self, new: Filter) -> bool:
        """Filter the rows; say whether that is another filter."""
        changed = self.view.narrow(new)
        self.jump += changed
        return changed

    def sort(self, key: str | None, *, descending: bool = False) -> None:
        """Order the rows by a column."""
        self.view.sort_by(key, descending=descending)
        self.jump += 1

    def sort_next(self, key: str) -> None:
        """Order by a column upwards, then downwards, then not at all: what a click on its heading does.

        Raises
        ------
        UsageError
            The column is not shown.
        """
        if key not in {column.key for column in self.columns}:
            raise UsageError("the page asked to sort by a column that is not shown")
        if self.view.sort == (key, True):
            self.sort(None)
        else:
            self.sort(key, descending=self.view.sort == (key, False))

    # --------------------------------------------------------------------- selection

    def mask(self) -> Mask:
        """Say for each row of the frame whether it is selected."""
        if self._mask is None:
            self._mask = self.selection.mask(self.frame, self.view.keys)
        return self._mask

    def every(self) -> bool:
        """Say whether all rows shown are selected."""
        return bool(len(self.view)) and bool(self.mask()[self.view.order].all())

    def choose(self, selection: Selection) -> bool:
        """Select this instead; say whether that is another selection."""
        if selection == self.selection:
            return False
        self.selection = selection
        self._mask = None
        return True

    def understand(self, what: pd.DataFrame | Iterable[str] | str | None) -> Selection:
        """Read what a person wants selected: see `JobTable.select`."""
        if what is None:
            return Selection()
        if isinstance(what, pd.DataFrame):
            if "id" not in what:
                raise UsageError('a frame to select by needs a column "id"')
            return Selection(None, frozenset(what["id"].astype("string")))
        if isinstance(what, str):
            if (self.view.keys == what).any():
                return Selection(None, frozenset({what}))
            rule = Filter(where=what)
            rule.mask(self.frame)
            return Selection(rule)
        return Selection(None, frozenset(map(str, what)))

    def locate(self, key: object, index: int, version: object) -> int | None:
        """Find the row that the page speaks of: by its key, or by its place if the order is still the same."""
        if key is None and version == self.view.version and 0 <= index < len(self.view):
            return index
        return self.view.find(key, index) if isinstance(key, str) else None

    def pick(self, place: int, how: str) -> bool:
        """Select by mouse or keyboard: "only" this row, "toggle" it, a "range" up to it, or a range "more".

        Raises
        ------
        UsageError
            That is no way to select.
        """
        key = str(self.view.keys.iloc[self.view.order[place]])
        if how in ("range", "more"):
            return self._range(key, place, more=how == "more")
        if how not in ("only", "toggle"):
            raise UsageError("the page asked to select in a way that is not known")
        self._anchor = key
        if how == "only":
            return self.choose(Selection(None, frozenset({key})))
        return self.choose(self.selection.toggle(key, self.frame, self.view.keys))

    def _range(self, key: str, place: int, *, more: bool) -> bool:
        start = None if self._anchor is None else self.view.find(self._anchor)
        if start is None:
            start, self._anchor = place, key
        keys = self.view.keys.take(self.view.order[min(start, place) : max(start, place) + 1])
        if more:
            return self.choose(self.selection.add(keys, self.frame, self.view.keys))
        return self.choose(Selection(None, frozenset(keys)))

    # -------------------------------------------------------------------------- rows

    def rows(self, first: int, last: int) -> list[Row]:
        """Describe a stretch of the rows shown."""
        positions = self.view.order[first:last]
        selected = self.mask()[positions]
        made = cells(self.frame.take(positions), self.columns, self.now())
        keys = self.view.keys.take(positions)
        return [Row(str(key), bool(on), row) for key, on, row in zip(keys, selected, made, strict=True)]

    def now(self) -> datetime:
        """Give the moment that ages are counted from: when the frame was read."""
        as_of = self.frame.attrs.get("as_of")
        try:
            moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else datetime.now(UTC)
        except ValueError:
            moment = datetime.now(UTC)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
