"""Which jobs the service lets be cancelled or retried: its rules as pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from jobwidgets.vocabulary import CANCELLED, IDLE, STARTED, STATUSES, TERMINAL, Reason

READBACK_DELAYS_S = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each read of a job whose cancel was accepted: a cancel may take effect a little later."""


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
