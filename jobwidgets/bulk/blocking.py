"""Plans and receipts for blocking callers: the same, waited for, with a progress bar."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import bar

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    import pandas as pd

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.bulk.plan import AsyncPlan
    from jobwidgets.bulk.receipt import AsyncReceipt
    from jobwidgets.transport import BlockingRunner

REDRAW = 0.2


class Plan:
    """What is going to be done to which jobs: see `AsyncPlan`. Nothing is sent before `apply`."""

    def __init__(self, aio: AsyncPlan, runner: BlockingRunner) -> None:
        self.aio, self._runner = aio, runner
        self._receipt: Receipt | None = None

    op = property(lambda self: self.aio.op, doc="The operation's own id.")
    kind = property(lambda self: self.aio.kind, doc="What is going to be done: cancel, retry or range.")
    act = property(lambda self: self.aio.act, doc="The word in the column `action`: cancel or retry.")
    reason = property(lambda self: self.aio.reason, doc="Why, as the user gave it.")
    counts = property(lambda self: self.aio.counts, doc="How many will be sent, and how many are left out.")
    reasons = property(lambda self: self.aio.reasons, doc="Why jobs are left out: codes and how many jobs each.")
    requests = property(lambda self: self.aio.requests, doc="About how many requests it takes to apply it.")
    total = property(lambda self: self.aio.total, doc="How many jobs it speaks of.")
    applied = property(lambda self: self.aio.applied, doc="Whether it was used.")
    service_url = property(lambda self: self.aio.service_url, doc="The service it is for.")
    made = property(lambda self: self.aio.made, doc="When it was made, by this machine's clock.")
    expires = property(lambda self: self.aio.expires, doc="Until when it can be applied, by this machine's clock.")
    expired = property(lambda self: self.aio.expired, doc="Whether it is out of date.")
    span = property(lambda self: self.aio.span, doc="Whose jobs, and created when, for a plan of kind range.")
    made_by = property(lambda self: self.aio.made_by, doc="Who made it; empty for a plan of this process.")
    loaded = property(lambda self: self.aio.loaded, doc="Whether it came from a file.")

    @property
    def df(self) -> pd.DataFrame:
        """One row a job; rows taken out of it are taken out of the plan."""
        return self.aio.df

    @df.setter
    def df(self, frame: pd.DataFrame) -> None:
        self.aio.df = frame

    def drift(self) -> pd.DataFrame:
        """Look which jobs have moved since the plan was made; sends nothing: see `AsyncPlan.drift`."""
        frame: pd.DataFrame = self._runner.run(self.aio.drift())
        return frame

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file that a colleague can review and apply: see `AsyncPlan.save` and `jobwidgets.load_plan`."""
        return self.aio.save(path)

    def apply(
        self,
        *,
        limit: int | None = None,
        max_drift: float | None = None,
        canary: int | None = None,
        widen: int = 5,
        ok: float = 0.8,
        progress: ProgressCallback | bool | None = None,
    ) -> Receipt:
        """Do it, once: see `AsyncPlan.apply`. A second call gives the receipt of the first.

        Parameters
        ----------
        limit : int, optional
            The number of jobs to send; needed above 500.
        max_drift : float, optional
            The share of the jobs to send that may have moved out of reach since the plan was made. None: any for a
            plan of this process, a fifth for one that was loaded.
        canary, widen, ok : optional
            Retry in waves: `canary` jobs first, then `widen` times as many, and so on while the share `ok` of the new
            jobs of a wave completes.
        progress : callable or bool, optional
            None or True draws a bar, False draws nothing; a callable is called with the number settled, the total and
            the counts by outcome.
        """
        if self._receipt is None:
            verb = {"cancel": "Cancelling", "retry": "Retrying"}[self.act]
            told = ProgressRelay(progress, verb)
            aio = told.while_running(
                lambda: self._runner.run(
                    self.aio.apply(
                        limit=limit, max_drift=max_drift, canary=canary, widen=widen, ok=ok, progress=told.tell
                    ),
                    tick=told.draw,
                )
            )
            self._receipt = Receipt(aio, self._runner)
        return self._receipt

    def __repr__(self) -> str:
        return repr(self.aio)

    def _repr_html_(self) -> str:
        return self.aio._repr_html_()


class Receipt:
    """What was done, one line a target: see `AsyncReceipt`."""

    def __init__(self, aio: AsyncReceipt, runner: BlockingRunner) -> None:
        self.aio, self._runner = aio, runner

    op = property(lambda self: self.aio.op, doc="The operation's own id.")
    kind = property(lambda self: self.aio.kind, doc="What was done: cancel or retry.")
    why = property(lambda self: self.aio.why, doc="The reason that was given with the plan.")
    halted = property(lambda self: self.aio.halted, doc="Why the rest was not sent; empty when nothing stopped it.")
    counts = property(lambda self: self.aio.counts, doc="How many targets came to each outcome that occurs.")
    total = property(lambda self: self.aio.total, doc="How many targets the plan had.")
    service_url = property(lambda self: self.aio.service_url, doc="The service it was done at.")
    drifted = property(lambda self: self.aio.drifted, doc="How many had moved since the plan was made.")
    begun = property(lambda self: self.aio.begun, doc="When it began, on the service's clock.")
    state = property(lambda self: self.aio.state, doc='"at work", "open" (something is left) or "finished".')

    @property
    def df(self) -> pd.DataFrame:
        """One row a target: see `AsyncReceipt.df`."""
        return self.aio.df

    def resolve(self, *, patience: str | timedelta = "0s") -> Receipt:
        """Find out what became of the unknown ones by asking, never by sending again: see `AsyncReceipt.resolve`."""
        self._runner.run(self.aio.resolve(patience=patience))
        return self

    def resume(self, *, progress: ProgressCallback | bool | None = None, ok: float | None = None) -> Receipt:
        """Resolve what is unknown, then go on with what was never sent: see `AsyncReceipt.resume`."""
        told = ProgressRelay(progress, "Resuming")
        told.while_running(lambda: self._runner.run(self.aio.resume(progress=told.tell, ok=ok), tick=told.draw))
        return self

    def verify(self, *, timeout: str | timedelta = "10min") -> Receipt:
        """Read back what was done until it is terminal: see `AsyncReceipt.verify`."""
        self._runner.run(self.aio.verify(timeout=timeout))
        return self

    def stop(self) -> None:
        """Ask the work on it to stop, from any thread: see `AsyncReceipt.stop`."""
        self.aio.stop()

    def __repr__(self) -> str:
        return repr(self.aio)

    def _repr_html_(self) -> str:
        return self.aio._repr_html_()


class ProgressRelay:
    """Carries progress from the loop's thread to the bar, which only the caller's thread draws."""

    def __init__(self, progress: ProgressCallback | bool | None, verb: str) -> None:  # noqa: FBT001  as it was given
        self._call = progress if callable(progress) else None
        self._wanted = progress in (None, True)
        self._verb, self._total = verb, 0
        self._lock = threading.Lock()
        self._latest: tuple[int, dict[str, int]] = (0, {})
        self._bar: Any = None

    def tell(self, done: int, total: int, counts: dict[str, int]) -> None:
        """Keep the latest (on the loop's thread)."""
        with self._lock:
            self._latest, self._total = (done, counts), total
        if self._call is not None:
            self._call(done, total, counts)

    def draw(self) -> None:
        """Draw the latest (on the caller's thread)."""
        if not self._wanted or not self._total:
            return
        if self._bar is None:
            self._bar = bar(total=self._total, desc=self._verb, unit="job", leave=True, mininterval=REDRAW)
        with self._lock:
            done, counts = self._latest
        self._bar.set_postfix({name: count for name, count in counts.items() if name != "not_sent"}, refresh=False)
        self._bar.update(done - self._bar.n)

    def while_running(self, work: Callable[[], Any]) -> Any:
        """Run `work`, and leave the bar as it stands at the end."""
        try:
            return work()
        finally:
            if self._bar is not None:
                self.draw()
                self._bar.close()
