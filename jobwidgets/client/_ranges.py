"""Cancelling a range: the server decides, so it is looked at before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._errors import UsageError
from jobwidgets._when import iso, parse_when
from jobwidgets.client._core import looking_back
from jobwidgets.client._listing import MILLISECOND, Page, moment, walk
from jobwidgets.client._lists import rest_rows
from jobwidgets.frames._columns import array_of

if TYPE_CHECKING:
    from datetime import datetime

    from jobwidgets.client._core import Core
    from jobwidgets.frames._rows import JobRow

CANCELLED = ("aborted", "cancelled")


async def cancel_range(
    core: Core, organization_id: str, *, after: object, before: object, now: datetime
) -> pd.DataFrame:
    """Do what `Writes.cancel_range` describes."""
    first, last = parse_when(after, now), parse_when(before, now)
    if first >= last:
        raise UsageError(f"the range from {iso(first)} to {iso(last)} is empty", hint="after must lie before before")
    seen = await _listed(core, organization_id, first, last)
    wanted = {
        "organizationID": organization_id,
        "createdBeforeDateTime": last.isoformat(),
        "createdAfterDateTime": first.isoformat(),
    }
    await core.rest("POST", "/proc/jobs/cancel", json=wanted, write=True)
    with looking_back("the service took the request"):
        read = await _listed(core, organization_id, first, last)
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
        service=core.url,
        query={"organization_id": organization_id, "after": iso(first), "before": iso(last)},
        as_of=iso(core.as_of()),
        seen_before=len(seen),
    )
    return frame


def _outcome(old: str | None, new: str | None) -> str:
    if new is None:
        return "gone"
    if new == old:
        return "unchanged"
    return "done" if new in CANCELLED else "changed"


async def _listed(core: Core, organization_id: str, first: datetime, last: datetime) -> dict[str, JobRow]:
    """List an organisation's jobs in a range, through the API that knows organisations."""
    rows: dict[str, JobRow] = {}
    steps = walk(first - MILLISECOND, last + MILLISECOND)
    try:
        ask = next(steps)
        while True:
            limit = core.sizes.page
            page = await rest_rows(
                core,
                {
                    "organizationID": organization_id,
                    "createdAfter": iso(ask.since),
                    "createdBefore": iso(ask.until),
                    "orderBy": "createdDateTime",
                    "direction": "desc",
                    "offset": ask.offset,
                    "limit": limit,
                },
            )
            fresh = sum(row.id not in rows for row in page)
            for row in page:
                created = moment(row.created_date_time) if row.created_date_time else None
                if created is None or first <= created <= last:
                    rows[row.id] = row
            ask = steps.send(
                Page([row.id for row in page], [row.created_date_time for row in page], len(page) < limit, fresh)
            )
    except StopIteration:
        return rows
