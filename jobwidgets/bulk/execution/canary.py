"""Retries in waves: a few first, and only when their new jobs end well the next, larger wave."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.live import wait_for
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.execution.executor import BatchExecutor
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry


@dataclass(frozen=True, slots=True)
class Canary:
    """How to go about it.

    Parameters
    ----------
    first : int
        How many jobs the first wave has.
    widen : int
        How many times larger each next wave is.
    ok : float
        The share of a wave's new jobs that must complete, 0 to 1.
    timeout : str
        How long a wave may take to end, an age such as "1h".
    """

    first: int = 5
    widen: int = 5
    ok: float = 0.8
    timeout: str = "1h"

    def __post_init__(self) -> None:
        for name, least in (("first", 1), ("widen", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name}={value!r} is no number of jobs", hint="give a whole number from 1")
        if not isinstance(self.ok, int | float) or not 0 <= self.ok <= 1:
            raise UsageError(f"ok={self.ok!r} is no share", hint="give a number from 0 to 1")


def canary_of(more: dict[str, Any], ok: float | None) -> Canary | None:
    """Find how an operation goes about its waves, as it was begun; None when it has none."""
    kept = more.get("canary")
    if not kept:
        return None
    return Canary(**{**kept, **({} if ok is None else {"ok": ok})})


def kept(canary: Canary | None) -> dict[str, Any]:
    """Write down how to go about it, for who resumes."""
    return {} if canary is None else {"canary": asdict(canary)}


async def in_waves(  # noqa: PLR0917  all of them are the work itself
    operations: OperationRegistry,
    receipt: Operation,
    application: BatchExecutor,
    targets: Sequence[TargetState],
    canary: Canary,
    stop: CancelToken,
) -> None:
    """Send wave after wave; halt with a diagnosis when too few of a wave's new jobs complete.

    What an earlier run has sent counts as the first wave.
    """
    left = list(targets)
    wave = [line for line in receipt.of("done") if line.new_id]
    size = canary.first if not wave else canary.first * canary.widen
    while left:
        if wave and not await _went_well(operations, receipt, wave, canary, stop):
            return
        sent, left = left[:size], left[size:]
        await application.run(sent)
        if receipt.halted or stop.asked:
            return
        wave = [line for line in sent if line.outcome == "done"]
        if left and len(wave) < max(1, canary.ok * len(sent)):
            told = f"only {len(wave)}" if wave else "none"
            verb = "were" if len(wave) > 1 else "was"
            receipt.halt(
                f"{told} of a wave of {len(sent)} {verb} retried for certain: too little can be learnt from it"
            )
            return
        size *= canary.widen


async def _went_well(
    operations: OperationRegistry, receipt: Operation, wave: Sequence[TargetState], canary: Canary, stop: CancelToken
) -> bool:
    """Wait until the new jobs of a wave have ended; say whether enough of them are complete."""
    seen = await stop.race(wait_for(operations.reader, [line.new_id for line in wave], timeout=canary.timeout))
    words = dict(zip(seen["id"], seen["status"], strict=True))
    good = 0
    for line in wave:
        word = words.get(line.new_id)
        good += word == "complete"
        if word is not None:
            line.verified = "confirmed" if word in TERMINAL else "still_running"
    receipt.write(wave)
    if good >= canary.ok * len(wave):
        return True
    bad = seen[seen["status"] != "complete"]
    receipt.halt(
        f"only {good} of {len(wave)} new jobs completed, {canary.ok:.0%} were wanted: "
        f"{await _diagnosis(operations, bad, stop)}"
    )
    return False


async def _diagnosis(operations: OperationRegistry, bad: pd.DataFrame, stop: CancelToken) -> str:
    """Say of what the others died: failure reasons and how many jobs each."""
    if bad.empty:
        return "the others are gone"
    tasks = await stop.race(operations.reader.tasks(bad["id"].tolist()))
    failed = tasks[tasks["failure_reason"].notna() | tasks["failure_message"].notna()]
    why = dict(zip(failed["job_id"], failed["failure_reason"].fillna(failed["failure_message"]), strict=True))
    words = Counter(
        str(why.get(job_id) or status) for job_id, status in zip(bad["id"], bad["status"].astype(str), strict=True)
    )
    return ", ".join(f"{sanitize(word)} ({count})" for word, count in words.most_common(5))
