"""The words of the service and of this package: statuses, outcomes, and the reasons why a job is left alone."""

from enum import StrEnum

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


MAX_JOBS_UNCONFIRMED = 500
"""The most jobs that are sent without saying their number."""


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
