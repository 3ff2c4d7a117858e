"""From the bytes of a page straight to columns: no dict per job is ever made."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
import numpy as np
import pandas as pd

from jobwidgets._internal import gc_paused
from jobwidgets.errors import ServiceError
from jobwidgets.frames.schema import JOB_COLUMNS, TASK_COLUMNS
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Named(msgspec.Struct, gc=False):
    """Anything with a name."""

    name: str | None = None


class EngineRow(Named, gc=False):
    """The engine of a task; its id is a field of the task."""

    category: Named | None = None


class TaskSummary(msgspec.Struct, gc=False, rename="camel"):
    """As much of a task as the row of its job tells of it."""

    status: str | None = None
    started_date_time: str | None = None
    completed_date_time: str | None = None
    engine_id: str | None = None
    engine: Named | None = None


class TaskRow(TaskSummary, gc=False, rename="camel"):
    """One task, as much of it as was asked for."""

    id: str = ""
    name: str | None = None
    order: int | None = None
    created_date_time: str | None = None
    queued_date_time: str | None = None
    engine: EngineRow | None = None
    failure_reason: str | None = None
    failure_message: str | None = None


T = TypeVar("T", bound=TaskSummary)


class TasksOf(msgspec.Struct, Generic[T], gc=False):
    """One page of the tasks of a job."""

    records: list[T | None] | None = None
    count: int | None = None

    def rows(self) -> list[T]:
        """Give the tasks that came."""
        return [row for row in self.records or () if row is not None]

    def whole(self, limit: int | None) -> bool:
        """Whether these are all tasks of the job: the page is not full, and nothing in it could not be read."""
        records = self.records
        return records is not None and None not in records and (limit is None or len(records) < limit)


class TaskPage(TasksOf[TaskRow], gc=False):
    """One page of the tasks of a job, with all that was asked for of each."""


class JobSummary(msgspec.Struct, gc=False, rename="camel"):
    """One job as its row in a frame shows it."""

    id: str
    name: str | None = None
    status: str | None = None
    created_date_time: str | None = None
    modified_date_time: str | None = None
    target_id: str | None = None
    cluster_id: str | None = None
    application_id: str | None = None
    scheduled_job_id: str | None = None
    tasks: TasksOf[TaskSummary] | None = None


class JobRow(JobSummary, gc=False, rename="camel"):
    """One job with its tasks, as much of them as was asked for."""

    tasks: TaskPage | None = None  # type: ignore[assignment]  # a page of more than the gist


class SummaryPage(msgspec.Struct, gc=False):
    """One page of a list of jobs, no more of it than the rows of a frame show."""

    records: list[JobSummary | None] | None = None


class JobPage(msgspec.Struct, gc=False):
    """One page of a list of jobs; its count is that of this page, never a total."""

    records: list[JobRow | None] | None = None
    count: int | None = None


@lru_cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Make what decodes one kind of value: making it takes as long as a page does."""
    return msgspec.json.Decoder(kind)


def decode_json(kind: Any, data: msgspec.Raw | bytes, what: str) -> Any:
    """Decode bytes to typed values.

    Raises
    ------
    ServiceError
        They have another shape.
    """
    try:
        with gc_paused():
            return _decoder(kind).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = str(error)[:200]
        raise ServiceError(f"the answer to {what} has another shape: {why}", hint="ask the service's people") from None


def job_frame(columns: Mapping[str, Any], as_of: datetime) -> pd.DataFrame:
    """Put typed columns together as a frame of jobs, with how long each waited for its first task to begin, and ran.

    What has not begun waits until `as_of`, and what was ended without beginning waited until it was modified last.
    """
    now = pd.Timestamp(as_of).as_unit("us")
    created, started, modified, completed = (
        pd.Series(columns[name]) for name in ("created", "started", "modified", "completed")
    )
    end = completed.where(completed.notna(), modified).where(_ended(columns["status"]), now)
    waited = _length(started.where(started.notna(), end) - created)
    built = {**columns, "queued_for": waited, "ran_for": _length((end - started).where(started.notna()))}
    return pd.DataFrame({name: built[name] for name in JOB_COLUMNS}, copy=False)


def _ended(statuses: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(pd.Series(statuses).isin(list(TERMINAL)), dtype=bool)


def _length(ages: pd.Series[pd.Timedelta]) -> Any:
    """Leave out what is below nothing: the service's Date header, which says when now is, has whole seconds."""
    return ages.mask(ages < pd.Timedelta(0), pd.Timedelta(0)).astype("timedelta64[us]").array


def timed_tasks(columns: Mapping[str, Any], as_of: datetime) -> pd.DataFrame:
    """Put typed columns together as a frame of tasks, with how long each waited and ran."""
    now = pd.Timestamp(as_of).as_unit("us")
    queued, started, completed, created = (
        pd.Series(columns[name]) for name in ("queued", "started", "completed", "created")
    )
    end = completed.where(completed.notna() | _ended(columns["status"]), now)
    waited = _length(started.where(started.notna(), end) - queued.where(queued.notna(), created))
    built = {**columns, "queued_for": waited, "ran_for": _length(end - started)}
    return pd.DataFrame({name: built[name] for name in TASK_COLUMNS}, copy=False)
