"""What became of each job, made ready to be shown: the rows in their order, and the lines above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import OUTCOMES
from jobwidgets.widgets.parts import texts

if TYPE_CHECKING:
    from jobwidgets.bulk import AsyncPlan, AsyncReceipt
    from jobwidgets.widgets.parts import Line

FIRST = {"refused": 0, "unknown": 1, "not_sent": 2, "done": 3, "skipped": 4}
"""The outcomes by the attention they need."""


def expected(plan: AsyncPlan) -> pd.DataFrame:
    """Give the rows of a receipt before there is one: nothing is sent yet."""
    frame = plan.df
    left_out = frame["action"].eq("skip")
    outcome = pd.Categorical(left_out.map({True: "skipped", False: "not_sent"}), categories=list(OUTCOMES))
    reason = frame["why_not"].map(words.reason, na_action="ignore").astype("string")
    nothing = {name: pd.Series(pd.NA, index=frame.index, dtype="string") for name in ("message", "new_id", "verified")}
    return frame[["id", "name"]].assign(outcome=outcome, reason=reason, **nothing)


def drift(plan: AsyncPlan, frame: pd.DataFrame) -> tuple[int, int, int]:
    """Compare a plan with a later list.

    Returns
    -------
    moved : int
        How many jobs that are to be sent would be left out by now.
    gone : int
        How many of them the list holds no more; none where the list is cut off, since they may stand behind its end.
    total : int
        How many are to be sent.
    """
    ids = plan.df.loc[plan.df["action"].eq(plan.act), "id"]
    now = frame.loc[frame["id"].isin(ids), "can_retry" if plan.act == "retry" else "can_cancel"]
    gone = 0 if frame.attrs.get("truncated") else len(ids) - len(now)
    return int((~now.fillna(value=True).astype(bool)).sum()), gone, len(ids)


def shown(frame: pd.DataFrame, *, working: bool) -> tuple[pd.DataFrame, list[str]]:
    """Put what needs attention first once it is over, and all that was said about a job in one column.

    Returns
    -------
    frame : DataFrame
    columns : list of str
        Those to show.
    """
    why, said = frame["reason"].fillna(""), frame["message"].fillna("")
    both = why.where(said.eq("") | why.eq(said), why + ": " + said).where(why.ne(""), said)
    columns = ["outcome", "name", "id", "new_id", "verified", "message"]
    columns = [name for name in columns if name not in ("new_id", "verified") or _told(frame, name)]
    if working:
        outcome = frame["outcome"].cat.rename_categories(words.MEANWHILE)
        both = both.where(frame["outcome"].ne("unknown"), "")  # no answer yet is no answer lost
        return frame.assign(message=both, outcome=outcome), columns
    order = frame["outcome"].map(FIRST).astype("int64")
    return frame.assign(message=both).take(order.argsort(kind="stable").to_numpy()), columns


def _told(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and not frame[name].isna().all()


def ended(receipt: AsyncReceipt, rows: pd.DataFrame | None, trouble: str, *, undone: bool) -> tuple[list[Line], str]:
    """Say how an operation stands, and in which tone."""
    counts = receipt.counts
    calm = not trouble and not set(counts) - {"done", "skipped"}
    kind = words.VERBS.get(receipt.kind, receipt.kind)
    lines: list[Line] = [
        ("title", f"{kind}: {words.outcomes(counts)}"),
        ("text", "Undone in time: nothing more was sent." if undone else ""),
        ("text", trouble or ("" if undone else words.why_halted(receipt.halted))),
        ("text", words.doubt(counts.get("unknown", 0))),
        ("text", words.unsent(counts.get("not_sent", 0))),
        *texts("dim", [words.drift(receipt.drifted, receipt.total), _verified(rows)]),
    ]
    return lines, "good" if calm else "plan"


def _verified(rows: pd.DataFrame | None) -> str:
    """Say what the jobs themselves read after it."""
    if rows is None or not _told(rows, "verified"):
        return ""
    found = rows["verified"].value_counts()
    parts = [f"{words.number(int(found[code]))} {said}" for code, said in words.VERIFIED.items() if found.get(code)]
    return "Looked at again: " + ", ".join(parts)
