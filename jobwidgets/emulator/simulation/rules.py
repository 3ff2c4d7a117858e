"""The rules of the contract about statuses, cancelling and retrying, as functions of statuses alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STATUSES = (
    "pending", "queued", "running", "complete", "failed", "aborted", "cancelled",
    "accepted", "standby_pending", "waiting", "resuming", "paused",
)  # fmt: skip
IDLE = frozenset({"pending", "queued"})
FINISHED = frozenset({"complete", "failed", "aborted", "cancelled"})
STOPPED = frozenset({"aborted", "cancelled"})

_REST = {
    "cancelled": "aborted", "accepted": "queued", "waiting": "pending", "paused": "pending",
    "standby_pending": "scheduled", "resuming": "reprocessing",
}  # fmt: skip
REST_STATUSES = (
    "scheduled",
    "pending",
    "queued",
    "running",
    "complete",
    "aborted",
    "failed",
    "rejected",
    "reprocessing",
)

_FILTERS = {"cancelled": ("cancelled", "aborted")}


def rest_word(status: str) -> str:
    """Return the word REST has for a status of GraphQL; an unknown word stays as it is."""
    return _REST.get(status, status)


def filter_words(wanted: Iterable[str]) -> set[str]:
    """Return the statuses a `jobs(status:)` filter lists: "cancelled" lists the aborted too, nothing else could."""
    return {word for name in wanted for word in _FILTERS.get(name, (name,))}


def job_status(tasks: Sequence[str], *, cancelled: bool = False, taken: bool = False) -> str:
    """Return the status of a job with tasks in these statuses.

    Parameters
    ----------
    tasks
        The status of each task.
    cancelled
        Whether the job was cancelled as a whole. A task that aborted on its own makes the job `failed`.
    taken
        Whether a cluster has taken the job: it then reads `running`, though no task may have started.
    """
    words = set(tasks)
    if cancelled and words and words <= STOPPED:
        return "cancelled" if words == {"cancelled"} else "aborted"
    if words & {"failed", "aborted", "cancelled"}:
        return "failed"
    if words == {"complete"}:
        return "complete"
    if words - IDLE:
        return "running"
    if "queued" not in words:
        return "pending"
    return "running" if taken else "queued"


def fitting_tasks(status: str, tasks: Sequence[str] | int) -> list[str]:
    """Return the status of each task of a job in this status: as given, or of so many tasks what fits the job's."""
    if not isinstance(tasks, int):
        return list(tasks)
    rest = {"failed": "aborted", "queued": "pending"}.get(
        status, status if status in FINISHED or status in IDLE else "pending"
    )
    return [status] + [rest] * (tasks - 1)


def cancel_refusal(job: str, tasks: Sequence[str]) -> str | None:
    """Say why a job cannot be cancelled, or None when it can: it and its tasks idle, or running with its tasks idle."""
    if job in FINISHED:
        return f"The job is already {job}"
    if job not in IDLE and job != "running":
        return f"A job that is {job} cannot be cancelled"
    busy = [word for word in tasks if word not in IDLE]
    if busy:
        return f"{len(busy)} of its {len(tasks)} tasks are past the queue ({', '.join(sorted(set(busy)))})"
    return None


def retry_refusal(job: str, allowed: str) -> str | None:
    """Say why a job cannot be retried, or None when it can; `allowed` is the choice `retry_allowed`."""
    if job == "complete":
        return "A completed job cannot be retried"
    if allowed == "failed_only" and job != "failed":
        return f"Only failed jobs can be retried; this one is {job}"
    return None
