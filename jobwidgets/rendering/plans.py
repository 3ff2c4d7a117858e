"""Plans and receipts as views: what will be done and what is left out, what was done and what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.rendering.formatters import (
    NOTHING,
    exact,
    host,
    id_cell,
    missing,
    plural,
    reason_text,
    records,
    text_cell,
)
from jobwidgets.rendering.view_model import (
    VERIFIED_FACES,
    Cell,
    Column,
    Table,
    View,
    outcome_cell,
    status_cell,
)
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from jobwidgets.rendering.protocols import ShownPlan, ShownReceipt

_SAMPLE = 5
_EACH = 20
_DONE = {"cancel": "Cancelled", "retry": "Retried", "range": "Cancelled"}
_ID = Column("id", width=60, whole=True)
_NAME = Column("name", width=40)
_STATUS = Column("status", whole=True)


def plan_view(plan: ShownPlan) -> View:
    """Build the view of a plan: the numbers, the reasons in words, and a sample."""
    act = plan.act
    sent, total = plan.counts.get(act, 0), plan.total
    left_out = total - sent
    chips = (outcome_cell("not_sent", f"{sent:,} to {act}"), outcome_cell("skipped", f"{left_out:,} left out"))
    frame = plan.df
    tables = []
    if sent:
        tables.append(_sample(frame[frame["action"] == act], f"To {act}", _SAMPLE))
    if left_out:
        tables.append(_reasons(plan.reasons))
    return View(
        f"{act.capitalize()} {sent:,} of {plural(total, 'job')}",
        chips=chips if left_out else chips[:1],
        facts=tuple(_plan_facts(plan)),
        tables=tuple(tables),
        notes=(_next_step(plan, sent),),
    )


def _plan_facts(plan: ShownPlan) -> Iterator[str]:
    yield f"plan {plan.op} · {host(plan.service_url)}" + (f" · reason: {plan.reason}" if plan.reason else "")
    made = f"Made {exact(plan.made)} UTC" + (f" by {plan.made_by}, read from a file" if plan.loaded else "")
    yield f"{made}; good until {exact(plan.expires)} UTC."
    if plan.span is not None:
        span = plan.span
        yield (
            f"Organization {span.organization_id}, created from {exact(span.after)} to {exact(span.before)} UTC. "
            "The service decides over everything in this range, seen or not."
        )


def _next_step(plan: ShownPlan, sent: int) -> str:
    if plan.applied:
        return f"It was applied, and is used up: %job receipts {plan.op} shows what became of each job."
    if plan.expired:
        return "It is out of date, and nothing of it was sent. Make a new plan: what is there now can be otherwise."
    if plan.total == 0:
        return f"The frame or the filter gave no jobs: there is nothing to {plan.act}."
    if sent == 0:
        return f"None of these can be {'cancelled' if plan.act == 'cancel' else 'retried'}: there is nothing to send."
    limit = (f" --limit {sent}", f"limit={sent}") if sent > MAX_JOBS_UNCONFIRMED else ("", "")
    more = (
        f" More than {MAX_JOBS_UNCONFIRMED} are sent only when their number is given."
        if sent > MAX_JOBS_UNCONFIRMED
        else ""
    )
    return f"Nothing has been sent yet. To send it: %job apply {plan.op}{limit[0]} (or plan.apply({limit[1]})).{more}"


def _sample(frame: pd.DataFrame, title: str, most: int) -> Table:
    shown = frame.head(most)
    rows = tuple(
        (id_cell(row["id"]), text_cell(row["name"]), status_cell(str(row["status"]))) for row in records(shown)
    )
    more = f"… and {len(frame) - len(shown):,} more, in the plan's df." if len(frame) > len(shown) else ""
    return Table((_ID, _NAME, _STATUS), rows, title, more)


def _reasons(reasons: dict[str, int], title: str = "Left out") -> Table:
    rows = tuple((Cell(f"{number:,}"), Cell(reason_text(code))) for code, number in reasons.items())
    return Table((Column("jobs", right=True), Column("why", width=90)), rows, title)


def receipt_view(receipt: ShownReceipt) -> View:
    """Build the view of a receipt: refused first, then what is unknown, not sent, skipped and done."""
    frame, counts = receipt.df, receipt.counts
    chips = tuple(
        outcome_cell(name, f"{counts[name]:,} {name.replace('_', ' ')}") for name in OUTCOMES if counts.get(name)
    )
    done, total = counts.get("done", 0), len(frame)
    tables = [_outcome(frame, name) for name in ("refused", "unknown", "not_sent") if counts.get(name)]
    if counts.get("skipped"):
        skipped = frame.loc[frame["outcome"] == "skipped", "reason"]
        tables.append(
            _reasons({str(code): int(number) for code, number in skipped.value_counts().items() if number}, "Skipped")
        )
    if done:
        tables.append(_done(frame[frame["outcome"] == "done"], receipt.kind))
    return View(
        f"{_DONE.get(receipt.kind, receipt.kind)} {done:,} of {plural(total, 'job')}",
        chips=chips,
        facts=tuple(_facts(receipt, frame)),
        tables=tuple(tables),
        notes=tuple(_what_next(receipt)),
    )


def _facts(receipt: ShownReceipt, frame: pd.DataFrame) -> Iterator[str]:
    yield f"receipt {receipt.op} · {host(receipt.service_url)}" + (f" · reason: {receipt.why}" if receipt.why else "")
    if receipt.halted:
        yield f"Halted: {receipt.halted}"
    if receipt.drifted:
        yield f"{receipt.drifted:,} of {receipt.total:,} had moved since the plan was made."
    counts: dict[Any, int] = dict(frame["verified"].value_counts()) if "verified" in frame.columns else {}
    seen = [f"{counts[word]:,} {word.replace('_', ' ')}" for word in VERIFIED_FACES if counts.get(word)]
    if seen:
        yield f"Looked at again: {', '.join(seen)}."


def _outcome(frame: pd.DataFrame, outcome: str) -> Table:
    chosen = frame[frame["outcome"] == outcome]
    shown = chosen.head(_EACH)
    rows = tuple((id_cell(row["id"]), text_cell(row["name"]), _moved(row), _why(row)) for row in records(shown))
    more = f"… and {len(chosen) - len(shown):,} more, in the receipt's df." if len(chosen) > len(shown) else ""
    return Table((_ID, _NAME, _STATUS, Column("why", width=140)), rows, _TITLES[outcome], more)


_TITLES = {"refused": "Refused by the service", "unknown": "Unknown: these may have happened", "not_sent": "Not sent"}


def _moved(row: dict[str, Any]) -> Cell:
    """Show the status now, and what it was before where that differs."""
    before, after = row.get("status_before"), row.get("status")
    if missing(after):
        return NOTHING if missing(before) else status_cell(str(before))
    cell = status_cell(str(after))
    if missing(before) or before == after:
        return cell
    return Cell(cell.text, note=f"was {before}", tone=cell.tone, glyph=cell.glyph)


def _why(row: dict[str, Any]) -> Cell:
    why = reason_text(row.get("reason"))
    said = "" if missing(row.get("message")) else str(row["message"])
    return Cell(why or said, note=said if why and said != why else "")


def _done(frame: pd.DataFrame, kind: str) -> Table:
    shown = frame.head(_SAMPLE)
    last = "new job" if kind == "retry" else "the service's word"
    rows = tuple(
        (
            id_cell(row["id"]),
            text_cell(row["name"]),
            _moved(row),
            id_cell(row["new_id"]) if kind == "retry" else text_cell(row.get("message")),
        )
        for row in records(shown)
    )
    more = f"… and {len(frame) - len(shown):,} more, in the receipt's df." if len(frame) > len(shown) else ""
    return Table((_ID, _NAME, _STATUS, Column(last, width=60, whole=kind == "retry")), rows, "Done", more)


def _what_next(receipt: ShownReceipt) -> list[str]:
    """Say what can be done now; also another kernel can do it, by the operation's name."""
    op, counts = receipt.op, receipt.counts
    if receipt.state == "at work":
        return [f"It is being worked on. %job stop {op} asks it to stop (or receipt.stop())."]
    notes = []
    if counts.get("unknown"):
        notes.append(
            "The answers of the unknown ones were lost. receipt.resolve() asks the service what became of them, and "
            "sends nothing."
        )
    if counts.get("not_sent") or counts.get("unknown"):
        what = "go on with those not sent" if counts.get("not_sent") else "ask, and go on with what did not happen"
        notes.append(f'To {what}: %job resume {op} (or client.receipt("{op}").resume()), here or in another kernel.')
    return notes
