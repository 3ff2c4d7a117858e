"""A table of jobs of any length: the frame stays in the kernel, the browser holds the rows in view."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from jobwidgets._errors import UsageError
from jobwidgets.panel import _words as words
from jobwidgets.panel._entry import entry
from jobwidgets.panel._picture import ROWS, Picture, Pictured, snapshot
from jobwidgets.panel._selection import Selection
from jobwidgets.panel._state import TableState
from jobwidgets.panel._view import Filter
from jobwidgets.panel._windows import MOST_ROWS, Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from jobwidgets.display._view import View

_HERE = Path(__file__).parent
_LOOK = {"fill": False, "foot": True, "choose": True}


class JobTable(anywidget.AnyWidget, Pictured):
    """Show a frame of jobs, tasks or results as a table that sorts, selects and scrolls, also with a million rows.

    Parameters
    ----------
    df : DataFrame
        Any frame; the columns of a job frame get the looks of jobs. It is not copied: give the table another frame
        (`table.df = …`) rather than changing this one. Selection, sort and scroll position survive that.
    columns : iterable of str, optional
        The columns to show; None chooses the usual ones of a job frame, or all.
    height : int, default 420
        The height in pixels, header included; a shorter table takes less.
    label : str, default "Jobs"
        What the table is called for those who hear it read.

    Attributes
    ----------
    picked : int
        How many rows are selected; can be observed.
    filter : str
        An expression as for `DataFrame.query`, such as `"queued_for > '10min'"`: only such rows are shown. Empty shows
        all. Can be set and observed; one that cannot be evaluated raises `UsageError`, and the old one stays.
    """

    _esm = _HERE / "table.js"
    _css = _HERE / "table.css"
    head = traitlets.Dict().tag(sync=True)  # for drawing only: nothing here is read back
    picked = traitlets.Int(0)  # not synced: the browser cannot write it
    filter = traitlets.Unicode("")  # nor this

    def __init__(
        self, df: pd.DataFrame, *, columns: Iterable[str] | None = None, height: int = 420, label: str = "Jobs"
    ) -> None:
        super().__init__(head={"columns": [], "total": 0})
        self.lock = threading.RLock()
        self._picture = Picture(self)
        try:
            self._state = TableState(df, columns)
        except UsageError:
            self.close()
            raise
        self._windows = Windows()
        self._error = ""
        self._listeners: list[Callable[[], None]] = []
        self._look = {"label": label, "height": int(height), "empty": "Nothing to show", **_LOOK}
        self.head = self._head()
        self.on_msg(self._receive)

    # ------------------------------------------------------------------ for Python

    @property
    def df(self) -> pd.DataFrame:
        """The whole frame."""
        return self._state.frame

    @df.setter
    def df(self, frame: pd.DataFrame) -> None:
        with self.lock:
            self._state.show(frame)
            self._changed()

    @property
    def visible(self) -> pd.DataFrame:
        """The rows that the filter lets through, in the order shown."""
        with self.lock:
            return self._state.view.rows(0, len(self))

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows, also those that the filter hides now, in the order of the frame."""
        with self.lock:
            return self.df[self._state.mask()]

    def picked_part(self, *columns: str) -> pd.DataFrame:
        """Give some columns of the selected rows: `selected` copies all of them."""
        with self.lock:
            return self.df[list(columns)][self._state.mask()]

    @property
    def picked_shown(self) -> int:
        """How many of the rows shown are selected."""
        with self.lock:
            return int(self._state.mask()[self._state.view.order].sum())

    @property
    def rule(self) -> Filter:
        """All that is filtered by now; `narrow` and `filter` set it."""
        return self._state.view.filter

    @property
    def watched(self) -> bool:
        """Whether the table is on somebody's screen."""
        return self._windows.seen

    def __len__(self) -> int:
        return len(self._state.view)

    def select(self, what: pd.DataFrame | Iterable[str] | str | None) -> None:
        """Select rows, instead of those selected so far.

        Parameters
        ----------
        what : DataFrame, ids, str or None
            The rows of a frame by their ids; ids; an expression as for `DataFrame.query`, which then also selects what
            comes later; None selects nothing.

        Raises
        ------
        UsageError
            The expression cannot be evaluated, or the frame has no ids; the selection stays as it was.
        """
        with self.lock:
            if self._state.choose(self._state.understand(what)):
                self._changed()

    def select_matching(self) -> None:
        """Select everything that the filter lets through, now and later."""
        with self.lock:
            if self._state.choose(Selection(self.rule)):
                self._changed()

    def narrow(self, statuses: Iterable[str] = (), text: str = "", where: str = "") -> None:
        """Show only rows with one of these statuses, with this text, and for which this expression holds.

        Raises
        ------
        UsageError
            The expression cannot be evaluated; the filter stays as it was.
        """
        with self.lock:
            self._refine(Filter(frozenset(statuses), text.strip(), where.strip()))

    def single_out(self, ids: Iterable[str] | None) -> None:
        """Show only these rows of those that the filter lets through, until it changes or None is given."""
        with self.lock:
            self._refine(replace(self.rule, among=None if ids is None else frozenset(ids)))

    def _refine(self, rule: Filter) -> None:
        if self._state.narrow(rule):
            if self.filter == rule.where:
                self._changed()
            self.filter = rule.where

    @traitlets.validate("filter")
    def _take_filter(self, proposal: dict[str, Any]) -> str:
        """Filter by an expression, or refuse it: a wrong one never becomes the value of the trait."""
        where = str(proposal["value"]).strip()
        with self.lock:
            self._state.narrow(replace(self.rule, where=where))
        return where

    @traitlets.observe("filter")
    def _filtered(self, _change: Any) -> None:
        with self.lock:
            self._changed()

    def sort(self, column: str | None, *, descending: bool = False) -> None:
        """Order the rows by a column, missing values last; None gives the frame's own order.

        Raises
        ------
        UsageError
            The frame has no such column.
        """
        with self.lock:
            self._state.sort(column, descending=descending)
            self._changed()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have a function called when the rows, the filter, the selection or who looks on has changed."""
        self._listeners.append(listener)

    def look(self, **look: Any) -> None:
        """Change how the table stands on the page: `label`, `height`, `empty`, `fill`, `foot`, `choose`.

        `empty` is said when there are no rows, `fill` keeps the height when there are few, `foot` counts below the
        rows, and `choose` lets rows be selected.
        """
        with self.lock:
            self._look |= look
            self._tell()

    def focus(self) -> None:
        """Put the keyboard on the table."""
        self.send({"kind": "focus"})

    def show_error(self, line: str) -> None:
        """Show an error above the rows; an empty line takes it away."""
        self._error = line
        self._tell()

    def snapshot(self) -> View:
        """Say what the picture of this table shows."""
        with self.lock:
            rows = self._state.view.rows(0, ROWS)
            return snapshot(self.df, title=self._look["label"], rows=rows, shown=len(self))

    def close(self) -> None:
        """Leave the page; the picture stays."""
        if self.comm is not None and hasattr(self, "_state"):
            self._picture.close()
        super().close()

    def __repr__(self) -> str:
        hidden = f" of {words.number(len(self.df))}" if len(self) < len(self.df) else ""
        selected = f", {words.number(self.picked)} selected" if self.picked else ""
        return f"JobTable({words.number(len(self))}{hidden} rows{selected})"

    # ------------------------------------------------------------- state to browser

    def _changed(self) -> None:
        self.picked = int(self._state.mask().sum())
        self._tell()
        self._push()
        self._call()

    def _call(self) -> None:
        self._picture.look()
        for listener in self._listeners:
            listener()

    def _tell(self) -> None:
        head = self._head()
        if head != self.head:
            self.head = head

    def _head(self) -> dict[str, Any]:
        state, total, every = self._state, len(self), self._state.every()
        which = f"all {words.number(total)}{' that match' if self.rule else ''}"
        foot = f"{words.number(total)} rows" + (f" · {words.number(self.picked)} selected" if self.picked else "")
        return {
            **self._look,
            **self._order(),
            "columns": [column.head() for column in state.columns],
            "foot": foot if self._look["foot"] else "",
            "error": self._error,
            "sort": list(state.view.sort) if state.view.sort else None,
            "picked": {
                "count": self.picked,
                "all": every,
                "label": f"Clear the selection of {which}" if every else f"Select {which}",
            },
        }

    def _push(self) -> None:
        """Send each display what changed in the rows it holds; one whose rows moved asks by itself."""
        for view, window in self._windows:
            if window.version == self._state.view.version and window.held:
                news = window.news(self._state.rows(window.first, window.last))
                if news:
                    self.send({"kind": "rows", "view": view, **self._order(), "rows": news})

    def _order(self) -> dict[str, int]:
        return {"total": len(self), "version": self._state.view.version, "jump": self._state.jump}

    # -------------------------------------------------------------- browser to state

    @entry
    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        intents: dict[str, Callable[[dict[str, Any]], None]] = {
            "rows": self._give,
            "sort": self._sorted,
            "pick": self._pick,
            "all": lambda _: self.select_matching(),
            "none": lambda _: self.select(None),
            "seen": self._seen,
            "gone": self._gone,
        }
        what = content.get("do") if isinstance(content, dict) else None
        if not isinstance(what, str) or what not in intents:
            raise _nonsense()
        if what in ("pick", "all", "none") and not self._look["choose"]:
            return
        intents[what](content)
        if self._error and what in ("sort", "pick", "all", "none"):
            self.show_error("")

    def _give(self, said: dict[str, Any]) -> None:
        view, window, total = self._state.view, self._windows.get(_text(said, "view")), len(self)
        told: dict[str, Any] = {"view": said["view"], **self._order()}
        if said.get("version") != view.version:
            self.send({"kind": "order", **told})
            return
        moved = {name: self._moved(said.get(name)) for name in ("anchor", "focus")}
        shift = moved["anchor"][1] - moved["anchor"][0] if moved["anchor"] else 0
        first = min(max(0, _whole(said, "first") + shift), total)
        last = max(first, min(total, _whole(said, "last") + shift, first + MOST_ROWS))
        fresh = window.turn(view.version, first, last)
        told |= {name: place for name, place in moved.items() if place}
        rows = window.news(self._state.rows(first, last))
        self.send({"kind": "window", **told, "first": first, "last": last, "fresh": fresh, "rows": rows})

    def _moved(self, said: Any) -> list[int] | None:
        """Find where a row went that the display held: its index then, its index now."""
        if not isinstance(said, list) or [type(each) for each in said] != [str, int]:
            return None
        now = self._state.view.find(said[0], said[1])
        return None if now is None else [said[1], now]

    def _sorted(self, said: dict[str, Any]) -> None:
        self._state.sort_next(_text(said, "column"))
        self._changed()

    def _pick(self, said: dict[str, Any]) -> None:
        place = self._state.locate(said.get("id"), _whole(said, "index"), said.get("version"))
        if place is not None and self._state.pick(place, _text(said, "how")):  # None: it went before the click came
            self._changed()

    def _seen(self, said: dict[str, Any]) -> None:
        self._windows.get(_text(said, "view")).seen = said.get("seen") is True
        self._call()

    def _gone(self, said: dict[str, Any]) -> None:
        self._windows.drop(_text(said, "view"))
        self._call()


def _nonsense() -> UsageError:
    return UsageError("the page sent something that is not understood", hint="reload the page")


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or len(value) > 100:  # noqa: PLR2004  longer than any name of ours
        raise _nonsense()
    return value


def _whole(said: dict[str, Any], key: str) -> int:
    value = said.get(key)
    if type(value) is not int:
        raise _nonsense()
    return value
