"""The code of what a panel shows: its list, its plan, its receipt. Written only when somebody looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.widgets.snippets import (
    FEW,
    code_apply,
    code_filter,
    code_list,
    code_plan,
    code_receipt,
    code_resume,
    code_select,
    magic_apply,
    magic_list,
    magic_plan,
    magic_receipt,
    magic_resume,
    name_of,
)
from jobwidgets.widgets.table.column_filters import as_of

if TYPE_CHECKING:
    from jobwidgets.widgets.panel.controller import Controller
    from jobwidgets.widgets.snippets import Line
    from jobwidgets.widgets.table.widget import JobTable


def list_code(work: Controller, table: JobTable, panel: object) -> list[Line]:
    """List what is shown, and select what is selected."""
    client, name = name_of(work.client, "client"), name_of(panel, "panel")
    lines = [code_list(work.query, client=client), *code_filter(table.rule, as_of(table.df), panel=name)]
    if 0 < table.picked <= FEW:
        lines.append(code_select(table.picked_part("id")["id"].tolist(), panel=name))
    return lines if table.rule else [*lines, magic_list(work.query)]  # %job has no such filters


def plan_code(work: Controller, panel: object, reason: str) -> list[Line]:
    """Make the plan that is shown, and apply it."""
    if work.plan is None:
        return []
    plan, client = work.plan, name_of(work.client, "client")
    ids, count = plan.df["id"].tolist(), work.to_send()
    if work.refused_of and len(ids) > FEW:
        refused = "df = receipt.df[receipt.df['outcome'] == 'refused']"
        lines = [code_receipt(work.refused_of, client=client), refused, code_plan(plan.kind, "df", client=client)]
    else:
        lines = [code_plan(plan.kind, ids, reason=reason, client=client, panel=name_of(panel, "panel"))]
    magic = magic_plan(plan.kind, ids, reason=reason)
    return [*lines, "plan.df", code_apply(count), *([magic, magic_apply(count)] if magic else [])]


def receipt_code(work: Controller) -> list[Line]:
    """Read the receipt that is shown, and go on with it where something is left."""
    client = name_of(work.client, "client")
    lines = [code_receipt(work.op, client=client), "receipt.df", magic_receipt(work.op)]
    left = work.receipt is not None and {"unknown", "not_sent"} & set(work.receipt.counts)
    return [*lines, code_resume(work.op, client=client), magic_resume(work.op)] if left else lines
