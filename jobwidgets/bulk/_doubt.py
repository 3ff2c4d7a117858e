"""Resolving doubt: what became of a write whose answer was lost is found out by asking, never by sending again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobwidgets._model import REASON_TEXT
from jobwidgets.bulk._apply import by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk._receipt import AsyncReceipt, Line
    from jobwidgets.client import AsyncClient

CLOCKS = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
ALIKE = ("target_id", "engines", "name")
"""What a retry has in common with its job."""
SETTLED = timedelta(seconds=30)
"""How far the service's clock must have moved on before "not there" means "not done"."""


async def resolve_cancels(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Read each job: aborted means done, still idle means not done, anything else means that it started first."""
    del receipt
    frame = await client.jobs(ids=[line.id for line in lines])
    seen = by_id(frame, "status", "can_cancel", "why_not")
    for line in lines:
        if line.id not in seen:
            continue
        status, ok, why = seen[line.id]
        if status in ("aborted", "cancelled"):
            line.settle("done", "found cancelled when asked", status=status)
        elif ok is True:
            line.settle("not_sent", "it did not arrive: the job can still be cancelled", status=status)
        elif ok is False:
            line.settle("refused", f"it came too late: {REASON_TEXT.get(why, why)}", status=status)


async def resolve_retries(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Look for a job created since, with the same target and the same engines, that no other line claims."""
    times = [line.at for line in lines if line.at is not None]
    made = await client.jobs(since=min(times) - CLOCKS)
    was = by_id(await client.jobs(ids=[line.id for line in lines]), *ALIKE)
    known = {other.id for other in receipt.lines.values()} | client.claimed
    free: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for job_id, alike in reversed(by_id(made, *ALIKE).items()):  # the oldest first
        if job_id not in known:
            free[alike].append(job_id)
    settled = await client.now() > max(times) + SETTLED
    for line in lines:
        same = free[was[line.id]] if line.id in was else []
        if same:
            line.settle("done", "taken for its retry: same target and engines, created since", new_id=same.pop(0))
        elif settled and line.id in was:
            line.settle("not_sent", "no job with its target and engines was created since")
