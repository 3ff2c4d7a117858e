"""One list that is kept up to date by asking only for what is new and for what can still change."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobwidgets._internal import iso, parse_when
from jobwidgets.live.changes import moved
from jobwidgets.live.merge import differ, merged, still_open
from jobwidgets.live.poll_interval import whole_again
from jobwidgets.vocabulary import CANCELLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jobwidgets.listing import JobReader
    from jobwidgets.live.status_cache import StatusCache

OPEN = ("pending", "queued", "running")
"""The words of the service's own filter for jobs that can still change."""
SERVICE_FILTERS = frozenset({*OPEN, "complete", "failed", *CANCELLED})
OVERLAP = timedelta(seconds=1)
"""Jobs that are newer than the newest one but this are asked for again: several can be of one instant."""
MARGIN = timedelta(minutes=1)
"""How far our idea of the service's clock is trusted."""
SHARED = 1.0
"""Seconds; a status that somebody else has seen so lately is not asked for."""
ROWS, ROWS_EVERY = 100, 15.0
"""So many rows of running jobs are read again after so many seconds, in turn: their tasks go on."""
SHORT = 1_000
"""A list that is limited to so many is one page: nothing is cheaper than that page."""


class LiveList:
    """The jobs of one query.

    With a filter by status, jobs in other statuses that can still change are followed too, unseen: so one that comes
    into a status of the list is seen to come, and one that leaves it goes.

    Parameters
    ----------
    query : mapping
        The keywords of `client.jobs`.
    known : StatusCache
        What others have seen of the same jobs.

    Attributes
    ----------
    frame : DataFrame or None
        The list as it was read last.
    cost : float
        Seconds that a usual look at it takes.
    """

    def __init__(self, query: Mapping[str, Any], known: StatusCache) -> None:
        self.query = dict(query)
        self.frame: pd.DataFrame | None = None
        self.cost = 0.0
        self._known = known
        self._all: pd.DataFrame | None = None  # also those that are followed unseen; None: they are not read yet
        self._whole_due = 0.0
        self._rows_due = 0.0
        self._turn = 0

    @property
    def settled(self) -> bool:
        """Whether no job of it can change any more."""
        return self._all is not None and still_open(self._all).empty

    @property
    def complete(self) -> bool:
        """Whether no new job can come: the range ended in the past."""
        until = self.query.get("until")
        if until is None or self.frame is None:
            return False
        as_of = datetime.fromisoformat(self.frame.attrs["as_of"])
        later = as_of + timedelta(days=1)  # an age is counted back from a clock that goes on
        return parse_when(until, as_of) < as_of and parse_when(until, later) == parse_when(until, as_of)

    @property
    def youngest(self) -> float:
        """Seconds since something changed at the service, as far as the list tells."""
        if self.frame is None or self.frame.empty:
            return 0.0
        as_of = datetime.fromisoformat(self.frame.attrs["as_of"])
        last = pd.concat([self.frame["modified"], self.frame["created"]]).max()
        return 0.0 if pd.isna(last) else max(0.0, (as_of - last).total_seconds())

    async def read(
        self, reader: JobReader, *, whole: bool, follow: bool, progress: Callable[[Mapping[str, int]], None]
    ) -> int:
        """Bring it up to date; say how many jobs came, went or have moved.

        Parameters
        ----------
        reader : JobReader
            The connection.
        whole : bool
            Whether to read all of it.
        follow : bool
            Whether it will be followed: then jobs are looked for that can come into it.
        progress : callable
            Told the counts by status while a whole list is read.
        """
        before, about, began = self.frame, None, time.monotonic()
        if whole or before is None or time.monotonic() >= self._whole_due or self._short:
            await self._read_whole(reader, wide=follow and before is not None, progress=progress)
        elif self._all is None:
            await self._read_whole(reader, wide=True, progress=progress)
        else:
            about = await self._read_news(reader, self._all)
        assert self.frame is not None  # noqa: S101  it was read just now
        if about is not None or self._short:
            self.cost = time.monotonic() - began
        return differ(before, self.frame, about)

    @property
    def _statuses(self) -> frozenset[str]:
        given: str | Iterable[str] = self.query.get("status") or ()
        words = frozenset([given] if isinstance(given, str) else given)
        return words | CANCELLED if words & CANCELLED else words

    @property
    def _short(self) -> bool:
        """Whether reading all of it is the cheapest, or the only way: newest so many, in some status."""
        limit = self.query.get("limit")
        return limit is not None and (limit <= SHORT or bool(self._statuses))

    @property
    def _widened(self) -> dict[str, Any]:
        """The query with the statuses from which jobs can come into it."""
        statuses = self._statuses
        return {**self.query, "status": sorted(statuses | set(OPEN))} if statuses else self.query

    async def _read_whole(
        self, reader: JobReader, *, wide: bool, progress: Callable[[Mapping[str, int]], None]
    ) -> None:
        began = time.monotonic()
        narrow = not self._statuses or self._short
        if wide and not narrow:
            self._all = await reader.jobs(**self._widened, tasks=False, progress=progress)
            self.frame = self._shown(self._all)
        else:
            self.frame = await reader.jobs(**self.query, tasks=False, progress=progress)
            self._all = self.frame if narrow else None
        self._whole_due = time.monotonic() + whole_again(time.monotonic() - began)

    async def _read_news(self, reader: JobReader, known: pd.DataFrame) -> set[str]:
        """Ask for what is new, what can still change, and the rows of what has moved; say which jobs that was."""
        new = await reader.jobs(**self._since(known), tasks=False)
        asked = still_open(known)
        asked = asked[~asked["id"].isin(new["id"])]
        seen = await moved(reader, self._known, asked, fresh=SHARED, also=self._running(asked))
        self._all = self._within(merged(known, [new, *seen.rows], seen.gone))
        self.frame = self._shown(self._all)
        if seen.gone and self.frame.attrs.get("truncated"):
            self._whole_due = 0.0  # there is room for older ones
        return seen.gone.union(new["id"], *(part["id"] for part in seen.rows))

    def _since(self, known: pd.DataFrame) -> dict[str, Any]:
        """Make the query for what is newer than the newest job, by the times that the service itself gave."""
        since = known["created"].max()
        if self.query.get("engine") is not None or not self._statuses <= SERVICE_FILTERS:
            # what is filtered here and not there can be long ago: nobody asks for all that came since
            since = pd.Series([since, pd.Timestamp(known.attrs["as_of"]) - MARGIN]).max()
        query = dict(self._widened)
        if not pd.isna(since):
            query["since"] = (since - OVERLAP).to_pydatetime()
        return query

    def _running(self, open_ones: pd.DataFrame) -> list[str]:
        """Name running jobs whose rows it is time to read again, though their status is the same."""
        now = time.monotonic()
        if now < self._rows_due:
            return []
        self._rows_due = now + ROWS_EVERY
        running = open_ones["id"][open_ones["status"] == "running"].tolist()
        self._turn = self._turn + ROWS if self._turn + ROWS < len(running) else 0
        return running[self._turn : self._turn + ROWS]

    def _within(self, jobs: pd.DataFrame) -> pd.DataFrame:
        """Leave out what the clock has moved out of the range, and what is more than was wanted."""
        limit, as_of = self.query.get("limit"), datetime.fromisoformat(jobs.attrs["as_of"])
        attrs = dict(jobs.attrs)
        if self.query.get("since") is not None:
            since = parse_when(self.query["since"], as_of)
            attrs["since"] = iso(since)
            jobs = jobs[~(jobs["created"] < pd.Timestamp(since))]
        if self.query.get("until") is None:
            attrs["until"] = iso(as_of)
        if limit is not None and len(jobs) > limit:
            jobs, attrs["truncated"] = jobs.head(limit), True
        jobs = jobs.reset_index(drop=True)
        jobs.attrs = attrs
        return jobs

    def _shown(self, jobs: pd.DataFrame) -> pd.DataFrame:
        """Leave out what is followed unseen."""
        statuses = self._statuses
        if not statuses:
            return jobs
        shown = jobs[jobs["status"].isin(list(statuses))].reset_index(drop=True)
        given = self.query["status"]
        query = {**jobs.attrs["query"], "status": [given] if isinstance(given, str) else list(given)}
        shown.attrs = {**jobs.attrs, "query": query}
        return shown
