"""One piece of work on the client's thread, what is known of it so far, and how it is stopped."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets.errors import UsageError
from jobwidgets.widgets.callbacks import told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import pandas as pd

    from jobwidgets.bulk import AsyncPlan, AsyncReceipt
    from jobwidgets.client import AsyncClient

PROGRESS_EVERY = 0.5
"""Seconds between two reports of progress, at least."""
CALM = 20
"""Rows that took a tenth of a second to collect are not collected again before two seconds have passed."""


@dataclass(frozen=True, slots=True)
class Act:
    """What is about to be done, or under way.

    Attributes
    ----------
    what : {"cancel", "retry", "resume", "resolve"}
        The first two carry a plan out, the last two go on with a receipt.
    op : str
        The operation.
    count : int
        How many jobs it is about.
    """

    what: str
    op: str
    count: int

    @property
    def sends(self) -> bool:
        """Whether anything is sent, or only asked."""
        return self.what != "resolve"

    @property
    def carries_out(self) -> bool:
        """Whether it carries a plan out, or goes on with a receipt."""
        return self.what in ("cancel", "retry")


class Run:
    """An act under way. It runs on the client's thread; what is kept here may be read from any.

    Parameters
    ----------
    client : AsyncClient
        The connection.
    act : Act
        What to do.
    plan, receipt
        What to do it with: a plan that was confirmed, or a receipt to go on with.
    tell : callable
        Called on the client's thread whenever there is news.
    """

    def __init__(
        self,
        client: AsyncClient,
        act: Act,
        *,
        plan: AsyncPlan | None = None,
        receipt: AsyncReceipt | None = None,
        tell: Callable[[], None],
    ) -> None:
        self.act = act
        self.progress: tuple[int, int, dict[str, int]] = (0, act.count, {})
        self.rows: pd.DataFrame | None = None
        self.trouble = ""
        self.stopping = False
        self.doubtful = receipt.counts.get("unknown", 0) if receipt is not None else 0
        self._client, self._plan, self._receipt, self._tell = client, plan, receipt, tell
        self._task: asyncio.Task[AsyncReceipt] | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._pause = PROGRESS_EVERY

    async def work(self) -> AsyncReceipt:
        """Do it. What ends it early is told beside the receipt, which says how far it came.

        Raises
        ------
        JobError
            Nothing was begun, and nothing was sent.
        """
        self._task = asyncio.create_task(self._doing())
        await asyncio.wait({self._task})
        if self._sampling is not None:
            self._sampling.cancel()
        error = None if self._task.cancelled() else self._task.exception()
        receipt = self._receipt
        if receipt is None and self._plan is not None and self._plan.applied:
            receipt = await self._plan.apply()  # of a plan that was used: its receipt
        if receipt is None:  # applying the plan now, for its receipt, would be doing it
            raise error or UsageError("stopped before anything was sent", hint="make a new plan to go on")
        if error is not None:
            self.trouble = told(error)
        elif self._task.cancelled():
            self.trouble = "stopped: what was not sent yet is not sent" if self.act.sends else "the asking was stopped"
        self.rows = receipt.df
        return receipt

    def _doing(self) -> Coroutine[None, None, AsyncReceipt]:
        if self._receipt is None:
            assert self._plan is not None  # noqa: S101  one of the two is always given
            return self._plan.apply(limit=self.act.count, progress=self._report)
        return self._receipt.resume(progress=self._report) if self.act.sends else self._receipt.resolve()

    async def stop(self) -> None:
        """Send nothing more; what was sent stays sent, and no job is ever cancelled by this."""
        begun = self._receipt is not None or (self._plan is not None and self._plan.applied)
        if begun and self.act.sends:
            await self._client.stop(self.act.op)
        elif self._task is not None:
            self._task.cancel()

    def _report(self, done: int, total: int, counts: dict[str, int]) -> None:
        self.progress = (done, total, dict(counts))
        if self._sampling is None or self._sampling.done():
            self._sampling = asyncio.create_task(self._sample())
            self._sampling.add_done_callback(self._sampled)

    async def _sample(self) -> None:
        """Collect what became of each job, but never for more than a small part of the time."""
        await asyncio.sleep(self._pause)
        receipt = self._receipt or await self._client.receipt(self.act.op)
        began = time.monotonic()
        self.rows = receipt.df
        self._pause = max(PROGRESS_EVERY, CALM * (time.monotonic() - began))
        self._tell()

    def _sampled(self, sampling: asyncio.Task[None]) -> None:
        """Tell and log why it cannot be shown, which the task would keep to itself; the work goes on."""
        error = None if sampling.cancelled() else sampling.exception()
        if error is not None:
            self.trouble = told(error)
            self._tell()
