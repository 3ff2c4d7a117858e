"""The plan: ids, states and reasons frozen before anything is sent; used once."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._errors import UsageError
from jobwidgets._model import REASON_TEXT, Reason
from jobwidgets.bulk._apply import Application
from jobwidgets.bulk._receipt import AsyncReceipt, Line
from jobwidgets.frames._columns import array_of
from jobwidgets.frames._ids import ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk._apply import Progress
    from jobwidgets.client import AsyncClient

CAP = 500
"""The most jobs that are sent without saying their number."""
STALE = 1.0
"""Seconds after which what was seen is read again before anything is sent."""
MAY = {"cancel": "can_cancel", "retry": "can_retry"}


class AsyncPlan:
    """What is going to be done to which jobs, and why the others are left out; nothing is sent before `apply`.

    Attributes
    ----------
    op : str
        The operation's own id, which its receipt bears.
    kind : {"cancel", "retry"}
        What is going to be done.
    reason : str
        Why, as the user gave it.
    """

    def __init__(self, client: AsyncClient, kind: str, table: pd.DataFrame, *, reason: str, seen_at: float) -> None:
        self.op = f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        self.kind, self.reason = kind, reason
        self._client = client
        self._frozen = table.set_index("id", drop=False)
        self._df = table.copy()
        self._seen_at = seen_at
        self._receipt: AsyncReceipt | None = None

    @property
    def service_url(self) -> str:
        """The service it is for."""
        return self._client.service_url

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
        return {word: count for word in (self.kind, "skip") if (count := int((actions == word).sum()))}

    @property
    def reasons(self) -> dict[str, int]:
        """Why jobs are left out: reason codes and how many jobs each."""
        rows = self._rows()
        return {str(code): int(count) for code, count in rows["why_not"].dropna().value_counts().items() if count}

    @property
    def applied(self) -> bool:
        """Whether it was used."""
        return self._receipt is not None

    def _rows(self) -> pd.DataFrame:
        """Take the frozen rows that are still in `df`; what was edited in other columns does not count."""
        ids = ids_of(self._df)
        strange = [job_id for job_id in ids if job_id not in self._frozen.index]
        if strange:
            raise UsageError(
                f"{len(strange)} jobs in plan.df were not planned, {strange[0]!r} for one",
                hint="rows can be taken out of a plan, not put in: make a new plan",
            )
        return self._frozen.loc[ids]

    async def apply(self, *, limit: int | None = None, progress: Progress | None = None) -> AsyncReceipt:
        """Do it, once. A second call gives the receipt of the first.

        Parameters
        ----------
        limit : int, optional
            The number of jobs to send; needed above 500, so that nobody sends thousands without knowing.
        progress : callable, optional
            Called with the number of jobs settled, their total, and the counts by outcome.

        Returns
        -------
        AsyncReceipt
            One line a job of the plan.

        Raises
        ------
        UsageError
            More than 500 jobs, and their number was not given; nothing was sent.
        """
        if self._receipt is not None:
            return self._receipt
        rows = self._rows()
        sending = rows[rows["action"] == self.kind]
        most = CAP if limit is None else limit
        if len(sending) > most:
            raise UsageError(
                f"the plan would {self.kind} {len(sending)} jobs, more than {most}",
                hint=f"if that is what you want, say the number: apply(limit={len(sending)})",
            )
        receipt = AsyncReceipt(self._client, self.op, self.kind, self.reason, [_line(row) for row in _dicts(rows)])
        self._receipt = receipt
        self._client.keep(receipt)
        targets = [receipt.lines[job_id] for job_id in sending["id"]]
        application = Application(self._client, receipt, progress)
        try:
            with receipt.at_work():
                await application.run(targets, look_first=time.monotonic() - self._seen_at > STALE)
        except BaseException:
            if not receipt.sent:  # nothing has left: the plan is as good as before
                self._receipt = None
                self._client.forget(receipt)
            raise
        return receipt

    def __repr__(self) -> str:
        from jobwidgets.display import plan_text  # noqa: PLC0415  a value loads the faces when it is shown

        return plan_text(self)

    def _repr_html_(self) -> str:
        from jobwidgets.display import plan_html  # noqa: PLC0415  as above

        return plan_html(self)


def _dicts(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def _line(row: dict[Any, Any]) -> Line:
    line = Line(id=row["id"], name=row["name"], status_before=row["status"], status=row["status"])
    if row["action"] == "skip":
        line.settle("skipped", REASON_TEXT.get(row["why_not"], row["why_not"] or ""))
    return line


async def plan_for(client: AsyncClient, kind: str, jobs: object, *, reason: str) -> AsyncPlan:
    """Make a plan for jobs, or for ids, which are read first; nothing is sent.

    Raises
    ------
    UsageError
        It is no jobs, or of another service.
    """
    ids = ids_of(jobs, service=client.service_url)
    needed = {"id", "name", "status", MAY[kind], "why_not"}
    seen_at = time.monotonic() - 2 * STALE  # a frame is as old as it is: look again before sending
    if isinstance(jobs, pd.DataFrame) and needed <= set(jobs.columns) and not jobs[MAY[kind]].isna().any():
        frame, missing = jobs.drop_duplicates("id"), []
    else:
        frame = await client.jobs(ids=ids)
        missing = frame.attrs["missing"]
        seen_at = time.monotonic()
    return AsyncPlan(client, kind, _table(frame, kind, missing), reason=reason, seen_at=seen_at)


def _table(frame: pd.DataFrame, kind: str, missing: Sequence[str]) -> pd.DataFrame:
    may = frame[MAY[kind]].fillna(value=False).astype(bool).tolist()
    why = [str(code) if isinstance(code, str) else None for code in frame["why_not"].tolist()]
    if kind == "retry":  # why_not speaks of cancelling; only a complete job cannot be retried
        why = [str(Reason.COMPLETE)] * len(why)
    skips = [None if ok else code or str(Reason.TASKS_UNREAD) for ok, code in zip(may, why, strict=True)]
    gone = len(missing)
    return pd.DataFrame(
        {
            "id": array_of("string", [*frame["id"].tolist(), *missing]),
            "name": array_of("string", [*frame["name"].tolist(), *[None] * gone]),
            "status": array_of("status", [*frame["status"].tolist(), *[None] * gone]),
            "action": pd.Categorical([*(kind if ok else "skip" for ok in may), *["skip"] * gone], [kind, "skip"]),
            "why_not": array_of("reason", [*skips, *[str(Reason.NOT_FOUND)] * gone]),
        },
        copy=False,
    )
