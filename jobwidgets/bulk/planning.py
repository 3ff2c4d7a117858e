"""About how many requests an act takes: looks before it, batches that grow while it goes well, looks after it."""

from __future__ import annotations

from math import ceil

from jobwidgets.bulk.execution.executor import INITIAL_BATCH_SIZE, MAX_BATCH_SIZE
from jobwidgets.transport import INITIAL_BULK_IN_FLIGHT

LOOKED_AT = 100
"""Jobs that one request reads."""


def requests_for(kind: str, count: int) -> int:
    """Say about how many requests it takes to act on so many jobs when all goes well.

    Parameters
    ----------
    kind : {"cancel", "retry", "range"}
        A cancel is looked at afterwards too; a range is one request, with looks.
    count : int
        The jobs.
    """
    if not count:
        return 0
    looks = ceil(count / LOOKED_AT)
    if kind == "range":
        return 1 + 2 * looks
    sent = min(
        int(INITIAL_BULK_IN_FLIGHT), ceil(count / INITIAL_BATCH_SIZE)
    )  # small batches to begin with, as many as there are places
    left, size = count - sent * INITIAL_BATCH_SIZE, INITIAL_BATCH_SIZE
    while left > 0:  # every answer lets the next one be twice as large
        size = min(MAX_BATCH_SIZE, 2 * size)
        sent, left = sent + 1, left - size
    return sent + looks * (2 if kind == "cancel" else 1)
