"""Times as people write them: a datetime, an ISO date or time, or an age such as "2d"."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from jobwidgets.errors import ServiceError, UsageError

_UNITS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_HOW = 'write a datetime, an ISO date or time such as "2026-03-01T08:00Z", or an age such as "2d" or "90min"'


def parse_age(age: str | timedelta) -> timedelta:
    """Read an age such as "90min", "2d" or "1h30min".

    Raises
    ------
    UsageError
        It is no age; nothing was sent.
    """
    if isinstance(age, timedelta) and age == age:  # noqa: PLR0124  pandas' NaT is not itself
        return age
    if not isinstance(age, str):
        raise UsageError(f"{age!r} is no age", hint='write a number and s, min, h, d or w: "90min", "2d", "1h30min"')
    text = age.strip().lower()
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text) or any(unit not in _UNITS for _, unit in parts):
        raise UsageError(f"{age!r} is no age", hint='write a number and s, min, h, d or w: "90min", "2d", "1h30min"')
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise UsageError(f"the age {age!r} is longer than time itself", hint=_HOW) from None


def parse_when(value: object, now: datetime) -> datetime:
    """Read a moment; an age is counted back from `now`.

    Parameters
    ----------
    value : datetime, date, timedelta or str
        A time without a zone is taken as UTC; a date is its first moment in UTC.
    now : datetime
        The service's clock.

    Returns
    -------
    datetime
        In UTC.

    Raises
    ------
    UsageError
        It is none of these; nothing was sent.
    """
    try:
        if value != value:  # noqa: PLR0124  pandas' NaT is not itself
            raise UsageError("the time is missing (NaT)", hint=_HOW)
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime.combine(value, time())
        elif isinstance(value, timedelta):
            moment = now - value
        elif isinstance(value, str):
            moment = _from_text(value.strip(), now)
        else:
            raise UsageError(f"{value!r} is no time", hint=_HOW)
    except OverflowError:
        raise UsageError(f"{value!r} lies before all calendars", hint=_HOW) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_text(text: str, now: datetime) -> datetime:
    if re.match(r"\d{4}-\d\d|\d{8}(T|$)", text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(f"{text!r} is no time", hint=_HOW) from None
    if text.lower() == "now":
        return now
    try:
        return now - parse_age(text)
    except UsageError:
        raise UsageError(f"{text!r} is no time and no age", hint=_HOW) from None


def iso(moment: datetime) -> str:
    """Write a moment as the service does: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age_text(age: timedelta) -> str:
    """Say a length of time in its two largest units: "3 h 12 min"."""
    seconds = int(abs(age.total_seconds()))
    sign = "-" if age < timedelta(0) and seconds else ""
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    first = next((i for i, (number, _) in enumerate(parts) if number), 3)
    return sign + " ".join(
        f"{number} {unit}" for number, unit in parts[first : first + 2] if number or unit == "s" == parts[first][1]
    )


def parse_timestamp(text: str) -> datetime:
    """Read a date-time of the service.

    Raises
    ------
    ServiceError
        It is none.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ServiceError(f"the service sent {text[:40]!r} as a time", hint="ask the service's people") from None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def parse_optional_timestamp(text: str | None) -> datetime | None:
    """Read a date-time that may not be there."""
    return parse_timestamp(text) if text else None
