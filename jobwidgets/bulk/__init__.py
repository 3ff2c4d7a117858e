"""Bulk work: a plan that is looked at first, an application that accounts for every job, a receipt."""

from __future__ import annotations

from jobwidgets.bulk.blocking import Plan, ProgressRelay, Receipt
from jobwidgets.bulk.history import OperationSummary
from jobwidgets.bulk.journal.journal import operations
from jobwidgets.bulk.operation_registry import OperationRegistry
from jobwidgets.bulk.plan import AsyncPlan, plan_for
from jobwidgets.bulk.plan_file.file import read_plan_file
from jobwidgets.bulk.plan_file.loading import read_plan
from jobwidgets.bulk.plan_header import PlanHeader
from jobwidgets.bulk.range_plan import plan_range
from jobwidgets.bulk.receipt import AsyncReceipt, receipt_of

__all__ = [
    "AsyncPlan",
    "AsyncReceipt",
    "OperationRegistry",
    "OperationSummary",
    "Plan",
    "PlanHeader",
    "ProgressRelay",
    "Receipt",
    "operations",
    "plan_for",
    "plan_range",
    "read_plan",
    "read_plan_file",
    "receipt_of",
]
