"""The panel: jobs listed and kept up to date, filtered, selected, cancelled and retried, with the plan shown first."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import traitlets

from jobwidgets._internal import parse_age
from jobwidgets.errors import ServiceError, UsageError
from jobwidgets.frames import JOB_COLUMNS, frame_of
from jobwidgets.rendering import View
from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.callbacks import Handover, entry
from jobwidgets.widgets.drawer.widget import Drawer
from jobwidgets.widgets.panel.action_bar import BulkBar
from jobwidgets.widgets.panel.controller import Controller, Stage
from jobwidgets.widgets.panel.countdown_view import row
from jobwidgets.widgets.panel.handlers import Entries
from jobwidgets.widgets.panel.stage_views import Calls, key_of, zone_of
from jobwidgets.widgets.panel.toolbar import Earlier, Top, as_of, by_status
from jobwidgets.widgets.parts import Note, dispose
from jobwidgets.widgets.snippets_telling import list_code, plan_code, receipt_code
from jobwidgets.widgets.static_snapshot import FIRST, HINT, Picture, Pictured
from jobwidgets.widgets.table.widget import JobTable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    import pandas as pd

    from jobwidgets.client import Client

BUSY = {Stage.PLANNING: "Making the plan…", Stage.OPENING: "Reading the receipt…"}
"""What is said where the bulk bar stands, while something is read."""
HEIGHT, LOW = 396, 200
"""Pixels of the table: alone, and with a plan or a result below it."""


class JobPanel(Entries, Pictured):
    """Watch jobs and act on many of them at once; nothing is sent before a plan was shown and confirmed.

    The panel reads the list in the background, and again from time to time while somebody can see it. Selection, sort,
    filter and scroll position survive that.

    Parameters
    ----------
    client : Client
        The connection, of `jw.connect()` or `jw.demo()`.
    status, since, until, engine, limit
        Which jobs are listed: see `client.jobs`. None sets no bound.
    refresh : str, timedelta or None, default "5s"
        How often to look again; a list that takes long to read is read less often. None looks only when asked to.

    Attributes
    ----------
    filter : str
        An expression as for `DataFrame.query`, such as `"queued_for > '10min'"`: only such jobs are shown. Empty shows
        all. Can be set and observed; one that cannot be evaluated raises `UsageError`, and the old one stays.
    picked : int
        How many jobs are selected; can be observed.

    Raises
    ------
    UsageError
        A keyword cannot be understood; nothing was sent.
    """

    filter = traitlets.Unicode("")  # neither is synced: the browser cannot write them
    picked = traitlets.Int(0, read_only=True)

    def __init__(
        self,
        client: Client,
        *,
        status: str | Iterable[str] | None = None,
        since: object = None,
        until: object = None,
        engine: str | None = None,
        limit: int | None = None,
        refresh: str | timedelta | None = "5s",
    ) -> None:
        super().__init__()
        status = status if status is None or isinstance(status, str) else list(status)
        query = {"status": status, "since": since, "until": until, "engine": engine, "limit": limit}
        try:
            every = _seconds(refresh)
        except UsageError:
            super().close()
            raise
        self.lock = threading.RLock()
        self._picture = Picture(self)
        self._hand = Handover(self.lock, self.show_error)
        self._said, self._zone = "", (None, None)
        self._acted = ""
        self._listed: pd.DataFrame | None = None  # shown, or offered to the table
        self._calls = Calls(
            go=self._go,
            back=self._back,
            reason=self._plan_reason_pressed,
            undo=self._undo,
            start_now=self._start_now,
            stop=self._stop,
            filtered=self._outcome_pressed,
            resume=self._resume,
            resolve=self._resolve,
            again=self._again,
            plan_code=lambda reason: plan_code(self._work, self, reason),
            receipt_code=lambda: receipt_code(self._work),
        )
        self._build(client)
        self._work = Controller(
            client,
            {name: value for name, value in query.items() if value is not None},
            every=every,
            hand=self._hand,
            changed=self._changed,
            watched=lambda: self._table.watched,
        )
        self._work.refresh()
        self._work.unfinished.look()
        self._draw()
        self._table.on_change(self._looked)
        self._table.observe(self._mirror, ["filter", "picked"])

    def _build(self, client: Client) -> None:
        self._top = Top(client, refresh=self._refresh, live_pressed=self._live_pressed, chip_pressed=self._chip_pressed)
        self._top.search.observe(self._searched, "value")
        self._earlier = Earlier(show=self._show_earlier, hide=self._hide_earlier)
        self._trouble = Note(tone="error", role="alert")
        empty = frame_of(JOB_COLUMNS, {name: [] for name in JOB_COLUMNS}, {"kind": "jobs"})
        self._table = JobTable(empty, height=HEIGHT, label=f"Jobs of {client.label}")
        self._table.lock = self.lock  # one lock for both, since each calls the other
        self._table.look(fill=True, foot=False, search=False)
        self._bulk = BulkBar(
            act=self._act,
            reason=self._reason_pressed,
            select_matching=self._select_matching,
            clear=self._clear,
            code=lambda: list_code(self._work, self._table, self),
        )
        self.add_class("jobwidgets-panel")
        self._drawer = Drawer(client, hand=self._hand, left=self._table.focus)
        self._table.on_open(self._drawer.show)
        body = row(self._table, self._drawer.box, style="jw-body")
        self._frame = (self._top.head, self._earlier.box, self._top.filters, self._trouble, body)
        self.children = (*self._frame, self._bulk.box)

    # ------------------------------------------------------------------- for Python

    @property
    def selected(self) -> pd.DataFrame:
        """The selected jobs, also those that the filter hides now."""
        self._settle()
        return self._table.selected

    @property
    def visible(self) -> pd.DataFrame:
        """The jobs that the filter lets through, in the order shown."""
        self._settle()
        return self._table.visible

    def select(self, what: pd.DataFrame | Iterable[str] | str | None) -> None:
        """Select jobs, instead of those selected so far.

        Parameters
        ----------
        what : DataFrame, ids, str or None
            The jobs of a frame; ids; an expression as for `DataFrame.query`, such as `"queued_for > '10min'"`, which
            then also selects what comes later; None selects nothing.

        Raises
        ------
        UsageError
            The expression cannot be evaluated; the selection stays as it was.
        """
        self._settle()
        self._table.select(what)

    @traitlets.validate("filter")
    def _take_filter(self, proposal: dict[str, Any]) -> str:
        """Have the table take it or refuse it: a wrong one never becomes the value of the trait."""
        self._table.filter = proposal["value"]
        return str(self._table.filter)

    def _mirror(self, change: Any) -> None:
        """Tell of the panel what was told of its table."""
        self.set_trait(change.name, change.new)

    def refresh(self) -> None:
        """Read the list again, in the background."""
        with self.lock:
            self._work.refresh()
            self._draw()

    def close(self) -> None:
        """Stop looking at the service and leave the page.

        What was sent stays sent. Work that is under way sends no more from its next boundary on; its receipt can be
        resumed.
        """
        work = getattr(self, "_work", None)  # none in a panel that was never finished
        if work is not None and not work.closed:
            with self.lock:
                self._picture.close()
                work.close()
                self._drawer.drop()
                for part in (*self.children, self._bulk.box, self.layout):
                    dispose(part)
        super().close()

    def _settle(self, timeout: float = 60.0) -> None:
        """Wait for the first list: code that asks for jobs wants them. Later lists are not waited for."""
        self._hand.run()
        if self._work.frame is None and not self._work.closed:
            self._work.settle(timeout)

    def _ready(self) -> None:
        with contextlib.suppress(ServiceError):  # a slow service: the picture is renewed when the list has come
            self._settle(FIRST)

    def snapshot(self) -> View:
        """Say what the picture of this panel shows."""
        with self.lock:
            if self._work.frame is None:
                facts = ("The list is not read yet.", self._work.error)
                return View(f"Jobs at {self._top.label}", facts=tuple(filter(None, facts)), notes=(HINT,))
            return self._table.snapshot()

    def __repr__(self) -> str:
        work, table = getattr(self, "_work", None), getattr(self, "_table", None)
        if work is None or table is None:
            return "JobPanel()"
        if work.frame is None:
            return f"JobPanel({self._top.label}: the list is not read yet{'; ' + work.error if work.error else ''})"
        counts = ", ".join(
            f"{words.number(count)} {status}" for status, count in by_status(work.frame).items() if count
        )
        selected = f"; {words.number(table.picked)} selected" if table.picked else ""
        state = "closed" if work.closed else as_of(work.frame)
        return f"JobPanel({self._top.label}: {words.jobs(len(work.frame))} {state}; {counts or 'none'}{selected})"

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self._view_name is not None and self.comm is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle

    # -------------------------------------------------------------------- drawing

    @entry
    def _changed(self) -> None:
        frame = self._work.frame
        if frame is None or frame is self._listed:
            self._draw()
            return
        self._listed = frame
        self._table.look(empty="No job matches" if len(frame) else "There are no jobs in this range")
        if self._work.wished:
            self._table.df = frame  # draws, by _looked
        else:
            self._table.offer(frame)  # draws as well

    def _draw(self) -> None:
        work, table = self._work, self._table
        self._picture.look()
        self._top.draw(work, table)
        if work.frame is None:
            table.look(empty="Reading the list…" if work.busy else "The list could not be read")
        self._earlier.draw(work.unfinished, work.stage)
        self.show_error(self._said)
        self._drawer.draw(work.frame)
        self._draw_zone()
        if self._zone[1] is None:
            self._bulk.draw(table, busy=BUSY.get(work.stage, ""))

    def _draw_zone(self) -> None:
        key = key_of(self._work)
        if key != self._zone[0]:
            old, zone = self._zone[1], zone_of(self._work, self._calls)
            self._zone = (key, zone)
            self._table.look(height=HEIGHT if zone is None else LOW)
            self.children = (*self._frame, zone.box if zone is not None else self._bulk.box)
            if old is not None and zone is None:
                self._table.focus()
            if old is not None:
                dispose(old.box)
        if self._zone[1] is not None:
            self._zone[1].draw(self._work)
        self._forget_selection()

    def _forget_selection(self) -> None:
        """Select nothing more once the selected jobs were acted on."""
        work = self._work
        if work.stage is Stage.DONE and work.act is not None and work.act.carries_out and work.act.op != self._acted:
            self._acted = work.act.op
            self._table.select(None)


def _seconds(refresh: str | timedelta | None) -> float | None:
    every = None if refresh is None else parse_age(refresh).total_seconds()
    if every is not None and every <= 0:
        raise UsageError("refresh must be longer than nothing", hint='write an age such as "5s", or None')
    return every
