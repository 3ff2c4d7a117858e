"""What keeps a plan from doing more than was meant: its time, the number to send, how much may have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets._internal import age_text
from jobwidgets.bulk import plan_header as _head
from jobwidgets.bulk.execution.canary import Canary
from jobwidgets.errors import UsageError

if TYPE_CHECKING:
    from jobwidgets.bulk.plan_header import PlanHeader


def check_not_expired(head: PlanHeader) -> None:
    """Refuse a plan that is out of date."""
    now = _head.clock()
    if now > head.expires:
        raise UsageError(
            f"plan {head.op} is out of date: it was made {age_text(now - head.made)} ago and good for "
            f"{age_text(head.expires - head.made)}; nothing was sent",
            hint="make a new plan: what was seen then is not what is there now",
        )


def check_max_jobs(most: int, sending: int, act: str) -> None:
    """Refuse to send more than was said."""
    if sending > most:
        raise UsageError(
            f"the plan would {act} {sending} jobs, more than {most}",
            hint=f"if that is what you want, say the number: apply(limit={sending})",
        )


def parse_max_drift(max_drift: object, otherwise: float | None) -> float | None:
    """Read the share of the jobs that may have moved; None is any."""
    if max_drift is None:
        return otherwise
    if isinstance(max_drift, bool) or not isinstance(max_drift, int | float) or not 0 <= max_drift <= 1:
        raise UsageError(f"max_drift={max_drift!r} is no share", hint="give a number from 0 to 1, such as 0.2")
    return float(max_drift)


def parse_canary(kind: str, canary: int | None, widen: int, ok: float) -> Canary | None:
    """Read how to go about it in waves; None is all at once."""
    if canary is None:
        return None
    if kind != "retry":
        raise UsageError(f"canary={canary!r}: only retries go in waves", hint="leave canary out")
    return Canary(canary, widen, ok)
