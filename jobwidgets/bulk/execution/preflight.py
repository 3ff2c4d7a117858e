"""What is still due: targets are read again before they are sent, and what has moved is left out with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.bulk.execution.readback import by_id
from jobwidgets.listing import listed_under, read_statuses
from jobwidgets.vocabulary import CANCELLED, REASON_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry


async def recheck_targets(
    operations: OperationRegistry, receipt: Operation, targets: Sequence[TargetState], stop: CancelToken
) -> list[TargetState]:
    """Read targets again; what has moved since the plan was made is skipped with its reason.

    Raises
    ------
    StoppedError
        Somebody asked to stop.
    ServiceError
        One of them could not be read.
    """
    seen = await stop.race(_changed_targets(operations, receipt.kind, targets))
    gone = [line for line in targets if line.id in seen and seen[line.id][0] is not True]
    for line in gone:
        _, status, why = seen[line.id]
        if line.at is not None and receipt.kind == "cancel" and status in CANCELLED:
            line.settle("done", "found cancelled when asked", status=status, looked=True, verified="confirmed")
            continue
        receipt.note(drifted=1)
        code = "complete" if receipt.kind == "retry" and why != "not_found" else why
        line.settle("skipped", f"moved since the plan was made: {REASON_TEXT.get(code, code)}", status=status)
    if gone:
        receipt.write(gone)
    left = set(map(id, gone))
    return [line for line in targets if id(line) not in left]


async def _changed_targets(
    operations: OperationRegistry, kind: str, targets: Sequence[TargetState]
) -> dict[str, tuple[Any, ...]]:
    """Read the jobs whose status is another than when the plan was made, or hides whether a task has started."""
    created = {line.id: line.created for line in targets}
    statuses = await read_statuses(
        operations.connection,
        list(created),
        created,
        expected=listed_under(line.status_before for line in targets),
        sure=True,
    )
    unsure = [
        line.id
        for line in targets
        if line.status_before in (None, "running") or statuses.get(line.id) != line.status_before
    ]
    if not unsure:
        return {}
    may = "can_cancel" if kind == "cancel" else "can_retry"
    known = by_id(await operations.reader.jobs(ids=unsure), may, "status", "why_not")
    return {job_id: known.get(job_id, (False, None, "not_found")) for job_id in unsure}
