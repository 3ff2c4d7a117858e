"""A plan for a range of time, over which the service decides: what can be listed there, as it is seen now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from jobwidgets._internal.timeparse import parse_optional_timestamp
from jobwidgets.bulk.execution.readback import by_id
from jobwidgets.bulk.plan import LOADED_DRIFT, AsyncPlan
from jobwidgets.bulk.planning_table import plan_table
from jobwidgets.client.range_cancel import listed
from jobwidgets.eligibility import Verdict, cancel_verdict
from jobwidgets.errors import UsageError
from jobwidgets.vocabulary import IDLE, TERMINAL, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pandas as pd

    from jobwidgets.bulk.plan_header import Head
    from jobwidgets.client import AsyncClient
    from jobwidgets.client.range_cancel import Range


class Seen(NamedTuple):
    """One job of a range as it is listed: by REST, and by GraphQL where it is known there."""

    name: str | None
    status: str
    verdict: Verdict
    created: datetime | None
    modified: datetime | None


class RangePlan(AsyncPlan):
    """A plan to let the service cancel what was created in a range: see `AsyncPlan`.

    Its rows are what can be listed there; the service decides over everything in the range, seen or not, so none can
    be taken out.
    """

    def __init__(
        self, client: AsyncClient, head: Head, table: pd.DataFrame, span: Range, *, seen_at: float | None
    ) -> None:
        super().__init__(client, head, table, seen_at=seen_at)
        self.span = self._span = span

    def _rows(self) -> pd.DataFrame:
        rows = super()._rows()
        if len(rows) < len(self._frozen):
            raise UsageError(
                "jobs cannot be taken out of a plan for a range: the service decides over everything in it",
                hint="plan_cancel() takes just the jobs that you name",
            )
        return rows

    @property
    def _usual_share(self) -> float:
        return LOADED_DRIFT  # what has come into the range is cancelled too, and nobody has looked at it

    async def _read_again(self, rows: pd.DataFrame) -> pd.DataFrame:
        del rows  # the range says what is read
        return _table(await look(self._client, self._span))

    async def _gone(self, rows: pd.DataFrame, share: float | None) -> dict[str, tuple[str | None, str]]:
        del rows, share
        return {}  # it is listed just before the request, and what is too much is refused there

    def _kept(self, most: int, share: float | None) -> dict[str, Any]:
        return {**self._span.described(), "most": most, "share": share}


async def plan_range(client: AsyncClient, span: Range, head: Head) -> RangePlan:
    """List a range and plan to let the service cancel it; nothing is sent."""
    seen = await look(client, span)
    plan = RangePlan(client, head, _table(seen), span, seen_at=time.monotonic())
    plan.created = {job_id: one.created for job_id, one in seen.items() if one.created is not None}
    return plan


async def look(client: AsyncClient, span: Range) -> dict[str, Seen]:
    """List a range, and read what is open in it with its tasks where GraphQL knows it."""
    rows = await listed(client._core, span)  # noqa: SLF001  bulk work stands on the client's own connection
    known: dict[str, tuple[Any, ...]] = {}
    if unended := [job_id for job_id, row in rows.items() if row.status not in TERMINAL]:
        known = by_id(await client.jobs(ids=unended), "name", "status", "can_cancel", "why_not")
    seen = {}
    for job_id, row in rows.items():
        status = row.status or "unknown"
        name, status, ok, why = known.get(job_id) or (row.name, status, *_told_by(status))
        created, modified = (
            parse_optional_timestamp(row.created_date_time),
            parse_optional_timestamp(row.modified_date_time),
        )
        verdict = Verdict(ok=ok, reason=Reason(why) if why is not None else None)
        seen[job_id] = Seen(name, status, verdict, created, modified)
    return seen


def _told_by(status: str) -> tuple[bool | None, str | None]:
    """Say whether a job can be cancelled by its status alone."""
    verdict = Verdict(ok=True) if status in IDLE else cancel_verdict(status, [], tasks_known=False)
    return verdict.ok, verdict.reason


def _table(seen: Mapping[str, Seen]) -> pd.DataFrame:
    return plan_table(
        {
            "id": list(seen),
            "name": [one.name for one in seen.values()],
            "status": [one.status for one in seen.values()],
            "action": ["cancel" if one.verdict else "skip" for one in seen.values()],
            "why_not": [str(one.verdict.reason) if one.verdict.reason else None for one in seen.values()],
        },
        "cancel",
    )
