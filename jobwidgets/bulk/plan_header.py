"""What a plan says of itself: its operation, its reason, and until when it is good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobwidgets._internal import parse_age
from jobwidgets.errors import UsageError


def clock() -> datetime:
    """Tell this machine's time, by which plans go out of date."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a plan says of itself.

    Attributes
    ----------
    op : str
        The operation's own id.
    kind : {"cancel", "retry", "range"}
        What is going to be done.
    reason : str
        Why, as the user gave it.
    made, expires : datetime
        When it was made, and until when it can be applied, by the clock of the machine that made it.
    again : bool
        Whether jobs that were retried before are retried once more.
    made_by : str
        Who made it, "user@host"; empty for a plan of this process.
    """

    op: str
    kind: str
    reason: str
    made: datetime
    expires: datetime
    again: bool = False
    made_by: str = ""

    @classmethod
    def of(cls, kind: str, reason: str, expires: str | timedelta, *, again: bool = False) -> PlanHeader:
        """Begin a plan now."""
        made, age = clock(), parse_age(expires)
        if age <= timedelta(0):
            raise UsageError(f"expires={expires!r} is no age for a plan", hint='give how long it is good for: "1d"')
        try:
            until = made + age
        except OverflowError:
            raise UsageError(f"expires={expires!r} is longer than time itself", hint='give an age: "1d"') from None
        # Of two plans of one second the later has the greater name, for the newest is the one with the greatest.
        mark = made.microsecond // 1000 << 14 | secrets.randbits(14)
        op = f"{kind}-{made.strftime('%Y%m%d-%H%M%S')}-{mark:06x}"
        return cls(op, kind, reason, made, until, again)
