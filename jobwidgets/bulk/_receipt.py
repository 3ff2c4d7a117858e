"""The receipt: what became of every target of a plan; the outcomes always sum to the plan."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._errors import UsageError
from jobwidgets._model import OUTCOMES
from jobwidgets._when import iso
from jobwidgets.frames._columns import array_of, frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from jobwidgets.client import AsyncClient

RECEIPT_COLUMNS = {
    "id": "string", "name": "string", "reason": "string", "message": "string", "new_id": "string",
    "status_before": "status", "status": "status", "at": "time",
}  # fmt: skip


@dataclass(slots=True)
class Line:
    """One target and what became of it."""

    id: str
    name: str | None
    status_before: str | None
    outcome: str = "not_sent"
    reason: str = ""
    message: str = ""
    new_id: str | None = None
    status: str | None = None
    at: datetime | None = None
    """When it was first sent, on the service's clock."""
    until: datetime | None = None
    """When its last answer was missed: it was under way until then at least."""
    confirmed: bool = False
    """Whether the job itself was seen to be as the outcome says."""

    def settle(self, outcome: str, reason: str = "", **told: Any) -> None:
        """Say what became of it."""
        self.outcome, self.reason = outcome, reason
        for name, value in told.items():
            setattr(self, name, value)


class AsyncReceipt:
    """What was done: one line a target.

    Attributes
    ----------
    op : str
        The operation's own id.
    kind : {"cancel", "retry"}
        What was done.
    why : str
        The reason that was given with the plan.
    halted : str
        Why the rest was not sent; empty when nothing stopped it.
    """

    def __init__(self, client: AsyncClient, op: str, kind: str, why: str, lines: Sequence[Line]) -> None:
        self.op, self.kind, self.why = op, kind, why
        self.halted = ""
        self.drifted = 0
        self.begun: datetime | None = None
        self.lines = {line.id: line for line in lines}
        self._client = client
        self._at_work = False

    @property
    def service_url(self) -> str:
        """The service it was done at."""
        return self._client.service_url

    @property
    def total(self) -> int:
        """How many targets the plan had."""
        return len(self.lines)

    @property
    def counts(self) -> dict[str, int]:
        """How many targets came to each outcome that occurs; they sum to `total`."""
        outcomes = [line.outcome for line in self.lines.values()]
        return {outcome: outcomes.count(outcome) for outcome in OUTCOMES if outcome in outcomes}

    @property
    def sent(self) -> bool:
        """Whether anything has left."""
        return any(line.at is not None for line in self.lines.values())

    @property
    def df(self) -> pd.DataFrame:
        """One row a target: `id`, `name`, `outcome`, `reason`, `message`, `new_id`, `status_before`, `status`, `at`."""
        lines = list(self.lines.values())
        data = {name: [getattr(line, name) for line in lines] for name in RECEIPT_COLUMNS if name != "at"}
        data["reason"] = [line.reason or None for line in lines]
        data["message"] = [line.message or None for line in lines]
        data["at"] = [iso(line.at) if line.at else None for line in lines]
        frame = frame_of(
            RECEIPT_COLUMNS, data, {"kind": "receipt", "op": self.op, "verb": self.kind, "service": self.service_url}
        )
        outcomes = pd.Categorical([line.outcome for line in lines], categories=list(OUTCOMES))
        frame.insert(2, "outcome", pd.Series(outcomes))
        return frame

    def of(self, outcome: str) -> list[Line]:
        """Give the lines of one outcome."""
        return [line for line in self.lines.values() if line.outcome == outcome]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let one at a time work on it: two would send the same lines.

        Raises
        ------
        UsageError
            It is being worked on; nothing was sent.
        """
        if self._at_work:
            raise UsageError(f"operation {self.op} is at work", hint="wait for it to end, or stop it")
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    async def resolve(self) -> AsyncReceipt:
        """Find out what became of the unknown ones by asking, never by sending again.

        A cancel: the job is read. A retry: a job is looked for that was created since, works on the same target with
        the same engines, and is claimed by no other line.
        """
        with self.at_work():
            await self._resolve()
        return self

    async def resume(self, *, progress: Any = None) -> AsyncReceipt:
        """Resolve what is unknown, then go on with what was never sent.

        Raises
        ------
        UsageError
            It is being worked on; nothing was sent.
        """
        from jobwidgets.bulk._apply import Application  # noqa: PLC0415  it knows receipts

        with self.at_work():
            await self._resolve()
            left = self.of("not_sent")
            if left:
                self.halted = ""
                await Application(self._client, self, progress).run(left)
        return self

    async def _resolve(self) -> None:
        from jobwidgets.bulk._doubt import resolve_cancels, resolve_retries  # noqa: PLC0415  it knows receipts

        doubtful = self.of("unknown")
        if doubtful:
            ask = resolve_cancels if self.kind == "cancel" else resolve_retries
            await ask(self._client, self, doubtful)

    def __repr__(self) -> str:
        from jobwidgets.display import receipt_text  # noqa: PLC0415  a value loads the faces when it is shown

        return receipt_text(self)

    def _repr_html_(self) -> str:
        from jobwidgets.display import receipt_html  # noqa: PLC0415  as above

        return receipt_html(self)


def receipts_frame(receipts: Iterable[AsyncReceipt]) -> pd.DataFrame:
    """Make one row an operation, the newest first."""
    rows = list(receipts)[::-1]
    frame = pd.DataFrame(
        {
            "op": array_of("string", [row.op for row in rows]),
            "kind": array_of("string", [row.kind for row in rows]),
            "why": array_of("string", [row.why for row in rows]),
            "begun": array_of("time", [iso(row.begun) if row.begun else None for row in rows]),
            "total": array_of("count", [row.total for row in rows]),
            **{name: array_of("count", [row.counts.get(name, 0) for row in rows]) for name in OUTCOMES},
        },
        copy=False,
    )
    frame.attrs["kind"] = "receipts"
    return frame
