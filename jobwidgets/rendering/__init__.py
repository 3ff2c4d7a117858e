"""How frames, jobs, plans and receipts look: as HTML that fits every notebook's theme, and as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.rendering import html as _html
from jobwidgets.rendering import phrases
from jobwidgets.rendering.columns import KINDS, Field, plain
from jobwidgets.rendering.formatters import exact, missing, moment, records
from jobwidgets.rendering.frames import frame_view, is_ours
from jobwidgets.rendering.job import job_view
from jobwidgets.rendering.plans import plan_view, receipt_view
from jobwidgets.rendering.text import render as render_text
from jobwidgets.rendering.view_model import Cell, Column, Table, View, status_cell

if TYPE_CHECKING:
    import pandas as pd

    from jobwidgets.rendering.protocols import ShownJob, ShownPlan, ShownReceipt


__all__ = [
    "KINDS",
    "Cell",
    "Column",
    "Field",
    "Table",
    "View",
    "exact",
    "frame_html",
    "frame_text",
    "is_ours",
    "job_html",
    "job_text",
    "jobs_html",
    "jobs_text",
    "missing",
    "moment",
    "phrases",
    "plain",
    "plan_html",
    "plan_text",
    "receipt_html",
    "receipt_text",
    "records",
    "render_text",
    "status_cell",
    "status_text",
]


def frame_html(df: pd.DataFrame) -> str:
    """Show a frame of jobs, tasks or schedules (its attrs say which) as HTML."""
    return _html.render(frame_view(df))


def frame_text(df: pd.DataFrame) -> str:
    """Show a frame of jobs, tasks or schedules (its attrs say which) as text."""
    return render_text(frame_view(df))


def jobs_html(df: pd.DataFrame) -> str:
    """Show a frame of jobs as HTML, whatever its attrs say."""
    return _html.render(frame_view(df, "jobs"))


def jobs_text(df: pd.DataFrame) -> str:
    """Show a frame of jobs as text, whatever its attrs say."""
    return render_text(frame_view(df, "jobs"))


def job_html(job: ShownJob) -> str:
    """Show one job with its tasks and its verdicts as HTML."""
    return _html.render(job_view(job))


def job_text(job: ShownJob) -> str:
    """Show one job with its tasks and its verdicts as text."""
    return render_text(job_view(job))


def plan_html(plan: ShownPlan) -> str:
    """Show a plan as HTML: what will be sent, what is left out and why."""
    return _html.render(plan_view(plan))


def plan_text(plan: ShownPlan) -> str:
    """Show a plan as text: what will be sent, what is left out and why."""
    return render_text(plan_view(plan))


def receipt_html(receipt: ShownReceipt) -> str:
    """Show a receipt as HTML: refused first, with the reasons."""
    return _html.render(receipt_view(receipt))


def receipt_text(receipt: ShownReceipt) -> str:
    """Show a receipt as text: refused first, with the reasons."""
    return render_text(receipt_view(receipt))


def status_text(status: str) -> str:
    """Show a status by glyph and word."""
    cell = status_cell(status)
    return f"{cell.glyph} {sanitize(cell.text, 40)}"
