"""A small job frame, plans and receipts with every status and outcome, built without a service."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from jobwidgets.eligibility import cancel_verdict, retry_verdict
from jobwidgets.vocabulary import STATUSES

SERVICE = "https://api.example.org/v3/graphql"
NOW = pd.Timestamp("2026-03-02T12:00:00Z")
_STRINGS = ("target_id", "cluster_id", "application_id", "scheduled_job_id")
_ROWS = (
    ("2603020900_pending001", "Evening news 1", "pending", ["pending", "pending"], "Transcription E, OCR", 3),
    ("2603020900_queued0002", "Évènements à minuit", "queued", ["queued"], "OCR", 2),
    ("2603020900_running003", "Court hearing <b>7</b>", "running", ["running", "pending"], "Face Detection", 5),
    ("2603020900_nominal004", "Running in name only", "running", ["pending"], "OCR", 1),
    ("2603020900_complete05", "会議の記録", "complete", ["complete"] * 3, "Transcription E", 26),
    ("2603020900_failed0006", "Podcast\u202e 12", "failed", ["complete", "failed"], "Speaker Separation", 50),
    ("0012", "zero twelve", "aborted", ["aborted"], "OCR", 60),
)


def jobs_frame(rows=_ROWS, *, truncated=False, query=None):
    """A frame as `client.jobs()` makes them."""
    verdicts = [cancel_verdict(row[2], row[3]) for row in rows]
    created = [NOW - pd.Timedelta(hours=row[5]) for row in rows]
    started = [
        at + pd.Timedelta(minutes=30) if "running" in row[3] or "complete" in row[3] else None
        for at, row in zip(created, rows, strict=True)
    ]
    completed = [
        at + pd.Timedelta(minutes=95) if row[2] in {"complete", "failed", "aborted"} else None
        for at, row in zip(created, rows, strict=True)
    ]
    words = [*STATUSES, *sorted({row[2] for row in rows} - set(STATUSES))]
    times = "datetime64[us, UTC]"
    frame = pd.DataFrame(
        {
            "id": pd.array([row[0] for row in rows], dtype="string"),
            "name": pd.array([row[1] for row in rows], dtype="string"),
            "status": pd.Categorical([row[2] for row in rows], categories=words, ordered=True),
            "created": pd.Series(created, dtype=times),
            "modified": pd.Series(created, dtype=times),
            "started": pd.Series(started, dtype=times),
            "completed": pd.Series(completed, dtype=times),
            "queued_for": pd.Series(
                [NOW - at if ended is None else ended - at for at, ended in zip(created, started, strict=True)],
                dtype="timedelta64[us]",
            ),
            "ran_for": pd.Series(
                [None if a is None or b is None else b - a for a, b in zip(started, completed, strict=True)],
                dtype="timedelta64[us]",
            ),
            "engines": pd.array([row[4] for row in rows], dtype="string"),
            "tasks": pd.array([len(row[3]) for row in rows], dtype="Int32"),
            "tasks_done": pd.array([row[3].count("complete") for row in rows], dtype="Int32"),
            "tasks_failed": pd.array([row[3].count("failed") for row in rows], dtype="Int32"),
            **{name: pd.array([pd.NA] * len(rows), dtype="string") for name in _STRINGS},
            "can_cancel": pd.array([verdict.ok for verdict in verdicts], dtype="boolean"),
            "can_retry": pd.array([retry_verdict(row[2]).ok for row in rows], dtype="boolean"),
            "why_not": pd.Categorical([verdict.reason and verdict.reason.value for verdict in verdicts]),
        }
    )
    frame.attrs.update(
        service=SERVICE,
        query=query or {},
        as_of=NOW.isoformat(),
        truncated=truncated,
        since=(NOW - pd.Timedelta(days=2)).isoformat(),
        until=NOW.isoformat(),
        kind="jobs",
    )
    return frame


def many_jobs(number):
    """So many jobs in every status."""
    statuses = ("pending", "complete", "failed", "running")
    rows = [(f"26030209_{i:06}", f"Job {i}", statuses[i % 4], [statuses[i % 4]], "OCR", i % 48) for i in range(number)]
    return jobs_frame(rows)


def plan(kind="cancel", frame=None, reason="stuck since noon"):
    """Something with the face of a plan."""
    source = jobs_frame() if frame is None else frame
    able = source["can_cancel" if kind == "cancel" else "can_retry"].fillna(value=False).astype(bool)
    table = source[["id", "name", "status"]].assign(
        action=[kind if ok else "skip" for ok in able],
        why_not=[None if ok else str(why) for ok, why in zip(able, source["why_not"], strict=True)],
    )
    reasons = {str(key): int(value) for key, value in table.loc[~able, "why_not"].value_counts().items()}
    counts = {kind: int(able.sum()), "skip": int((~able).sum())}
    return SimpleNamespace(
        kind=kind,
        act=kind,
        op="c-20260302-1200-7f",
        reason=reason,
        made=NOW.to_pydatetime(),
        expires=(NOW + pd.Timedelta(days=1)).to_pydatetime(),
        expired=False,
        loaded=False,
        made_by="",
        span=None,
        df=table,
        counts=counts,
        reasons=reasons,
        total=len(table),
        applied=False,
        service_url=SERVICE,
    )


def receipt(kind="cancel"):
    """Something with the face of a receipt, every outcome in it."""
    rows = [
        ("2603020900_pending001", "Evening news 1", "done", None, "Job cancelled", None, "pending", "aborted"),
        (
            "2603020900_queued0002",
            "Évènements à minuit",
            "refused",
            "task_started",
            "Invalid <input>: a task runs",
            None,
            "queued",
            "running",
        ),
        (
            "2603020900_running003",
            "Court hearing <b>7</b>",
            "skipped",
            "task_started",
            None,
            None,
            "running",
            "running",
        ),
        (
            "2603020900_nominal004",
            "Running in name only",
            "unknown",
            None,
            "the answer was lost",
            None,
            "running",
            None,
        ),
        ("0012", "zero twelve", "not_sent", None, "stopped", None, "pending", None),
    ]
    names = ("id", "name", "outcome", "reason", "message", "new_id", "status_before", "status")
    frame = pd.DataFrame(rows, columns=list(names)).assign(at=NOW)
    if kind == "retry":
        frame.loc[0, ["message", "new_id", "status"]] = [None, "2603021200_again0001", "pending"]
    counts = {str(key): int(value) for key, value in frame["outcome"].value_counts().items()}
    return SimpleNamespace(
        kind=kind,
        op="c-20260302-1200-7f",
        df=frame,
        counts=counts,
        why="stuck",
        halted="",
        drifted=0,
        state="open",
        total=len(frame),
        service_url=SERVICE,
    )
