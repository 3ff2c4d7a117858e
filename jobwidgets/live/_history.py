"""How the counts of a list went in the last minutes: a few points, never more."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SPAN = 300.0
"""Seconds that a trend looks back."""
APART = 5.0
"""Seconds between two points, at least."""
MOST = 64
"""Points that are kept."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How one count went: its points, oldest first, and how much it rose in so many seconds."""

    points: tuple[int, ...]
    rise: int
    seconds: float


class History:
    """The counts by status at some moments, as a line shows them."""

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
        """Say how a count went."""
        now = time.monotonic()
        points = [(at, counts.get(status, 0)) for at, counts in list(self._points) if at >= now - SPAN]
        if not points:
            return Trend((), 0, 0.0)
        return Trend(tuple(count for _, count in points), points[-1][1] - points[0][1], now - points[0][0])
