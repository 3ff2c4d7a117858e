"""A plan for a range of time, over which the service decides: what can be listed there, as it is seen now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobwidgets.bulk.plan import LOADED_DRIFT, AsyncPlan
from jobwidgets.bulk.planning import plan_table
from jobwidgets.bulk.range_listing import RangeJob, read_range
from jobwidgets.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from jobwidgets.bulk.operation_registry import OperationRegistry
    from jobwidgets.bulk.plan_header import PlanHeader
    from jobwidgets.listing import TimeRange


class RangePlan(AsyncPlan):
    """A plan to let the service cancel what was created in a range: see `AsyncPlan`.

    Its rows are what can be listed there; the service decides over everything in the range, seen or not, so none can
    be taken out.
    """

    def __init__(
        self,
        operations: OperationRegistry,
        head: PlanHeader,
        table: pd.DataFrame,
        span: TimeRange,
        *,
        seen_at: float | None,
    ) -> None:
        super().__init__(operations, head, table, seen_at=seen_at)
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
        return _table(await read_range(self._operations, self._span))

    async def _gone(self, rows: pd.DataFrame, share: float | None) -> dict[str, tuple[str | None, str]]:
        del rows, share
        return {}  # it is listed just before the request, and what is too much is refused there

    def _kept(self, most: int, share: float | None) -> dict[str, Any]:
        return {**self._span.described(), "most": most, "share": share}


async def plan_range(operations: OperationRegistry, span: TimeRange, head: PlanHeader) -> RangePlan:
    """List a range and plan to let the service cancel it; nothing is sent."""
    seen = await read_range(operations, span)
    plan = RangePlan(operations, head, _table(seen), span, seen_at=time.monotonic())
    plan.created = {job_id: one.created for job_id, one in seen.items() if one.created is not None}
    return plan


def _table(seen: Mapping[str, RangeJob]) -> pd.DataFrame:
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
