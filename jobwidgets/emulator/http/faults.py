"""The dials for faults: what goes wrong, for which operation, how often, by what chance."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


@dataclass(slots=True)
class Fault:
    """One dial that is turned on.

    `amount` is its number: a status, seconds, bytes a second; `times` is how often it still strikes (None: always).
    """

    kind: str
    times: int | None = 1
    operation: str | None = None
    probability: float = 1.0
    amount: float = 0.0
    retry_after: float | None = None
    until: float = 0.0
    headers: bool = False


class Faults:
    """Turns faults on. Each method takes `times` (None: until `clear`), `operation` and `probability`.

    An operation is a root field ("cancelJob") or a REST method and path ("POST /proc/jobs/cancel",
    "GET /proc/job/{id}/status"); None: all requests.
    A request suffers the first fault that strikes it; delays and trickles come on top.
    """

    def __init__(self, seed: int, real: Callable[[], float] = time.monotonic) -> None:
        self._chance = random.Random(f"faults {seed}")  # noqa: S311 - a seeded world, no secret
        self._real = real
        self._lock = threading.Lock()
        self._active: list[Fault] = []

    def _add(self, fault: Fault) -> None:
        if not 0 <= fault.probability <= 1 or (fault.times is not None and fault.times < 1):
            raise ValueError("a probability is from 0 to 1, a count is 1 or more")
        with self._lock:
            self._active.append(fault)

    def lose_answer(self, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0) -> None:
        """Do the work and close the connection without an answer."""
        self._add(Fault("lose_answer", times, operation, probability))

    def fail_before(
        self, *, status: int = 502, times: int | None = 1, operation: str | None = None, probability: float = 1.0
    ) -> None:
        """Answer with a gateway's error page, nothing done."""
        self._add(Fault("fail_before", times, operation, probability, status))

    def fail_after(
        self, *, status: int = 502, times: int | None = 1, operation: str | None = None, probability: float = 1.0
    ) -> None:
        """Do the work and answer with a gateway's error page."""
        self._add(Fault("fail_after", times, operation, probability, status))

    def server_error(
        self, *, status: int = 500, times: int | None = 1, operation: str | None = None, probability: float = 1.0
    ) -> None:
        """Answer with an error of the service's own, nothing done."""
        self._add(Fault("server_error", times, operation, probability, status))

    def capacity_exceeded(
        self, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0
    ) -> None:
        """Answer that the query is too dear, nothing done."""
        self._add(Fault("capacity_exceeded", times, operation, probability))

    def garbage(self, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0) -> None:
        """Do the work and answer 200 with something that is no JSON."""
        self._add(Fault("garbage", times, operation, probability))

    def cut(self, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0) -> None:
        """Do the work and break the answer off in the middle."""
        self._add(Fault("cut", times, operation, probability))

    def trickle(
        self,
        bytes_per_s: float = 20.0,
        *,
        headers: bool = False,
        times: int | None = 1,
        operation: str | None = None,
        probability: float = 1.0,
    ) -> None:
        """Do the work and answer a few bytes at a time; with `headers`, the head of the answer too (over sockets)."""
        self._add(Fault("trickle", times, operation, probability, bytes_per_s, headers=headers))

    def rate_limit(
        self,
        *,
        window: float = 10.0,
        retry_after: float | None = None,
        times: int | None = 1,
        operation: str | None = None,
        probability: float = 1.0,
    ) -> None:
        """Answer 429 to whatever comes in the next `window` seconds of real time, counted from the first such request.

        `Retry-After` is what is left of the window, or `retry_after`; `times` counts windows.
        """
        self._add(Fault("rate_limit", times, operation, probability, window, retry_after))

    def expire_token(self, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0) -> None:
        """Treat the token as expired."""
        self._add(Fault("expire_token", times, operation, probability))

    def delay(
        self, seconds: float = 1.0, *, times: int | None = 1, operation: str | None = None, probability: float = 1.0
    ) -> None:
        """Do the work, and answer `seconds` of real time later."""
        self._add(Fault("delay", times, operation, probability, seconds))

    def clear(self) -> None:
        """Turn all dials off."""
        with self._lock:
            self._active.clear()

    def strike(self, operations: Collection[str]) -> list[Fault]:
        """Return the faults that a request of these operations suffers: one at most, delays and trickles besides."""
        struck: list[Fault] = []
        with self._lock:
            for fault in list(self._active):
                modifier = fault.kind in {"delay", "trickle"}
                if fault.operation is not None and fault.operation not in operations:
                    continue
                if not modifier and any(other.kind not in {"delay", "trickle"} for other in struck):
                    continue
                if self._hits(fault):
                    struck.append(fault)
        return struck

    def _hits(self, fault: Fault) -> bool:
        """Say whether a fault strikes now, and count it."""
        now = self._real()
        if fault.kind == "rate_limit" and now < fault.until:
            return True
        if fault.times == 0:
            self._active.remove(fault)
            return False
        if fault.probability < 1 and self._chance.random() >= fault.probability:
            return False
        if fault.times is not None:
            fault.times -= 1
        if fault.kind == "rate_limit":
            fault.until = now + fault.amount
        elif fault.times == 0:
            self._active.remove(fault)
        return True

    def left(self, fault: Fault) -> float:
        """Return what is left of the window of a `rate_limit`, in seconds."""
        return max(0.0, fault.until - self._real())
