"""Reading back: whether what the service said yes to has really happened."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobwidgets.bulk.journal.state import until
from jobwidgets.eligibility import READBACK_DELAYS_S, Verdict, after_cancel
from jobwidgets.errors import JobError, NotSentError, ServiceError
from jobwidgets.listing import OPEN, estimated_page_size, listed_statuses, read_statuses
from jobwidgets.vocabulary import CANCELLED, REASON_TEXT, TERMINAL, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry

CLOCK_SKEW = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
SETTLE_TIME = timedelta(seconds=30)
"""How far the service's clock must have moved on before "not there" means "not done"."""
EXPECTED = ("cancelled", *sorted(OPEN))
"""What jobs are thought to read after their cancel: cancelled, or not yet."""
LOOK_EVERY = (0.5, 10.0)
"""Seconds between two looks at what has not ended, at first and at most."""


async def verify_concurrently(
    operations: OperationRegistry, receipt: Operation, lines: Sequence[TargetState], answered: asyncio.Event
) -> None:
    """Read cancelled jobs back while the rest is still being sent, one page of the list at a time.

    Only what is seen to be cancelled is taken in. Of everything else, and of the end, which no page is full of,
    `verify_remaining` tells when all is sent.

    Parameters
    ----------
    lines : sequence of TargetState
        What is sent, in this order.
    answered : Event
        Set with every answer to a batch.
    """
    connection = operations.connection
    page = estimated_page_size(connection, [line.created for line in lines])
    for start in range(0, len(lines) - page, page) if page else ():
        part = lines[start : start + page]
        while any(line.outcome in ("not_sent", "unknown") for line in part):  # one in doubt ends the looking along
            answered.clear()
            await answered.wait()
        created = {line.id: line.created for line in part if line.outcome == "done" and not line.looked}
        await connection.throttle.our_share()
        seen = await listed_statuses(connection, list(created), created, expected=EXPECTED, sure=True)
        done = [line for line in part if line.id in created]
        _confirm(done, seen)
        receipt.write(done)


async def verify_remaining(
    operations: OperationRegistry, receipt: Operation, lines: Sequence[TargetState], stop: CancelToken
) -> None:
    """Read cancelled jobs back, a few times: what is not seen to be cancelled in the end is unknown."""
    left = [line for line in lines if line.outcome in ("done", "refused") and not line.looked]
    for pause in READBACK_DELAYS_S:
        if not left:
            return
        if pause:
            await stop.race(asyncio.sleep(pause))
        try:
            still = await stop.race(_verify_round(operations, left))
        except JobError as error:
            receipt.halt(f"it could not be looked at afterwards: {error.message}")
            break
        finally:
            receipt.write(left)  # also what was seen before a stop
        left = still
    for line in left:
        if line.outcome == "done" and not line.looked:
            line.settle("unknown", f"the service said {line.message!r}, but the job was not seen to be cancelled")
            line.until = until(operations.connection)  # it may take effect from now on
    receipt.write(left)


async def _verify_round(operations: OperationRegistry, lines: Sequence[TargetState]) -> list[TargetState]:
    """Read jobs after their cancels, and say which it is too early to tell of."""
    created = {line.id: line.created for line in lines if line.created is not None}
    statuses = await read_statuses(
        operations.connection,
        [line.id for line in lines],
        created,
        expected=EXPECTED,
        sure=True,
    )
    unclear = _confirm(lines, statuses)
    if not unclear:
        return []
    seen = by_id(await operations.reader.jobs(ids=[line.id for line in unclear]), "can_cancel", "status", "why_not")
    return [line for line in unclear if line.id not in seen or _is_undecided(line, *seen[line.id])]


def _confirm(lines: Sequence[TargetState], statuses: Mapping[str, str]) -> list[TargetState]:
    """Take in what jobs read after their cancels; give those that were not seen to be cancelled."""
    unclear = []
    for line in lines:
        line.status = statuses.get(line.id, line.status)
        if line.outcome == "done" and line.status in CANCELLED:
            line.looked, line.verified = True, "confirmed"
        else:
            unclear.append(line)
    return unclear


def _is_undecided(line: TargetState, ok: bool | None, status: str, why: str | None) -> bool:  # noqa: FBT001  a column's value
    """Take in what a job reads after its cancel; say whether it is too early to tell."""
    line.status = status
    if line.outcome == "refused":
        line.looked = True
        line.reason = REASON_TEXT.get(why, why) if why is not None else line.reason
        return False
    became = after_cancel(status, Verdict(ok=ok, reason=Reason(why) if why is not None else None))
    if became == "refused":
        line.settle("refused", f"the service said yes, but {REASON_TEXT.get(why or '', 'it went on')}")
        line.verified = "finished_first" if status in TERMINAL else "still_running"
    elif became == "done":
        line.verified = "confirmed"
    line.looked = became != "wait"
    return not line.looked


async def verify(operations: OperationRegistry, receipt: Operation, seconds: float, stop: CancelToken) -> None:
    """Do what `AsyncReceipt.verify` describes: a service that is away for a while is waited for as well."""
    deadline = time.monotonic() + seconds
    pause, longest = LOOK_EVERY
    while True:
        lines = [line for line in receipt.lines.values() if _open(line, receipt.kind)]
        if not lines:
            return
        try:
            seen = await stop.race(operations.reader.jobs(ids=[_subject(line) for line in lines]))
        except (NotSentError, ServiceError) as error:
            if time.monotonic() >= deadline:
                receipt.halt(f"it could not be looked at afterwards: {error.message}")
                return
        else:
            _note_ends(lines, by_id(seen, "status"))
            receipt.write(lines)
        if time.monotonic() >= deadline:
            return
        await stop.race(asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic()))))
        pause = min(longest, pause * 1.5)


def _open(line: TargetState, kind: str) -> bool:
    """Whether something was done, or refused after a yes, whose end was not seen."""
    if kind == "retry":
        return line.outcome == "done" and line.verified != "confirmed"
    return line.verified == "still_running" or (line.outcome == "done" and line.verified is None)


def _subject(line: TargetState) -> str:
    return line.new_id or line.id


def _note_ends(lines: Sequence[TargetState], seen: dict[str, tuple[Any, ...]]) -> None:
    for line in lines:
        if _subject(line) not in seen:
            continue
        (status,) = seen[_subject(line)]
        if line.new_id is None:
            line.status, line.looked = status, True
        if status not in TERMINAL:
            line.verified = "still_running"
        else:
            line.verified = "confirmed" if line.new_id or status in CANCELLED else "finished_first"


def by_id(frame: pd.DataFrame, *columns: str) -> dict[str, tuple[Any, ...]]:
    """Give each job's values of some columns, with None for what is missing."""
    plain = frame[list(columns)].astype(object).where(frame[list(columns)].notna(), None)
    return dict(zip(frame["id"].tolist(), plain.itertuples(index=False, name=None), strict=True))
