"""Jobs and tasks as values, and the two rules of the service as pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

STATUSES = (
    "pending", "queued", "accepted", "standby_pending", "waiting", "resuming", "running",
    "paused", "complete", "failed", "aborted", "cancelled",
)  # fmt: skip
"""The twelve statuses of a job or task, in the order of its life."""
IDLE = frozenset({"pending", "queued"})
"""Nothing has started."""
TERMINAL = frozenset({"complete", "failed", "aborted", "cancelled", "rejected"})
"""Nothing will change any more ("rejected" is a word of AI Processing)."""
CANCELLED = frozenset({"aborted", "cancelled"})
"""Two words for the same thing."""
STARTED = frozenset({"running", "paused", "resuming"}) | (TERMINAL - CANCELLED)
"""A task in one of these has begun (one that is cancelled need not have)."""
OUTCOMES = ("done", "refused", "skipped", "unknown", "not_sent")
"""What can become of each target of a plan; they always sum to the plan."""


class Reason(StrEnum):
    """Why a job is left alone: it cannot be cancelled; for COMPLETE and ALREADY_RETRIED it is not retried."""

    COMPLETE = "complete"
    FAILED = "failed"
    ABORTED = "aborted"
    TASK_STARTED = "task_started"
    TASK_STATUS = "task_status"
    JOB_STATUS = "job_status"
    TASKS_UNREAD = "tasks_unread"
    UNKNOWN_STATUS = "unknown_status"
    NOT_FOUND = "not_found"
    ALREADY_RETRIED = "already_retried"


REASON_TEXT: dict[str, str] = {
    Reason.COMPLETE: "the job is complete",
    Reason.FAILED: "the job has failed already",
    Reason.ABORTED: "the job is cancelled already",
    Reason.TASK_STARTED: "a task has started",
    Reason.TASK_STATUS: "a task is neither pending nor queued",
    Reason.JOB_STATUS: "the job is neither pending nor queued",
    Reason.TASKS_UNREAD: "its tasks are not read yet",
    Reason.UNKNOWN_STATUS: "its status is a word that is not known here",
    Reason.NOT_FOUND: "the service knows no such job, or it is not yours",
    Reason.ALREADY_RETRIED: "an earlier operation has retried it",
}
"""Each reason as people read it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the service would accept, as far as can be told from here.

    Attributes
    ----------
    ok : bool or None
        None means: cannot be told.
    reason : Reason or None
        Why not; None when `ok` is True.
    """

    ok: bool | None
    reason: Reason | None = None

    def __bool__(self) -> bool:
        return self.ok is True


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


def cancel_verdict(status: str, tasks: list[str], *, tasks_known: bool = True) -> Verdict:
    """Say whether a cancel would be accepted, and why not.

    The rule is the service's own: the job and all its tasks are pending or queued, or the job is running while all its
    tasks are still pending or queued. Advice only: between reading and acting the job can move, and the service's word
    wins.

    Parameters
    ----------
    status : str
        The job's status.
    tasks : list of str
        The statuses of its tasks, as far as they were read.
    tasks_known : bool, default True
        Whether these are all of them.
    """
    idle = IDLE.issuperset(tasks)
    if status in IDLE | {"running"} and idle:  # running in name only: no task has started
        return Verdict(ok=True) if tasks_known else Verdict(ok=None, reason=Reason.TASKS_UNREAD)
    if status in TERMINAL:
        reason = _ENDED.get(status, Reason.FAILED)
    elif any(task in STARTED for task in tasks):
        reason = Reason.TASK_STARTED
    elif status not in STATUSES:
        reason = Reason.UNKNOWN_STATUS
    else:
        reason = Reason.JOB_STATUS if idle else Reason.TASK_STATUS
    return Verdict(ok=False, reason=reason)


_ENDED = {"complete": Reason.COMPLETE, "aborted": Reason.ABORTED, "cancelled": Reason.ABORTED}


def after_cancel(status: str, verdict: Verdict) -> str:
    """Say what has become of a cancel that the service accepted, by what the job reads afterwards.

    Returns
    -------
    {"done", "refused", "wait"}
        It is cancelled; it went on all the same; or it is too early to tell, since a cancel may take effect later.
    """
    if status in CANCELLED:
        return "done"
    return "refused" if verdict.reason in _WENT_ON else "wait"


_WENT_ON = frozenset({Reason.TASK_STARTED, Reason.COMPLETE, Reason.FAILED})


def retry_verdict(status: str) -> Verdict:
    """Say whether a retry would be accepted: the rule is that the status is not `complete`."""
    return Verdict(ok=False, reason=Reason.COMPLETE) if status == "complete" else Verdict(ok=True)


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
