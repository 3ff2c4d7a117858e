"""Resolving doubt: what became of a write whose answer was lost is found out by asking, never by sending again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets.bulk.execution.matching import certain_matches
from jobwidgets.bulk.execution.range_executor import resolve_range
from jobwidgets.bulk.execution.readback import CLOCK_SKEW, SETTLE_TIME, by_id
from jobwidgets.eligibility import Verdict, after_cancel
from jobwidgets.errors import NotSentError, ServiceError
from jobwidgets.transport import UnresolvedRetry
from jobwidgets.vocabulary import REASON_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry

MATCH_COLUMNS = ("target_id", "engines")
"""What a retry has in common with its job: the service promises the same engines and payloads, and no name."""
ASK_EVERY = 2.0
"""Seconds between two questions while the service's clock moves on."""


async def reconcile(operations: OperationRegistry, receipt: Operation, patience: float, stop: CancelToken) -> None:
    """Ask what became of the unknown ones, again and again while waiting can tell more and patience lasts."""
    deadline = time.monotonic() + patience
    asked_at: datetime | None = None
    while doubtful := receipt.of("unknown"):
        now = await stop.race(operations.reader.now())
        if asked_at is not None and now <= asked_at:
            return  # its clock stands still: waiting tells nothing
        asked_at = now
        try:
            waiting = await stop.race(_ask(operations, receipt, doubtful, now))
        except (NotSentError, ServiceError):
            if time.monotonic() + ASK_EVERY > deadline:
                raise
            waiting = True
        receipt.write(doubtful)
        if not waiting or time.monotonic() + ASK_EVERY > deadline:
            return
        await stop.race(asyncio.sleep(ASK_EVERY))


async def _ask(operations: OperationRegistry, receipt: Operation, lines: Sequence[TargetState], now: datetime) -> bool:
    """Ask once; say whether asking later can tell more."""
    if receipt.kind == "range":
        return await resolve_range(operations, receipt, lines)
    if receipt.kind == "cancel":
        await _ask_for_cancels(operations, lines, now)
    else:
        await _ask_for_retries(operations, receipt, lines, now)
    return any(line.outcome == "unknown" and not _long_ago(line, now) for line in lines)


async def _ask_for_cancels(operations: OperationRegistry, lines: Sequence[TargetState], now: datetime) -> None:
    """Read each job: aborted means done; still idle after a while means not done; what went on means refused."""
    seen = by_id(await operations.reader.jobs(ids=[line.id for line in lines]), "status", "can_cancel", "why_not")
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


async def _ask_for_retries(
    operations: OperationRegistry, receipt: Operation, lines: Sequence[TargetState], now: datetime
) -> None:
    """Look for jobs created since, with the same target and the same engines, that no other line claims."""
    was = await operations.reader.jobs(ids=[line.id for line in lines])
    made = await operations.made_since(min(line.at or now for line in lines) - CLOCK_SKEW, applications_of(was))
    claimed, others = await operations.claims(
        receipt.op
    )  # after the list: whoever made one of these had written it down
    rivals = await _alike(operations, was, others)
    old, new = _looks(was, "name"), _looks(made, "name", "created")
    free: dict[tuple[Any, ...], list[_Made]] = defaultdict(list)
    for job_id, (*alike, name, created) in reversed(new.items()):  # the oldest first
        if job_id not in claimed and job_id not in receipt.lines:
            free[tuple(alike)].append(_Made(job_id, name, created))
    twins: dict[tuple[Any, ...], list[TargetState]] = defaultdict(list)
    for line in lines:
        if line.id in old:
            twins[tuple(old[line.id][:-1])].append(line)
    names = {job_id: name for job_id, (*_, name) in old.items()}
    for key, group in twins.items():
        _settle_twins(group, rivals.get(key, []), free[key], names, now)


def _looks(frame: pd.DataFrame, *more: str) -> dict[str, tuple[Any, ...]]:
    """Give what retries have in common with their jobs, and more columns; tasks are told in no order."""
    told = by_id(frame, *MATCH_COLUMNS, *more)
    return {job_id: (target, _sorted(engines), *rest) for job_id, (target, engines, *rest) in told.items()}


def _sorted(engines: str | None) -> str | None:
    return engines and ", ".join(sorted(engines.split(", ")))


async def _alike(
    operations: OperationRegistry, was: pd.DataFrame, others: Sequence[UnresolvedRetry]
) -> Mapping[tuple[Any, ...], Sequence[UnresolvedRetry]]:
    """Group doubts that are not ours by what their jobs look like; they may have made what we look for."""
    found: dict[tuple[Any, ...], list[UnresolvedRetry]] = defaultdict(list)
    if others:
        jobs = _looks(await operations.reader.jobs(ids=list({doubt.job_id for doubt in others}))) | _looks(was)
        for doubt in others:
            if doubt.job_id in jobs:
                found[jobs[doubt.job_id]].append(doubt)
    return found


class _Made(NamedTuple):
    """A new job that nobody claims."""

    id: str
    name: str | None
    created: datetime | None


def _settle_twins(
    group: Sequence[TargetState],
    rivals: Sequence[UnresolvedRetry],
    found: Sequence[_Made],
    names: Mapping[str, str | None],
    now: datetime,
) -> None:
    """Give new jobs to the lines that must have made them; where it cannot be told whose they are, say nothing."""
    doubts: list[TargetState | UnresolvedRetry] = [*group, *rivals]
    windows = {(doubt.at, doubt.until): doubt for doubt in doubts}
    during = {window: [job.id for job in found if _may_be(doubt, job.created)] for window, doubt in windows.items()}
    could = {number: during[doubt.at, doubt.until] for number, doubt in enumerate(doubts)}
    called = {job.id: job.name for job in found}
    sure = certain_matches(could, lambda number, job_id: called[job_id] == names.get(_job_of(doubts[number])))
    for number, line in enumerate(group):
        if number in sure:
            line.settle("done", "taken for its retry: same target and engines, created since", new_id=sure[number])
        elif not could[number] and _long_ago(line, now):
            line.settle("not_sent", "no job with its target and engines was created since")
        elif could[number] and _long_ago(line, now):
            line.reason = "others like it are in doubt as well, and it cannot be told which of them were done"


def _job_of(doubt: TargetState | UnresolvedRetry) -> str:
    return doubt.job_id if isinstance(doubt, UnresolvedRetry) else doubt.id


def _may_be(doubt: TargetState | UnresolvedRetry, created: datetime | None) -> bool:
    """Whether a job was created while this one was under way, the clocks being what they are."""
    if created is None:
        return True
    early = doubt.at is not None and created < doubt.at - CLOCK_SKEW
    return not early and (doubt.until is None or created <= doubt.until + SETTLE_TIME)


def applications_of(frame: pd.DataFrame) -> list[str]:
    """Name the applications of jobs: a list shows only those of the caller's own unless they are named."""
    return sorted(set(frame["application_id"].dropna()))


def _long_ago(line: TargetState, now: datetime) -> bool:
    return line.until is not None and now > line.until + SETTLE_TIME
