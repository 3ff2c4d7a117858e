"""Cancelling a range: the server decides, so it is looked at before and after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._internal import iso
from jobwidgets.eligibility import READBACK_DELAYS_S
from jobwidgets.frames import array_of
from jobwidgets.listing import CANCEL_PATH, TimeRange, list_time_range
from jobwidgets.transport import readback_context
from jobwidgets.vocabulary import CANCELLED, IDLE

if TYPE_CHECKING:
    from jobwidgets.transport import ServiceConnection


async def cancel_range(connection: ServiceConnection, span: TimeRange) -> pd.DataFrame:
    """Do what `JobWriter.cancel_range` describes."""
    seen = await list_time_range(connection, span)
    await connection.rest("POST", CANCEL_PATH, json=span.request(), write=True)
    with readback_context("the service took the request"):
        read = await list_time_range(connection, span)
        for pause in READBACK_DELAYS_S[1:]:  # it was read just now
            if not any(job_id in seen and row.status in IDLE for job_id, row in read.items()):
                break
            await asyncio.sleep(pause)  # what could be cancelled is not yet: it may take a moment
            read = await list_time_range(connection, span)
    ids = list(dict.fromkeys([*seen, *read]))
    was = [seen[job_id].status if job_id in seen else None for job_id in ids]
    reads = [read[job_id].status if job_id in read else None for job_id in ids]
    frame = pd.DataFrame(
        {
            "id": array_of("string", ids),
            "name": array_of("string", [(read.get(job_id) or seen[job_id]).name for job_id in ids]),
            "status_before": array_of("status", was),
            "status": array_of("status", reads),
            "outcome": pd.Categorical(
                [_outcome(old, new) for old, new in zip(was, reads, strict=True)],
                categories=["done", "changed", "unchanged", "gone"],
            ),
        },
        copy=False,
    )
    frame.attrs.update(
        kind="cancel_range",
        service=connection.url,
        query=span.described(),
        as_of=iso(connection.server_time()),
        seen_before=len(seen),
    )
    return frame


def _outcome(old: str | None, new: str | None) -> str:
    if new is None:
        return "gone"
    if new == old:
        return "unchanged"
    return "done" if new in CANCELLED else "changed"
