"""The receipt: what became of every target of a plan; the outcomes always sum to the plan."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._internal import iso, parse_age
from jobwidgets.bulk.history import account_of, summarize
from jobwidgets.bulk.journal.operation import Operation
from jobwidgets.errors import UsageError
from jobwidgets.frames import frame_of
from jobwidgets.vocabulary import OUTCOMES, REASON_TEXT, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.bulk.execution.canary import Canary
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry

RECEIPT_COLUMNS = {
    "id": "string", "name": "string", "reason": "string", "message": "string", "new_id": "string",
    "status_before": "status", "status": "status", "at": "time",
}  # fmt: skip
VERIFIED = ("confirmed", "finished_first", "still_running")
"""What reading a job back can show."""
PATIENCE = "45s"
"""How long `resume` waits for what is in doubt: a little longer than it takes the service's clock to settle it."""


class AsyncReceipt(Operation):
    """What was done: one line a target.

    Everything that it knows stands in the journal of its operation before anybody acts on it, so that it can be had
    again in another kernel: `client.receipt(op)`.

    Attributes
    ----------
    op : str
        The operation's own id.
    kind : {"cancel", "retry", "range"}
        What was done.
    why : str
        The reason that was given with the plan.
    halted : str
        Why the rest was not sent; empty when nothing stopped it.
    """

    @property
    def service_url(self) -> str:
        """The service it was done at."""
        return self.account.service

    @property
    def state(self) -> str:
        """Whether it is "at work", "open" (something is unknown or was not sent) or "finished"."""
        return "at work" if self.at_work else summarize(self.account).state

    @property
    def df(self) -> pd.DataFrame:
        """One row a target.

        Columns: `id`, `name`, `outcome`, `reason`, `message`, `new_id`, `status_before`, `status`, `verified` (what
        reading the job back showed: "confirmed", "finished_first", "still_running"), `at`.
        """
        lines = self.account.numbered
        data = {name: [getattr(line, name) for line in lines] for name in RECEIPT_COLUMNS if name != "at"}
        data["reason"] = [line.reason or None for line in lines]
        data["message"] = [line.message or None for line in lines]
        data["at"] = [iso(line.at) if line.at else None for line in lines]
        frame = frame_of(
            RECEIPT_COLUMNS, data, {"kind": "receipt", "op": self.op, "verb": self.kind, "service": self.service_url}
        )
        frame.insert(2, "outcome", pd.Series(pd.Categorical([line.outcome for line in lines], list(OUTCOMES))))
        verified = pd.Categorical([line.verified for line in lines], list(VERIFIED))
        frame.insert(len(frame.columns) - 1, "verified", pd.Series(verified))
        return frame

    # --------------------------------------------------------------- what can be done with it

    async def work(
        self,
        targets: Sequence[TargetState],
        *,
        look_first: bool,
        progress: ProgressCallback | None = None,
        canary: Canary | None = None,
    ) -> None:
        """Carry the plan out: the one who began it does."""
        await self._at_work(lambda: self._send(targets, look_first=look_first, progress=progress, canary=canary))

    async def resolve(self, *, patience: str | timedelta = "0s") -> AsyncReceipt:
        """Find out what became of the unknown ones by asking, never by sending again.

        A cancel: the job is read. A retry: a job is looked for that was created since, works on the same target with
        the same engines, and is claimed by no other line.

        Parameters
        ----------
        patience : str or timedelta, default "0s"
            How long to wait until the service's clock has moved far enough to say "it is not there".
        """
        wait = parse_age(patience).total_seconds()
        await self._at_work(lambda: self._resolve(wait))
        return self

    async def resume(self, *, progress: ProgressCallback | None = None, ok: float | None = None) -> AsyncReceipt:
        """Resolve what is unknown, then go on with what was never sent.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of jobs settled, their total, and the counts by outcome.
        ok : float, optional
            For retries in waves: the share of new jobs that must succeed, from now on. 0 goes on whatever comes.

        Raises
        ------
        UsageError
            It is at work, here or in another kernel; nothing was sent.
        """
        wait = parse_age(PATIENCE).total_seconds()
        await self._at_work(lambda: self._resume(wait, progress, ok))
        return self

    async def verify(self, *, timeout: str | timedelta = "10min") -> AsyncReceipt:  # noqa: ASYNC109  an age as users write it
        """Read back what was done until it is terminal, or the time is over; the column `verified` says what was seen.

        A cancelled job is "confirmed" when it reads aborted. One that had started before its cancel came is
        "still_running" until it ends, then "finished_first". A retry is "confirmed" when its new job has ended.
        """
        from jobwidgets.bulk.execution.readback import verify  # noqa: PLC0415  it knows receipts

        wait = parse_age(timeout).total_seconds()
        await self._at_work(lambda: verify(self._operations, self, wait, self._stop))
        return self

    # --------------------------------------------------------------------------- the work

    async def _send(
        self,
        targets: Sequence[TargetState],
        *,
        progress: ProgressCallback | None,
        canary: Canary | None,
        look_first: bool = True,
        unseen: Sequence[TargetState] = (),
    ) -> None:
        if targets:
            self.note(begun=self._operations.connection.server_time())
            self.write()
        if self.kind == "range":
            from jobwidgets.bulk.execution.range_executor import carry_out  # noqa: PLC0415  it knows receipts

            await carry_out(self._operations, self, self._stop)
            return
        if self.kind == "retry" and not self.more.get("again"):
            targets = await self._not_retried(targets)
        from jobwidgets.bulk.execution.canary import in_waves  # noqa: PLC0415  the same
        from jobwidgets.bulk.execution.executor import BatchExecutor  # noqa: PLC0415  it knows receipts
        from jobwidgets.bulk.execution.preflight import recheck_targets  # noqa: PLC0415  the same

        application = BatchExecutor(self._operations, self, progress, self._stop)
        if canary is None:
            await application.run(targets, look_first=look_first, unseen=unseen)
        else:
            if look_first and targets:
                targets = await recheck_targets(self._operations, self, targets, self._stop)
            await in_waves(self._operations, self, application, targets, canary, self._stop)

    async def _not_retried(self, targets: Sequence[TargetState]) -> list[TargetState]:
        """Leave out what another operation has retried since, or is about to.

        Ours is on disk by now: of two that begin at the same time at least one sees the other.
        """
        retried, due = await self._operations.retried_besides(self.op)
        left = [line for line in targets if line.id not in retried and line.id not in due]
        out = [line for line in targets if line.id in retried or line.id in due]
        for line in out:
            if line.id in retried:
                line.settle("skipped", REASON_TEXT[Reason.ALREADY_RETRIED])
            else:
                line.settle("not_sent", f"operation {due[line.id]} is at work on it")
        self.write(out)
        return left

    async def _resolve(self, patience: float) -> None:
        from jobwidgets.bulk.execution.reconcile import reconcile  # noqa: PLC0415  it knows receipts

        await reconcile(self._operations, self, patience, self._stop)

    async def _resume(self, patience: float, progress: ProgressCallback | None, ok: float | None) -> None:
        from jobwidgets.bulk.execution.canary import canary_of  # noqa: PLC0415  it knows receipts

        await self._resolve(patience)
        unseen = [line for line in self.of("done") if not line.looked] if self.kind == "cancel" else []
        left = self.of("not_sent")
        if left or unseen:
            self.account.halted = ""
            await self._send(left, unseen=unseen, progress=progress, canary=canary_of(self.more, ok))

    def __repr__(self) -> str:
        from jobwidgets.rendering import receipt_text  # noqa: PLC0415  a value loads the faces when it is shown

        return receipt_text(self)

    def _repr_html_(self) -> str:
        from jobwidgets.rendering import receipt_html  # noqa: PLC0415  as above

        return receipt_html(self)


async def receipt_of(operations: OperationRegistry, op: str) -> AsyncReceipt:
    """Give the receipt of one operation, also of another kernel, as its journal stands now.

    Raises
    ------
    UsageError
        No such operation, or of another service.
    SettingsError
        Its journal is damaged, of a later version, or cannot be read.
    """
    held = operations.held(op)
    if isinstance(held, AsyncReceipt) and held.at_work:
        return held
    try:
        account = await asyncio.to_thread(account_of, op)
    except UsageError as error:
        if isinstance(held, AsyncReceipt):
            return held  # its journal was taken away: what is known here is all there is
        known = ", ".join(past.op for past in (await operations.past())[:5]) or "none yet"
        raise UsageError(error.message, hint=f"known are: {known}") from None
    if account.service != operations.service_url:
        raise UsageError(f"operation {op} is of {account.service}", hint="connect to that service")
    if not isinstance(held, AsyncReceipt):
        held = AsyncReceipt(operations, account)
        operations.keep(held)
    elif not held.at_work:
        held.account = account  # another kernel may have worked on it meanwhile
    return held
