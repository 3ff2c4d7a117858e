"""A table of jobs of any length: the frame stays in the kernel, the browser holds the rows in view."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import traitlets

from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.parts import source
from jobwidgets.widgets.static_snapshot import ROWS, Picture, Pictured, snapshot
from jobwidgets.widgets.table.header import head_of
from jobwidgets.widgets.table.messages import Intents
from jobwidgets.widgets.table.model import TableState
from jobwidgets.widgets.table.row_view import Filter
from jobwidgets.widgets.table.selection import Selection
from jobwidgets.widgets.table.viewport import MOST_ROWS, Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from jobwidgets.rendering import View
    from jobwidgets.widgets.table.layout import Layout

ROW, MARGIN = 28, 12
"""Pixels of a row, as in table.js, and how many more rows than fit come with the table."""
_LOOK = {"fill": False, "foot": True, "choose": True, "search": True, "open": False}


class JobTable(Intents, Pictured):
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
    waiting : int
        How many rows would come, go or move if what was offered last were shown; can be observed.
    """

    _esm = source("menu.js", "table.js")  # one module
    _css = source("table.css")
    head = traitlets.Dict().tag(sync=True)  # for drawing only: nothing here is read back
    begun = traitlets.Dict().tag(sync=True)  # the first rows, so that they are there at once; nor is this
    picked = traitlets.Int(0)  # not synced: the browser cannot write it
    filter = traitlets.Unicode("")  # nor this
    waiting = traitlets.Int(0)  # nor this

    def __init__(
        self, df: pd.DataFrame, *, columns: Iterable[str] | None = None, height: int = 420, label: str = "Jobs"
    ) -> None:
        self._state = TableState(df, columns)  # before there is a widget: a wrong column leaves none behind
        self.lock = threading.RLock()
        self._picture = Picture(self)
        self._windows = Windows()
        self._told = self._state.keys()
        self._error = ""
        self._listeners: list[Callable[[], None]] = []
        self._openers: list[Callable[[str], None]] = []
        self._look = {"label": label, "height": int(height), "empty": "Nothing to show", **_LOOK}
        rows = self._state.rows(0, min(len(self), int(height) // ROW + 2 * MARGIN, MOST_ROWS))
        self._begun = (self._state.view.version, rows)
        begun = {"version": self._begun[0], "rows": [row.whole(at) for at, row in enumerate(rows)]}
        super().__init__(head=self._head(), begun=begun)
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

    def offer(self, frame: pd.DataFrame) -> None:
        """Show another frame, but move no row while somebody is at the table.

        Cells change at once. If rows would come, go or move, the frame then waits until the person applies it or leaves
        the table; until then `df` is what is shown. With nobody there it is the same as `table.df = frame`.
        """
        with self.lock:
            if frame is not self._state.waiting:
                if self._windows.at:
                    self._state.offer(frame)
                else:
                    self._state.show(frame)
                self._changed()

    def apply_waiting(self) -> None:
        """Show what waits, if anything does."""
        with self.lock:
            if self._state.waiting is not None:
                self._state.show(self._state.waiting)
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

        What the columns are filtered by stays.

        Raises
        ------
        UsageError
            The expression cannot be evaluated; the filter stays as it was.
        """
        with self.lock:
            kept = self.rule.columns
            self._refine(Filter(frozenset(statuses), text.strip(), where.strip(), columns=kept))

    def single_out(self, ids: Iterable[str] | None) -> None:
        """Show only these rows of those that the filter lets through, until it changes or None is given."""
        with self.lock:
            self._refine(replace(self.rule, among=None if ids is None else frozenset(ids)))

    def _refine(self, rule: Filter) -> None:
        if rule != self.rule:
            self.apply_waiting()
        if self._state.narrow(rule):
            if self.filter == rule.where:
                self._changed()
            self.filter = rule.where

    @traitlets.validate("filter")
    def _take_filter(self, proposal: dict[str, Any]) -> str:
        """Filter by an expression, or refuse it: a wrong one never becomes the value of the trait."""
        where = str(proposal["value"]).strip()
        with self.lock:
            self.apply_waiting()
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
            self.apply_waiting()
            self._state.sort(column, descending=descending)
            self._changed()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have a function called when the rows, the filter, the selection or who looks on has changed."""
        self._listeners.append(listener)

    def on_open(self, callback: Callable[[str], None]) -> None:
        """Have a function called with the id of a row that a person opens: by Enter, a double click or its button."""
        with self.lock:
            self._openers.append(callback)
            self.look(open=True)

    def look(self, **look: Any) -> None:
        """Change how the table stands on the page: `label`, `height`, `empty`, `fill`, `foot`, `choose`, `search`.

        `empty` is said when there are no rows, `fill` keeps the height when there are few, `foot` counts below the
        rows, `choose` lets rows be selected, and `search` gives the table a search field of its own.
        """
        with self.lock:
            if not look.items() <= self._look.items():
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
        self.waiting = self._state.changes if self._state.waiting is not None else 0
        self._lead()
        self._tell()
        self._push()
        self._call()

    def _call(self) -> None:
        self._picture.look()
        for listener in self._listeners:
            listener()

    def _tell(self) -> None:
        head, keys = self._head(), self._state.keys()
        if keys != self._told:
            self._told = keys
            self._windows.forget_rows()
        if head != self.head:
            self.head = head

    def _head(self) -> dict[str, Any]:
        head = head_of(self._state, self._look, waiting=self.waiting)
        return {**head, **self._order(), "error": self._error}

    def _lead(self) -> None:
        """Send each display in sight the top of a new order before it has to ask: a sort or a filter leads there."""
        if self._state.keys() == self._told:
            for view, window in self._windows:
                if window.jump != self._state.jump and window.held and window.seen:
                    self._send_rows(
                        window, 0, min(len(self), window.last - window.first), {"view": view, **self._order()}
                    )

    def _push(self) -> None:
        """Send each display what changed in the rows it holds; one whose rows moved asks by itself."""
        for view, window in self._windows:
            if window.version == self._state.view.version and window.held:
                news = window.news(self._state.rows(window.first, window.last))
                if news:
                    self.send({"kind": "rows", "view": view, **self._order(), "rows": news})

    def _order(self) -> dict[str, int]:
        return {"total": len(self), "version": self._state.view.version, "jump": self._state.jump}

    def _arrange(self, layout: Layout) -> None:
        self._state.arrange(layout)
        self._changed()

    def _opened(self, job_id: str) -> None:
        for opener in self._openers:
            opener(job_id)
