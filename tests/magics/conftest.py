"""Frames, plans and receipts made by hand, and a real shell to show them in."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import jobwidgets as jw
from jobwidgets._model import STATUSES, cancel_verdict, retry_verdict
from jobwidgets.emulator import serve

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


@pytest.fixture
def hand_made():
    """The builders above, where a test needs them."""
    return SimpleNamespace(jobs=jobs_frame, many=many_jobs, plan=plan, receipt=receipt, now=NOW, service=SERVICE)


@pytest.fixture
def ip():
    """A real IPython shell, made anew for one test, without a history file."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    yield shell
    if "jobwidgets" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "jobwidgets")
    InteractiveShell.clear_instance()


class Cells:
    """Runs cells as a user does, and says what came of each."""

    def __init__(self, shell, capsys):
        self.shell, self._capsys = shell, capsys

    def __call__(self, code):
        """Give the value of a cell; what it raises is raised."""
        result = self.shell.run_cell(code)
        self.printed = self._capsys.readouterr().out
        if result.error_before_exec or result.error_in_exec:
            raise result.error_before_exec or result.error_in_exec
        return result.result

    def error(self, code):
        """Give the one line that a failing cell shows."""
        result = self.shell.run_cell(code)
        self.printed = self._capsys.readouterr().out
        assert result.error_in_exec is not None, f"{code} did not fail"
        lines = self.printed.strip().splitlines()
        assert len(lines) == 1, self.printed
        return lines[0]

    def offers(self, code, line=None, column=None):
        """Give what completion offers at the end of the code, with the types."""
        lines = code.split("\n")
        line = len(lines) - 1 if line is None else line
        found = self.shell.Completer._complete(
            cursor_line=line, cursor_pos=len(lines[line]) if column is None else column, full_text=code
        )
        mine = found.get("jobwidgets.job", {"completions": []})
        return {completion.text: completion.type for completion in mine["completions"]}


@pytest.fixture
def cells(ip, capsys):
    """A shell with the extension loaded."""
    ip.run_line_magic("load_ext", "jobwidgets")
    return Cells(ip, capsys)


@pytest.fixture
def connected(cells, client, service):
    """The same, talking to the real service, whose clock stands still."""
    cells.client, cells.service = client, service
    return cells


@pytest.fixture(scope="module")
def still(small_world):
    """A service and a client that the tests of a module share: for those that change nothing."""
    service = small_world()
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token, timeout=20) as client,
    ):
        yield SimpleNamespace(service=service, client=client)


@pytest.fixture
def reading(cells, still):
    """A shell that talks to the shared service, in which nothing may be changed."""
    before = len(still.service.ledger)
    cells.client, cells.service = still.client, still.service
    yield cells
    assert len(still.service.ledger) == before
