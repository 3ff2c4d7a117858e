"""Frames of jobs, made up by a seed, with the columns and dtypes of the real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobwidgets.vocabulary import REASON_TEXT, STATUSES

AS_OF = pd.Timestamp("2026-03-01T12:00:00Z")
ENGINES = ["Speech-to-Text EN", "OCR Latin", "Face detection", "Object detection", "Translate ES-EN"]
WEIGHTS = [0.16, 0.1, 0.01, 0.01, 0.02, 0.01, 0.1, 0.01, 0.44, 0.08, 0.04, 0.02]
WORDS = ["Evening news", "Hearing", "Call batch", "Bodycam", "Lecture", "Podcast", "Press conference"]


def jobs(count: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """Make a frame of jobs, newest first."""
    random = np.random.default_rng(seed)
    status = pd.Categorical.from_codes(
        random.choice(len(STATUSES), count, p=WEIGHTS), categories=list(STATUSES), ordered=True
    )
    age = np.sort(random.integers(1, 30 * 86_400, count))
    created = pd.Series(AS_OF - pd.to_timedelta(age, unit="s")).astype("datetime64[us, UTC]")
    total = random.integers(1, 8, count)
    words = pd.Series(status).astype("string")
    idle, ended = words.isin(["pending", "queued"]), words.eq("complete")
    done = np.where(ended, total, np.where(idle, 0, random.integers(0, total)))
    why = words.where(words.isin(["complete", "failed"]), "task_started").where(
        ~words.isin(["aborted", "cancelled"]), "aborted"
    )
    queued = pd.to_timedelta(random.integers(1, 7_200, count), unit="s").astype("timedelta64[us]")
    frame = pd.DataFrame(
        {
            "id": pd.Series([f"2603{i:06d}_{random.integers(1 << 30):08x}" for i in range(count)], dtype="string"),
            "name": pd.Series([f"{WORDS[i % 7]} {i:,}" for i in range(count)], dtype="string"),
            "status": status,
            "created": created,
            "queued_for": pd.Series(queued),
            "ran_for": pd.Series(queued * 2).mask(idle),
            "engines": pd.Series([ENGINES[i % 5] for i in range(count)], dtype="string"),
            "tasks": pd.Series(total, dtype="Int32"),
            "tasks_done": pd.Series(done, dtype="Int32"),
            "tasks_failed": pd.Series(words.eq("failed").astype(int), dtype="Int32"),
            "can_cancel": pd.Series(idle, dtype="boolean"),
            "can_retry": pd.Series(~ended, dtype="boolean"),
            "why_not": pd.Categorical(why.mask(idle), categories=list(REASON_TEXT)),
        }
    )
    frame.attrs = {"kind": "jobs", "service": "http://127.0.0.1:9/v3/graphql", "as_of": AS_OF.isoformat()}
    return frame
