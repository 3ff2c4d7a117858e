"""Bulk work: a plan that is looked at first, an application that accounts for every job, a receipt."""

from __future__ import annotations

from jobwidgets.bulk._apply import Progress
from jobwidgets.bulk._head import Head
from jobwidgets.bulk._plan import AsyncPlan, plan_for
from jobwidgets.bulk._receipt import AsyncReceipt, receipts_frame
from jobwidgets.bulk._waited import Plan, Receipt, Told

__all__ = ["AsyncPlan", "AsyncReceipt", "Head", "Plan", "Progress", "Receipt", "Told", "plan_for", "receipts_frame"]
