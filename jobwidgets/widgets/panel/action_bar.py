"""Below the table, while nothing is planned: what can be done with the selection, and why not with all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import Reason
from jobwidgets.widgets.panel.countdown_view import button, row
from jobwidgets.widgets.parts import Chips, Note, chip
from jobwidgets.widgets.snippets import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ipywidgets
    import pandas as pd

    from jobwidgets.widgets.table.widget import JobTable

KINDS = ("cancel", "retry")
NEEDED = ("id", "can_cancel", "can_retry", "why_not")
"""The columns of the selected jobs that say what can be done with them."""
HELP = "Nothing is selected: click a row, or its box, or press Ctrl-A in the table for all that match."


def left_out(selected: pd.DataFrame, kind: str) -> pd.Series[str]:
    """Give the reason code of each job that cannot be acted on, as far as can be told from here, by its id."""
    jobs = selected.set_index("id")
    if kind == "retry":  # of itself only a complete job cannot be retried
        no = ~jobs["can_retry"].fillna(value=False).astype(bool)
        return jobs.loc[no, "why_not"].astype("string").mask(no[no], str(Reason.COMPLETE))
    no = ~jobs["can_cancel"].fillna(value=True).astype(bool)  # not known yet: the plan looks again
    return jobs.loc[no, "why_not"].astype("string").fillna(str(Reason.TASKS_UNREAD))


class Reasons:
    """Why some jobs are left out: one toggle a reason, with its count, that shows just those jobs.

    Parameters
    ----------
    label : str
        What the toggles are called for those who hear them read.
    pressed : callable
        Called with the code that was pressed, as the page tells it.
    """

    def __init__(self, label: str, pressed: Callable[[object], None]) -> None:
        self._note, self._chips = Note(), Chips(label, pressed)
        self.box = row(self._note, self._chips, style="jw-reasons")
        self.box.layout.display = "none"

    def draw(self, title: str, counts: Mapping[str, int], on: str = "") -> None:
        """Show these, the most frequent first; none hides all."""
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self._note.say(("text", title if ordered else ""))
        self._chips.show(
            [
                chip(code, words.short(code), words.number(count), on=code == on, hint=f"Show just {words.jobs(count)}")
                for code, count in ordered
            ]
        )
        self.box.layout.display = None if ordered else "none"


@dataclass(frozen=True, slots=True)
class _Shown:
    """The jobs that a pressed reason shows."""

    kind: str
    code: str
    ids: frozenset[str]


class BulkBar:
    """What can be done with the selection, and why not with all of it.

    Parameters
    ----------
    act, reason, select_matching, clear : callable
        What is called when a button is pressed; `act` with "cancel" or "retry", `reason` with that and the code.
    code : callable
        Gives the lines that list what is shown.
    """

    def __init__(
        self,
        *,
        act: Callable[[str], None],
        reason: Callable[[str, object], None],
        select_matching: Callable[[], None],
        clear: Callable[[], None],
        code: Callable[[], Sequence[str]],
    ) -> None:
        self._note = Note(tone="bar", role="status")
        self._shown: _Shown | None = None
        self._reasons = {
            "cancel": Reasons("Show those that cannot be cancelled", lambda code: reason("cancel", code)),
            "retry": Reasons("Show those that cannot be retried", lambda code: reason("retry", code)),
        }
        self._all = button("Select all that match", select_matching, style="quiet")
        self._none = button("Clear", clear, style="quiet", hint="Select nothing")
        self._acts = {
            "retry": button("Retry", lambda: act("retry"), style="second"),
            "cancel": button("Cancel", lambda: act("cancel"), style="danger"),
        }
        left = row(self._all, self._none, style="jw-left")
        self._code = Code(code, what="for this list")
        why: list[ipywidgets.Widget] = [each.box for each in self._reasons.values()]
        self.box = row(
            row(self._note, *why, left, style="jw-choice"),
            row(*self._acts.values(), style="jw-acts"),
            self._code,
            style="jw-bulk",
        )

    def press(self, table: JobTable, kind: str, code: object) -> None:
        """Show just the selected jobs that are left out for this reason, or all again.

        Raises
        ------
        UsageError
            No selected job is left out for such a reason.
        """
        reasons = left_out(table.picked_part(*NEEDED), kind)
        ids = frozenset(reasons.index[reasons == code]) if isinstance(code, str) else frozenset()
        if not ids:
            raise UsageError("the page asked for a reason that no selected job has")
        on = self._on(table)
        if on is not None and (on.kind, on.code) == (kind, code):
            self._shown = None
            table.single_out(None)
        else:
            self._shown = _Shown(kind, str(code), ids)
            table.single_out(ids)

    def _on(self, table: JobTable) -> _Shown | None:
        """Give what a reason shows just now, unless the filter has changed since."""
        return self._shown if self._shown is not None and table.rule.among == self._shown.ids else None

    def draw(self, table: JobTable, *, busy: str) -> None:
        """Show what can be done with what is selected; while something is being done, say what."""
        selected = table.picked_part(*NEEDED)
        chosen, total = len(selected), len(table)
        out = {kind: left_out(selected, kind) for kind in KINDS}
        on = self._on(table)
        if on is not None and not (out[on.kind] == on.code).any():
            self._shown = None
            table.single_out(None)  # nobody could take it back any more; draws again
            return
        for kind, reasons in out.items():
            self._draw_kind(kind, reasons, chosen, on=on.code if on is not None and on.kind == kind else "", busy=busy)
        shown = table.picked_shown
        away = "none of them" if not shown else f"{words.number(chosen - shown)} of them not"
        head = f"{words.jobs(chosen)} selected" + (f", {away} in view" if chosen > shown else "")
        self._note.say(("title", head if chosen else ""), ("dim", busy or (HELP if total and not chosen else "")))
        with self._all.hold_sync():
            self._all.description = f"Select all {words.number(total)}{' that match' if table.rule else ''}"
            self._all.tooltip = f"Select {words.jobs(total)}: everything that the filter lets through, in view or not"
            self._all.disabled = not total or shown == total == chosen
        self._none.disabled = not chosen
        self._code.draw()

    def _draw_kind(self, kind: str, reasons: pd.Series[str], chosen: int, *, on: str, busy: str) -> None:
        can, made = chosen - len(reasons), self._acts[kind]
        done = words.DONE[kind]
        title = f"{words.number(chosen - can)} cannot be {done}:" if can else f"None of these can be {done}:"
        counts = {str(code): int(count) for code, count in reasons.value_counts().items()}
        self._reasons[kind].draw(title, counts, on)
        name = words.act(kind, can, chosen)
        why = f"None of these can be {done}: {words.grouped(counts)}" if chosen else HELP
        with made.hold_sync():
            made.description = name
            made.disabled = not can or bool(busy)
            made.tooltip = busy or (f"{name}: shows the plan first, sends nothing" if can else why)
