"""Cancelling a range: the server decides, so it is looked at before and after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Self

import pandas as pd

from jobwidgets._internal.timeparse import iso, parse_timestamp, parse_when
from jobwidgets.errors import UsageError
from jobwidgets.frames.schema import array_of
from jobwidgets.listing.pages import paged, rest_page
from jobwidgets.listing.pagination import MILLISECOND, Page, walk
from jobwidgets.transport.error_context import looking_back
from jobwidgets.vocabulary import CANCELLED, IDLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.frames.records import JobRow
    from jobwidgets.transport.alias_responses import Sending
    from jobwidgets.transport.connection import Core

CONFIRM_AFTER = (0.3, 0.8, 2.0)
"""Seconds between the looks at what was cancelled: it may take effect a little later."""


@dataclass(frozen=True, slots=True)
class Range:
    """The jobs of an organisation that were created between two moments, in whole milliseconds."""

    organization_id: str
    after: datetime
    before: datetime

    @classmethod
    def checked(cls, organization_id: str, *, after: object, before: object, now: datetime) -> Self:
        """Read a range as a caller writes it; an age is counted back from `now`.

        Raises
        ------
        UsageError
            It is empty, or has no times; nothing was sent.
        """
        first, last = (datetime.fromisoformat(iso(parse_when(value, now))) for value in (after, before))
        if first >= last:
            raise UsageError(
                f"the range from {iso(first)} to {iso(last)} is empty", hint="after must lie before before"
            )
        return cls(organization_id, first, last)

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Self:
        """Take one as it was described."""
        return cls(
            told["organization_id"], datetime.fromisoformat(told["after"]), datetime.fromisoformat(told["before"])
        )

    def described(self) -> dict[str, str]:
        """Say it in words that can be kept."""
        return {"organization_id": self.organization_id, "after": iso(self.after), "before": iso(self.before)}


async def cancel_range(core: Core, span: Range) -> pd.DataFrame:
    """Do what `Writes.cancel_range` describes."""
    seen = await listed(core, span)
    await ask_to_cancel(core, span)
    with looking_back("the service took the request"):
        read = await listed(core, span)
        for pause in CONFIRM_AFTER:
            if not any(job_id in seen and row.status in IDLE for job_id, row in read.items()):
                break
            await asyncio.sleep(pause)  # what could be cancelled is not yet: it may take a moment
            read = await listed(core, span)
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
        query=span.described(),
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


async def ask_to_cancel(core: Core, span: Range, sending: Sending | None = None) -> None:
    """Let the service cancel whatever can be cancelled in a range: one request."""
    wanted = {
        "organizationID": span.organization_id,
        "createdBeforeDateTime": span.before.isoformat(),
        "createdAfterDateTime": span.after.isoformat(),
    }
    await core.rest("POST", "/proc/jobs/cancel", json=wanted, write=True, sending=sending)


async def listed(core: Core, span: Range) -> dict[str, JobRow]:
    """List an organisation's jobs in a range, through the API that knows organisations."""
    rows: dict[str, JobRow] = {}
    steps = walk(span.after - MILLISECOND, span.before + MILLISECOND)
    try:
        ask = next(steps)
        while True:
            records, limit = await paged(
                core,
                partial(rest_page, core, ask, more={"organizationID": span.organization_id}),
                rest=True,
            )
            page = [row for row in records if row is not None]
            fresh = sum(row.id not in rows for row in page)
            for row in page:
                created = parse_timestamp(row.created_date_time) if row.created_date_time else None
                if created is None or span.after <= created <= span.before:
                    rows[row.id] = row
            ask = steps.send(
                Page([row.id for row in page], [row.created_date_time for row in page], len(records) < limit, fresh)
            )
    except StopIteration:
        return rows
