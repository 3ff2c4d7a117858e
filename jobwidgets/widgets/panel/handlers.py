"""What the controls of a panel call: each is checked under the guard, and shows its error in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from jobwidgets.errors import UsageError
from jobwidgets.widgets.callbacks import entry
from jobwidgets.widgets.panel.confirm_view import Confirm
from jobwidgets.widgets.panel.controller import Stage
from jobwidgets.widgets.panel.receipt_view import Outcome

if TYPE_CHECKING:
    import threading

    from jobwidgets.widgets.panel.action_bar import BulkBar
    from jobwidgets.widgets.panel.controller import Controller
    from jobwidgets.widgets.panel.stage_views import Zone
    from jobwidgets.widgets.panel.toolbar import Top
    from jobwidgets.widgets.parts import Note
    from jobwidgets.widgets.table.widget import JobTable


class Entries(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The ways into a panel from the browser. What it is made of and how it is drawn is the panel's."""

    lock: threading.RLock
    _said: str
    _zone: tuple[object, Zone | None]
    _work: Controller
    _top: Top
    _table: JobTable
    _bulk: BulkBar
    _trouble: Note

    def _draw(self) -> None:
        """Show how things are now."""
        raise NotImplementedError

    def show_error(self, line: str) -> None:
        """Show an error in the panel; an empty line takes it away."""
        self._said = line
        self._trouble.say(*([("text", line)] if line else self._work.wrong()))

    @entry
    def _refresh(self) -> None:
        self._said = ""
        self._work.refresh()
        self._draw()

    @entry
    def _live_pressed(self, _key: object) -> None:
        self._work.keep_live(not self._work.live)
        self._draw()

    @entry
    def _chip_pressed(self, key: object, more: object = False) -> None:  # noqa: FBT002  as the page tells it
        """Show only one status, or all again; `more` adds one to those that are shown, or takes it away."""
        if not isinstance(key, str) or key not in self._table.df["status"].cat.categories:
            raise UsageError("the page asked for a status that is not shown")
        self._said = ""
        now = self._table.rule
        only = frozenset() if now.statuses == {key} else frozenset({key})
        self._table.narrow(now.statuses ^ {key} if more is True else only, now.text, now.where)

    @entry
    def _searched(self, _change: Any) -> None:
        self._said = ""
        now = self._table.rule
        self._table.narrow(now.statuses, self._top.search.value, now.where)

    @entry
    def _select_matching(self) -> None:
        self._said = ""
        self._table.select_matching()

    @entry
    def _clear(self) -> None:
        self._table.select(None)

    @entry
    def _act(self, kind: str) -> None:
        self._said = ""
        jobs = self._table.selected
        if jobs.empty:
            raise UsageError("no job is selected; nothing was sent")
        self._work.make_plan(kind, jobs)
        self._draw()

    @entry
    def _reason_pressed(self, kind: str, code: object) -> None:
        self._said = ""
        self._bulk.press(self._table, kind, code)
        self._draw()

    @entry
    def _plan_reason_pressed(self, code: object) -> None:
        zone = self._zone[1]
        if self._work.stage is not Stage.CONFIRM or not isinstance(zone, Confirm):
            raise UsageError("the page asked for reasons that are not shown")
        self._said = ""
        zone.press(code)
        self._draw()

    @entry
    def _go(self, op: str, reason: str, typed: str) -> None:
        self._said = ""
        self._work.apply(op, reason=reason, typed=typed)
        self._draw()

    @entry
    def _back(self) -> None:
        self._said = ""
        self._work.back()
        self._draw()

    @entry
    def _undo(self, op: str) -> None:
        self._said = ""
        self._work.undo(op)
        self._draw()

    @entry
    def _start_now(self, op: str) -> None:
        self._work.start_now(op)
        self._draw()

    @entry
    def _stop(self) -> None:
        self._work.stop()
        self._draw()

    @entry
    def _outcome_pressed(self, key: object) -> None:
        zone = self._zone[1]
        if self._work.stage not in (Stage.WORKING, Stage.DONE) or not isinstance(zone, Outcome):
            raise UsageError("the page asked for outcomes that are not shown")
        self._said = ""
        zone.press(key)
        self._draw()

    @entry
    def _resume(self, op: str) -> None:
        self._said = ""
        self._work.resume(op)
        self._draw()

    @entry
    def _resolve(self, op: str) -> None:
        self._said = ""
        self._work.resolve(op)
        self._draw()

    @entry
    def _again(self, op: str) -> None:
        self._said = ""
        self._work.again(op)
        self._draw()

    @entry
    def _show_earlier(self, op: str) -> None:
        self._said = ""
        self._work.open(op)
        self._draw()

    @entry
    def _hide_earlier(self) -> None:
        self._work.unfinished.hide()
        self._draw()

    @entry
    def _looked(self) -> None:
        self._work.wake()
        self._draw()
