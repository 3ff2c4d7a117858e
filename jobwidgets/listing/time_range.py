"""The jobs of an organisation that were created in a range of time: the range, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Self

from jobwidgets._internal import iso, parse_timestamp, parse_when
from jobwidgets.errors import UsageError
from jobwidgets.listing.pages import fetch_page, rest_page
from jobwidgets.listing.pagination import MILLISECOND, PageInfo, paginate_by_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.frames import JobRow
    from jobwidgets.transport import ServiceConnection

CANCEL_PATH = "/proc/jobs/cancel"
"""Where a range is cancelled: its body is `TimeRange.request()`."""


@dataclass(frozen=True, slots=True)
class TimeRange:
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

    def request(self) -> dict[str, str]:
        """Return the body of the request that lets the service cancel whatever it can in the range."""
        return {
            "organizationID": self.organization_id,
            "createdBeforeDateTime": self.before.isoformat(),
            "createdAfterDateTime": self.after.isoformat(),
        }

    def described(self) -> dict[str, str]:
        """Say it in words that can be kept."""
        return {"organization_id": self.organization_id, "after": iso(self.after), "before": iso(self.before)}


async def list_time_range(connection: ServiceConnection, span: TimeRange) -> dict[str, JobRow]:
    """List an organisation's jobs in a range, through the API that knows organisations."""
    rows: dict[str, JobRow] = {}
    steps = paginate_by_time(span.after - MILLISECOND, span.before + MILLISECOND)
    try:
        ask = next(steps)
        while True:
            records, limit = await fetch_page(
                connection,
                partial(rest_page, connection, ask, more={"organizationID": span.organization_id}),
                rest=True,
            )
            page = [row for row in records if row is not None]
            fresh = sum(row.id not in rows for row in page)
            for row in page:
                created = parse_timestamp(row.created_date_time) if row.created_date_time else None
                if created is None or span.after <= created <= span.before:
                    rows[row.id] = row
            ask = steps.send(
                PageInfo([row.id for row in page], [row.created_date_time for row in page], len(records) < limit, fresh)
            )
    except StopIteration:
        return rows
