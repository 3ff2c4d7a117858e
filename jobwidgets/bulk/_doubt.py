"""Resolving doubt: what became of a write whose answer was lost is found out by asking, never by sending again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobwidgets._errors import NotSentError, ServiceError
from jobwidgets._model import REASON_TEXT, Verdict, after_cancel
from jobwidgets.bulk._verify import by_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.bulk._receipt import AsyncReceipt
    from jobwidgets.bulk._record import Line
    from jobwidgets.bulk._stop import Stop
    from jobwidgets.client import AsyncClient

CLOCKS = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
ALIKE = ("target_id", "engines")
"""What a retry has in common with its job: the service promises the same engines and payloads, and no name."""
SETTLED = timedelta(seconds=30)
"""How far the service's clock must have moved on before "not there" means "not done"."""
ASK_EVERY = 2.0
"""Seconds between two questions while the service's clock moves on."""


async def resolve(client: AsyncClient, receipt: AsyncReceipt, patience: float, stop: Stop) -> None:
    """Ask what became of the unknown ones, again and again while waiting can tell more and patience lasts."""
    deadline = time.monotonic() + patience
    asked_at: datetime | None = None
    while doubtful := receipt.of("unknown"):
        now = await stop.race(client.now())
        if asked_at is not None and now <= asked_at:
            return  # its clock stands still: waiting tells nothing
        asked_at = now
        try:
            waiting = await stop.race(_ask(client, receipt, doubtful, now))
        except (NotSentError, ServiceError):
            if time.monotonic() + ASK_EVERY > deadline:
                raise
            waiting = True
        receipt.write(doubtful)
        if not waiting or time.monotonic() + ASK_EVERY > deadline:
            return
        await stop.race(asyncio.sleep(ASK_EVERY))


async def _ask(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line], now: datetime) -> bool:
    """Ask once; say whether asking later can tell more."""
    if receipt.kind == "range":
        from jobwidgets.bulk._range import resolve_range  # noqa: PLC0415  it knows receipts

        return await resolve_range(client, receipt, lines)
    if receipt.kind == "cancel":
        await _ask_for_cancels(client, lines, now)
    else:
        await _ask_for_retries(client, receipt, lines, now)
    return any(line.outcome == "unknown" and not _long_ago(line, now) for line in lines)


async def _ask_for_cancels(client: AsyncClient, lines: Sequence[Line], now: datetime) -> None:
    """Read each job: aborted means done; still idle after a while means not done; what went on means refused."""
    seen = by_id(await client.jobs(ids=[line.id for line in lines]), "status", "can_cancel", "why_not")
    for line in lines:
        if line.id not in seen:
            continue
        status, ok, why = seen[line.id]
        became = after_cancel(status, Verdict(ok=ok, reason=why))
        line.status = status
        if became == "done":
            line.settle("done", "found cancelled when asked", looked=True, verified="confirmed")
        elif became == "refused":
            line.settle("refused", f"it came too late: {REASON_TEXT.get(why, why)}", looked=True)
        elif ok is True and _long_ago(line, now):
            line.settle("not_sent", "it did not arrive: the job can still be cancelled")


async def _ask_for_retries(client: AsyncClient, receipt: AsyncReceipt, lines: Sequence[Line], now: datetime) -> None:
    """Look for jobs created since, with the same target and the same engines, that no other line claims."""
    was = await client.jobs(ids=[line.id for line in lines])
    made = await client.made_since(min(line.at or now for line in lines) - CLOCKS, applications_of(was))
    old, new = by_id(was, *ALIKE, "name"), by_id(made, *ALIKE, "name", "created")
    known = set(receipt.lines) | await client.claimed()
    free: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for job_id, (*alike, _, _) in reversed(new.items()):  # the oldest first
        if job_id not in known:
            free[tuple(alike)].append(job_id)
    twins: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
    for line in lines:
        if line.id in old:
            twins[tuple(old[line.id][:-1])].append(line)
    for key, group in twins.items():
        _settle_twins(group, free[key], old, new, now)


def _settle_twins(
    group: Sequence[Line],
    found: Sequence[str],
    old: dict[str, tuple[Any, ...]],
    new: dict[str, tuple[Any, ...]],
    now: datetime,
) -> None:
    """Give jobs that nobody claims to the lines that may have made them; where it cannot be told whose, say nothing."""
    waiting = any(not _long_ago(line, now) for line in group)
    could = {line.id: [job_id for job_id in found if _may_be(line, new[job_id][-1])] for line in group}
    left = [line for line in group if could[line.id]]
    candidates = {job_id for line in left for job_id in could[line.id]}
    if len(candidates) >= len(left):
        _pair(left, could, old, new)
    elif not waiting:
        for line in left:
            line.reason = f"{len(candidates)} of {len(left)} alike were made, and it cannot be told of which"
    for line in group:
        if line.outcome == "unknown" and not could[line.id] and _long_ago(line, now):
            line.settle("not_sent", "no job with its target and engines was created since")


def _pair(
    lines: Sequence[Line],
    could: dict[str, list[str]],
    old: dict[str, tuple[Any, ...]],
    new: dict[str, tuple[Any, ...]],
) -> None:
    """Give each line a job of its own, the oldest first, one of its own name if there is one."""
    taken: set[str] = set()
    for line in sorted(lines, key=lambda line: len(could[line.id])):
        free = [job_id for job_id in could[line.id] if job_id not in taken]
        if not free:
            continue
        name = old[line.id][-1]
        chosen = next((job_id for job_id in free if new[job_id][-2] == name), free[0])
        taken.add(chosen)
        line.settle("done", "taken for its retry: same target and engines, created since", new_id=chosen)


def _may_be(line: Line, created: datetime | None) -> bool:
    """Whether a job was created while this line was under way, the clocks being what they are."""
    if created is None:
        return True
    early = line.at is not None and created < line.at - CLOCKS
    return not early and (line.until is None or created <= line.until + SETTLED)


def applications_of(frame: pd.DataFrame) -> list[str]:
    """Name the applications of jobs: a list shows only those of the caller's own unless they are named."""
    return sorted(set(frame["application_id"].dropna()))


def _long_ago(line: Line, now: datetime) -> bool:
    return line.until is not None and now > line.until + SETTLED
