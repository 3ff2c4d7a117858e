"""Bulk work: a plan that is looked at first, an application that accounts for every job, a receipt."""

from __future__ import annotations

from jobwidgets.bulk.blocking import Plan, Receipt, Told
from jobwidgets.bulk.history import Past
from jobwidgets.bulk.operation_registry import OperationRegistry
from jobwidgets.bulk.plan import AsyncPlan, plan_for
from jobwidgets.bulk.plan_header import Head
from jobwidgets.bulk.receipt import AsyncReceipt, receipt_of

__all__ = [
    "AsyncPlan",
    "AsyncReceipt",
    "Head",
    "OperationRegistry",
    "Past",
    "Plan",
    "Receipt",
    "Told",
    "plan_for",
    "receipt_of",
]
