"""How the counts of a list went in the last minutes: a few points, never more."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SPAN = 300.0
"""Seconds that a trend looks back."""
APART = 5.0
"""Seconds between two points, at least."""
MOST = 128
"""Points that are kept."""
STEPS = 30
"""Points of a line."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How one count went: points at even distances up to now, oldest first, and how much it rose in so many seconds."""

    points: tuple[int, ...] = ()
    rise: int = 0
    seconds: float = 0.0


class History:
    """The counts by status at some moments."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, dict[str, int]]] = deque(maxlen=MOST)

    def __len__(self) -> int:
        return len(self._points)

    def note(self, counts: Mapping[str, int]) -> None:
        """Keep the counts of now; the newest point moves along until it is far enough from the one before."""
        now = time.monotonic()
        if len(self._points) > 1 and now - self._points[-2][0] < APART:
            self._points.pop()
        self._points.append((now, {status: count for status, count in counts.items() if count}))

    def trend(self, status: str) -> Trend:
        """Say how a count went in the last minutes."""
        points = list(self._points)
        if not points:
            return Trend()
        now = points[-1][0]
        steps = [now - SPAN + SPAN * step / (STEPS - 1) for step in range(STEPS)]
        times = [at for at, _ in points]
        held = [bisect_right(times, at) for at in steps[:-1]]
        line = [points[place - 1][1].get(status, 0) for place in [*held, len(points)] if place]
        begin = max(times[0], steps[0])
        return Trend(
            tuple(line), line[-1] - points[max(0, bisect_right(times, begin) - 1)][1].get(status, 0), now - begin
        )
