"""What a panel does: list, plan, apply, look again. Everything slow runs on the client's own thread; no traits here."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobwidgets._errors import ServiceError, UsageError
from jobwidgets.panel._entry import told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan, AsyncReceipt
    from jobwidgets.client import Client
    from jobwidgets.panel._entry import Handover

CALM = 10
"""A list that took a second to read is not read again before this many seconds."""
SLOWEST = 60.0
"""Seconds between two tries, at most, while the service does not answer."""
PROGRESS_EVERY = 0.2
"""Seconds between two reports of progress."""
CAP = 500
"""Above this many jobs their number must be typed."""


class Stage(StrEnum):
    """Where an act on many jobs stands."""

    LIST = "list"
    PLANNING = "planning"
    CONFIRM = "confirm"
    WORKING = "working"
    DONE = "done"


class Controller:
    """The work behind one panel. At most one request of it is in flight.

    Parameters
    ----------
    client : Client
        The connection to the service.
    query : mapping
        The keywords of `client.jobs` that say what is listed.
    every : float or None
        Seconds between two looks at the service; None looks only when asked to.
    hand : Handover
        The way back to the kernel's thread.
    changed : callable
        Called there whenever something here has changed.
    """

    def __init__(
        self,
        client: Client,
        query: Mapping[str, Any],
        *,
        every: float | None,
        hand: Handover,
        changed: Callable[[], None],
        watched: Callable[[], bool],
    ) -> None:
        self.client, self.query, self.every = client, dict(query), every
        self.stage = Stage.LIST
        self.live = every is not None
        self.closed = False
        self.frame: pd.DataFrame | None = None
        self.plan: AsyncPlan | None = None
        self.receipt: AsyncReceipt | None = None
        self.progress: tuple[int, int, dict[str, int]] = (0, 0, {})
        self.error = self.trouble = ""
        self._hand, self._changed, self._watched = hand, changed, watched
        self._flight: tuple[concurrent.futures.Future[Any], Callable[[Any], None]] | None = None
        self._timer: concurrent.futures.Future[None] | None = None
        self._work: asyncio.Task[AsyncReceipt] | None = None
        self._began = self._took = 0.0
        self._misses = 0
        self._reporting = False

    @property
    def busy(self) -> bool:
        """Whether a request is in flight."""
        return self._flight is not None

    # ------------------------------------------------------------------------- list

    def refresh(self) -> None:
        """Read the list again, unless something is being asked already."""
        if not self.busy and not self.closed:
            self._send(self.client.aio.jobs(**self.query), self._listed)

    def _listed(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def keep_live(self, live: bool) -> None:  # noqa: FBT001  the one thing it is about
        """Look again from time to time, or only when asked to."""
        self.live = live and self.every is not None
        self.wake()

    def wake(self) -> None:
        """Look at the clock: somebody looks at the panel, or wants it live."""
        if self._timer is None and not self.busy and not self.closed and self.live and self._watched():
            due = self._began + self._pause() - time.monotonic()
            self._timer = self.client.portal.submit(asyncio.sleep(max(0.0, due)))
            timer = self._timer
            timer.add_done_callback(lambda _: self._hand(lambda: self._rang(timer)))

    def _pause(self) -> float:
        pause = max(self.every or 0.0, self._took * CALM)
        return min(max(SLOWEST, pause), pause * (1 << self._misses))

    def _rang(self, timer: concurrent.futures.Future[None]) -> None:
        if timer is self._timer:
            self._timer = None
            if self.live and self._watched():
                self.refresh()
                self._changed()

    # ------------------------------------------------------------------ plan and apply

    def make_plan(self, kind: str, jobs: pd.DataFrame) -> None:
        """Plan an act on these jobs; nothing is sent."""
        if self.stage in (Stage.PLANNING, Stage.WORKING):
            raise UsageError("the panel is busy with another act", hint="wait for it to end")
        self._drop()
        make = self.client.aio.plan_cancel if kind == "cancel" else self.client.aio.plan_retry
        self.stage, self.plan, self.receipt = Stage.PLANNING, None, None
        self._send(make(jobs), self._planned)

    def _planned(self, plan: AsyncPlan) -> None:
        self.plan, self.stage = plan, Stage.CONFIRM

    def to_send(self) -> int:
        """How many jobs the plan that is shown would act on."""
        return self.plan.counts.get(self.plan.kind, 0) if self.plan is not None else 0

    def apply(self, op: str, *, reason: str, typed: str) -> None:
        """Carry out the plan that is shown: only that one, and only once.

        Raises
        ------
        UsageError
            Another plan is shown, or none; or its number had to be typed and was not. Nothing was sent.
        """
        plan, count = self.plan, self.to_send()
        if self.stage is not Stage.CONFIRM or plan is None or plan.op != op:
            raise UsageError("that plan is not the one that is shown", hint="nothing was sent; make a new plan")
        if not count:
            raise UsageError("the plan has no job to act on; nothing was sent")
        if count > CAP and typed.replace(",", "").strip() != str(count):
            raise UsageError(f"these are {count:,} jobs; nothing was sent", hint=f"type {count} to go on")
        self._drop()
        plan.reason, self.trouble = reason.strip()[:500], ""
        self.stage, self.progress = Stage.WORKING, (0, count, {})
        self._send(self._apply(plan, count), self._applied)

    async def _apply(self, plan: AsyncPlan, count: int) -> AsyncReceipt:
        self._work = asyncio.create_task(plan.apply(limit=count, progress=self._report))
        await asyncio.wait({self._work})
        error = None if self._work.cancelled() else self._work.exception()
        if not plan.applied:  # applying it now, for its receipt, would be doing it
            raise error or UsageError("stopped before anything was sent", hint="make a new plan to go on")
        if error is not None:
            self.trouble = told(error)
        elif self._work.cancelled():
            self.trouble = "stopped: what was not sent yet is not sent"
        return await plan.apply()  # of a plan that was used: its receipt, which says how far it came

    def _report(self, done: int, total: int, counts: dict[str, int]) -> None:
        """Take progress on the client's thread; pass it on now and then."""
        self.progress = (done, total, dict(counts))
        if not self._reporting:
            self._reporting = True
            asyncio.get_running_loop().call_later(PROGRESS_EVERY, self._hand, self._reported)

    def _reported(self) -> None:
        self._reporting = False
        self._changed()

    def _applied(self, receipt: AsyncReceipt) -> None:
        self.receipt, self.stage, self.plan = receipt, Stage.DONE, None
        self._send(self.client.aio.jobs(**self.query), self._listed)  # look at once what became of them

    def stop(self) -> None:
        """Stop sending; what was sent stays sent, and no job is ever cancelled by this."""
        if self.stage is Stage.WORKING:
            self.client.portal.submit(self._stop())

    async def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def back(self) -> None:
        """Leave the plan, or the result, and go back to the list."""
        if self.stage in (Stage.CONFIRM, Stage.DONE):
            self.stage, self.plan, self.receipt = Stage.LIST, None, None

    # ------------------------------------------------------------------------ requests

    def _send(self, work: Coroutine[Any, Any, Any], landed: Callable[[Any], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.client.closed:
            work.close()
            self.live = False
            raise UsageError("the client of this panel is closed", hint="connect again and make a new panel")
        self._began = time.monotonic()
        flight = self.client.portal.submit(work)
        self._flight = (flight, landed)
        flight.add_done_callback(lambda _: self._hand(lambda: self._land(flight)))

    def _drop(self) -> None:
        """Let go of a look at the list that is in flight: what the person wants goes first."""
        if self._flight is not None:
            flight, self._flight = self._flight[0], None
            flight.cancel()

    def _land(self, flight: concurrent.futures.Future[Any]) -> None:
        if self._flight is None or flight is not self._flight[0] or self.closed:
            return  # dropped, or landed already
        landed = self._flight[1]
        self._flight = None
        try:
            self.error, answer = "", flight.result()
            self._misses, self._took = 0, time.monotonic() - self._began
            landed(answer)
        except Exception as error:  # noqa: BLE001  whatever went wrong on the way is told and logged, never lost
            self.error = told(error)
            self._misses = min(self._misses + 1, 6)
            self.stage = Stage.LIST if self.stage in (Stage.PLANNING, Stage.WORKING) else self.stage
        self.wake()
        self._changed()

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until nothing is in flight, on behalf of code that asks for an answer.

        Raises
        ------
        ServiceError
            It took longer.
        """
        deadline = time.monotonic() + timeout
        while self._flight is not None:
            flight = self._flight[0]
            concurrent.futures.wait([flight], timeout=0.1)
            if flight.done():
                self._hand(functools.partial(self._land, flight))
            elif time.monotonic() > deadline:
                raise ServiceError(f"the service did not answer in {timeout:.0f} s", hint="try again")
            self._hand.run()

    def close(self) -> None:
        """Let go of everything; what was sent stays sent."""
        self.closed = True
        self._drop()
        if self._timer is not None:
            self._timer.cancel()
