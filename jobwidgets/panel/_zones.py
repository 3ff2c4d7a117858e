"""Below the table, before anything is sent: what can be done with the selection, the plan, the countdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.panel import _words as words
from jobwidgets.panel._controller import CAP, GRACE, GRACE_ABOVE
from jobwidgets.panel._parts import Note, texts
from jobwidgets.panel._table import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan
    from jobwidgets.panel._controller import Controller
    from jobwidgets.panel._run import Act

HELP = "Nothing is selected: click a row, or its box, or press Ctrl-A in the table for all that match."


def button(
    name: str, pressed: Callable[[], None], *, style: str = "", hint: str = "", icon: str = ""
) -> ipywidgets.Button:
    """Make a button."""
    made = ipywidgets.Button(description=name, tooltip=hint or name, icon=icon)
    made.add_class("jw-button")
    if style:
        made.add_class(f"jw-{style}")
    made.on_click(lambda _: pressed())
    return made


def row(*children: ipywidgets.Widget, style: str) -> ipywidgets.Box:
    """Put parts side by side."""
    made = ipywidgets.Box(children)
    made.add_class(style)
    return made


def able(frame: pd.DataFrame, kind: str) -> tuple[int, dict[str, int]]:
    """Count the jobs that can be acted on, as far as can be told from here, and the reasons of the others."""
    if frame.empty:
        return 0, {}
    if kind == "retry":
        yes = frame["can_retry"].fillna(value=False).astype(bool)
        return int(yes.sum()), {"complete": int((~yes).sum())} if not yes.all() else {}
    yes = frame["can_cancel"].fillna(value=True).astype(bool)  # not known yet: the plan looks again
    counts = frame.loc[~yes, "why_not"].value_counts()
    return int(yes.sum()), {str(code): int(count) for code, count in counts.items() if count}


class BulkBar:
    """What can be done with the selection, and why not with all of it.

    Parameters
    ----------
    act, select_matching, clear : callable
        What is called when a button is pressed; `act` with "cancel" or "retry".
    """

    def __init__(
        self, *, act: Callable[[str], None], select_matching: Callable[[], None], clear: Callable[[], None]
    ) -> None:
        self._note = Note(role="status")
        self._all = button("Select all that match", select_matching, style="quiet")
        self._none = button("Clear", clear, style="quiet", hint="Select nothing")
        self._acts = {
            "retry": button("Retry", lambda: act("retry"), style="second"),
            "cancel": button("Cancel", lambda: act("cancel"), style="danger"),
        }
        left = row(self._all, self._none, style="jw-left")
        self.box = row(
            row(self._note, left, style="jw-choice"), row(*self._acts.values(), style="jw-acts"), style="jw-bulk"
        )

    def draw(self, selected: pd.DataFrame, *, hidden: int, total: int, filtered: bool, every: bool, busy: bool) -> None:
        """Show what can be done with these."""
        chosen = len(selected)
        lines: list[str] = []
        for kind in ("cancel", "retry"):
            count, reasons = able(selected, kind)
            without = words.left_out(reasons)
            lines += [f"{words.VERBS[kind]}: {without}"] if without else []
            why = (
                ""
                if count
                else (f"None of these can be {words.DONE[kind]}: {words.grouped(reasons)}" if chosen else HELP)
            )
            self._set(kind, words.act(kind, count, chosen), why, busy=busy)
        elsewhere = "none of them" if hidden == chosen else f"{words.number(hidden)} of them not"
        head = f"{words.jobs(chosen)} selected" + (f", {elsewhere} in view" if hidden else "")
        self._note.say(*([("title", head), *texts("dim", lines)] if chosen else [("dim", HELP)]))
        with self._all.hold_sync():
            self._all.description = f"Select all {words.number(total)}{' that match' if filtered else ''}"
            self._all.tooltip = f"Select {words.jobs(total)}: everything that the filter lets through, in view or not"
            self._all.disabled = every or not total
        self._none.disabled = not chosen

    def _set(self, kind: str, name: str, why: str, *, busy: bool) -> None:
        made = self._acts[kind]
        with made.hold_sync():
            made.description = name
            made.disabled = bool(why) or busy
            made.tooltip = "Another act is under way" if busy else why or f"{name}: shows the plan first, sends nothing"


class Confirm:
    """The plan, before anything is sent. Its buttons are made for this plan alone."""

    def __init__(
        self, plan: AsyncPlan, *, go: Callable[[str, str, str], None], back: Callable[[], None], undone: bool
    ) -> None:
        count = plan.counts.get(plan.kind, 0)
        verb, self.op = words.VERBS[plan.kind], plan.op
        note = Note(tone="plan", role="status", focus=True)
        said = ["Undone in time."] if undone else []
        said += ["Nothing has been sent yet."]
        said += ["Each becomes a new job; the old one stays as it is."] if plan.kind == "retry" else []
        said += [f"After the click there are {GRACE} seconds to undo it."] if count > GRACE_ABOVE and not undone else []
        note.say(
            ("title", f"{verb} {words.jobs(count)}?" if count else f"There is nothing to {plan.kind}"),
            ("text", " ".join(said)),
            ("dim", words.left_out(plan.reasons)),
        )
        shown = plan.df.sort_values("action", kind="stable")
        table = JobTable(shown, columns=["action", "name", "id", "status", "why_not"], height=206, label="The plan")
        table.look(foot=False, choose=False)
        why = "Why? Kept with the receipt (optional)"
        self._reason = ipywidgets.Text(value=plan.reason, placeholder=why, description="Reason")
        self._typed = ipywidgets.Text(placeholder=str(count), description=f"Type {count} to confirm")
        for field in (self._reason, self._typed):
            field.add_class("jw-field")
        self._typed.layout.display = None if count > CAP else "none"
        self._go = button(
            f"{verb} {words.jobs(count)}", self._pressed, style="danger" if plan.kind == "cancel" else "first"
        )
        self._go.layout.display = None if count else "none"
        self._call = go
        acts = row(button("Back", back, style="second", hint="Send nothing"), self._go, style="jw-acts")
        foot = row(row(self._reason, self._typed, style="jw-fields"), acts, style="jw-bulk")
        self.box = ipywidgets.VBox([note, table, foot])
        self.box.add_class("jw-zone")

    def draw(self, _work: Controller) -> None:
        """Leave it as it is: a plan does not change."""

    def _pressed(self) -> None:
        self._call(self.op, self._reason.value, self._typed.value)


class Grace:
    """The countdown before many are sent: nothing has left, and one key press goes back.

    Undo stands where the button stood that brought this, so that a second click or key press undoes.
    """

    def __init__(self, act: Act, *, undo: Callable[[str], None], now: Callable[[str], None]) -> None:
        self._count = Note(tone="count", role="timer")
        note = Note(tone="plan", role="status", focus=True, target="jw-undo")
        note.say(
            ("title", f"{words.DOING[act.what]} {words.jobs(act.count)} in a moment"),
            ("text", f"Nothing{' more' * (not act.carries_out)} has been sent yet. Undo goes back, and sends nothing."),
        )
        start = button("Start now", lambda: now(act.op), style="quiet", hint="Do not wait for the countdown")
        back = button("Undo", lambda: undo(act.op), style="first", hint="Go back; nothing has been sent")
        back.add_class("jw-undo")
        left = row(self._count, note, style="jw-counting")
        self.box = ipywidgets.VBox([row(left, row(start, back, style="jw-acts"), style="jw-bulk")])
        self.box.add_class("jw-zone")

    def draw(self, work: Controller) -> None:
        """Show the number."""
        self._count.say(("count", str(work.left)))
