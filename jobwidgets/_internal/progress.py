"""A line that says how many jobs of a list have come, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ProgressCallback = Callable[[int, int, dict[str, int]], None]
"""Takes the number of jobs that are done with, their total, and the counts by outcome or status."""

QUIET = 2.0
"""Seconds after which it shows where nobody has asked for it."""


def bar(**how: Any) -> Any:
    """Make a bar of tqdm, with its options, that leaves no thread behind."""
    from tqdm.auto import tqdm  # noqa: PLC0415  only when a bar is drawn

    class Threadless(tqdm):  # type: ignore[misc]  # tqdm has no types
        monitor_interval = 0  # else a thread looks after all bars, for as long as the kernel runs

    return Threadless(**how)


class Bar:
    """Carries the counts from the loop's thread to the bar, which only the caller's thread draws.

    It has no end to run to, since nobody says how many jobs there are: it tells what has come, and its rate.
    """

    def __init__(self, progress: Any, verb: str) -> None:
        self._call = progress if callable(progress) else None
        self._wanted = progress in (None, True)
        self._began, self._delay = time.monotonic(), QUIET if progress is None else 0.0
        self._verb, self._came = verb, 0
        self._bar: Any = None

    def tell(self, counts: Mapping[str, int]) -> None:
        """Keep the latest (on the loop's thread)."""
        self._came = sum(counts.values())
        if self._call is not None:
            self._call(counts)

    def draw(self) -> None:
        """Draw the latest (on the caller's thread)."""
        waited = time.monotonic() - self._began
        if not self._wanted or (self._bar is None and waited < self._delay):
            return
        if self._bar is None:
            self._bar = bar(desc=self._verb, unit=" jobs", leave=False, smoothing=0)
            self._bar.start_t -= waited  # the rate is that of the whole list
        self._bar.update(self._came - self._bar.n)

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.close()
