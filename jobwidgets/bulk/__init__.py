"""Bulk work: a plan that is looked at first, an application that accounts for every job, a receipt."""

from __future__ import annotations

from jobwidgets.bulk.blocking import Plan, Receipt, Told
from jobwidgets.bulk.execution.executor import Progress
from jobwidgets.bulk.history import Past, account_of, ask_to_stop, past, receipts_frame, retries_of
from jobwidgets.bulk.plan import AsyncPlan, plan_for
from jobwidgets.bulk.plan_header import Head
from jobwidgets.bulk.receipt import AsyncReceipt

__all__ = [
    "AsyncPlan",
    "AsyncReceipt",
    "Head",
    "Past",
    "Plan",
    "Progress",
    "Receipt",
    "Told",
    "account_of",
    "ask_to_stop",
    "past",
    "plan_for",
    "receipts_frame",
    "retries_of",
]
