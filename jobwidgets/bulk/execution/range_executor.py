"""Cancelling a range by a plan: it is listed before, one request is sent, once, and it is listed again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jobwidgets.bulk.execution.executor import STOP_GRACE_S
from jobwidgets.bulk.execution.readback import CLOCK_SKEW, SETTLE_TIME
from jobwidgets.bulk.journal.state import TargetState, until
from jobwidgets.bulk.planning import MOVED
from jobwidgets.bulk.range_listing import read_range
from jobwidgets.eligibility import READBACK_DELAYS_S, after_cancel
from jobwidgets.errors import (
    AuthError,
    JobError,
    NotSentError,
    RefusedError,
    ServiceError,
    SettingsError,
    UnknownOutcomeError,
    UsageError,
)
from jobwidgets.listing import CANCEL_PATH, TimeRange
from jobwidgets.transport import InFlightWrite
from jobwidgets.vocabulary import CANCELLED, REASON_TEXT, TERMINAL, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.operation_registry import OperationRegistry
    from jobwidgets.bulk.range_listing import RangeJob

NOT_LISTED = "was not listed when the plan was made"
TOOK = "the service took the request"
SENT_ONCE = "its one request was sent, and is never sent again: make a new plan for what is left"


async def carry_out(operations: OperationRegistry, receipt: Operation, stop: CancelToken) -> None:
    """List the range, send its one request, and list it again.

    Raises
    ------
    UsageError
        Too much has moved, or come into the range; nothing was sent.
    """
    if receipt.sent:
        receipt.halt(SENT_ONCE)
        return
    before = await stop.race(read_range(operations, TimeRange.of(receipt.more)))
    targets = _due(receipt, before)
    receipt.write(receipt.of("skipped"))
    if not targets:
        receipt.halt("nothing that is listed in the range can be cancelled now: the request was not sent")
    elif await _sent(operations, receipt, targets, stop):
        await _look_back(operations, receipt, targets, before, stop)


def _due(receipt: Operation, before: Mapping[str, RangeJob]) -> list[TargetState]:
    """Say what the request would cancel as far as can be seen, with what has come into the range since."""
    planned = receipt.of("not_sent")
    targets = [line for line in planned if line.id in before and before[line.id].verdict]
    new = [
        TargetState(job_id, one.name, None, reason=NOT_LISTED, status=one.status, created=one.created)
        for job_id, one in before.items()
        if one.verdict and job_id not in receipt.lines
    ]
    _refuse_too_many(receipt.more, len(planned), len(planned) - len(targets), len(new))
    due = {line.id for line in targets}
    for line in planned:
        if line.id in due:
            line.status = before[line.id].status
            continue
        receipt.note(drifted=1)
        one = before.get(line.id)
        why = REASON_TEXT[one.verdict.reason if one and one.verdict.reason else Reason.NOT_FOUND]
        line.settle("skipped", f"{MOVED}: {why}", status=one.status if one else None)
    receipt.add(new)
    return [*targets, *new]


def _refuse_too_many(more: Mapping[str, Any], planned: int, gone: int, new: int) -> None:
    share, most = more["share"], more["most"]
    if share is not None and gone + new > share * planned:
        raise UsageError(
            f"{gone:,} of {planned:,} moved since the plan was made, and {new:,} that can be cancelled have come into "
            "the range; nothing was sent",
            hint="plan.drift() shows them; make a new plan, or apply with a larger max_drift",
        )
    if planned - gone + new > most:
        raise UsageError(
            f"the request would cancel {planned - gone + new:,} jobs by now, more than {most:,}; nothing was sent",
            hint="make a new plan",
        )


async def _sent(
    operations: OperationRegistry, receipt: Operation, targets: Sequence[TargetState], stop: CancelToken
) -> bool:
    """Send the request and take in what is certain of it; say whether the service took it."""
    connection = operations.connection
    sending = InFlightWrite()
    took, why = False, {line.id: line.reason for line in targets}
    await receipt.intend(targets, connection.server_time_floor())
    try:
        if not stop.asked:  # the disk may have been slow
            took = await _answered(
                connection.rest(
                    "POST", CANCEL_PATH, json=TimeRange.of(receipt.more).request(), write=True, sending=sending
                ),
                sending,
                stop,
            )
        told = f"{TOOK}; what became of the job is not read yet" if took else "stopped while the request was under way"
        outcome = "unknown" if took or sending.out else "not_sent"
        if outcome == "not_sent":
            receipt.halt("stopped")
    except (UnknownOutcomeError, ServiceError) as error:
        outcome, told = "unknown", error.message
    except (NotSentError, AuthError, SettingsError, UsageError) as error:
        outcome, told = "not_sent", error.message
        receipt.halt(str(error))
    except RefusedError as error:
        outcome, told = "refused", error.message
    now = until(connection)  # the wait for a busy service may have been long
    for line in targets:
        line.settle(outcome, told, message=TOOK if took else "", until=now if outcome == "unknown" else None)
        if outcome == "not_sent":
            line.settle(outcome, why[line.id], at=None)
    receipt.write(targets)
    return took


async def _answered(request: Any, sending: InFlightWrite, stop: CancelToken) -> bool:
    """Wait for the answer; a stop gives a request that is out a last chance. False: nobody waits for it any more."""
    task, stopped = asyncio.ensure_future(request), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and sending.out:
            await asyncio.wait([task], timeout=STOP_GRACE_S)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        stopped.cancel()
        task.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


# ------------------------------------------------------------------------ looking back


async def _look_back(
    operations: OperationRegistry,
    receipt: Operation,
    targets: Sequence[TargetState],
    before: Mapping[str, RangeJob],
    stop: CancelToken,
) -> None:
    """List the range again, a few times: a cancel may take effect a little later."""

    def was_open(job_id: str, _: RangeJob) -> bool:
        return job_id not in before or before[job_id].status not in CANCELLED

    for pause in READBACK_DELAYS_S:
        if pause:
            await stop.race(asyncio.sleep(pause))
        try:
            after = await stop.race(read_range(operations, TimeRange.of(receipt.more)))
        except JobError as error:
            receipt.halt(f"it could not be looked at afterwards: {error.message}")
            return
        _take_in(receipt, targets, after, was_open)
        if not any(line.outcome == "unknown" for line in targets):
            return


def _take_in(
    receipt: Operation,
    targets: Sequence[TargetState],
    after: Mapping[str, RangeJob],
    changed: Callable[[str, RangeJob], bool],
) -> None:
    """Say of each job what it reads now, also of those that nobody meant."""
    for line in targets:
        _judge(line, after.get(line.id))
    caught = [
        line
        for line in receipt.of("skipped")
        if line.id in after and after[line.id].status in CANCELLED and changed(line.id, after[line.id])
    ]
    for line in caught:
        line.status = after[line.id].status
        _confirm(line, f"the service cancelled it, though here it was left out: {line.reason}")
    new = [
        TargetState(job_id, one.name, None, status=one.status, created=one.created)
        for job_id, one in after.items()
        if job_id not in receipt.lines and one.status in CANCELLED and changed(job_id, one)
    ]
    for line in new:
        _confirm(line, NOT_LISTED)
    receipt.add(new)
    receipt.write([*targets, *caught])


def _judge(line: TargetState, seen: RangeJob | None) -> None:
    if seen is None:
        line.reason = "it is not listed any more"
        return
    line.status = seen.status
    became = after_cancel(seen.status, seen.verdict)
    if became == "done":
        _confirm(line, NOT_LISTED if line.status_before is None else "")
    elif became == "refused":
        why = REASON_TEXT[seen.verdict.reason or Reason.TASK_STARTED]
        verified = "finished_first" if seen.status in TERMINAL else "still_running"
        line.settle("refused", f"it went on: {why}", looked=True, verified=verified)
    elif line.message == TOOK:
        line.reason = f"{TOOK}, but the job still waits"


def _confirm(line: TargetState, reason: str) -> None:
    line.settle("done", reason, looked=True, verified="confirmed")


async def resolve_range(operations: OperationRegistry, receipt: Operation, lines: Sequence[TargetState]) -> bool:
    """Find out what became of a request whose answer was lost: the range is listed, and nothing is sent.

    Returns
    -------
    bool
        Whether asking later can tell more.
    """
    after = await read_range(operations, TimeRange.of(receipt.more))
    now = operations.connection.server_time()
    left = min((line.at for line in lines if line.at is not None), default=now) - CLOCK_SKEW

    def since(_: str, seen: RangeJob) -> bool:
        return seen.modified is not None and seen.modified >= left

    _take_in(receipt, lines, after, since)
    arrived = any(line.message == TOOK for line in lines) or bool(receipt.of("done"))
    waiting = False
    for line in lines:
        long_ago = line.until is not None and now > line.until + SETTLE_TIME
        waiting = waiting or (line.outcome == "unknown" and not long_ago)
        if line.outcome == "unknown" and line.id in after and long_ago:
            if arrived:
                line.settle("refused", f"{TOOK} and left the job as it is", looked=True)
            elif after[line.id].verdict:
                line.settle("not_sent", "the request did not arrive: the job can still be cancelled")
    return waiting
