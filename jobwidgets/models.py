"""Jobs, tasks, schedules, users and retries as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobwidgets.eligibility import Verdict, cancel_verdict, retry_verdict

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a job, as the service told it. Times are in UTC; None means not yet, or not told."""

    id: str
    job_id: str
    status: str
    name: str | None = None
    order: int | None = None
    engine_id: str | None = None
    engine: str | None = None
    category: str | None = None
    created: datetime | None = None
    queued: datetime | None = None
    started: datetime | None = None
    completed: datetime | None = None
    failure_reason: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job with its tasks. `tasks_known` is False while some of its tasks have not been read."""

    id: str
    status: str
    name: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    target_id: str | None = None
    cluster_id: str | None = None
    application_id: str | None = None
    scheduled_job_id: str | None = None
    tasks: tuple[Task, ...] = ()
    tasks_known: bool = True
    as_of: datetime | None = field(default=None, compare=False)

    @property
    def can_cancel(self) -> Verdict:
        """Whether a cancel would be accepted: see `cancel_verdict`."""
        return cancel_verdict(self.status, [task.status for task in self.tasks], tasks_known=self.tasks_known)

    @property
    def can_retry(self) -> Verdict:
        """Whether a retry would be accepted: see `retry_verdict`."""
        return retry_verdict(self.status)

    def _repr_html_(self) -> str:
        from jobwidgets.rendering import job_html  # noqa: PLC0415  a value does not load the faces until it is shown

        return job_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  the signature is IPython's
        from jobwidgets.rendering import job_text  # noqa: PLC0415  as above

        printer.text("Job(…)" if cycle else job_text(self))


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One schedule, with the two fields that must be sent back as they are when it is switched off."""

    id: str
    name: str | None
    is_active: bool
    is_public: bool | None
    run_mode: str | None
    description: str | None = None
    start: datetime | None = None
    stop: datetime | None = None
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """What a task was given and gave, and which tasks it follows and precedes, as far as the service tells it."""

    payload: Any = None
    output: Any = None
    parent_id: str | None = None
    child_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobDetail:
    """One job with all that can be read of it.

    Attributes
    ----------
    job : Job
        The job and its tasks.
    description, created_by : str or None
        As the service tells them.
    config : object
        Its configuration, any JSON; None where it has none.
    schedule : ScheduledJob or None
        The schedule that launched it; None also where it cannot be read (`job.scheduled_job_id` then names it).
    tasks : dict
        The details of each task, by its id.
    raw : tuple of str
        The answer as it came, JSON: one text for each page of tasks.
    """

    job: Job
    description: str | None = None
    created_by: str | None = None
    config: Any = None
    schedule: ScheduledJob | None = None
    tasks: dict[str, TaskDetail] = field(default_factory=dict)
    raw: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """One job retried as another, as a receipt tells it: the service itself does not.

    Attributes
    ----------
    job_id : str
        What was retried.
    new_id : str or None
        The job that this made; None where it is not known.
    op : str
        The operation whose receipt tells it.
    at : datetime or None
        When it was sent.
    outcome : str
        "done", or "unknown": it may have happened.
    """

    job_id: str
    new_id: str | None
    op: str
    at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class User:
    """Who the token belongs to."""

    id: str
    name: str | None
    organization_id: str | None
    organization: str | None
