"""What a table says of itself beside its rows: its columns, its order, the filters in force, and what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.table import column_menus as menus

if TYPE_CHECKING:
    from jobwidgets.widgets.table.model import TableState


def head_of(state: TableState, look: dict[str, Any], *, waiting: int) -> dict[str, Any]:
    """Describe everything but the rows."""
    rule, every, picked = state.view.filter, state.every(), int(state.mask().sum())
    which = words.number(len(state.view)) + (" that match" if rule else "")
    held = menus.in_force(state, statuses=look["search"])
    marked = {each.column for each in rule.columns} | ({"status"} if rule.statuses else set())
    acts = [("page", "Select the rows in view"), ("all", f"Select all {which}"), ("none", "Clear the selection")]
    useful = {"page": not every, "all": not every, "none": picked > 0}
    return {
        **look,
        "columns": [column.head() for column in state.columns],
        "sort": list(state.view.sort) if state.view.sort else None,
        "marked": sorted(marked),
        "filters": [{"key": key, "text": said} for key, (said, _) in held.items()],
        "text": rule.text,
        "foot": _foot(state, picked, every=every) if look["foot"] else "",
        "acts": [
            {"do": act, "text": text}
            for act, text in acts
            if look["foot"] and look["choose"] and useful[act] and len(state.view)
        ],
        "waiting": f"{words.number(waiting)} change{'' if waiting == 1 else 's'}, apply" if waiting else "",
        "picked": {
            "count": picked,
            "all": every,
            "label": f"Clear the selection of all {which}" if every else f"Select all {which}",
        },
    }


def _foot(state: TableState, picked: int, *, every: bool) -> str:
    total, shown = len(state.frame), len(state.view)
    plural = "" if total == 1 else "s"
    rows = f"{words.number(shown)} of {words.number(total)} row{plural} match" if state.view.filter else ""
    return " · ".join(
        filter(None, [rows or f"{words.number(total)} row{plural}", _selected(state, picked, every=every)])
    )


def _selected(state: TableState, picked: int, *, every: bool) -> str:
    """Say what is selected: these, or all that match."""
    selection, rule = state.selection, state.view.filter
    if not picked and selection.matching is None:
        return ""
    which = " that match" if rule else ""
    if selection.matching == rule and every:
        return f"all {words.number(picked)}{which} selected, and those to come"
    if selection.matching == rule:
        return f"{words.number(picked)} selected: all{which} but {words.number(len(state.view) - picked)}"
    hidden = picked - int(state.mask()[state.view.order].sum())
    unseen = f", {words.number(hidden)} of them not shown" if hidden else ""
    by = " by an expression or an earlier filter" if selection.matching is not None else ""
    return f"{words.number(picked)} selected{by}{unseen}"
