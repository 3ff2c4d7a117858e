"""Typed frames: their columns, and how rows become arrays of the right dtype."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobwidgets.errors import ServiceError
from jobwidgets.vocabulary import STATUSES, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Moments = np.ndarray[Any, np.dtype[np.datetime64]]

JOB_COLUMNS = {
    "id": "string", "name": "string", "status": "status",
    "created": "time", "modified": "time", "started": "time", "completed": "time",
    "queued_for": "age", "ran_for": "age",
    "engines": "string", "tasks": "count", "tasks_done": "count", "tasks_failed": "count",
    "target_id": "string", "cluster_id": "string", "application_id": "string", "scheduled_job_id": "string",
    "can_cancel": "flag", "can_retry": "flag", "why_not": "reason",
}  # fmt: skip
"""The columns of a frame of jobs, in order, each with its kind."""
TASK_COLUMNS = {
    "job_id": "string", "id": "string", "name": "string", "status": "status",
    "engine": "word", "engine_id": "word", "category": "word", "order": "count",
    "created": "time", "queued": "time", "started": "time", "completed": "time",
    "queued_for": "age", "ran_for": "age",
    "failure_reason": "word", "failure_message": "string",
}  # fmt: skip
"""The columns of a frame of tasks."""
SCHEDULE_COLUMNS = {
    "id": "string", "name": "string", "is_active": "flag", "is_public": "flag", "run_mode": "string",
    "start": "time", "stop": "time", "created": "time", "modified": "time", "description": "string",
}  # fmt: skip
"""The columns of a frame of scheduled jobs."""

TIME = pd.DatetimeTZDtype("us", "UTC")
AGE = np.dtype("timedelta64[us]")


@cache
def text_dtype() -> pd.StringDtype[Any]:
    """Pandas' string dtype with missing values as NA, on pyarrow where that is installed."""
    return pd.StringDtype("pyarrow" if importlib.util.find_spec("pyarrow") else "python")


def has_arrow() -> bool:
    """Whether texts lie in Arrow's form, since pyarrow is installed."""
    return bool(text_dtype().storage == "pyarrow")


def status_dtype(words: Sequence[str] = ()) -> pd.CategoricalDtype:
    """Make the ordered category of the twelve statuses, and after them whatever new word came."""
    new = dict.fromkeys(word for word in words if word not in STATUSES)
    return pd.CategoricalDtype([*STATUSES, *new], ordered=True)


def word_dtype(words: Iterable[Any]) -> pd.CategoricalDtype:
    """Make the category of words that come again and again, in their alphabetical order."""
    known = sorted({word for word in words if word is not None})
    return pd.CategoricalDtype(pd.array(known, dtype=text_dtype()), ordered=False)


REASON = pd.CategoricalDtype([str(reason) for reason in Reason], ordered=False)


def array_of(kind: str, values: Sequence[Any]) -> Any:
    """Build one column: `kind` is a value of the column tables above.

    Raises
    ------
    ServiceError
        A time cannot be read.
    """
    return _MAKERS[kind](values)


def times(values: Sequence[str | None]) -> Any:
    """Read a column of date-times as the services write them, in the resolution of a microsecond."""
    return time_column(moments_of(values))


def time_column(moments: Moments) -> Any:
    """Make a column of times in UTC."""
    return pd.Series(moments).dt.tz_localize("UTC").array


def moments_of(values: Sequence[str | None]) -> Moments:
    """Read date-times as the services write them.

    Raises
    ------
    ServiceError
        One of them is none.
    """
    quick = _quick_moments(values)
    if quick is not None:
        return quick
    texts = pd.Series(list(values), dtype="object")
    try:
        moments = pd.to_datetime(texts, format="ISO8601", utc=True).astype(TIME)
    except pd.errors.OutOfBoundsDatetime:
        return _far_moments(values)  # older pandas reads in nanoseconds, which end in 2262
    except (ValueError, TypeError, OverflowError):
        raise ServiceError("the service sent something else than a time", hint="ask the service's people") from None
    return np.asarray(moments.dt.tz_localize(None), "datetime64[us]")


def _quick_moments(values: Sequence[str | None]) -> Moments | None:
    """Do the same by pyarrow, which takes a twentieth of the time; None where that is not there or cannot read them."""
    if not has_arrow():
        return None
    import pyarrow as pa  # noqa: PLC0415  an extra

    try:
        numbers = pa.array(values, pa.string()).cast(pa.timestamp("us", "UTC")).view(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return None
    found: Moments = numbers.fill_null(np.iinfo("i8").min).to_numpy().view("datetime64[us]")
    return found


def _far_moments(values: Sequence[str | None]) -> Moments:
    """Do the same one by one, for times in any year."""
    try:
        moments = [
            datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None for text in values
        ]
    except (ValueError, OverflowError):
        raise ServiceError("the service sent something else than a time", hint="ask the service's people") from None
    return np.array(moments, dtype="datetime64[us]")


def _statuses(values: Sequence[Any]) -> pd.Categorical[Any]:
    return pd.Categorical(values, dtype=status_dtype([word for word in dict.fromkeys(values) if word is not None]))


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "string": lambda values: pd.array(values, dtype=text_dtype()),
    "status": _statuses,
    "word": lambda values: pd.Categorical(values, dtype=word_dtype(values)),
    "reason": lambda values: pd.Categorical(values, dtype=REASON),
    "time": times,
    "age": lambda values: pd.array(np.array(values, dtype=AGE)),
    "count": lambda values: pd.array(values, dtype="Int32"),
    "flag": lambda values: pd.array(values, dtype="boolean"),
}


def frame_of(columns: Mapping[str, str], data: Mapping[str, Sequence[Any]], attrs: Mapping[str, Any]) -> pd.DataFrame:
    """Put columns of values together as a frame; every column has its dtype, also when there are no rows."""
    frame = pd.DataFrame({name: array_of(kind, data[name]) for name, kind in columns.items()}, copy=False)
    frame.attrs.update(attrs)
    return frame
