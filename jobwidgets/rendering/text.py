"""Views as plain text: aligned columns for terminals and logs, every character visible."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.rendering.view_model import Cell, Column, Table, View

_GAP = "  "
_WIDE = frozenset("WF")
_NO_TERMINAL = 150
"""Columns to fill where no terminal says its own width: a notebook, a log, an exported page."""


def render(view: View) -> str:
    """Write a view as lines of text."""
    chips = _GAP.join(_flat(chip) for chip in view.chips)
    lines = [sanitize(view.title, 300) + (f"{_GAP}{chips}" if chips else "")]
    lines += [sanitize(fact, 400) for fact in view.facts]
    if view.pairs:
        widest = max(width_of(name) for name, _ in view.pairs)
        lines += [f"  {pad(name, widest)}{_GAP}{_flat(cell, 300)}".rstrip() for name, cell in view.pairs]
    for table in view.tables:
        lines += ["", *_table_lines(table, terminal_width())]
    lines += [sanitize(note, 600) for note in view.notes]
    return "\n".join(lines)


def terminal_width() -> int:
    """Say how many columns there are to fill."""
    if sys.__stdout__ is not None and sys.__stdout__.isatty():
        return max(60, shutil.get_terminal_size().columns)
    return _NO_TERMINAL


def width_of(text: str) -> int:
    """Count the columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in text
    )


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill a text with blanks up to a width in columns."""
    blanks = " " * (width - width_of(text))
    return blanks + text if right else text + blanks


def cut(text: str, width: int) -> str:
    """Shorten a text to a width in columns, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    kept, room = "", width - 1
    for char in text:
        room -= width_of(char)
        if room < 0:
            break
        kept += char
    return kept + "…"


def _flat(cell: Cell, limit: int = 200) -> str:
    words = " · ".join(part for part in (sanitize(cell.text, limit), sanitize(cell.note, limit)) if part)
    return f"{cell.glyph} {words}" if cell.glyph else words


def _table_lines(table: Table, room: int) -> list[str]:
    cells = [[_flat(cell, column.width) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    widths = [max(map(width_of, (column.title, *texts))) for column, *texts in zip(table.columns, *cells, strict=True)]
    kept = _fitting(widths, table.columns, room)
    columns = [table.columns[i] for i in kept]
    widths = _squeeze([widths[i] for i in kept], columns, room)
    heads = [column.title for column in columns]
    lines = [sanitize(table.title, 300)] if table.title else []
    lines += [_line(heads, widths, columns), _GAP.join("─" * width for width in widths)]
    lines += [_line([row[i] for i in kept], widths, columns) for row in cells]
    lines += [sanitize(table.footer, 400)] if table.footer else []
    dropped = [column.title for i, column in enumerate(table.columns) if i not in kept]
    return [*lines, f"Not shown for want of room: {', '.join(dropped)}."] if dropped else lines


def _fitting(widths: list[int], columns: Sequence[Column], room: int) -> list[int]:
    """Say which columns stay: spare ones go, by their rank, until the rest can be made to fit."""
    kept = list(range(len(columns)))

    def least() -> int:
        narrow = (widths[i] if columns[i].whole or columns[i].right else min(widths[i], _LEAST) for i in kept)
        return sum(narrow) + len(_GAP) * (len(kept) - 1)

    while least() > room:
        spare = [i for i in kept if columns[i].spare]
        if not spare:
            break
        kept.remove(min(spare, key=lambda i: columns[i].spare))
    return kept


_LEAST = 14
"""No text is narrowed below this many columns."""


def _squeeze(widths: list[int], columns: Sequence[Column], room: int) -> list[int]:
    """Narrow the widest texts that may be cut until the line fits; ids and numbers are never cut."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    while excess > 0:
        free = [i for i, column in enumerate(columns) if not (column.right or column.whole) and widths[i] > _LEAST]
        if not free:
            break
        widths[max(free, key=lambda i: widths[i])] -= 1
        excess -= 1
    return widths


def _line(texts: list[str], widths: list[int], columns: Sequence[Column]) -> str:
    parts = (
        pad(cut(text, width), width, right=column.right)
        for text, width, column in zip(texts, widths, columns, strict=True)
    )
    return _GAP.join(parts).rstrip()
