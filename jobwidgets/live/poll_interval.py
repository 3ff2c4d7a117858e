"""How long to leave a service alone until the next look: pure, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

SOONEST, SLOWEST = 2.0, 60.0
"""Between two looks, at least and at most; what a person asked for and what takes long may be longer."""
CALM = 10
"""A look that took a second is not repeated before this many seconds."""
QUIETER = 10
"""Nothing has changed for a minute: the next look is a tenth of that away."""
SETTLED = 15.0
"""Where nothing listed can change any more, and only new jobs can come: at least so long."""
WHOLE_AGAIN, WHOLE_SHARE = 60.0, 60
"""The whole list is read again after so long, and never for more than one part in so many of the time."""


@dataclass(frozen=True, slots=True)
class PollSignals:
    """What the pace of a list depends on.

    Attributes
    ----------
    quiet : float
        Seconds since something changed.
    took : float
        Seconds that the last look took.
    misses : int
        Looks in a row that failed.
    settled : bool
        Whether no job of the list can change any more.
    complete : bool
        Whether no new one can come.
    """

    quiet: float = 0.0
    took: float = 0.0
    misses: int = 0
    settled: bool = False
    complete: bool = False


def pause(signs: PollSignals, every: float) -> float | None:
    """Say how long to wait after a look; None: until somebody asks.

    Parameters
    ----------
    signs : PollSignals
        What was seen.
    every : float
        What a person asked for: never sooner.
    """
    floor = max(every, SOONEST, CALM * signs.took)
    if signs.misses:
        return max(every, min(SLOWEST, floor * 2.0 ** min(signs.misses, 6)))
    if signs.settled and signs.complete:
        return None
    least = max(floor, SETTLED) if signs.settled else floor
    return max(least, min(SLOWEST, signs.quiet / QUIETER))


def whole_again(took: float) -> float:
    """Say how long after reading a whole list it is read as a whole again: jobs that were removed go then."""
    return max(WHOLE_AGAIN, WHOLE_SHARE * took)
