"""Single values as cells: times, lengths of time, verdicts, host names."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobwidgets._internal import age_text
from jobwidgets.rendering.view_model import Cell
from jobwidgets.vocabulary import REASON_TEXT

if TYPE_CHECKING:
    from datetime import timedelta

    import pandas as pd

NOTHING = Cell("\N{EN DASH}", tone="off")


def missing(value: Any) -> bool:
    """Say whether a value is absent: None, NaN, NaT or pandas' NA (asked without importing pandas)."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float) and math.isnan(value)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame by the names of their columns."""
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def text_cell(value: Any) -> Cell:
    """Show a text, or a dash where there is none."""
    return NOTHING if missing(value) or value == "" else Cell(str(value))


def id_cell(value: Any) -> Cell:
    """Show an id, whole and in a fixed width, so that it can be copied."""
    return NOTHING if missing(value) else Cell(str(value), mono=True)


def count_cell(value: Any) -> Cell:
    """Show a whole number."""
    return NOTHING if missing(value) else Cell(f"{int(value):,}")


def time_cell(value: Any, now: datetime | None = None) -> Cell:
    """Show a moment exactly, in UTC, and (given `now`) how long before that it was."""
    if missing(value):
        return NOTHING
    return Cell(exact(value), note=relative(value, now) if now is not None else "")


def since_cell(value: Any, now: datetime | None) -> Cell:
    """Show how long before `now` a moment was."""
    return NOTHING if missing(value) or now is None else Cell(relative(value, now))


def age_cell(value: timedelta | None) -> Cell:
    """Show a length of time in its two largest units."""
    return NOTHING if value is None or missing(value) else Cell(age_text(value))


def exact(moment: datetime) -> str:
    """Write a moment to the second, in UTC; the heading says so."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def relative(moment: datetime, now: datetime) -> str:
    """Say how long before (or after) `now` a moment is."""
    gap = now - moment
    return f"{age_text(gap)} ago" if gap.total_seconds() >= 0 else f"in {age_text(-gap)}"


def cancel_cell(ok: Any, why_not: Any) -> Cell:
    """Say whether a job can be cancelled, and why not."""
    if not missing(ok) and bool(ok):
        return Cell("yes", tone="good", glyph="✓")
    return Cell(reason_text(why_not) or ("not known" if missing(ok) else "no"), tone="off")


def reason_text(code: Any) -> str:
    """Say a reason code in words; a code that is not known here is shown as it came."""
    return "" if missing(code) else REASON_TEXT.get(str(code), str(code).replace("_", " "))


def moment(value: Any) -> datetime | None:
    """Read a moment out of a frame's attrs; None where there is none or it is none."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return moment(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def host(url: Any) -> str:
    """Shorten an address to its host."""
    try:
        return urlsplit(str(url)).netloc.rpartition("@")[2] or str(url)
    except ValueError:
        return str(url)


def plural(number: int, word: str) -> str:
    """Count things: "1 job", "1,234 jobs"."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")
