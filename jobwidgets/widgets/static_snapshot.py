"""The picture beside a live panel: what it showed last, as a small piece of HTML that needs no kernel and no script.

It is an output of its own, since a page that cannot show the live one shows nothing else of the same output. While the
live one is there the style sheet hides the picture; a saved notebook holds both.
"""

from __future__ import annotations

import asyncio
import html
import math
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
from IPython.display import display, update_display

from jobwidgets._internal import sanitize, sanitize_html
from jobwidgets.rendering import (
    KINDS,
    Cell,
    Column,
    Field,
    Table,
    View,
    exact,
    is_ours,
    moment,
    plain,
    records,
    render_text,
    status_cell,
)
from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.callbacks import entry

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

ROWS = 25
"""Rows in a picture."""
EVERY = 10.0
"""Seconds between two pictures, at least: each one changes the notebook."""
FIRST = 1.0
"""Seconds that a display waits for the first list, so that a notebook run without a person has its picture."""
HINT = "Run the cell for the live panel."
_VIEW = "application/vnd.jupyter.widget-view+json"
_MOST_COUNTS = 10
_FEW = 6
_ROW, _SHARE = 310, 40
"""Bytes of a row, and of each text in it but the widest: 25 rows of anything stay below 10 KB."""
_WHOLE = 20
"""Characters of a text that stays on one line: a status, a time."""
_JOB = ("status", "name", "tasks", "created at (UTC)", "id")


def picture(what: Pictured | pd.DataFrame) -> str:
    """Draw a panel, a table or a frame as HTML of less than 10 KB, without scripts, links and style sheets."""
    return draw(snapshot(what, title="Jobs") if isinstance(what, pd.DataFrame) else what.snapshot())


def snapshot(frame: pd.DataFrame, *, title: str, rows: pd.DataFrame | None = None, shown: int | None = None) -> View:
    """Say what a picture shows of a frame.

    Parameters
    ----------
    frame : DataFrame
        All there is: it is counted.
    title : str
        What it is called.
    rows : DataFrame, optional
        The first rows in the order shown; None takes those of the frame.
    shown : int, optional
        How many a filter lets through; None means all.
    """
    rows = (frame if rows is None else rows).head(ROWS)
    shown, job = len(frame) if shown is None else shown, is_ours(frame) and frame.attrs["kind"] == "jobs"
    as_of = moment(frame.attrs.get("as_of"))
    total = words.jobs(len(frame)) if job else f"{words.number(len(frame))} row{'' if len(frame) == 1 else 's'}"
    fact = f"{total} as of {exact(as_of)} UTC" if as_of else total
    fields = _fields(frame)
    made = tuple(tuple(field.cell(row, as_of) for field in fields) for row in records(rows))
    facts = (fact,) if len(frame) == shown else (fact, f"The filter lets {words.number(shown)} through.")
    footer = f"The first {len(rows)} of {words.number(shown)} are in this picture." if len(rows) < shown else ""
    table = Table(tuple(field.column for field in fields), made, footer=footer)
    return View(title, _counts(frame), facts, tables=(table,) if made else (), notes=(HINT,))


def _fields(frame: pd.DataFrame) -> list[Field]:
    if not is_ours(frame):
        return [plain(str(name)) for name in frame.columns if isinstance(name, str)][:_FEW]
    fields = KINDS[frame.attrs["kind"]].fields
    if frame.attrs["kind"] == "jobs":
        return sorted(
            (field for field in fields if field.column.title in _JOB), key=lambda f: _JOB.index(f.column.title)
        )
    return list(fields[:_FEW])


def _counts(frame: pd.DataFrame) -> tuple[Cell, ...]:
    if "status" not in frame.columns or not isinstance(frame["status"].dtype, pd.CategoricalDtype):
        return ()
    counts = {str(word): int(count) for word, count in frame["status"].value_counts(sort=False).items() if count}
    most = [status_cell(word, f"{count:,} {word}") for word, count in list(counts.items())[:_MOST_COUNTS]]
    rest = sum(list(counts.values())[_MOST_COUNTS:])
    return (*most, Cell(f"{rest:,} others")) if rest else tuple(most)


# --------------------------------------------------------------------------- as HTML


def draw(view: View) -> str:
    """Write a view as HTML that reads well without its few styles, and whatever the names in it are."""
    counts = " &nbsp; ".join(f"{cell.glyph} {_cut(cell.text, 30)}".strip() for cell in view.chips)
    lines = [f"<strong>{_cut(view.title, 120)}</strong>", *(_cut(fact, 150) for fact in view.facts), counts]
    parts = ['<div class="jobwidgets-picture" style="line-height:1.5">']
    parts.append(f'<p style="margin:0 0 6px">{"<br>".join(filter(None, lines))}</p>')
    parts += [_table(table) for table in view.tables]
    parts += [f'<p style="margin:6px 0 0"><em>{_cut(note, 100)}</em></p>' for note in view.notes]
    return "".join((*parts, "</div>"))


def _table(table: Table) -> str:
    head = "".join(f"<th{_side(column)}>{_cut(column.title, _SHARE)}</th>" for column in table.columns)
    rows = "".join(f"<tr>{_row(row, table.columns)}</tr>" for row in table.rows)
    foot = f'<p style="margin:6px 0 0">{_cut(table.footer, 100)}</p>' if table.footer else ""
    return f'<table style="margin:0"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{foot}'


def _side(column: Column) -> str:
    return "" if column.right else ' style="text-align:left"'


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    """Write a row; the name, or else the longest text, gets the room that the others leave."""
    texts = [f"{cell.glyph} {cell.text}" if cell.glyph else cell.text for cell in row]
    texts = [text.replace(" ", "\N{NO-BREAK SPACE}") if len(text) <= _WHOLE else text for text in texts]
    cells = [f"<td{_side(column)}>" for column in columns]
    room = _ROW - sum(len(f"{cell}</td>") for cell in cells) - len("<tr></tr>")
    share = min(_SHARE, room // len(texts))
    short = [_cut(text, share) for text in texts]
    widest = max(range(len(texts)), key=lambda at: (columns[at].title == "name", len(texts[at])))
    left = room - sum(len(text.encode()) for at, text in enumerate(short) if at != widest)
    short[widest] = _cut(texts[widest], left)
    return "".join(f"{cell}{text}</td>" for cell, text in zip(cells, short, strict=True))


def _cut(text: str, room: int) -> str:
    """Escape a text and cut it to so many bytes, never inside a character or what stands for one."""
    whole = sanitize_html(text, 400)
    if len(whole.encode()) <= room:
        return whole
    kept, left = "", room - len("…".encode())
    for char in sanitize(text, 400):
        piece = html.escape(char)
        left -= len(piece.encode())
        if left < 0:
            break
        kept += piece
    return kept + "…"


# ------------------------------------------------------------------------ on the page


class Pictured:
    """A widget that is shown with its picture, where it is displayed by itself and not inside another one."""

    lock: threading.RLock
    _picture: Picture

    def snapshot(self) -> View:
        """Say what there is to show now."""
        raise NotImplementedError

    def show_error(self, line: str) -> None:
        """Show an error where the person looks."""
        raise NotImplementedError

    def _ready(self) -> None:
        """Wait a moment for what is to be shown."""

    def _ipython_display_(self) -> None:
        """Show the live widget and, as an output of its own, its picture."""
        mime = getattr(self, "_repr_mimebundle_", None)  # of the widget; None once that is closed
        told = mime() if mime is not None else {}
        live, metadata = told if isinstance(told, tuple) else (told, {})
        if _VIEW in live:
            display({**live, "text/plain": type(self).__name__}, metadata=metadata, raw=True)
        self._ready()
        self._picture.show()


class Picture:
    """The output that holds the picture, renewed now and then while its panel lives.

    All displays of a panel share one name, so that each of their pictures is renewed. Nothing is renewed without a
    running loop: a terminal would print it again.
    """

    def __init__(self, owner: Pictured) -> None:
        self._owner = owner
        self._name = f"jobwidgets-{uuid.uuid4().hex}"
        self._shown: View | None = None
        self._at = -math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = self._closed = False

    @property
    def lock(self) -> threading.RLock:
        """The lock of what is pictured."""
        return self._owner.lock

    def show_error(self, line: str) -> None:
        """Show an error there."""
        self._owner.show_error(line)

    def show(self) -> None:
        """Show the picture in an output of its own, below the live one."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        view = self._owner.snapshot()
        self._take(view)
        display(_bundle(view), raw=True, display_id=self._name)

    def look(self) -> None:
        """Look soon whether there is something new to show; can be called from any thread."""
        if self._shown is not None and self._loop is not None and not (self._asked or self._closed):
            self._asked = True
            self._loop.call_soon_threadsafe(self._wait)

    def _wait(self) -> None:
        if self._loop is not None and not self._closed:
            self._timer = self._loop.call_later(max(0.0, self._at + EVERY - time.monotonic()), self._renew)

    @entry
    def _renew(self) -> None:
        self._asked = False
        if not self._closed and self._shown is not None:
            view = self._owner.snapshot()
            if replace(view, facts=view.facts[1:]) != replace(self._shown, facts=self._shown.facts[1:]):
                self._publish(view)  # the first fact tells the time of the list, which alone is no news

    def _publish(self, view: View) -> None:
        self._take(view)
        update_display(_bundle(view), raw=True, display_id=self._name)

    def _take(self, view: View) -> None:
        self._shown = view
        self._at = time.monotonic() if view.tables else -math.inf  # what is still empty is renewed at once

    def close(self) -> None:
        """Show how things are now, for good."""
        if self._shown is not None and not self._closed and self._loop is not None:
            view = self._owner.snapshot()
            if view != self._shown:
                self._publish(view)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()


def _bundle(view: View) -> dict[str, str]:
    return {"text/html": draw(view), "text/plain": render_text(view)}
