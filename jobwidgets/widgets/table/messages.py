"""What the page of a table can ask for: each is checked here, under the guard, before anything changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget

from jobwidgets.errors import UsageError
from jobwidgets.widgets.callbacks import entry
from jobwidgets.widgets.table import column_menus as menus
from jobwidgets.widgets.table.column_filters import fields
from jobwidgets.widgets.table.viewport import MOST_ROWS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    import pandas as pd

    from jobwidgets.widgets.table.layout import Layout
    from jobwidgets.widgets.table.model import TableState
    from jobwidgets.widgets.table.row_view import Filter
    from jobwidgets.widgets.table.viewport import Row, Window, Windows

_SELECTS = frozenset({"pick", "page", "all", "none"})
_SILENT = frozenset({"rows", "seen", "gone", "at", "menu"})
"""What is said without anybody's wish, or changes nothing: an error that is shown stays."""


class Intents(anywidget.AnyWidget):
    """The ways into a table from its page. What it holds and how it is told is the table's."""

    lock: threading.RLock
    _state: TableState
    _windows: Windows
    _look: dict[str, Any]
    _error: str
    _begun: tuple[int, list[Row]]
    """The rows that came with the table, and the order they are of."""

    @entry
    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        what = content.get("do") if isinstance(content, dict) else None
        if not isinstance(what, str) or what not in self._INTENTS:
            raise _nonsense()
        if what in _SELECTS and not self._look["choose"]:
            return
        self._INTENTS[what](self, content)
        if self._error and what not in _SILENT:
            self.show_error("")

    # -------------------------------------------------------------------------- rows

    def _give(self, said: dict[str, Any]) -> None:
        view, window, total = self._state.view, self._windows.get(_text(said, "view")), len(self)
        told: dict[str, Any] = {"view": said["view"], **self._order()}
        if said.get("version") != view.version:
            self.send({"kind": "order", **told})
            return
        if said.get("anew") is True:  # the page holds nothing, whatever it was sent
            window.version = -1
        elif said.get("begun") is True and window.version < 0 and self._begun[0] == view.version:
            window.begin(*self._begun)
        moved = {name: self._moved(said.get(name)) for name in ("anchor", "focus")}
        shift = moved["anchor"][1] - moved["anchor"][0] if moved["anchor"] else 0
        first = min(max(0, _whole(said, "first") + shift), total)
        last = max(first, min(total, _whole(said, "last") + shift, first + MOST_ROWS))
        told |= {name: place for name, place in moved.items() if place}
        self._send_rows(window, first, last, told)
        if view.look_through():  # now that the first rows are on their way
            self._changed()

    def _send_rows(self, window: Window, first: int, last: int, told: dict[str, Any]) -> None:
        """Turn a display to a stretch of rows, and send what it lacks of them."""
        fresh = window.turn(self._state.view.version, first, last)
        window.jump = self._state.jump
        rows = window.news(self._state.rows(first, last))
        self.send({"kind": "window", **told, "first": first, "last": last, "fresh": fresh, "rows": rows})

    def _moved(self, said: Any) -> list[int] | None:
        """Find where a row went that the display held: its index then, its index now."""
        if not isinstance(said, list) or [type(each) for each in said] != [str, int]:
            return None
        now = self._state.view.find(said[0], said[1])
        return None if now is None else [said[1], now]

    def _sorted(self, said: dict[str, Any]) -> None:
        column = _text(said, "column")
        self.apply_waiting()
        self._state.sort_next(column)
        self._changed()

    def _open(self, said: dict[str, Any]) -> None:
        place = self._place(said)
        if place is not None:
            self._opened(self._state.job_at(place))

    def _place(self, said: dict[str, Any]) -> int | None:
        """Find the row that is meant; None when it went before the click came."""
        return self._state.locate(said.get("id"), _whole(said, "index"), said.get("version"))

    # --------------------------------------------------------------------- selection

    def _pick(self, said: dict[str, Any]) -> None:
        place = self._place(said)
        if place is not None and self._state.pick(place, _text(said, "how")):
            self._changed()

    def _pick_page(self, said: dict[str, Any]) -> None:
        first, last = _whole(said, "first"), _whole(said, "last")
        if said.get("version") == self._state.view.version and 0 <= first < last <= first + MOST_ROWS:
            self.select(self._state.view.named(first, last))

    # ----------------------------------------------------------------------- filters

    def _searched(self, said: dict[str, Any]) -> None:
        self._refine(replace(self.rule, text=_text(said, "text").strip()))

    def _menu(self, said: dict[str, Any], typed: dict[str, tuple[str, str]] | None = None) -> None:
        """Describe a menu to the display that has it open."""
        view, key = _text(said, "view"), _text(said, "column")
        menu = menus.column_menu(self._state, key, typed) if key else menus.columns_menu(self._state)
        self.send({"kind": "menu", "view": view, "menu": menu})

    def _tick(self, said: dict[str, Any]) -> None:
        self._refine(menus.ticked(self._state, _text(said, "column"), _text(said, "option", 1_000)))
        self._menu(said)

    def _type(self, said: dict[str, Any]) -> None:
        """Filter by what was typed; what is wrong with it is said where it was typed."""
        column, way, text = (_text(said, key) for key in ("column", "way", "text"))
        if way not in fields(menus.column_shown(self._state, column)):
            raise UsageError("the page asked for a filter that this column does not have")
        try:
            self._refine(menus.written(self._state, column, way, text))
        except UsageError as error:
            self._menu(said, {way: (text, str(error))})
        else:
            self._menu(said)

    def _clear_filter(self, said: dict[str, Any]) -> None:
        self._refine(menus.cleared(self._state, _text(said, "column")))
        self._menu(said)

    def _drop(self, said: dict[str, Any]) -> None:
        """Take one filter away, or all of them with the search."""
        held, key = menus.in_force(self._state, statuses=True), _text(said, "filter")
        if key and key not in held:
            return  # it went before the click came
        self._refine(held[key][1] if key else type(self.rule)())

    # ----------------------------------------------------------------------- columns

    def _toggle(self, said: dict[str, Any]) -> None:
        self._arrange(menus.toggled(self._state, _text(said, "option", 1_000)))
        self._menu({**said, "column": ""})

    def _usual(self, said: dict[str, Any]) -> None:
        self._arrange(replace(self._state.layout, keys=None, widths=()))
        self._menu({**said, "column": ""})

    def _turn_times(self, said: dict[str, Any]) -> None:
        self._arrange(replace(self._state.layout, exact=not self._state.layout.exact))
        self._menu({**said, "column": ""})

    def _widen(self, said: dict[str, Any]) -> None:
        column = menus.column_shown(self._state, _text(said, "column"))
        self._arrange(self._state.layout.wide(column.key, _whole(said, "width")))

    # -------------------------------------------------------------------- who looks on

    def _seen(self, said: dict[str, Any]) -> None:
        self._windows.get(_text(said, "view")).seen = said.get("seen") is True
        self._call()

    def _at(self, said: dict[str, Any]) -> None:
        self._windows.get(_text(said, "view")).at = said.get("at") is True
        if not self._windows.at:
            self.apply_waiting()

    def _gone(self, said: dict[str, Any]) -> None:
        self._windows.drop(_text(said, "view"))
        self._call()

    _INTENTS: ClassVar[dict[str, Callable[[Any, dict[str, Any]], None]]] = {
        "rows": _give,
        "sort": _sorted,
        "open": _open,
        "apply": lambda table, _: table.apply_waiting(),
        "pick": _pick,
        "page": _pick_page,
        "all": lambda table, _: table.select_matching(),
        "none": lambda table, _: table.select(None),
        "search": _searched,
        "menu": _menu,
        "tick": _tick,
        "type": _type,
        "clear": _clear_filter,
        "drop": _drop,
        "column": _toggle,
        "usual": _usual,
        "exact": _turn_times,
        "width": _widen,
        "seen": _seen,
        "at": _at,
        "gone": _gone,
    }

    # ----------------------------------------------------------------- the table's own

    @property
    def rule(self) -> Filter:
        """All that is filtered by now."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def select(self, what: pd.DataFrame | Iterable[str] | str | None) -> None:
        """Select rows."""
        raise NotImplementedError

    def select_matching(self) -> None:
        """Select everything that the filter lets through."""
        raise NotImplementedError

    def apply_waiting(self) -> None:
        """Show what waits."""
        raise NotImplementedError

    def show_error(self, line: str) -> None:
        """Show an error."""
        raise NotImplementedError

    def _refine(self, rule: Filter) -> None:
        raise NotImplementedError

    def _arrange(self, layout: Layout) -> None:
        raise NotImplementedError

    def _opened(self, job_id: str) -> None:
        raise NotImplementedError

    def _order(self) -> dict[str, int]:
        raise NotImplementedError

    def _changed(self) -> None:
        raise NotImplementedError

    def _call(self) -> None:
        raise NotImplementedError


def _nonsense() -> UsageError:
    return UsageError("the page sent something that is not understood", hint="reload the page")


def _text(said: dict[str, Any], key: str, longest: int = 200) -> str:
    value = said.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise _nonsense()
    return value


def _whole(said: dict[str, Any], key: str) -> int:
    value = said.get(key)
    if type(value) is not int:
        raise _nonsense()
    return value
