"""Frames of jobs, tasks, schedules and receipts as views."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from jobwidgets.rendering.columns import KINDS, RECEIPTS_COLUMNS, plain
from jobwidgets.rendering.formatters import exact, host, moment, plural, records
from jobwidgets.rendering.view_model import Cell, Table, View, status_cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_ROWS = 20
_PANDAS_DEFAULT = 60
_MOST_ROWS = 1_000
_NAMED = 5


def is_ours(frame: pd.DataFrame) -> bool:
    """Say whether a frame is still one that a client made: all its columns are there, whatever was added since."""
    kind = KINDS.get(str(frame.attrs.get("kind")))
    if kind is None or not frame.columns.is_unique:
        return False
    if "service" not in frame.attrs and kind.columns is not RECEIPTS_COLUMNS:
        return False
    times = str(frame.dtypes.get("created", "datetime64"))
    return set(kind.columns).issubset(frame.columns) and times.startswith("datetime64")


def frame_view(frame: pd.DataFrame, kind: str = "") -> View:
    """Build the view of a frame of jobs, tasks or schedules."""
    shape = KINDS.get(kind or str(frame.attrs.get("kind")), KINDS["jobs"])
    total = len(frame)
    if total == 0:
        return View(f"No {shape.word}s", facts=(*_covered(frame),), notes=(_how_to_widen(frame, shape.word),))
    now = moment(frame.attrs.get("as_of"))
    fields = [field for field in shape.fields if field.needs in frame.columns]
    others = [str(name) for name in frame.columns if name not in shape.columns]
    fields += [plain(name, width=30) for name in others if name in frame.columns]
    shown = frame.head(_rows_to_show())
    rows = tuple(tuple(field.cell(row, now) for field in fields) for row in records(shown))
    left_out = f"{len(shown):,} of {total:,} rows are shown; the frame holds them all." if total > len(shown) else ""
    table = Table(tuple(field.column for field in fields), rows, footer=left_out)
    facts = (*_covered(frame), *_can(frame))
    return View(plural(total, shape.word), tuple(_chips(frame)), facts, tables=(table,), notes=tuple(_to_do(frame)))


def _rows_to_show() -> int:
    """Show a screenful, or what pandas' own option asks for beyond its default."""
    pandas = sys.modules["pandas"]
    wanted = pandas.get_option("display.max_rows")
    if not wanted:  # None and 0 mean: all
        return _MOST_ROWS
    return min(int(wanted), _MOST_ROWS) if wanted > _PANDAS_DEFAULT else min(int(wanted), _ROWS)


def _chips(frame: pd.DataFrame) -> Iterable[Cell]:
    if "status" not in frame.columns:
        return
    for status, number in frame["status"].value_counts(sort=False).items():
        if number:
            yield status_cell(str(status), f"{number:,} {status}")


def _can(frame: pd.DataFrame) -> tuple[str, ...]:
    if not {"can_cancel", "can_retry", "tasks"}.issubset(frame.columns):
        return ()
    if frame["can_cancel"].isna().all() and frame["tasks"].isna().all():
        return ("Whether these can be cancelled is not known: AI Processing tells nothing of tasks.",)
    cancel, retry = (
        int(frame[name].astype("boolean").fillna(value=False).sum()) for name in ("can_cancel", "can_retry")
    )
    unknown = int(frame["can_cancel"].isna().sum())
    not_known = f" (of {unknown:,} it is not known)" if unknown else ""
    return (f"{cancel:,} can be cancelled{not_known}, {retry:,} can be retried.",)


def _covered(frame: pd.DataFrame) -> tuple[str, ...]:
    """Say where the frame comes from, when it was read, which range it covers, and whether it was cut off."""
    attrs = frame.attrs
    since, until, as_of = (moment(attrs.get(name)) for name in ("since", "until", "as_of"))
    parts = [host(attrs["service"])] if attrs.get("service") else []
    if as_of:
        parts.append(f"read at {exact(as_of)} UTC")
    if since and until:
        parts.append(f"created from {exact(since)} to {exact(until)} UTC")
    elif since:
        parts.append(f"created since {exact(since)} UTC")
    elif until:
        parts.append(f"created at any time until {exact(until)} UTC")
    elif attrs.get("kind") == "jobs" and "ids" not in (attrs.get("query") or {}):
        parts.append("created at any time")
    facts = [" · ".join(parts)] if parts else []
    if attrs.get("truncated"):
        facts.append(
            "Cut off at the limit: more jobs match than are here; raise the limit, or narrow the range or the filter."
        )
    gone = [str(job_id) for job_id in attrs.get("missing") or ()]
    if gone:
        facts.append(f"Not found here, or not yours: {_some(gone)}.")
    return tuple(facts)


def _to_do(frame: pd.DataFrame) -> Iterable[str]:
    """Say what can be done about operations that are not finished."""
    if frame.attrs.get("kind") != "receipts" or "state" not in frame.columns:
        return
    for state, what in (
        ("open", "Something of it is unknown or was not sent: %job resume {} goes on."),
        ("at work", "It is being worked on: %job stop {} asks it to stop."),
        ("damaged", "Its journal cannot be read: %job receipts {} says why."),
    ):
        found = frame.loc[frame["state"] == state, "op"].tolist()
        if found:
            yield f"{state.capitalize()} ({len(found):,}). {what.format(found[0])}"


def _some(words: list[str]) -> str:
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else "")


def _how_to_widen(frame: pd.DataFrame, word: str) -> str:
    query = frame.attrs.get("query") or {}
    if "ids" in query:
        return "None of the ids that were asked for is known here."
    if word == "receipt":
        return "Nothing was applied at this service, as far as this user's state directory tells."
    asked = [f"{name} {_listed(value)}" for name, value in query.items() if name not in _RANGE]
    ways = ["leave a filter out"] if asked else []
    if frame.attrs.get("since"):
        ways.append("look further back, such as since 30d")
    if "until" in query:
        ways.append("leave until out")
    found = f"Nothing matches {', '.join(asked)} here." if asked else f"There are no {word}s here."
    return f"{found} To see more: {', or '.join(ways)}." if ways else found


_RANGE = frozenset({"since", "until", "limit", "api"})


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)
