"""What was done before, also by kernels that have died: read from the journals in the state directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from jobwidgets._internal import iso
from jobwidgets.bulk.journal import journal
from jobwidgets.bulk.journal.state import OperationState, fold_events
from jobwidgets.errors import SettingsError, UsageError
from jobwidgets.frames import array_of
from jobwidgets.models import Retry
from jobwidgets.transport import UnresolvedRetry
from jobwidgets.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime


class HeldOperation(Protocol):
    """An operation that this process works on, or has worked on."""

    @property
    def op(self) -> str:
        """Its id."""

    @property
    def account(self) -> OperationState:
        """What is known of it."""

    @property
    def at_work(self) -> bool:
        """Whether this process works on it."""

    @property
    def state(self) -> str:
        """As in `OperationSummary`."""

    def stop(self) -> None:
        """Ask it to stop."""


@dataclass(frozen=True, slots=True)
class OperationSummary:
    """One operation in short.

    Attributes
    ----------
    state : str
        "finished", "open" (something is unknown or was not sent), "at work" (here or in another kernel), or "damaged":
        its journal cannot be read, and of it nothing else is known, not even its service.
    made : frozenset of str
        The new jobs that it is known to have made.
    retried : frozenset of str
        The jobs that it retried, or may have retried.
    doubts : tuple of UnresolvedRetry
        Its retries whose answers were lost.
    due : frozenset of str
        The jobs that it has not retried yet.
    """

    op: str
    kind: str
    service: str
    state: str
    why: str = ""
    halted: str = ""
    begun: datetime | None = None
    total: int | None = None
    counts: Mapping[str, int] | None = None
    made: frozenset[str] = frozenset()
    retried: frozenset[str] = frozenset()
    doubts: tuple[UnresolvedRetry, ...] = ()
    due: frozenset[str] = frozenset()


_read: dict[tuple[str, int, int], OperationSummary | None] = {}
"""What was read of journals that are as they were."""


def account_of(op: str) -> OperationState:
    """Read what is known of one operation.

    Raises
    ------
    UsageError
        There is no such operation, or it was never begun.
    SettingsError
        Its journal is damaged, of a later version, or cannot be read.
    """
    account = _begun(op)
    if account is None:
        raise UsageError(f"operation {op} was never begun: nothing was sent", hint="make a new plan")
    return account


def ask_to_stop(op: str) -> bool:
    """Ask whoever is at work on an operation to stop; False when nobody is.

    Raises
    ------
    UsageError
        There is no such operation.
    """
    journal.stamp(op)
    if op not in journal.at_work():
        return False
    journal.ask_to_stop(op)
    return True


def iter_operations(service: str, held: Iterable[HeldOperation] = ()) -> Iterator[OperationSummary]:
    """Give every operation of a service in short, the newest first; of those held here what is known here."""
    here = {receipt.op: receipt for receipt in held}
    at_work = journal.at_work()
    for op in journal.operations():
        if op in here:
            yield replace(summarize(here[op].account), state=here[op].state)
            continue
        try:
            found = _summarize_cached(op)
        except SettingsError as error:
            yield OperationSummary(op, op.partition("-")[0], service, "damaged", halted=str(error))
            continue
        except UsageError:
            continue  # it was forgotten while we looked
        if found is not None and found.service == service:
            yield replace(found, state="at work") if op in at_work else found


def retries_of(service: str, job_id: str, held: Iterable[HeldOperation] = ()) -> Iterator[Retry]:
    """Give what receipts tell of the retries of a job, and of the retry that made it, the newest operation first."""
    held = tuple(held)
    here = {receipt.op: receipt.account for receipt in held}
    for known in iter_operations(service, held):
        if job_id not in known.retried and job_id not in known.made:
            continue
        account = here.get(known.op) or account_of(known.op)
        for line in account.numbered:
            if job_id in (line.id, line.new_id) and line.outcome in ("done", "unknown"):
                yield Retry(line.id, line.new_id, known.op, line.at, line.outcome)


def summarize(account: OperationState) -> OperationSummary:
    """Say in short what is known of an operation."""
    counts = account.counts
    lines = account.numbered
    retries = lines if account.kind == "retry" else ()
    return OperationSummary(
        account.op,
        account.kind,
        account.service,
        "open" if {"unknown", "not_sent"} & set(counts) else "finished",
        account.why,
        account.halted,
        account.begun,
        len(lines),
        counts,
        frozenset(line.new_id for line in lines if line.new_id),
        frozenset(line.id for line in retries if line.outcome in ("done", "unknown")),
        tuple(UnresolvedRetry(line.id, line.at, line.until) for line in retries if line.outcome == "unknown"),
        frozenset(line.id for line in retries if line.outcome == "not_sent"),
    )


def _summarize_cached(op: str) -> OperationSummary | None:
    """Read a journal, unless it is as it was when it was read last; None for one that was never begun."""
    stamp = journal.stamp(op)
    if stamp not in _read:
        account = _begun(op)
        _read[stamp] = summarize(account) if account is not None else None
    return _read[stamp]


def _begun(op: str) -> OperationState | None:
    """Read an operation; None where its maker died before the plan was written down whole: nothing can be sent."""
    records = journal.read(op)
    account = fold_events(records) if records else None
    return account if account is not None and account.ready else None


def receipts_frame(rows: Sequence[OperationSummary]) -> pd.DataFrame:
    """Make one row an operation, in the order given."""
    frame = pd.DataFrame(
        {
            "op": array_of("string", [row.op for row in rows]),
            "kind": array_of("string", [row.kind for row in rows]),
            "why": array_of("string", [row.why for row in rows]),
            "begun": array_of("time", [iso(row.begun) if row.begun else None for row in rows]),
            "total": array_of("count", [row.total for row in rows]),
            **{
                name: array_of("count", [None if row.counts is None else row.counts.get(name, 0) for row in rows])
                for name in OUTCOMES
            },
            "state": array_of("string", [row.state for row in rows]),
        },
        copy=False,
    )
    frame.attrs["kind"] = "receipts"
    return frame
