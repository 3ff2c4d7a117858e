"""What can be listed of a range of time: by REST, and by GraphQL where a job is known there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets._internal import parse_optional_timestamp
from jobwidgets.bulk.execution.readback import by_id
from jobwidgets.eligibility import Verdict, cancel_verdict
from jobwidgets.listing import list_time_range
from jobwidgets.vocabulary import IDLE, TERMINAL, Reason

if TYPE_CHECKING:
    from datetime import datetime

    from jobwidgets.bulk.operation_registry import OperationRegistry
    from jobwidgets.listing import TimeRange


class RangeJob(NamedTuple):
    """One job of a range as it is listed: by REST, and by GraphQL where it is known there."""

    name: str | None
    status: str
    verdict: Verdict
    created: datetime | None
    modified: datetime | None


async def read_range(operations: OperationRegistry, span: TimeRange) -> dict[str, RangeJob]:
    """List a range, and read what is open in it with its tasks where GraphQL knows it."""
    rows = await list_time_range(operations.connection, span)
    known: dict[str, tuple[Any, ...]] = {}
    if unended := [job_id for job_id, row in rows.items() if row.status not in TERMINAL]:
        known = by_id(await operations.reader.jobs(ids=unended), "name", "status", "can_cancel", "why_not")
    seen = {}
    for job_id, row in rows.items():
        status = row.status or "unknown"
        name, status, ok, why = known.get(job_id) or (row.name, status, *_told_by(status))
        created, modified = (
            parse_optional_timestamp(row.created_date_time),
            parse_optional_timestamp(row.modified_date_time),
        )
        verdict = Verdict(ok=ok, reason=Reason(why) if why is not None else None)
        seen[job_id] = RangeJob(name, status, verdict, created, modified)
    return seen


def _told_by(status: str) -> tuple[bool | None, str | None]:
    """Say whether a job can be cancelled by its status alone."""
    verdict = Verdict(ok=True) if status in IDLE else cancel_verdict(status, [], tasks_known=False)
    return verdict.ok, verdict.reason
