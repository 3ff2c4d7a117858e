"""Filters of single columns: any of some values, contains, after, before, older, longer, shorter, at least, at most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobwidgets._internal import parse_age, parse_when, sanitize
from jobwidgets.errors import UsageError
from jobwidgets.rendering import phrases as words

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from jobwidgets.widgets.table.cells import Column

    Mask = npt.NDArray[np.bool_]
    Codes = npt.NDArray[np.integer[Any]]

WAYS = {
    "after": "after",
    "before": "before",
    "older": "older than",
    "longer": "longer than",
    "shorter": "shorter than",
    "least": "at least",
    "most": "at most",
    "contains": "contains",
    "any": "any of",
}
"""How a column can be filtered, in words."""
LISTED = frozenset({"status", "outcome", "action", "verdict", "reason"})
"""Kinds of columns that have few values, each with a name."""
SPLIT = frozenset({"engines"})
"""Columns whose texts name several things, with commas between."""
_FIELDS = {
    "time": ("after", "before", "older"),
    "span": ("longer", "shorter"),
    "number": ("least", "most"),
    "tasks": ("least", "most"),
    "text": ("contains",),
    "mono": ("contains",),
}
FEW, MOST = 40, 100
"""So many values of a text are offered as a list; so many of a column that is always listed."""
LONGEST = 80
"""Letters of a value as it is shown in a list."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one column must be like.

    Attributes
    ----------
    column : str
        Its key.
    way : str
        One of `WAYS`.
    text : str
        What was typed: a moment, an age, a number or a part of the text.
    values : frozenset of str
        For "any": the values, any of which will do; "" is a missing one.
    """

    column: str
    way: str
    text: str = ""
    values: frozenset[str] = frozenset()

    def mask(self, frame: pd.DataFrame) -> Mask:
        """Say for each row whether it matches; a missing value matches nothing but itself."""
        column: Any = frame[self.column]
        if self.way == "any":
            return Values.of(frame, self.column).among(self.values)
        if self.way == "contains":
            found = column.astype("string").str.contains(self.text, case=False, regex=False, na=False)
        elif self.way in _FIELDS["time"]:
            if column.dt.tz is None:
                column = column.dt.tz_localize(UTC)
            now, after = as_of(frame), self.way == "after"
            limit = now - parse_age(self.text) if self.way == "older" else parse_when(self.text, now)
            found = column >= limit if after else column < limit
        else:
            bound = parse_age(self.text) if self.way in _FIELDS["span"] else float(self.text)
            found = column >= bound if self.way in ("longer", "least") else column <= bound
        return np.asarray(found.to_numpy(dtype=bool, na_value=False))

    def say(self, title: str) -> str:
        """Say it in a few words: "Created older than 2d"."""
        if self.way != "any":
            return f"{title} {WAYS[self.way]} {sanitize(self.text, 40)}"
        named = [sanitize(words.outcome(value) or "none", 30) for value in sorted(self.values)]
        listed = " or ".join(named) if len(named) <= 2 else f"any of {len(named)}"  # noqa: PLR2004  what fits a line
        return f"{title}: {listed}"


def fields(column: Column) -> tuple[str, ...]:
    """Give the ways in which a column can be filtered by what is typed."""
    return _FIELDS.get(column.kind, ())


def condition(column: Column, way: str, text: str) -> Condition | None:
    """Check what was typed for a column; None when it says nothing.

    Raises
    ------
    UsageError
        The text is no moment, age or number.
    """
    text = text.strip()
    if not text:
        return None
    if way in ("after", "before"):
        parse_when(text, datetime.now(UTC))
    elif way in ("older", "longer", "shorter"):
        parse_age(text)
    elif way in ("least", "most"):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UsageError(f"{text!r} is no number")
    return Condition(column.key, way, text)


@dataclass(frozen=True, slots=True)
class Values:
    """The different values of a column, and which row has which: a code for each row, -1 where it is missing."""

    names: list[str]
    codes: Codes
    split: bool

    @classmethod
    def of(cls, frame: pd.DataFrame, key: str) -> Values:
        """Read a column."""
        column: Any = frame[key]
        if isinstance(column.dtype, pd.CategoricalDtype):
            return cls([str(each) for each in column.cat.categories], column.cat.codes.to_numpy(), split=key in SPLIT)
        codes, names = pd.factorize(column.array)
        return cls([str(name) for name in names], codes, split=key in SPLIT)

    def parts(self) -> list[list[str]]:
        """Give what each value stands for: itself, or the things that it names."""
        return [name.split(", ") if self.split else [name] for name in self.names]

    def among(self, wanted: Iterable[str]) -> Mask:
        """Say for each row whether its value is wanted."""
        chosen = frozenset(wanted)
        found = [not chosen.isdisjoint(parts) for parts in self.parts()]
        return np.array([*found, "" in chosen], dtype=bool)[self.codes]

    def count(self, rows: Mask) -> dict[str, int]:
        """Count the rows with each value; a missing one is ""."""
        counts = np.bincount(self.codes[rows] + 1, minlength=len(self.names) + 1)
        told: dict[str, int] = {}
        for parts, count in zip([[""], *self.parts()], counts, strict=True):
            for part in parts:
                told[part] = told.get(part, 0) + int(count)
        return told


def listed(column: Column, values: Values) -> bool:
    """Say whether a column is filtered by a list of its values."""
    return column.kind in LISTED or column.key in ("engine", "engines") or (
        column.kind == "text" and len(values.names) <= FEW
    )  # fmt: skip


def as_of(frame: pd.DataFrame) -> datetime:
    """Give the moment that ages are counted from: when the frame was read, or now."""
    told = frame.attrs.get("as_of")
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else datetime.now(UTC)
    except ValueError:
        moment = datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
