"""What there is to show, apart from how: a view is built once and rendered as HTML or as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a quieter remark after it, and a tone that gives it a glyph and a colour."""

    text: str = ""
    note: str = ""
    tone: str = ""
    glyph: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    title : str
        Its heading.
    right : bool
        Whether it is aligned to the right, as numbers are.
    width : int
        The most characters of a cell to show.
    whole : bool
        Never narrowed below what it needs, as ids are.
    spare : int
        Where there is no room, columns are left out by this rank, 1 first; 0 is never left out.
    """

    title: str
    right: bool = False
    width: int = 40
    whole: bool = False
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headings, with a line below that says what is left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Everything one display says, from top to bottom."""

    title: str
    chips: tuple[Cell, ...] = ()
    facts: tuple[str, ...] = ()
    pairs: tuple[tuple[str, Cell], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


_STATUS_FACES: dict[str, tuple[str, str]] = {
    "pending": ("○", "idle"),
    "queued": ("◔", "idle"),
    "accepted": ("◔", "idle"),
    "standby_pending": ("◌", "idle"),
    "waiting": ("◔", "idle"),
    "resuming": ("◑", "busy"),
    "running": ("◑", "busy"),
    "paused": ("‖", "warn"),
    "complete": ("✓", "good"),
    "failed": ("✗", "bad"),
    "aborted": ("⊘", "off"),
    "cancelled": ("⊘", "off"),
    "rejected": ("✗", "bad"),
}
_OUTCOME_FACES: dict[str, tuple[str, str]] = {
    "done": ("✓", "good"),
    "refused": ("✗", "bad"),
    "skipped": ("\N{EN DASH}", "idle"),
    "unknown": ("?", "warn"),
    "not_sent": ("○", "idle"),
}
_OUTCOME_WORDS = {"not_sent": "not sent"}
VERIFIED_FACES: dict[str, tuple[str, str]] = {
    "confirmed": ("✓", "good"),
    "finished_first": ("\N{EN DASH}", "idle"),
    "still_running": ("◑", "busy"),
}
"""What reading a job back can show."""
_STATE_FACES: dict[str, tuple[str, str]] = {
    "finished": ("✓", "good"),
    "open": ("○", "warn"),
    "at work": ("◑", "busy"),
    "damaged": ("✗", "bad"),
}


def status_cell(status: str, text: str = "") -> Cell:
    """Show a status by glyph and word; a word that is not known here is shown as it came."""
    glyph, tone = _STATUS_FACES.get(status, ("•", "idle"))
    return Cell(text or status or "unknown", tone=tone, glyph=glyph)


def outcome_cell(outcome: str, text: str = "") -> Cell:
    """Show what became of a target by glyph and word."""
    glyph, tone = _OUTCOME_FACES.get(outcome, ("•", "idle"))
    return Cell(text or _OUTCOME_WORDS.get(outcome, outcome), tone=tone, glyph=glyph)


def verified_cell(word: str, text: str = "") -> Cell:
    """Show what reading a job back has shown."""
    if not word:
        return Cell("\N{EN DASH}", tone="off")
    glyph, tone = VERIFIED_FACES.get(word, ("•", "idle"))
    return Cell(text or word.replace("_", " "), tone=tone, glyph=glyph)


def state_cell(state: str) -> Cell:
    """Show how an operation stands."""
    glyph, tone = _STATE_FACES.get(state, ("•", "idle"))
    return Cell(state or "unknown", tone=tone, glyph=glyph)
