"""Views as HTML: a real table, inline styles of our own only, everything from the service escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize_html

if TYPE_CHECKING:
    from jobwidgets.rendering.view_model import Cell, Column, Table, View

# Each colour asks JupyterLab first (Notebook 7 and nbconvert share its names), then VS Code, then takes one that reads
# on white and on black.
_INK = "var(--jp-content-font-color1,var(--vscode-foreground,inherit))"
_QUIET = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,inherit))"
_LINE = "var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.4)))"
_MONO = "var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,monospace))"
_TONES = {
    "good": "var(--jp-success-color1,var(--vscode-charts-green,#2f9e5b))",
    "bad": "var(--jp-error-color1,var(--vscode-charts-red,#e0484d))",
    "warn": "var(--jp-warn-color1,var(--vscode-charts-orange,#d9822b))",
    "busy": "var(--jp-brand-color1,var(--vscode-charts-blue,#3b8eea))",
    "idle": _QUIET,
    "off": _QUIET,
}
_TABLE = "border-collapse:collapse;border:0;color:inherit;font-size:12px"
_CELL = f"padding:3px 10px 3px 0;border:0;border-bottom:1px solid {_LINE};vertical-align:baseline;white-space:nowrap"
_ROW = '<tr style="background:transparent">'
_CODE = f"font-family:{_MONO};background:none;color:inherit;padding:0;white-space:nowrap"
_NUMBERS = "font-variant-numeric:tabular-nums"


def render(view: View) -> str:
    """Write a view as one HTML fragment that needs no style sheet and runs no script."""
    parts = [f'<div style="color:{_INK};font-size:13px;line-height:1.45;max-width:100%">']
    parts.append(_headline(view))
    parts += [f'<div style="color:{_QUIET}">{sanitize_html(fact, 400)}</div>' for fact in view.facts]
    if view.pairs:
        parts.append(_pairs(view.pairs))
    parts += [_table(table) for table in view.tables]
    parts += [f'<div style="margin-top:4px">{sanitize_html(note, 600)}</div>' for note in view.notes]
    parts.append("</div>")
    return "".join(parts)


def _headline(view: View) -> str:
    chips = "".join(
        f'<span style="margin-left:14px;white-space:nowrap">{_cell_text(chip, 60)}</span>' for chip in view.chips
    )
    return f"<div><strong>{sanitize_html(view.title, 300)}</strong>{chips}</div>"


def _pairs(pairs: tuple[tuple[str, Cell], ...]) -> str:
    left = f"{_CELL};text-align:left"
    rows = "".join(
        f'{_ROW}<th scope="row" style="{left};font-weight:normal;color:{_QUIET}">{sanitize_html(name)}</th>'
        f'<td style="{left};{_NUMBERS}">{_cell_text(cell, 300)}</td></tr>'
        for name, cell in pairs
    )
    return f'<table style="{_TABLE};margin:6px 0"><tbody>{rows}</tbody></table>'


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col" style="{_CELL};text-align:{_side(column)};font-weight:600">{sanitize_html(column.title)}</th>'
        for column in table.columns
    )
    body = "".join(f"{_ROW}{_row(row, table.columns)}</tr>" for row in table.rows)
    title = (
        f'<div style="margin-top:8px;font-weight:600">{sanitize_html(table.title, 300)}</div>' if table.title else ""
    )
    footer = (
        f'<div style="color:{_QUIET};margin-top:2px">{sanitize_html(table.footer, 400)}</div>' if table.footer else ""
    )
    return (
        f'{title}<div style="overflow-x:auto;margin:6px 0 2px"><table style="{_TABLE};margin:0">'
        f'<thead style="border:0">{_ROW}{head}</tr></thead><tbody>{body}</tbody></table></div>{footer}'
    )


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...]) -> str:
    return "".join(
        f'<td style="{_CELL};text-align:{_side(column)};{_NUMBERS}">{_cell_text(cell, column.width)}</td>'
        for cell, column in zip(row, columns, strict=True)
    )


def _side(column: Column) -> str:
    return "right" if column.right else "left"


def _cell_text(cell: Cell, width: int) -> str:
    glyph = (
        f'<span style="color:{_TONES.get(cell.tone, _INK)};font-weight:bold">{sanitize_html(cell.glyph)}</span> '
        if cell.glyph
        else ""
    )
    text = sanitize_html(cell.text, width)
    if cell.mono:
        text = f'<code style="{_CODE}">{text}</code>'
    elif cell.tone == "off" and not cell.glyph:
        text = f'<span style="color:{_QUIET}">{text}</span>'
    note = (
        f'<span style="color:{_QUIET}">{" · " if cell.text else ""}{sanitize_html(cell.note, 200)}</span>'
        if cell.note
        else ""
    )
    return glyph + text + note
