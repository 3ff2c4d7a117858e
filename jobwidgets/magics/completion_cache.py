"""What was seen of a service so far: all that completion may offer, since it asks nobody."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets.rendering import missing, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

_MOST = 2_000
_NEEDED = ["id", "status", "can_cancel", "can_retry"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last seen of a job; what was not told counts as no."""

    status: str
    can_cancel: bool
    can_retry: bool


class Memory:
    """The jobs, engines and schedules of one service that were listed last."""

    def __init__(self) -> None:
        self.service = ""
        self.jobs: dict[str, Seen] = {}
        self.engines: dict[str, None] = {}
        self.schedules: dict[str, bool] = {}

    def turn_to(self, service: str) -> None:
        """Forget what belongs to another service."""
        if service != self.service:
            self.service = service
            self.jobs.clear()
            self.engines.clear()
            self.schedules.clear()

    def take(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Take in a frame of jobs or schedules, and give it back."""
        self.turn_to(str(frame.attrs.get("service", self.service)))
        if frame.attrs.get("kind") == "scheduled_jobs":
            for row in records(frame[["id", "is_active"]]):
                self.schedules[row["id"]] = not missing(row["is_active"]) and bool(row["is_active"])
            return frame
        for job_id, seen in seen_in(frame.head(_MOST)):
            self.jobs.pop(job_id, None)
            self.jobs[job_id] = seen
        while len(self.jobs) > _MOST:
            del self.jobs[next(iter(self.jobs))]
        for names in frame["engines"].dropna().unique()[:_MOST]:
            self.engines.update(dict.fromkeys(name.strip() for name in names.split(",")))
        return frame


def seen_in(frame: pd.DataFrame) -> Iterator[tuple[str, Seen]]:
    """Walk the jobs of a frame; a frame that has lost columns holds none."""
    if not set(_NEEDED).issubset(frame.columns):
        return
    for row in records(frame[_NEEDED]):
        cancel, retry = (not missing(row[name]) and bool(row[name]) for name in ("can_cancel", "can_retry"))
        yield str(row["id"]), Seen(str(row["status"]), can_cancel=cancel, can_retry=retry)


def frames_in(names: Mapping[str, Any], service: str) -> dict[str, pd.DataFrame]:
    """Find the variables that hold frames of jobs of a service."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return {}
    return {
        name: value
        for name, value in list(names.items())
        if isinstance(value, pandas.DataFrame)
        and not name.startswith("_")
        and value.attrs.get("kind") == "jobs"
        and value.attrs.get("service") == service
    }
