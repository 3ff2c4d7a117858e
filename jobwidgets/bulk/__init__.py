"""Bulk work: a plan that is looked at first, an application that accounts for every job, a receipt."""

from __future__ import annotations

from jobwidgets.bulk._apply import Progress
from jobwidgets.bulk._head import Head
from jobwidgets.bulk._past import Past, account_of, ask_to_stop, past, receipts_frame, retries_of
from jobwidgets.bulk._plan import AsyncPlan, plan_for
from jobwidgets.bulk._receipt import AsyncReceipt
from jobwidgets.bulk._waited import Plan, Receipt, Told

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
