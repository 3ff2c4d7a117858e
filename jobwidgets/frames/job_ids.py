"""The ids in whatever a user hands over: a frame, a column, a list, one text."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

_PLANNED = frozenset({"id", "job_id", "name", "status", "created", "can_cancel", "can_retry", "why_not"})
_HINT = 'give a frame of jobs, a column or list of ids, or one id: ids are texts such as "0012"'


def ids_of(jobs: object, *, service: str | None = None) -> list[str]:
    """Take the ids out of what a user hands over, in order, each once.

    Parameters
    ----------
    jobs : DataFrame, Series, Job, str or iterable of str
        A frame gives its column `id` (of tasks: `job_id`).
    service : str, optional
        Refuse frames of another service.

    Raises
    ------
    UsageError
        There are no ids in it, or they are not texts; nothing was sent.
    """
    if is_lazy_frame(jobs):
        raise UsageError(
            "these jobs are not here yet", hint="jobs.compute() brings them; plan_cancel() and plan_retry() do it too"
        )
    if isinstance(jobs, pd.DataFrame):
        column = "job_id" if "job_id" in jobs.columns else "id"
        if column not in jobs.columns:
            raise UsageError("the frame has no column id", hint=_HINT)
        told = jobs.attrs.get("service")
        if service is not None and told is not None and told != service:
            raise UsageError(f"these jobs are of {told}, not of {service}", hint="use the client of their service")
        values: list[Any] = jobs[column].tolist()
    elif isinstance(jobs, str):
        values = [jobs]
    elif isinstance(getattr(jobs, "id", None), str):
        values = [getattr(jobs, "id")]  # noqa: B009  it is an object with an id, whatever its type
    elif isinstance(jobs, Iterable) and not isinstance(jobs, bytes | dict):
        values = [getattr(job, "id", job) for job in jobs]
    else:
        raise UsageError(f"{type(jobs).__name__} is no jobs", hint=_HINT)
    return list(dict.fromkeys(values if _plainly_ids(values) else map(_checked, values)))


def is_lazy_frame(jobs: object) -> bool:
    """Whether these are jobs that Dask has not computed yet; without Dask there are none."""
    dask = sys.modules.get("dask")
    return dask is not None and bool(dask.is_dask_collection(jobs))


def compute_if_lazy(jobs: Any) -> object:
    """Compute jobs that lie elsewhere, and bring of a frame only the columns that a plan looks at."""
    if jobs.ndim == 2:  # noqa: PLR2004  a frame
        jobs = jobs[[name for name in jobs.columns if name in _PLANNED]]
    return jobs.compute()


def created_of(jobs: object) -> dict[str, datetime]:
    """Take out when the jobs were created, of as many as a frame of jobs tells it."""
    if not isinstance(jobs, pd.DataFrame) or "job_id" in jobs.columns or not {"id", "created"} <= set(jobs.columns):
        return {}
    if not isinstance(jobs["created"].dtype, pd.DatetimeTZDtype):
        return {}
    told = jobs.loc[jobs["created"].notna(), ["id", "created"]]
    return dict(zip(told["id"].tolist(), told["created"].tolist(), strict=True))


def applications_of(jobs: object) -> list[str]:
    """Name the applications of a frame's jobs: a list shows only those of the caller's own unless they are named."""
    if not isinstance(jobs, pd.DataFrame) or "application_id" not in jobs.columns:
        return []
    return sorted(set(jobs["application_id"].dropna()))


def statuses_of(jobs: object) -> list[str]:
    """Name the statuses that a frame's jobs were seen in."""
    if not isinstance(jobs, pd.DataFrame) or "job_id" in jobs.columns or "status" not in jobs.columns:
        return []
    return [word for word in jobs["status"].unique() if isinstance(word, str)]


def _plainly_ids(values: list[Any]) -> bool:
    """Whether all of these are ids beyond doubt, at a look: a long list has many."""
    try:
        text = "".join(values)
    except TypeError:
        return False
    return text.isprintable() and " " not in text and "" not in values


def _checked(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise UsageError(f"{value!r} is no id", hint=_HINT)
    return value
