"""Below the table, before anything is sent: the plan, what it takes, what has moved since, and the two ways on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED
from jobwidgets.widgets.panel.action_bar import Reasons
from jobwidgets.widgets.panel.controller import GRACE, GRACE_ABOVE
from jobwidgets.widgets.panel.countdown_view import button, row, zone
from jobwidgets.widgets.panel.receipt_rows import drift
from jobwidgets.widgets.parts import Note
from jobwidgets.widgets.snippets import Code
from jobwidgets.widgets.table.widget import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan
    from jobwidgets.widgets.panel.controller import Controller

HEIGHT = 206
"""Pixels of the table of the plan."""


class Confirm:
    """The plan, before anything is sent. Its buttons are made for this plan alone, and it never changes.

    Parameters
    ----------
    plan : AsyncPlan
        What is going to be done.
    environment : str
        What the service is: production is said on the button.
    listed : DataFrame or None
        The list from which the jobs were chosen: what a later list shows otherwise has moved since.
    undone : bool
        Whether the countdown was undone just now.
    go, back, reason : callable
        What is called when a button is pressed; `go` with the operation, the reason and what was typed, `reason` with
        the code of a reason why jobs are left out.
    code : callable
        Gives the lines that make and apply this plan, from the reason that was typed.
    """

    def __init__(
        self,
        plan: AsyncPlan,
        *,
        environment: str,
        listed: pd.DataFrame | None,
        undone: bool,
        go: Callable[[str, str, str], None],
        back: Callable[[], None],
        reason: Callable[[object], None],
        code: Callable[[str], Sequence[str]],
    ) -> None:
        self.op, self._plan, self._go, self._seen, self._shown = plan.op, plan, go, listed, ""
        count = plan.counts.get(plan.kind, 0)
        act = f"{words.VERBS[plan.kind]} {words.jobs(count)}{words.where(environment)}"
        note = Note(tone="plan", role="status", focus=True)
        note.say(
            ("title", f"{act}?" if count else f"There is nothing to {plan.kind}"),
            ("text", _promise(plan.kind, count, undone=undone)),
            ("dim", f"Takes about {words.requests(plan.requests)}." if count else ""),
        )
        self._moved = Note(role="status")
        self._reasons = Reasons("Show those that are left out", reason)
        self._reasons.draw(_without(plan), plan.reasons)
        shown = plan.df.sort_values("action", kind="stable")
        self._table = JobTable(
            shown, columns=["action", "name", "id", "status", "why_not"], height=HEIGHT, label="The plan"
        )
        self._table.look(foot=False, choose=False, search=False)
        send = button(act, self._pressed, style="danger" if plan.kind == "cancel" else "first")
        send.layout.display = None if count else "none"
        acts = row(button("Back", back, style="second", hint="Send nothing"), send, style="jw-acts")
        foot = row(row(*self._fields(count), style="jw-fields"), acts, style="jw-bulk")
        lines = Code(lambda: code(self._reason.value), what="for this plan")
        self._reason.observe(lambda _: lines.draw(), "value")
        self.box = zone(note, self._moved, self._reasons.box, self._table, foot, lines)

    def _fields(self, count: int) -> tuple[ipywidgets.Text, ipywidgets.Text]:
        why = "Why? Kept with the receipt (optional)"
        self._reason = ipywidgets.Text(value=self._plan.reason, placeholder=why, description="Reason")
        self._typed = ipywidgets.Text(placeholder=str(count), description=f"Type {count} to confirm")
        self._reason.layout.display = None if count else "none"
        self._typed.layout.display = None if count > MAX_JOBS_UNCONFIRMED else "none"
        for field in (self._reason, self._typed):
            field.add_class("jw-field")
        return self._reason, self._typed

    def press(self, code: object) -> None:
        """Show just the jobs that are left out for this reason, or all again.

        Raises
        ------
        UsageError
            The plan leaves out no job for such a reason.
        """
        if not isinstance(code, str) or code not in self._plan.reasons:
            raise UsageError("the page asked for a reason that the plan does not have")
        self._shown = "" if code == self._shown else code
        self._table.narrow(where=f"why_not == {self._shown!r}" if self._shown else "")
        self._reasons.draw(_without(self._plan), self._plan.reasons, self._shown)

    def draw(self, work: Controller) -> None:
        """Say what has moved since the jobs were chosen, when the list was read again; the plan stays as it is."""
        if work.frame is not None and work.frame is not self._seen:
            self._seen = work.frame
            moved, gone, total = drift(self._plan, work.frame)
            self._moved.say(("dim", words.moved(moved, gone, total, _clock(work.frame))))

    def _pressed(self) -> None:
        self._go(self.op, self._reason.value, self._typed.value)


def _promise(kind: str, count: int, *, undone: bool) -> str:
    said = ["Undone in time."] if undone else []
    said += ["Nothing has been sent yet."]
    said += ["Each becomes a new job; the old one stays as it is."] if kind == "retry" and count else []
    said += [f"After the click there are {GRACE} seconds to undo it."] if count > GRACE_ABOVE and not undone else []
    return " ".join(said)


def _without(plan: AsyncPlan) -> str:
    return f"{words.number(sum(plan.reasons.values()))} left out:"


def _clock(frame: pd.DataFrame) -> str:
    moment = frame.attrs.get("as_of")
    return f"{datetime.fromisoformat(moment):%H:%M:%S} UTC" if isinstance(moment, str) else ""
