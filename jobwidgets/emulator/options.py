"""Where the contract leaves a question open: one named choice each, settable while the service runs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

_WORDS: dict[str, tuple[str, ...]] = {
    "cancelled_status": ("aborted", "cancelled"),
    "refused_cancel": ("invalid_input", "not_allowed", "message"),
    "retry_allowed": ("not_complete", "failed_only"),
    "rest_cancel_answer": ("ids", "none"),
    "error_path": ("present", "absent"),
    "bounds": ("inclusive", "exclusive", "half_open"),
    "ties": ("stable", "shuffled"),
}
_WHOLE = {
    "max_page_size": True,
    "max_aliases": True,
    "rate_limit": True,
    "max_cost": True,
    "max_depth": False,
    "max_body": False,
}
_STATUSES = {"auth_status": (200, 401, 403)}


@dataclass(slots=True)
class EmulatorOptions:
    """The open questions of the contract and how this service answers them.

    Every attribute can be given by name, and changed at any time; setting an unknown name or value is a `ValueError`.

    Attributes
    ----------
    cancelled_status
        What a cancelled job and its tasks read: "aborted" or "cancelled". (REST has no "cancelled" and says "aborted".)
    refused_cancel
        How `cancelJob` refuses: null with the error "invalid_input" or "not_allowed", or "message": a payload with a
        message and no change.
    retry_allowed
        "not_complete": whatever has not completed; "failed_only": failed jobs only.
    rest_cancel_answer
        What REST answers to an accepted cancel: "ids" (200, those cancelled, those refused) or "none" (204, no body).
    max_page_size
        The largest `limit`; above it the error is invalid_input. None: any.
    max_aliases
        The most root fields in one request; above it the whole request is refused. None: any.
    rate_limit
        Requests in 10 s of real time, for each token and for each organisation; then 429. None: off.
    error_path
        Whether GraphQL errors carry `path`: "present" or "absent".
    cancel_delay
        Seconds of world time until an accepted cancel takes effect (if the job has not started by then).
    cancel_race
        The share of accepted cancels that come too late: the job starts first. 0 to 1.
    bounds
        Whether time ranges take in their ends: "inclusive", "exclusive", "half_open" (from is in, to is out).
    ties
        The order of jobs with the same sort value: "shuffled" anew on every request, or "stable".
    schedule_cancel_stops_runs
        Whether stopping a schedule also cancels those of its runs that have not started.
    auth_status
        The HTTP status of a wrong or expired token: 401, 403 or 200 (for GraphQL; REST then says 401).
    max_cost
        Records times nested records one query may ask for; above it capacity_exceeded. None: any.
    max_depth
        How deep a query may nest.
    max_body
        The largest request body in bytes; above it 413.
    session_hours
        How long a token from `userLogin` lasts, in hours of world time.
    """

    cancelled_status: str = "aborted"
    refused_cancel: str = "invalid_input"
    retry_allowed: str = "not_complete"
    rest_cancel_answer: str = "ids"
    max_page_size: int | None = 1000
    max_aliases: int | None = 100
    rate_limit: int | None = None
    error_path: str = "present"
    cancel_delay: float = 0.0
    cancel_race: float = 0.0
    bounds: str = "inclusive"
    ties: str = "shuffled"
    schedule_cancel_stops_runs: bool = False
    auth_status: int = 401
    max_cost: int | None = None
    max_depth: int = 20
    max_body: int = 10 * 1024 * 1024
    session_hours: float = 24.0

    def __setattr__(self, name: str, value: Any) -> None:
        known = {field.name for field in fields(self)}
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ValueError(f"no choice is called {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
        _check(name, value)
        object.__setattr__(self, name, value)


def _check(name: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is one that the choice can take."""
    allowed: tuple[Any, ...] | None = _WORDS.get(name) or _STATUSES.get(name)
    if allowed is not None:
        if value not in allowed:
            raise ValueError(f"{name} is one of {', '.join(map(repr, allowed))}, not {value!r}")
    elif name in _WHOLE:
        if value is None and _WHOLE[name]:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is a whole number from 1{' or None' if _WHOLE[name] else ''}, not {value!r}")
    elif name == "schedule_cancel_stops_runs":
        if not isinstance(value, bool):
            raise ValueError(f"{name} is True or False, not {value!r}")
    elif not 0 <= value <= (1 if name == "cancel_race" else float("inf")):
        raise ValueError(f"{name} cannot be {value!r}")
