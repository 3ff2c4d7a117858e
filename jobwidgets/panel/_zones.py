"""Below the table: what can be done with the selection, the plan to confirm, the progress, the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.panel import _words as words
from jobwidgets.panel._controller import CAP
from jobwidgets.panel._parts import Note, texts
from jobwidgets.panel._table import JobTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan, AsyncReceipt

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

    def __init__(self, plan: AsyncPlan, *, go: Callable[[str, str, str], None], back: Callable[[], None]) -> None:
        count = plan.counts.get(plan.kind, 0)
        verb, self.op = words.VERBS[plan.kind], plan.op
        note = Note(tone="plan", role="status", focus=True)
        later = "Each becomes a new job; the old one stays as it is." if plan.kind == "retry" else ""
        note.say(
            ("title", f"{verb} {words.jobs(count)}?" if count else f"There is nothing to {plan.kind}"),
            ("text", "Nothing has been sent yet." + (f" {later}" if later else "")),
            ("dim", words.left_out(plan.reasons)),
        )
        shown = plan.df.sort_values("action", kind="stable")
        table = JobTable(shown, columns=["action", "name", "id", "status", "why_not"], height=206, label="The plan")
        table.look(foot=False, choose=False)
        self._reason = ipywidgets.Text(placeholder="Why? Kept with the receipt (optional)", description="Reason")
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

    def _pressed(self) -> None:
        self._call(self.op, self._reason.value, self._typed.value)


class Working:
    """How far it is."""

    def __init__(self, kind: str, total: int, *, stop: Callable[[], None]) -> None:
        self._kind = kind
        self._note = Note(tone="plan", role="status", focus=True)
        self._bar = ipywidgets.IntProgress(value=0, min=0, max=max(1, total))
        self._bar.add_class("jw-progress")
        hint = "Send nothing more; what was sent stays sent"
        foot = row(self._bar, row(button("Stop", stop, style="second", hint=hint), style="jw-acts"), style="jw-bulk")
        self.box = ipywidgets.VBox([self._note, foot])
        self.box.add_class("jw-zone")

    def draw(self, done: int, total: int, counts: dict[str, int]) -> None:
        """Show how many are through."""
        self._note.say(
            ("title", f"{words.DOING[self._kind]} {words.jobs(total)}: {words.number(done)} through"),
            ("dim", words.outcomes(counts) if done else "sending…"),
        )
        self._bar.max, self._bar.value = max(1, total), done


class Result:
    """What became of each job."""

    def __init__(self, receipt: AsyncReceipt, trouble: str, *, close: Callable[[], None]) -> None:
        counts = receipt.counts
        bad = {word: count for word, count in counts.items() if word not in ("done", "skipped")}
        note = Note(tone="plan" if bad or trouble else "good", role="status", focus=True)
        doubt = (
            f'ask what became of the unknown ones: client.receipt("{receipt.op}").resolve()' if "unknown" in bad else ""
        )
        note.say(
            ("title", f"{words.VERBS[receipt.kind]}: {words.outcomes(counts)}"),
            ("text", trouble or receipt.halted),
            ("text", doubt),
            ("dim", f"Receipt {receipt.op}"),
        )
        frame, columns = _result_rows(receipt.df)
        table = JobTable(frame, columns=columns, height=234, label="What became of each job")
        table.look(foot=False, choose=False)
        acts = row(button("Back to the list", close, style="second"), style="jw-acts")
        self.box = ipywidgets.VBox([note, table, row(row(style="jw-fields"), acts, style="jw-bulk")])
        self.box.add_class("jw-zone")


def _result_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Put what needs attention first, and all that was said about a job in one column."""
    order = frame["outcome"].map({"refused": 0, "unknown": 1, "not_sent": 2, "done": 3, "skipped": 4}).astype("int64")
    why, said = frame["reason"].fillna(""), frame["message"].fillna("")
    both = why.where(said.eq("") | why.eq(said), why + ": " + said).where(why.ne(""), said)
    columns = ["outcome", "name", "id", "new_id", "message"]
    if frame["new_id"].isna().all():
        columns.remove("new_id")
    return frame.assign(message=both).take(order.argsort(kind="stable").to_numpy()), columns
