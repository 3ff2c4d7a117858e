"""The menus of the table: what each column can be filtered by, and which are shown. The page only draws them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.table.cells import column_of
from jobwidgets.widgets.table.column_filters import (
    LONGEST,
    MOST,
    WAYS,
    Condition,
    Values,
    condition,
    fields,
    listed,
)
from jobwidgets.widgets.table.layout import STEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.widgets.table.cells import Column
    from jobwidgets.widgets.table.layout import Layout
    from jobwidgets.widgets.table.model import TableState
    from jobwidgets.widgets.table.row_view import Filter

_HINTS = {
    "after": "2026-03-01 or 2d",
    "before": "2026-03-01 or 2d",
    "older": "10min",
    "longer": "1h",
    "shorter": "1h",
    "least": "1",
    "most": "5",
    "contains": "any part of it",
}
EXACT = "exact"
"""The option of the columns' menu that is no column."""


def column_shown(state: TableState, key: str) -> Column:
    """Give a column that is shown.

    Raises
    ------
    UsageError
        There is none of this key.
    """
    for column in state.columns:
        if column.key == key:
            return column
    raise UsageError("the page asked for a column that is not shown")


# ------------------------------------------------------------------------- one column


def column_menu(state: TableState, key: str, typed: Mapping[str, tuple[str, str]] | None = None) -> dict[str, Any]:
    """Describe the menu of a column; `typed` tells what was refused in which field, and why."""
    column, rule = column_shown(state, key), state.view.filter
    held = {each.way: each for each in rule.columns if each.column == key}
    told = []
    for way in fields(column):
        text, error = (typed or {}).get(way) or (held[way].text if way in held else "", "")
        told.append(
            {"way": way, "label": _label(way), "text": text, "hint": _HINTS[way], "error": sanitize(error, 300)}
        )
    filtered = bool(held) or (key == "status" and bool(rule.statuses))
    return {
        "column": key,
        "title": column.title,
        "options": _options(state, column),
        "fields": told,
        "clear": filtered,
        "width": column.width,
        "step": STEP,
        "hide": len(state.columns) > 1,
    }


def _label(way: str) -> str:
    return WAYS[way].capitalize()


def _options(state: TableState, column: Column) -> list[dict[str, Any]]:
    values = _values(state, column)
    if values is None:
        return []
    chosen, rule = _chosen(state.view.filter, column.key), state.view.filter
    others = replace(rule, statuses=frozenset()) if column.key == "status" else rule.of_column(column.key)
    counts = values.count(others.mask(state.frame))
    found = [name for name, count in counts.items() if count or name in chosen]
    if column.kind != "status":
        found.sort(key=lambda name: (name not in chosen, -counts[name], name))
    return [_option(column, name, counts[name], on=name in chosen) for name in found[:MOST]]


def _option(column: Column, name: str, count: int, *, on: bool) -> dict[str, Any]:
    return {
        "key": sanitize(name, LONGEST),
        "text": _shown(column, name),
        "face": words.face(name) if column.kind in ("status", "outcome") and name else "",
        "count": words.number(count),
        "on": on,
    }


def _shown(column: Column, name: str) -> str:
    if not name:
        return "not known" if column.kind == "verdict" else "none"
    if column.kind == "verdict":
        return {"True": "yes", "False": "no"}.get(name, sanitize(name, 40))
    return sanitize(words.reason(name) if column.kind == "reason" else words.outcome(name), LONGEST)


def _values(state: TableState, column: Column) -> Values | None:
    if fields(column) and column.kind != "text":
        return None
    values = Values.of(state.frame, column.key)
    return values if listed(column, values) else None


def _chosen(rule: Filter, key: str) -> frozenset[str]:
    if key == "status":
        return rule.statuses
    return next((each.values for each in rule.columns if (each.column, each.way) == (key, "any")), frozenset())


def ticked(state: TableState, key: str, option: str) -> Filter:
    """Give the filter with one value of a column taken in, or taken out again.

    Raises
    ------
    UsageError
        The column has no such value.
    """
    column, rule = column_shown(state, key), state.view.filter
    values, chosen = _values(state, column), _chosen(state.view.filter, key)
    known = {*chosen, *([] if values is None else values.count(rule.of_column(key).mask(state.frame)))}
    meant = frozenset(name for name in known if sanitize(name, LONGEST) == option)
    if not meant:
        raise UsageError("the page asked for a value that this column does not have")
    wanted = chosen - meant if meant <= chosen else chosen | meant
    if key == "status":
        return replace(rule, statuses=wanted)
    kept = [each for each in rule.columns if each.column == key and each.way != "any"]
    return rule.of_column(key, *kept, *([Condition(key, "any", values=wanted)] if wanted else []))


def written(state: TableState, key: str, way: str, text: str) -> Filter:
    """Give the filter with a column filtered in one way by what was typed.

    Raises
    ------
    UsageError
        It cannot be understood.
    """
    new = condition(column_shown(state, key), way, text)
    rule = state.view.filter
    kept = [each for each in rule.columns if each.column == key and each.way != way]
    return rule.of_column(key, *kept, *([new] if new else []))


def cleared(state: TableState, key: str) -> Filter:
    """Give the filter without anything about one column."""
    rule = state.view.filter.of_column(column_shown(state, key).key)
    return replace(rule, statuses=frozenset()) if key == "status" else rule


# ----------------------------------------------------------------------- filters in force


def in_force(state: TableState, *, statuses: bool) -> dict[str, tuple[str, Filter]]:
    """Name the filters in force, each with what would be left without it.

    Parameters
    ----------
    state : TableState
        Whose they are.
    statuses : bool
        Whether that of the statuses is among them; a panel shows it elsewhere.
    """
    rule, found = state.view.filter, {}
    if statuses and rule.statuses:
        said = Condition("status", "any", values=rule.statuses).say("Status")
        found["status"] = (said, replace(rule, statuses=frozenset()))
    for each in rule.columns:
        kept = tuple(other for other in rule.columns if other != each)
        title = column_of(state.frame, each.column).title if each.column in state.frame else each.column
        found[f"{each.way} {each.column}"] = (each.say(title), replace(rule, columns=kept))
    if rule.among is not None:
        found["among"] = (f"{words.number(len(rule.among))} singled out", replace(rule, among=None))
    if rule.where:
        found["where"] = (sanitize(rule.where, LONGEST), replace(rule, where=""))
    return found


# ----------------------------------------------------------------------- all the columns


def columns_menu(state: TableState) -> dict[str, Any]:
    """Describe the menu of all columns."""
    shown = {column.key for column in state.columns}
    options = [
        {"key": key, "text": column_of(state.frame, key).title, "face": "", "count": "", "on": key in shown}
        for key in _every(state)
    ]
    exact = {"key": EXACT, "text": "Times in full", "face": "", "count": "", "on": state.layout.exact}
    return {
        "column": "",
        "title": "Columns",
        "options": options,
        "also": [exact],
        "usual": state.layout.keys is not None,
    }


def _every(state: TableState) -> list[str]:
    usual = state.usual()
    return [*usual, *(str(key) for key in state.frame.columns if str(key) not in usual)]


def toggled(state: TableState, key: str) -> Layout:
    """Give the layout with a column shown, or no longer.

    Raises
    ------
    UsageError
        There is no such column, or no other one would be left.
    """
    shown = {column.key for column in state.columns} ^ {key}
    if key not in state.frame:
        raise UsageError("the page asked for a column that the frame does not have")
    if not shown:
        raise UsageError("one column has to stay")
    return replace(state.layout, keys=tuple(each for each in _every(state) if each in shown))
