"""What a panel does beyond looking: plan, wait for an undo, apply, stop, resolve, resume. No traits here."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobwidgets.errors import UsageError
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED
from jobwidgets.widgets.callbacks import told
from jobwidgets.widgets.panel.list_source import Looking
from jobwidgets.widgets.panel.operation_runner import Act, Run
from jobwidgets.widgets.panel.unfinished import Unfinished

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan, AsyncReceipt
    from jobwidgets.client import Client
    from jobwidgets.widgets.callbacks import Handover

GRACE_ABOVE = 20
"""Above this many jobs the work begins only after a countdown that can be undone."""
GRACE = 5
"""What the countdown counts down from."""
TICK = 1.0
"""Seconds between two of its numbers."""
LATE = 0.5
"""Seconds after which a number comes late: the kernel was busy, and an undo that was pressed may not be heard yet."""


class Stage(StrEnum):
    """Where an act on many jobs stands."""

    LIST = "list"
    PLANNING = "planning"
    OPENING = "opening"
    CONFIRM = "confirm"
    GRACE = "grace"
    WORKING = "working"
    DONE = "done"


class Controller(Looking):
    """The work behind one panel.

    Every decision is made on the kernel's thread, one at a time. What is shown is named by its operation's id, and what
    names another one, or comes a second time, is refused.
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
        super().__init__(client, query, every=every, hand=hand, changed=changed, watched=watched)
        self.unfinished = Unfinished(client, hand=self._hand, changed=self._changed)
        self.stage = Stage.LIST
        self.plan: AsyncPlan | None = None
        self.listed: pd.DataFrame | None = None
        self.refused_of = ""
        self.receipt: AsyncReceipt | None = None
        self.act: Act | None = None
        self.run: Run | None = None
        self.rows: pd.DataFrame | None = None
        self.afterword = ""
        self.left = 0
        self.undone = False
        self._due = 0.0

    # ------------------------------------------------------------------------- plan

    def make_plan(self, kind: str, jobs: pd.DataFrame | Sequence[str]) -> None:
        """Plan an act on these jobs; nothing is sent."""
        self._refuse_if_busy()
        self._drop()
        make = self.client.aio.plan_cancel if kind == "cancel" else self.client.aio.plan_retry
        self._send(make(jobs), self._planned, self._leave)
        self._leave(Stage.PLANNING)
        self.listed, self.refused_of = self.frame, ""

    def _planned(self, plan: AsyncPlan) -> None:
        self.plan, self.stage, self.undone = plan, Stage.CONFIRM, False
        self.refresh()  # what has moved since the list was read

    def _refuse_if_busy(self) -> None:
        if self.stage not in (Stage.LIST, Stage.CONFIRM, Stage.DONE):
            raise UsageError("the panel is busy with another act", hint="wait for it to end")

    def _leave(self, stage: Stage = Stage.LIST) -> None:
        self.stage, self.plan, self.receipt, self.act, self.run = stage, None, None, None, None
        self.rows, self.afterword, self.undone = None, "", False

    @property
    def op(self) -> str:
        """The operation that is shown."""
        shown = self.receipt or self.plan
        return shown.op if shown is not None else ""

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
        if count > MAX_JOBS_UNCONFIRMED and typed.replace(",", "").strip() != str(count):
            raise UsageError(f"these are {count:,} jobs; nothing was sent", hint=f"type {count} to go on")
        plan.reason = reason.strip()[:500]
        self._start(Act(plan.kind, op, count))

    # ------------------------------------------------------------------------ receipts

    def open(self, op: str) -> None:
        """Show the receipt of an earlier operation."""
        self._refuse_if_busy()
        self._drop()
        self._send(self._reading(op), self._opened, self._leave)
        self._leave(Stage.OPENING)

    async def _reading(self, op: str) -> tuple[AsyncReceipt, pd.DataFrame]:
        receipt = await self.client.aio.receipt(op)
        return receipt, receipt.df

    def _opened(self, found: tuple[AsyncReceipt, pd.DataFrame]) -> None:
        (self.receipt, self.rows), self.stage = found, Stage.DONE

    def resume(self, op: str) -> None:
        """Go on with what was not sent, and ask about what is unknown: only of the receipt that is shown."""
        counts = self._shown(op).counts
        count = counts.get("not_sent", 0) + counts.get("unknown", 0)
        if not count:
            raise UsageError("nothing of this operation is left to send")
        self._start(Act("resume", op, count))

    def resolve(self, op: str) -> None:
        """Ask what became of the unknown ones; nothing is sent."""
        count = self._shown(op).counts.get("unknown", 0)
        if not count:
            raise UsageError("nothing of this operation is unknown")
        self._drop()
        self.act = Act("resolve", op, count)
        self._begin()

    def again(self, op: str) -> None:
        """Plan the same act anew for the jobs that were refused: what has become of them is looked up first."""
        receipt = self._shown(op)
        refused = [line.id for line in receipt.of("refused")]
        if not refused:
            raise UsageError("nothing of this operation was refused")
        self.make_plan("retry" if receipt.kind == "retry" else "cancel", refused)
        self.refused_of = op

    def _shown(self, op: str) -> AsyncReceipt:
        if self.stage is not Stage.DONE or self.receipt is None or self.receipt.op != op:
            raise UsageError("that receipt is not the one that is shown", hint="nothing was sent")
        return self.receipt

    # --------------------------------------------------------------------------- grace

    def _start(self, act: Act) -> None:
        """Begin at once with a few, after a countdown with many."""
        self._drop()
        self.act, self.undone = act, False
        if act.count > GRACE_ABOVE:
            self.left = GRACE
            self._tick()
            self.stage = Stage.GRACE
        else:
            self._begin()

    def _tick(self) -> None:
        self._due = time.monotonic() + TICK
        self._send(asyncio.sleep(TICK), self._ticked, self._step_back)

    def _ticked(self, _: None) -> None:
        """Count one down. A number that comes late is counted again, so that a waiting undo is heard first."""
        if self.stage is not Stage.GRACE:
            return
        if time.monotonic() - self._due <= LATE:
            self.left -= 1
        if self.left > 0:
            self._tick()
        else:
            self._begin()

    def undo(self, op: str) -> None:
        """Go back to what was shown before the countdown; nothing has been sent."""
        self._counting(op)
        self._drop()
        self._step_back()
        self.undone = True

    def start_now(self, op: str) -> None:
        """Wait no longer."""
        self._counting(op)
        self._drop()
        self._begin()

    def _counting(self, op: str) -> None:
        if self.stage is not Stage.GRACE or self.act is None or self.act.op != op:
            raise UsageError("that countdown is over, or another one runs")

    def _step_back(self) -> None:
        """Show again what was shown before the act: the plan, if it can still be used, or the receipt."""
        if self.receipt is not None:
            self.stage, self.act = Stage.DONE, None
        elif self.plan is not None and self.stage is Stage.GRACE:
            self.stage, self.act = Stage.CONFIRM, None
        else:
            self._leave()

    # ---------------------------------------------------------------------------- work

    def _begin(self) -> None:
        if self.act is None:
            raise UsageError("there is nothing to do any more; nothing was sent")
        run = Run(self.client.aio, self.act, plan=self.plan, receipt=self.receipt, tell=self._tell)
        self._send(run.work(), self._worked, self._step_back)
        self.run, self.stage = run, Stage.WORKING

    def _tell(self) -> None:
        """Take news on the client's thread."""
        self._hand(self._changed)

    def _worked(self, receipt: AsyncReceipt) -> None:
        self.receipt, self.plan, self.stage = receipt, None, Stage.DONE
        if self.run is not None:
            self.rows, self.afterword = self.run.rows, self.run.trouble or self._too_early(receipt)
        self.unfinished.look()
        self._look()  # at once: what became of them

    def _too_early(self, receipt: AsyncReceipt) -> str:
        """Say why asking has not told everything."""
        left = receipt.counts.get("unknown", 0)
        if self.act is None or self.act.sends or not left:
            return ""
        return f"Of {left:,} it is too early to tell, or nobody can: ask again in half a minute."

    def stop(self) -> None:
        """Stop sending; what was sent stays sent, and no job is ever cancelled by this."""
        if self.stage is Stage.WORKING and self.run is not None and not self.run.stopping:
            self.run.stopping = True
            asked = self.client.portal.submit(self.run.stop())
            asked.add_done_callback(lambda _: self._hand(lambda: self._asked(asked)))

    def _asked(self, asked: concurrent.futures.Future[None]) -> None:
        """Tell why it could not be stopped, which would be lost otherwise."""
        error = None if asked.cancelled() else asked.exception()
        if error is not None:
            self.error = told(error)
        self._changed()

    def back(self) -> None:
        """Leave the plan, or the result, and go back to the list."""
        if self.stage in (Stage.CONFIRM, Stage.DONE):
            self._leave()

    def close(self) -> None:
        """Let go of everything. What is at work stops at its next boundary; what was sent stays sent."""
        if not self.client.closed:
            self.stop()
        self.unfinished.close()
        super().close()
