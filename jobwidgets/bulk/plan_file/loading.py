"""Making a plan of a plan file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.bulk.plan import AsyncPlan
from jobwidgets.bulk.plan_file.file import read_plan_file
from jobwidgets.bulk.planning import PLAN_COLUMNS, plan_table
from jobwidgets.bulk.range_plan import RangePlan
from jobwidgets.errors import UsageError

if TYPE_CHECKING:
    import os

    from jobwidgets.bulk.operation_registry import OperationRegistry
    from jobwidgets.bulk.plan_file.schema import PlanFile


def plan_from_file(operations: OperationRegistry, paper: PlanFile) -> AsyncPlan:
    """Make the plan that a file holds.

    Raises
    ------
    UsageError
        It is for another service.
    """
    if paper.service != operations.service_url:
        raise UsageError(
            f"the plan is for {sanitize(paper.service)}, not for {operations.service_url}",
            hint="use the client of its service",
        )
    table = plan_table({name: [getattr(row, name) for row in paper.rows] for name in PLAN_COLUMNS}, paper.act)
    if (span := paper.span) is not None:
        return RangePlan(operations, paper.head, table, span, seen_at=None)
    return AsyncPlan(operations, paper.head, table, seen_at=None)


async def read_plan(operations: OperationRegistry, path: str | os.PathLike[str]) -> AsyncPlan:
    """Do what `AsyncClient.load_plan` describes."""
    plan = plan_from_file(operations, await asyncio.to_thread(read_plan_file, path))
    with suppress(UsageError):  # it was begun and is good for nothing: whoever applies it is told
        await plan.look_whether_used()
    return plan
