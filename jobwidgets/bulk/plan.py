"""The plan: ids, states and reasons frozen before anything is sent; used once, and only while it is fresh."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._internal import iso
from jobwidgets.bulk import plan_header as _head
from jobwidgets.bulk.execution.canary import canary_of, kept
from jobwidgets.bulk.journal.journal import operations
from jobwidgets.bulk.plan_header import PlanHeader
from jobwidgets.bulk.planning import (
    MAY,
    check_max_jobs,
    check_not_expired,
    lines_of,
    moved,
    parse_canary,
    parse_max_drift,
    plain,
    requests_for,
    table_of,
)
from jobwidgets.bulk.receipt import AsyncReceipt, receipt_of
from jobwidgets.errors import JobError, UsageError
from jobwidgets.frames import compute_if_lazy, ids_of, is_lazy_frame
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.bulk.execution.canary import Canary
    from jobwidgets.bulk.operation_registry import OperationRegistry
    from jobwidgets.listing import TimeRange

STALE = 1.0
"""Seconds after which what was seen is read again before anything is sent."""
LOADED_DRIFT = 0.2
"""The share of a loaded plan's jobs that may have moved out of reach when nothing else is said."""


class AsyncPlan:
    """What is going to be done to which jobs, and why the others are left out; nothing is sent before `apply`.

    Attributes
    ----------
    op : str
        The operation's own id, which its receipt bears.
    kind : {"cancel", "retry", "range"}
        What is going to be done.
    act : {"cancel", "retry"}
        The word in the column `action` for the jobs that it is done to.
    reason : str
        Why, as the user gave it.
    made, expires : datetime
        When it was made, and until when it can be applied, by this machine's clock.
    made_by : str
        Who made it, "user@host"; empty for a plan of this process.
    span : TimeRange or None
        Whose jobs, and created when, for a plan of kind "range".
    """

    span: TimeRange | None = None

    def __init__(
        self, operations: OperationRegistry, head: PlanHeader, table: pd.DataFrame, *, seen_at: float | None
    ) -> None:
        self.op, self.kind, self.reason = head.op, head.kind, head.reason
        self.made, self.expires, self.made_by = head.made, head.expires, head.made_by
        self.act = "retry" if head.kind == "retry" else "cancel"
        self._operations = operations
        self._frozen = table.set_index("id", drop=False)
        self._df = table.copy()
        self._seen_at = seen_at
        self._again = head.again
        self._receipt: AsyncReceipt | None = None
        self.created: Mapping[str, datetime] = {}
        self._one = asyncio.Lock()

    @property
    def service_url(self) -> str:
        """The service it is for."""
        return self._operations.service_url

    @property
    def head(self) -> PlanHeader:
        """What it says of itself."""
        return PlanHeader(self.op, self.kind, self.reason, self.made, self.expires, self._again, self.made_by)

    @property
    def loaded(self) -> bool:
        """Whether it came from a file: then it was seen by others, and long ago."""
        return self._seen_at is None

    @property
    def df(self) -> pd.DataFrame:
        """One row a job: `id`, `name`, `status`, `action`, `why_not`.

        Rows that are taken out of it are taken out of the plan.
        """
        return self._df

    @df.setter
    def df(self, frame: pd.DataFrame) -> None:
        self._df = frame

    @property
    def total(self) -> int:
        """How many jobs it speaks of."""
        return len(self._rows())

    @property
    def counts(self) -> dict[str, int]:
        """How many will be sent, and how many are left out: `{"cancel": 312, "skip": 28}`."""
        actions = self._rows()["action"]
        return {word: count for word in (self.act, "skip") if (count := int((actions == word).sum()))}

    @property
    def requests(self) -> int:
        """About how many requests it takes to apply it, looks before and after included, when all goes well."""
        return requests_for(self.kind, self.counts.get(self.act, 0))

    @property
    def reasons(self) -> dict[str, int]:
        """Why jobs are left out: reason codes and how many jobs each."""
        rows = self._rows()
        return {str(code): int(count) for code, count in rows["why_not"].dropna().value_counts().items() if count}

    @property
    def applied(self) -> bool:
        """Whether it was used."""
        return self._receipt is not None

    @property
    def expired(self) -> bool:
        """Whether it is out of date."""
        return _head.clock() > self.expires

    def _rows(self) -> pd.DataFrame:
        """Take the frozen rows that are still in `df`; what was edited in other columns does not count."""
        ids = ids_of(self._df)
        places = self._frozen.index.get_indexer(pd.Index(ids, dtype=self._frozen.index.dtype))
        strange = [job_id for job_id, place in zip(ids, places, strict=True) if place < 0]
        if strange:
            raise UsageError(
                f"{len(strange)} jobs in plan.df were not planned, {strange[0]!r} for one",
                hint="rows can be taken out of a plan, not put in: make a new plan",
            )
        return self._frozen.take(places)

    async def drift(self) -> pd.DataFrame:
        """Look which jobs have moved since the plan was made; sends nothing and changes nothing.

        Returns
        -------
        DataFrame
            One row a job that reads otherwise now: `id`, `name`, its status then and now (`was`, `now`), what the plan
            does with it and what a new plan would (`was_action`, `now_action`), and `why` it would be left out. What
            the plan leaves out it never sends, whatever has become of it. `df.attrs["out_of_reach"]` counts the jobs
            that were to be sent and would be left out now, `df.attrs["to_send"]` all that were to be sent.
        """
        rows = self._rows()
        frame = moved(rows, await self._read_again(rows), self.act)
        frame.attrs.update(op=self.op, service=self.service_url)
        return frame

    async def _read_again(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Plan these jobs anew."""
        frame = await self._operations.reader.jobs(ids=rows["id"].tolist())
        return table_of(frame, self.act, missing=frame.attrs["missing"], retried=await self._retried())

    async def _retried(self) -> dict[str, str]:
        """Give the jobs that are not to be retried, for an earlier operation has done so."""
        return {} if self._again or self.act != "retry" else await self._operations.retried()

    async def apply(
        self,
        *,
        limit: int | None = None,
        max_drift: float | None = None,
        canary: int | None = None,
        widen: int = 5,
        ok: float = 0.8,
        progress: ProgressCallback | None = None,
    ) -> AsyncReceipt:
        """Do it, once. A second call gives the receipt of the first.

        Parameters
        ----------
        limit : int, optional
            The number of jobs to send; needed above 500, so that nobody sends thousands without knowing.
        max_drift : float, optional
            The share of the jobs to send, from 0 to 1, that may have moved out of reach since the plan was made. None:
            any share for a plan of this process, a fifth for one that was loaded from a file.
        canary, widen, ok : int, int, float
            For retries: retry `canary` jobs first, wait until their new jobs have ended, and go on with `widen` times
            as many, and so on, while the share `ok` of a wave completes. Otherwise it halts and says of what they
            failed; `resume(ok=…)` goes on all the same.
        progress : callable, optional
            Called with the number of jobs settled, their total, and the counts by outcome.

        Returns
        -------
        AsyncReceipt
            One line a job of the plan.

        Raises
        ------
        UsageError
            More than 500 jobs, and their number was not given; or the plan is out of date; or too many jobs have moved.
            Nothing was sent; in the last case the plan can still be used.
        """
        async with self._one:  # who comes second gets the receipt that the first has begun
            if self._receipt is not None or await self.look_whether_used():
                return self._receipt  # type: ignore[return-value]  # mypy forgets what was looked at
            receipt = await self._begun(limit, max_drift, parse_canary(self.kind, canary, widen, ok))
        targets = [line for line in receipt.lines.values() if line.outcome == "not_sent"]
        stale = self._seen_at is None or time.monotonic() - self._seen_at > STALE
        try:
            await receipt.work(targets, look_first=stale, progress=progress, canary=canary_of(receipt.more, None))
        except BaseException:
            async with self._one:
                if not receipt.sent:  # nothing has left: the plan is as good as before
                    await self._take_back(receipt)
            raise
        return receipt

    async def _begun(self, limit: int | None, max_drift: float | None, waves: Canary | None) -> AsyncReceipt:
        """Write it down, if it may be done."""
        check_not_expired(self.head)
        share = parse_max_drift(max_drift, self._usual_share)
        rows = self._rows()
        most = MAX_JOBS_UNCONFIRMED if limit is None else limit
        check_max_jobs(most, int((rows["action"] == self.act).sum()), self.act)
        gone = await self._gone(rows, share)
        receipt = await AsyncReceipt.begin(
            self._operations,
            op=self.op,
            kind=self.kind,
            why=self.reason,
            made=iso(self.made),
            lines=lines_of(rows, retried=await self._retried(), gone=gone, created=self.created),
            more={**kept(waves), **self._kept(most, share), **({"again": True} if self._again else {})},
        )
        receipt.note(drifted=len(gone))
        self._receipt = receipt
        self._operations.keep(receipt)
        return receipt

    async def _take_back(self, receipt: AsyncReceipt) -> None:
        """Forget that it was begun, unless something left just then."""
        with suppress(JobError):
            await receipt.discard()
            self._receipt = None

    async def look_whether_used(self) -> bool:
        """Look whether its operation was begun already, by another copy of it or in another kernel, and say so.

        Raises
        ------
        UsageError
            It was begun, and never came as far as to send anything.
        """
        if self._receipt is None and self.op in await asyncio.to_thread(operations):
            self._receipt = await receipt_of(self._operations, self.op)
        return self._receipt is not None

    async def _gone(self, rows: pd.DataFrame, share: float | None) -> dict[str, tuple[str | None, str]]:
        """Read every job again where that is wanted; give status and reason of what is out of reach by now."""
        if share is None:
            return {}
        drift = moved(rows, await self._read_again(rows), self.act)
        out, total = drift.attrs["out_of_reach"], drift.attrs["to_send"]
        if out > share * total:
            raise UsageError(
                f"{out:,} of {total:,} moved since the plan was made",
                hint="plan.drift() shows them; make a new plan, or apply with a larger max_drift",
            )
        gone = drift[(drift["was_action"] == self.act) & (drift["now_action"] != self.act)]
        return {row["id"]: (row["now"], row["why"]) for row in plain(gone)}

    @property
    def _usual_share(self) -> float | None:
        """Say how many may have moved when the caller says nothing."""
        return LOADED_DRIFT if self.loaded else None

    def _kept(self, most: int, share: float | None) -> dict[str, Any]:
        """Say what only this kind of plan has to tell those who carry it out."""
        del most, share  # they were kept to
        return {}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file that a colleague can read, take jobs out of, and apply: see `load_plan`.

        Parameters
        ----------
        path : str or path
            Where; a file that is there is replaced. It is YAML, and holds no token.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        UsageError
            It cannot be written there.
        """
        from jobwidgets.bulk.plan_file.file import write_plan  # noqa: PLC0415  only when a plan is put on paper

        return write_plan(self, self._rows(), path)

    def __repr__(self) -> str:
        from jobwidgets.rendering import plan_text  # noqa: PLC0415  a value loads the faces when it is shown

        return plan_text(self)

    def _repr_html_(self) -> str:
        from jobwidgets.rendering import plan_html  # noqa: PLC0415  as above

        return plan_html(self)


async def plan_for(operations: OperationRegistry, jobs: object, head: PlanHeader) -> AsyncPlan:
    """Make a plan for jobs, or for ids, which are read first; nothing is sent.

    Raises
    ------
    UsageError
        It is no jobs, or of another service.
    """
    act = head.kind
    if is_lazy_frame(jobs):
        jobs = await asyncio.to_thread(compute_if_lazy, jobs)
    ids = ids_of(jobs, service=operations.service_url)
    needed = {"id", "name", "status", MAY[act], "why_not"}
    seen_at = time.monotonic() - 2 * STALE  # a frame is as old as it is: look again before sending
    if isinstance(jobs, pd.DataFrame) and needed <= set(jobs.columns) and not jobs[MAY[act]].isna().any():
        frame, missing = jobs.drop_duplicates("id", ignore_index=True), []  # an index can repeat
    else:
        frame = await operations.reader.jobs(ids=ids)
        missing = frame.attrs["missing"]
        seen_at = time.monotonic()
    retried: dict[str, Any] = await operations.retried() if act == "retry" and not head.again else {}
    plan = AsyncPlan(operations, head, table_of(frame, act, missing=missing, retried=retried), seen_at=seen_at)
    if "created" in frame.columns and isinstance(frame["created"].dtype, pd.DatetimeTZDtype):
        times = frame["created"].dropna()
        ids = frame.loc[times.index, "id"].tolist()
        plan.created = {job_id: moment.to_pydatetime() for job_id, moment in zip(ids, times, strict=True)}
    return plan
