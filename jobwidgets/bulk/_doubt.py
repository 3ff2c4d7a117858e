"""Resolving doubt: what became of a write whose answer was lost is found out by asking, never by sending again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from jobwidgets._model import REASON_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk._receipt import AsyncReceipt, Line
    from jobwidgets.client import AsyncClient

CLOCKS = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
SETTLED = timedelta(seconds=30)
"""How far the service's clock must have moved on before "not there" means "not done"."""


async def resolve_cancels(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Read each job: aborted means done, still idle means not done, anything else means that it started first."""
    del receipt
    frame = await client.jobs(ids=[line.id for line in lines])
    seen = frame.set_index("id")
    for line in lines:
        if line.id not in seen.index:
            continue
        row = seen.loc[line.id]
        line.status = row["status"]
        if row["status"] in ("aborted", "cancelled"):
            line.settle("done", "found cancelled when asked", message=line.message)
        elif row["can_cancel"] is True or row["can_cancel"] == True:  # noqa: E712  pandas gives numpy's own True
            line.settle("not_sent", "it did not arrive: the job can still be cancelled")
        else:
            line.settle("refused", f"it came too late: {REASON_TEXT.get(row['why_not'], row['why_not'])}")


async def resolve_retries(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Look for a job created since, with the same target and the same engines, that no other line claims."""
    begun = min(line.at for line in lines if line.at is not None) - CLOCKS
    made = await client.jobs(since=begun)
    was = (await client.jobs(ids=[line.id for line in lines])).set_index("id")
    claimed = {
        line.new_id
        for other in client._receipts.values()
        for line in other.lines.values()
        if line.new_id  # noqa: SLF001  the client keeps what was done through it
    }
    free: dict[tuple[object, ...], list[str]] = defaultdict(list)
    planned = set(receipt.lines)
    for row in made.sort_values("created").itertuples(index=False):
        if row.id not in claimed and row.id not in planned:
            free[_kind_of(row.target_id, row.engines, row.name)].append(row.id)
    settled = await client.now() > max(line.at for line in lines if line.at is not None) + SETTLED
    for line in lines:
        if line.id not in was.index:
            continue
        old = was.loc[line.id]
        same = free[_kind_of(old["target_id"], old["engines"], old["name"])]
        if same:
            line.settle("done", "taken for its retry: same target and engines, created since", new_id=same.pop(0))
        elif settled:
            line.settle("not_sent", "no job with its target and engines was created since")


def _kind_of(*parts: object) -> tuple[object, ...]:
    return tuple(part if isinstance(part, str) else None for part in parts)
