"""Resolving doubt: what became of a write whose answer was lost is found out by asking, never by sending again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobwidgets._model import REASON_TEXT, Verdict, after_cancel
from jobwidgets.bulk._apply import by_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.bulk._receipt import AsyncReceipt, Line
    from jobwidgets.client import AsyncClient

CLOCKS = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
ALIKE = ("target_id", "engines")
"""What a retry has in common with its job: the service promises the same engines and payloads, and no name."""
SETTLED = timedelta(seconds=30)
"""How far the service's clock must have moved on before "not there" means "not done"."""


async def resolve_cancels(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Read each job: aborted means done; still idle after a while means not done; what went on means refused."""
    del receipt  # the other resolver looks at its other lines
    settled = await client.now()
    frame = await client.jobs(ids=[line.id for line in lines])
    seen = by_id(frame, "status", "can_cancel", "why_not")
    for line in lines:
        if line.id not in seen:
            continue
        status, ok, why = seen[line.id]
        became = after_cancel(status, Verdict(ok=ok, reason=why))
        line.status = status
        if became == "done":
            line.settle("done", "found cancelled when asked", confirmed=True)
        elif became == "refused":
            line.settle("refused", f"it came too late: {REASON_TEXT.get(why, why)}", confirmed=True)
        elif ok is True and _long_ago(line, settled):
            line.settle("not_sent", "it did not arrive: the job can still be cancelled")


async def resolve_retries(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line]) -> None:
    """Look for a job created since, with the same target and the same engines, that no other line claims."""
    now = await client.now()  # before the lists: what arrives while they are read must not count as settled
    was = await client.jobs(ids=[line.id for line in lines])
    made = await client.made_since(min(line.at or now for line in lines) - CLOCKS, applications_of(was))
    old, new = by_id(was, *ALIKE, "name"), by_id(made, *ALIKE, "name")
    known = set(receipt.lines) | client.claimed
    free: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for job_id, (*alike, _) in reversed(new.items()):  # the oldest first
        if job_id not in known:
            free[tuple(alike)].append(job_id)
    for line in lines:
        if line.id not in old:
            continue
        *alike, name = old[line.id]
        same = free[tuple(alike)]
        if same:
            taken = next((job_id for job_id in same if new[job_id][-1] == name), same[0])
            same.remove(taken)
            line.settle("done", "taken for its retry: same target and engines, created since", new_id=taken)
        elif _long_ago(line, now):
            line.settle("not_sent", "no job with its target and engines was created since")


def applications_of(frame: pd.DataFrame) -> list[str]:
    """Name the applications of jobs: a list shows only those of the caller's own unless they are named."""
    return sorted(set(frame["application_id"].dropna()))


def _long_ago(line: Line, now: datetime) -> bool:
    return line.until is not None and now > line.until + SETTLED
