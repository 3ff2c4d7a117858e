"""The state of a table: a frame, what is shown of it, and what is selected. No traits, no widgets, no messages."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jobwidgets.errors import UsageError
from jobwidgets.widgets.table.cells import cells, columns_of
from jobwidgets.widgets.table.column_filters import as_of
from jobwidgets.widgets.table.layout import Layout
from jobwidgets.widgets.table.refresh_diff import changes, patched, places
from jobwidgets.widgets.table.row_view import Filter, View
from jobwidgets.widgets.table.selection import Selection
from jobwidgets.widgets.table.viewport import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobwidgets.widgets.table.cells import Column
    from jobwidgets.widgets.table.column_filters import Mask


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
    layout : Layout
        How the person wants them.
    waiting : DataFrame or None
        What was offered while somebody was at the table; `changes` counts the rows that would come, go or move.
    jump : int
        Grows whenever the rows became others by the person's own wish: the table then starts at its top.
    """

    def __init__(self, frame: pd.DataFrame, columns: Iterable[str] | None = None) -> None:
        self._given = None if columns is None else tuple(columns)
        self.layout = Layout()
        self.columns = self._arranged(frame)
        self.view = View(frame)
        self.selection = Selection()
        self.jump = 0
        self.waiting: pd.DataFrame | None = None
        self.changes = 0
        self._anchor: str | None = None
        self._mask: Mask | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The whole frame."""
        return self.view.frame

    def show(self, frame: pd.DataFrame) -> None:
        """Show another frame; filter, sort and selection stay."""
        columns = self._arranged(frame)
        self.view.show(frame)
        self.columns, self.waiting = columns, None
        self._mask = None

    def offer(self, frame: pd.DataFrame) -> None:
        """Take over what changes in place; if rows would come, go or move, keep that for later and count them."""
        after = copy(self.view)
        after.show(frame)
        if after.version == self.view.version:
            self.show(frame)
            return
        before, then = self.view.keys, self.view.shown()
        self.view.patch(patched(self.frame, frame, places(before, after.keys)))
        self._mask, self.waiting = None, frame
        self.changes = changes(places(then, after.shown()), len(after))

    def arrange(self, layout: Layout) -> None:
        """Lay the columns out in another way."""
        self.layout = layout
        self.columns = self._arranged(self.frame)

    def keys(self) -> list[str]:
        """Name the columns that are shown."""
        return [column.key for column in self.columns]

    def usual(self) -> tuple[str, ...]:
        """Name the columns that are shown unless the person chooses."""
        return tuple(column.key for column in columns_of(self.frame, self._given))

    def _arranged(self, frame: pd.DataFrame) -> tuple[Column, ...]:
        chosen = self.layout.keys
        keys = self._given if chosen is None else [key for key in chosen if key in frame]
        return tuple(self.layout.fit(column) for column in columns_of(frame, keys))

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
        if key not in self.keys():
            raise UsageError("the page asked to sort by a column that is not shown")
        if self.view.sort == (key, True):
            self.sort(None)
        else:
            self.sort(key, descending=self.view.sort == (key, False))

    # --------------------------------------------------------------------- selection

    def mask(self) -> Mask:
        """Say for each row of the frame whether it is selected."""
        if self._mask is None:
            some = bool(self.selection)  # without a selection there is no need for the keys
            self._mask = self.selection.mask(self.frame, self.view.keys) if some else np.zeros(len(self.frame), bool)
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

    def job_at(self, place: int) -> str:
        """Give the id of the job in a row, or what the row is called if it has none."""
        at = self.view.order[place]
        column = next((key for key in ("id", "job_id") if key in self.frame), None)
        return str(self.view.keys.iloc[at] if column is None else self.frame[column].iloc[at])

    def rows(self, first: int, last: int) -> list[Row]:
        """Describe a stretch of the rows shown."""
        positions = self.view.order[first:last]
        selected = self.mask()[positions]
        made = cells(self.frame.take(positions), self.columns, as_of(self.frame), exact=self.layout.exact)
        keys = self.view.named(first, last)
        return [Row(key, bool(on), row) for key, on, row in zip(keys, selected, made, strict=True)]
