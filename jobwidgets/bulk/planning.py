"""Making a plan: the action and the reason for each job, the checks before it is applied, the number of requests."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._internal import age_text
from jobwidgets.bulk import plan_header as _head
from jobwidgets.bulk.execution.canary import Canary
from jobwidgets.bulk.execution.executor import INITIAL_BATCH_SIZE, MAX_BATCH_SIZE
from jobwidgets.bulk.journal.state import TargetState
from jobwidgets.errors import UsageError
from jobwidgets.frames import array_of
from jobwidgets.transport import INITIAL_BULK_IN_FLIGHT
from jobwidgets.vocabulary import REASON_TEXT, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from jobwidgets.bulk.plan_header import PlanHeader

MAY = {"cancel": "can_cancel", "retry": "can_retry"}
"""The column that says whether an act would be accepted."""
MOVED = "moved since the plan was made"
PLAN_COLUMNS = ("id", "name", "status", "action", "why_not")


def plan_table(data: dict[str, Sequence[Any]], act: str) -> pd.DataFrame:
    """Put the columns of a plan together, each with its dtype."""
    return pd.DataFrame(
        {
            "id": array_of("string", data["id"]),
            "name": array_of("string", data["name"]),
            "status": array_of("status", data["status"]),
            "action": pd.Categorical(data["action"], [act, "skip"]),
            "why_not": array_of("reason", data["why_not"]),
        },
        copy=False,
    )


def table_of(
    frame: pd.DataFrame, act: str, *, missing: Sequence[str] = (), retried: Collection[str] = ()
) -> pd.DataFrame:
    """Say of each job of a frame whether it is sent, and why not.

    Parameters
    ----------
    frame : DataFrame
        Jobs as they were read.
    act : {"cancel", "retry"}
        What is to be done.
    missing : sequence of str
        The ids that the service did not know.
    retried : collection of str
        The ids that were retried before and are not to be retried again.
    """
    may = frame[MAY[act]].fillna(value=False).astype(bool).tolist()
    why = [str(code) if isinstance(code, str) else None for code in frame["why_not"].tolist()]
    if act == "retry":  # why_not speaks of cancelling; of itself only a complete job cannot be retried
        why = [str(Reason.COMPLETE)] * len(why)
        for place, job_id in enumerate(frame["id"].tolist()):
            if may[place] and job_id in retried:
                may[place], why[place] = False, str(Reason.ALREADY_RETRIED)
    skips = [None if ok else code or str(Reason.TASKS_UNREAD) for ok, code in zip(may, why, strict=True)]
    gone = len(missing)
    return plan_table(
        {
            "id": [*frame["id"].tolist(), *missing],
            "name": [*frame["name"].tolist(), *[None] * gone],
            "status": [*frame["status"].tolist(), *[None] * gone],
            "action": [*(act if ok else "skip" for ok in may), *["skip"] * gone],
            "why_not": [*skips, *[str(Reason.NOT_FOUND)] * gone],
        },
        act,
    )


def moved(was: pd.DataFrame, now: pd.DataFrame, act: str) -> pd.DataFrame:
    """Say which jobs read otherwise now, or would be treated otherwise, and which have come that would be sent.

    `df.attrs["out_of_reach"]` counts those of them that were to be sent and would be no longer, `df.attrs["new"]` those
    that have come, and `df.attrs["to_send"]` all that were to be sent.
    """
    since = {row["id"]: row for row in plain(now)}
    pairs = [(row, since.pop(row["id"], _GONE)) for row in plain(was)]
    changed = [(old, new) for old, new in pairs if (old["status"], old["action"]) != (new["status"], new["action"])]
    out = sum(old["action"] == act and new["action"] != act for old, new in changed)
    come = [new for new in since.values() if new["action"] == act]
    changed += [(_NOTHING | {"id": new["id"]}, new) for new in come]
    frame = pd.DataFrame(
        {
            "id": array_of("string", [old["id"] for old, _ in changed]),
            "name": array_of("string", [new["name"] or old["name"] for old, new in changed]),
            "was": array_of("status", [old["status"] for old, _ in changed]),
            "now": array_of("status", [new["status"] for _, new in changed]),
            "was_action": pd.Categorical([old["action"] for old, _ in changed], [act, "skip"]),
            "now_action": pd.Categorical([new["action"] for _, new in changed], [act, "skip"]),
            "why": array_of("reason", [new["why_not"] for _, new in changed]),
        },
        copy=False,
    )
    frame.attrs.update(kind="drift", out_of_reach=out, new=len(come), to_send=int((was["action"] == act).sum()))
    return frame


_NOTHING: dict[str, Any] = {"name": None, "status": None, "action": None}
_GONE: dict[str, Any] = {"name": None, "status": None, "action": "skip", "why_not": str(Reason.NOT_FOUND)}


def plain(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    """Give rows as dicts, with None for what is missing."""
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def _values(column: pd.Series) -> list[Any]:
    """Give a column of texts or words as it is, with None for what is missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        words = [*column.cat.categories, None]  # what is missing has the code -1: the last one
        return [words[code] for code in column.cat.codes.tolist()]
    values: list[Any] = column.array.to_numpy(object, na_value=None).tolist()
    return values


def lines_of(
    rows: pd.DataFrame,
    *,
    retried: Collection[str] = (),
    gone: Mapping[str, tuple[str | None, str]],
    created: Mapping[str, datetime],
) -> list[TargetState]:
    """Make one line a job of a plan, with what is known already of those that are left out.

    Parameters
    ----------
    rows : DataFrame
        The rows of the plan.
    retried : collection of str
        What was retried since the plan was made, and is left out as what was retried before.
    gone : mapping of str to tuple
        What is out of reach since the plan was made: its status, and why.
    created : mapping of str to datetime
        When jobs were created, as far as that is known.
    """
    lines = []
    columns = (_values(rows[name]) for name in PLAN_COLUMNS)
    for job_id, name, status, action, why in zip(*columns, strict=True):
        line = TargetState(job_id, name, status, status=status, created=created.get(job_id))
        if action == "skip":
            line.settle("skipped", REASON_TEXT.get(why, why or "left out of the plan"))
        elif job_id in retried:
            line.settle("skipped", REASON_TEXT[Reason.ALREADY_RETRIED])
        elif job_id in gone:
            now, because = gone[job_id]
            line.settle("skipped", f"{MOVED}: {REASON_TEXT.get(because, because)}", status=now)
        lines.append(line)
    return lines


def check_not_expired(head: PlanHeader) -> None:
    """Refuse a plan that is out of date."""
    now = _head.clock()
    if now > head.expires:
        raise UsageError(
            f"plan {head.op} is out of date: it was made {age_text(now - head.made)} ago and good for "
            f"{age_text(head.expires - head.made)}; nothing was sent",
            hint="make a new plan: what was seen then is not what is there now",
        )


def check_max_jobs(most: int, sending: int, act: str) -> None:
    """Refuse to send more than was said."""
    if sending > most:
        raise UsageError(
            f"the plan would {act} {sending} jobs, more than {most}",
            hint=f"if that is what you want, say the number: apply(limit={sending})",
        )


def parse_max_drift(max_drift: object, otherwise: float | None) -> float | None:
    """Read the share of the jobs that may have moved; None is any."""
    if max_drift is None:
        return otherwise
    if isinstance(max_drift, bool) or not isinstance(max_drift, int | float) or not 0 <= max_drift <= 1:
        raise UsageError(f"max_drift={max_drift!r} is no share", hint="give a number from 0 to 1, such as 0.2")
    return float(max_drift)


def parse_canary(kind: str, canary: int | None, widen: int, ok: float) -> Canary | None:
    """Read how to go about it in waves; None is all at once."""
    if canary is None:
        return None
    if kind != "retry":
        raise UsageError(f"canary={canary!r}: only retries go in waves", hint="leave canary out")
    return Canary(canary, widen, ok)


READ_JOBS_PER_REQUEST = 100
"""Jobs that one request reads."""


def requests_for(kind: str, count: int) -> int:
    """Say about how many requests it takes to act on so many jobs when all goes well.

    Parameters
    ----------
    kind : {"cancel", "retry", "range"}
        A cancel is looked at afterwards too; a range is one request, with looks.
    count : int
        The jobs.
    """
    if not count:
        return 0
    looks = ceil(count / READ_JOBS_PER_REQUEST)
    if kind == "range":
        return 1 + 2 * looks
    sent = min(
        int(INITIAL_BULK_IN_FLIGHT), ceil(count / INITIAL_BATCH_SIZE)
    )  # small batches to begin with, as many as there are places
    left, size = count - sent * INITIAL_BATCH_SIZE, INITIAL_BATCH_SIZE
    while left > 0:  # every answer lets the next one be twice as large
        size = min(MAX_BATCH_SIZE, 2 * size)
        sent, left = sent + 1, left - size
    return sent + looks * (2 if kind == "cancel" else 1)
