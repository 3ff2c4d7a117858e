"""How a person wants the columns: which ones, how wide, and times as ages or in full. Kept through every refresh."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobwidgets.widgets.table.cells import Column

NARROWEST, WIDEST, STEP = 48, 900, 16
"""Pixels."""
EXACT = 150
"""Pixels that a time in full takes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the columns are laid out.

    Attributes
    ----------
    keys : tuple of str or None
        The columns to show, in order; None shows the usual ones.
    widths : tuple of (str, int)
        The columns that were given a width in pixels.
    exact : bool
        Whether times are written in full.
    """

    keys: tuple[str, ...] | None = None
    widths: tuple[tuple[str, int], ...] = ()
    exact: bool = False

    def wide(self, key: str, width: int) -> Layout:
        """Give a column a width, within reason."""
        kept = tuple(each for each in self.widths if each[0] != key)
        return replace(self, widths=(*kept, (key, max(NARROWEST, min(WIDEST, width)))))

    def fit(self, column: Column) -> Column:
        """Give a column the width it has here."""
        width = dict(self.widths).get(column.key)
        if width is not None:
            return replace(column, width=width, grow=False)
        if self.exact and column.kind == "time":
            return replace(column, width=max(EXACT, column.width))
        return column
