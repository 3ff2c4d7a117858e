"""Below the table, once something is sent: what becomes of each job, while it is worked on and after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import OUTCOMES
from jobwidgets.widgets.panel.controller import Stage
from jobwidgets.widgets.panel.countdown_view import button, row, zone
from jobwidgets.widgets.panel.receipt_rows import ended, expected, shown
from jobwidgets.widgets.parts import Chips, Note, chip, dispose
from jobwidgets.widgets.snippets import Code
from jobwidgets.widgets.table.widget import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from jobwidgets.bulk import AsyncReceipt
    from jobwidgets.widgets.panel.controller import Controller
    from jobwidgets.widgets.panel.operation_runner import Run

HEIGHT = 234
"""Pixels of the table of outcomes."""
SAY_EVERY = 5.0
"""Seconds between two times that it is read out how far it is."""


class _Progress:
    """How far it is, and the button that stops it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._bar = ipywidgets.IntProgress(value=0, min=0, max=1)
        self._bar.add_class("jw-progress")
        self._through = Note()
        self._aloud = Note(role="status")  # read out, and not shown: the line beside it changes too often for that
        self._aloud.add_class("jw-aloud")
        self._said_at = 0.0
        self._stop = button("Stop", stop, style="second", hint="Send nothing more; what was sent stays sent")
        self.parts = (self._bar, row(self._through, self._stop, style="jw-acts"), self._aloud)

    def draw(self, run: Run) -> None:
        """Show how many are through."""
        done, total, _ = run.progress
        asking = f"asking about {words.number(run.doubtful)} unknown" if run.doubtful else ""
        through = f"{words.number(done)} of {words.number(total)} through" if done else asking or "sending…"
        self._through.say(("dim", through if run.act.sends else f"{asking}, nothing is sent"))
        self._bar.max, self._bar.value = max(1, total), done
        if done and time.monotonic() - self._said_at >= SAY_EVERY:
            self._said_at = time.monotonic()
            self._aloud.say(("text", through))
        self._stop.disabled = run.stopping


class Outcome:
    """What becomes of each job of one operation.

    Parameters
    ----------
    op : str
        The operation.
    filtered, stop, resume, resolve, again, close : callable
        What is called when a control is used; `filtered` with the key of the outcome that was pressed, `resume`,
        `resolve` and `again` with the operation.
    code : callable
        Gives the lines that read this receipt.
    """

    def __init__(
        self,
        op: str,
        *,
        filtered: Callable[[object], None],
        stop: Callable[[], None],
        resume: Callable[[str], None],
        resolve: Callable[[str], None],
        again: Callable[[str], None],
        close: Callable[[], None],
        code: Callable[[], Sequence[str]],
    ) -> None:
        self.op = op
        self._stop, self._resume, self._resolve, self._again, self._close = stop, resume, resolve, again, close
        self._working = False
        self._turned = False
        self._chosen: frozenset[str] = frozenset()
        self._drawn: tuple[pd.DataFrame | None, bool] = (None, False)
        self._columns: list[str] = []
        self._table: JobTable | None = None
        self._note = Note(tone="plan", role="status", focus=True)
        self._chips = Chips("Filter by outcome", filtered)
        self._progress: _Progress | None = None
        self._foot = row(style="jw-bulk")
        self._alert = Note(tone="error", role="alert")
        self._code = Code(code, what="for this receipt")
        self.box = zone(self._note, self._alert, self._chips, self._foot, self._code)

    def press(self, key: object) -> None:
        """Show only the jobs with this outcome, or those as well, or not any more.

        Raises
        ------
        UsageError
            There is no such outcome.
        """
        if not isinstance(key, str) or key not in OUTCOMES:
            raise UsageError("the page asked for an outcome that there is not")
        self._chosen ^= {key}
        self._narrow()

    def draw(self, work: Controller) -> None:
        """Show how far it is, or how it ended."""
        self._turn(work)
        run, receipt = work.run, work.receipt
        if self._working and run is not None:
            self._draw_progress(run)
            rows = work.rows if run.rows is None else run.rows
            self._draw_rows(expected(work.plan) if rows is None and work.plan is not None else rows)
            self._draw_chips(run.progress[2])
        elif receipt is not None:
            self._alert.say()
            self._code.draw()
            lines, tone = ended(receipt, work.rows, work.afterword, undone=work.undone)
            self._note.say(*lines, tone=tone)
            self._draw_rows(work.rows)
            self._draw_chips(receipt.counts)

    # ---------------------------------------------------------------------- controls

    def _turn(self, work: Controller) -> None:
        """Give it the controls of another stage; the old ones are closed, with their way to the kernel."""
        working = work.stage is Stage.WORKING
        if self._turned and working == self._working:
            return
        old, again = self._foot.children, self._turned
        self._working, self._turned, self._chosen = working, True, frozenset()
        self._foot.children = self._under_way() if working else self._over(work.receipt)
        for part in old:
            dispose(part)
        self._narrow()
        if again:
            self._note.focus()

    def _under_way(self) -> tuple[ipywidgets.Widget, ...]:
        self._progress = _Progress(self._stop)
        return self._progress.parts

    def _over(self, receipt: AsyncReceipt | None) -> tuple[ipywidgets.Widget, ...]:
        counts, why = ({}, "") if receipt is None else (receipt.counts, receipt.why)
        unknown, not_sent = counts.get("unknown", 0), counts.get("not_sent", 0)
        note = Note()
        note.say(
            ("dim", f"Receipt {self.op}" + (f" · reason: {why}" if why else "")),
            ("code", f'client.receipt("{self.op}").resume()' if unknown or not_sent else ""),
        )
        acts = [button("Back to the list", self._close, style="second")]
        if receipt is not None and counts.get("refused"):
            name, hint = (
                words.again(receipt.kind, counts["refused"]),
                "Make a new plan for what was refused; sends nothing",
            )
            acts.append(button(name, lambda: self._again(self.op), style="second", hint=hint))
        if unknown:
            name, hint = f"Resolve {words.number(unknown)}", "Ask what became of those without an answer; sends nothing"
            acts.append(button(name, lambda: self._resolve(self.op), style="second", hint=hint))
        if not_sent:
            name, hint = f"Resume {words.number(not_sent)}", "Ask about what is unknown, then send what was not sent"
            acts.append(button(name, lambda: self._resume(self.op), style="first", hint=hint))
        return row(note, style="jw-fields"), row(*acts, style="jw-acts")

    # ----------------------------------------------------------------------- drawing

    def _draw_progress(self, run: Run) -> None:
        if self._progress is not None:
            self._progress.draw(run)
        self._note.say(
            ("title", f"{words.DOING[run.act.what]} {words.jobs(run.act.count)}"),
            ("text", "Stopping: what is on its way is waited for, nothing more is sent." if run.stopping else ""),
            tone="plan",
        )
        self._alert.say(("text", run.trouble))

    def _draw_rows(self, rows: pd.DataFrame | None) -> None:
        if rows is None or (rows is self._drawn[0] and self._working == self._drawn[1]):
            return
        self._drawn = (rows, self._working)
        frame, columns = shown(rows, working=self._working)
        if self._table is not None and self._columns == columns:
            self._table.df = frame
        else:
            old, self._columns = self._table, columns
            self._table = JobTable(frame, columns=columns, height=HEIGHT, label="What became of each job")
            self._table.look(foot=False, choose=False, search=False, empty="No job has this outcome")
            self.box.children = (self._note, self._alert, self._chips, self._table, self._foot, self._code)
            if old is not None:
                dispose(old)
        self._narrow()

    def _narrow(self) -> None:
        if self._table is not None:
            said = sorted(self._said(outcome) for outcome in self._chosen)
            self._table.narrow(where=f"outcome in {said!r}" if said else "")

    def _said(self, outcome: str) -> str:
        return words.MEANWHILE.get(outcome, outcome) if self._working else outcome

    def _draw_chips(self, counts: dict[str, int]) -> None:
        chips = []
        for outcome in OUTCOMES:
            count, on = counts.get(outcome, 0), outcome in self._chosen
            if count or on:
                said = self._said(outcome)
                word = words.outcome(said)
                hint = f"Show those that are {word}" if outcome != "unknown" else "Show those without an answer"
                chips.append(chip(outcome, word, words.number(count), on=on, face=words.face(said), hint=hint))
        self._chips.show(chips)
