"""The world's clock: adjustable, lazy, and still when told so."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, exact."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return the aware UTC datetime of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


def read_span(span: str | float | timedelta) -> float:
    """Return seconds from a number of seconds, a timedelta, or text such as "2h", "90min" or "1d 6h"."""
    if isinstance(span, timedelta):
        return span.total_seconds()
    if not isinstance(span, str):
        return float(span)
    parts = _AGE.findall(span)
    if not parts or _AGE.sub("", span) or any(unit not in _UNITS for _, unit in parts):
        raise ValueError(f"{span!r} is no span of time; write for example '90s', '15min', '2h', '1d 6h'")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Clock:
    """World time: it starts at `start` and runs `speed` times as fast as real time.

    Nothing runs by itself: whoever asks for the time gets it computed. A speed of 0 stops it; `advance` still moves it.
    """

    __slots__ = ("_real", "_real_mark", "_speed", "_world_mark")

    def __init__(self, start: datetime, *, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        self._real = real
        self._real_mark = real()
        self._world_mark = float(to_ms(start))
        self._speed = 0.0
        self.speed = speed

    @property
    def speed(self) -> float:
        """World seconds per real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not speed >= 0:
            raise ValueError(f"a speed is 0 or more, not {speed!r}")
        real = self._real()
        self._world_mark += (real - self._real_mark) * 1000.0 * self._speed
        self._real_mark = real
        self._speed = float(speed)

    def exact(self) -> float:
        """World time as milliseconds since 1970, with their fractions."""
        return self._world_mark + (self._real() - self._real_mark) * 1000.0 * self._speed

    def ms(self) -> int:
        """World time as milliseconds since 1970."""
        return int(self.exact())

    def set(self, exact: float) -> None:
        """Put it to a moment, in milliseconds since 1970: a world that was written down goes on there."""
        self._real_mark = self._real()
        self._world_mark = exact

    def now(self) -> datetime:
        """World time as an aware UTC datetime."""
        return from_ms(self.ms())

    def advance(self, span: str | float | timedelta) -> None:
        """Move on by `span`: seconds, a timedelta, or text such as "2h"."""
        seconds = read_span(span)
        if seconds < 0:
            raise ValueError("the clock never goes back")
        self._world_mark += seconds * 1000.0

    def __repr__(self) -> str:
        return f"<Clock {self.now().isoformat(timespec='seconds')} at {self._speed:g}x>"
