"""Waiting for jobs: one poller that asks only for what can still change, and no more of it than its status."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from jobwidgets._internal import parse_age
from jobwidgets.eligibility import cancel_verdict, retry_verdict
from jobwidgets.errors import NotSentError, ServiceError
from jobwidgets.frames import array_of
from jobwidgets.live.poller import poller_for
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from datetime import timedelta

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.listing import JobReader

T = TypeVar("T")
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
SHORTEST_LOOK, LAST_LOOK = 0.1, 0.4
"""Seconds that a reading gets though time is up: one in between, and the last."""


async def wait_for(
    reader: JobReader,
    jobs: object,
    *,
    timeout: str | timedelta,  # noqa: ASYNC109  an age as users write it
    progress: ProgressCallback | None = None,
) -> pd.DataFrame:
    """Do what `AsyncClient.wait` describes. A service that is away for a while is waited for as well.

    Whole rows are read at the beginning and, of what has changed or still can, at the end; in between statuses alone.
    """
    began = time.monotonic()
    deadline = began + parse_age(timeout).total_seconds()
    watch = _Watch(reader, await reader.jobs(ids=jobs), progress)
    # the last reading gets as long as the first one took and half of that again, within the time there is
    until = deadline - min(1.5 * (time.monotonic() - began), (deadline - began) / 3)
    pause = FIRST_PAUSE
    while watch.tell() and (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(pause, left))
        watch.fresh = pause / 2
        moved = await watch.look(max(SHORTEST_LOOK, deadline - time.monotonic()))
        pause = FIRST_PAUSE if moved else min(LONGEST_PAUSE, pause * 1.5)
    return await watch.last_look(max(LAST_LOOK, deadline - time.monotonic()))


class _Watch:
    """Jobs that are waited for: their rows as they were read first, and what they read now."""

    def __init__(self, reader: JobReader, frame: pd.DataFrame, progress: ProgressCallback | None) -> None:
        self._reader, self._frame, self._progress = reader, frame, progress
        self._poller = poller_for(reader)
        self.fresh = 0.0  # seconds: what panels and others that wait have seen so lately is not asked for
        self._missing: list[str] = list(frame.attrs["missing"])
        self._total = len(frame) + len(self._missing)
        self._first = self._now = _words(frame)

    def tell(self) -> bool:
        """Say how far they are; True while some can still change."""
        still = len(self._still())
        if self._progress is not None:
            counts = Counter(self._now.values()).most_common()
            self._progress(self._total - still, self._total, dict(counts))
        return still > 0

    def _still(self) -> list[str]:
        return [job_id for job_id, status in self._now.items() if status not in TERMINAL]

    async def look(self, seconds: float) -> bool:
        """Read the statuses of those that can still change; say whether one has moved."""
        asked = self._poller.known.statuses(self._reader, self._rows(self._still()), self.fresh)
        seen = await _had(asked, seconds)
        if seen is None:
            return False
        before, gone = self._now, seen.isna()
        words = {str(job_id): str(word) for job_id, word in seen[~gone].items()}
        self._now = self._without(seen.index[gone].tolist(), {**before, **words})
        return self._now != before

    async def last_look(self, seconds: float) -> pd.DataFrame:
        """Give the rows of all, those that are not what they were read again if that can be had."""
        stale = [job_id for job_id, status in self._now.items() if status != self._first[job_id]]
        stale += [job_id for job_id in self._still() if self._now[job_id] == self._first[job_id]]
        frame = self._rows(list(self._now)).reset_index(drop=True)
        whole = await _had(self._reader.jobs(ids=self._rows(stale)), seconds) if stale else None
        if whole is not None:
            last = self._without(whole.attrs["missing"], {**self._now, **_words(whole)})
            frame = _joined(self._rows(list(last)), whole)
            if last != self._now:
                self._now = last
                self.tell()
        elif stale:
            frame = _retold(frame, self._now)
        frame.attrs.update(waited_out=bool(self._still()), missing=self._missing)
        return frame

    def _rows(self, ids: Sequence[str]) -> pd.DataFrame:
        return self._frame[self._frame["id"].isin(ids)]

    def _without(self, gone: Sequence[str], words: Mapping[str, str]) -> dict[str, str]:
        """Leave out what the service does not know any more."""
        self._missing += gone
        left_out = set(gone)
        return {job_id: status for job_id, status in words.items() if job_id not in left_out}


def _words(frame: pd.DataFrame) -> dict[str, str]:
    return dict(zip(frame["id"].tolist(), frame["status"].tolist(), strict=True))


async def _had(reading: Awaitable[T], seconds: float) -> T | None:
    """Read for so many seconds at most; None when it could not be had just now."""
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except (TimeoutError, NotSentError, ServiceError):
        return None


def _retold(frame: pd.DataFrame, now: Mapping[str, str]) -> pd.DataFrame:
    """Put in the statuses that were seen since, where the rows themselves could not be had again."""
    words = [now[job_id] for job_id in frame["id"]]
    moved = pd.Series(words, index=frame.index) != frame["status"].astype("object")
    verdicts = [cancel_verdict(word, [], tasks_known=False) for word in words]
    verdict = {
        "can_cancel": array_of("flag", [verdict.ok for verdict in verdicts]),
        "can_retry": array_of("flag", [retry_verdict(word).ok for word in words]),
        "why_not": array_of("reason", [str(verdict.reason) for verdict in verdicts]),
    }
    told = {name: frame[name].mask(moved, pd.Series(values, index=frame.index)) for name, values in verdict.items()}
    return frame.assign(status=array_of("status", words), **told)


def _joined(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Put newer rows in the places of the older ones."""
    kept = old[~old["id"].isin(new["id"])]
    order = {job_id: place for place, job_id in enumerate(old["id"])}
    words = old["status"].cat.categories.union(new["status"].cat.categories, sort=False)
    parts = [
        part.assign(status=part["status"].cat.set_categories(words, ordered=True)) for part in (kept, new) if len(part)
    ]
    joined = pd.concat(parts, ignore_index=True) if parts else new
    joined = joined.sort_values("id", key=lambda ids: ids.map(order), ignore_index=True)
    joined.attrs = {**old.attrs, "as_of": new.attrs["as_of"]}
    return joined
