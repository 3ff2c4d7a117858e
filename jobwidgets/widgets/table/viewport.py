"""What each display of a table holds, so that it is sent only what it lacks."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobwidgets.widgets.table.cells import Cell

MOST_ROWS = 240
"""The most rows that one answer carries."""
MOST_VIEWS = 8
"""The most displays of one table that are kept up to date; the one that asked longest ago is forgotten first."""
MINUTE = 60.0
"""Seconds after which a display that has not said again that it is seen is taken for one that died."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the browser holds it."""

    key: str
    selected: bool
    cells: list[Cell]

    def whole(self, index: int) -> dict[str, Any]:
        """Describe it to a browser that does not hold it."""
        return {"i": index, "id": self.key, "s": int(self.selected), "c": self.cells}

    def since(self, old: Row, index: int) -> dict[str, Any] | None:
        """Describe what changed; None when nothing did."""
        if old.key != self.key:
            return self.whole(index)
        news: dict[str, Any] = {"i": index}
        if old.selected != self.selected:
            news["s"] = int(self.selected)
        changed = {at: cell for at, cell in enumerate(self.cells) if cell != old.cells[at]}
        if changed:
            news["c"] = changed
        return news if len(news) > 1 else None


@dataclass(slots=True)
class Window:
    """The stretch of rows that one display holds."""

    first: int = 0
    last: int = 0
    version: int = -1
    jump: int = 0
    at: bool = False
    seen_at: float | None = None
    held: dict[int, Row] = field(default_factory=dict)

    @property
    def seen(self) -> bool:
        """Whether it has said in the last minute that somebody can see it."""
        return self.seen_at is not None and time.monotonic() - self.seen_at < MINUTE

    @seen.setter
    def seen(self, seen: bool) -> None:
        self.seen_at = time.monotonic() if seen else None

    def begin(self, version: int, rows: list[Row]) -> None:
        """Take it that the display holds these rows, the first ones, because they came with the table."""
        self.version, self.held = version, dict(enumerate(rows))

    def turn(self, version: int, first: int, last: int) -> bool:
        """Turn to another stretch; True when the order is a new one, so that nothing of the old is held."""
        fresh = version != self.version
        if fresh:
            self.held, self.version = {}, version
        self.first, self.last = first, last
        return fresh

    def news(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Take over the rows of the stretch; give what the display does not hold yet."""
        now = dict(enumerate(rows, self.first))
        told = [
            row.since(self.held[index], index) if index in self.held else row.whole(index) for index, row in now.items()
        ]
        self.held = now
        return [each for each in told if each]


class Windows:
    """The displays of one table."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __iter__(self) -> Any:
        return iter(list(self._windows.items()))

    def __len__(self) -> int:
        return len(self._windows)

    def get(self, view: str) -> Window:
        """Give the window of a display; one that is new here gets an empty one."""
        window = self._windows.setdefault(view, Window())
        self._windows.move_to_end(view)
        while len(self._windows) > MOST_VIEWS:
            self._windows.popitem(last=False)
        return window

    def forget_rows(self) -> None:
        """Take it that no display holds a row: their cells are of other columns."""
        for window in self._windows.values():
            window.version = -1

    @property
    def at(self) -> bool:
        """Whether somebody has the mouse or the keyboard on any of them."""
        return any(window.at and window.seen for window in self._windows.values())

    def drop(self, view: str) -> None:
        """Forget a display that is gone."""
        self._windows.pop(view, None)

    @property
    def seen(self) -> bool:
        """Whether somebody can see any of them; may be asked on any thread."""
        return any(window.seen for window in list(self._windows.values()))
