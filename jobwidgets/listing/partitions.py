"""One list as many windows of time that are read side by side: where it is cut, and which window is next.

How many jobs there are nobody says. The first page tells how close together they are, and from that it is guessed how
much time a page will cover: so far the near part is cut into windows. What lies beyond is asked for as one, at the same
time: its first page tells whether there is anything at all, and how close together jobs are there. A window that holds
more than a page leaves the rest of itself to be cut again. So a wrong guess costs a request, and never a job.

A list that is read again is cut where it was seen to fill its pages, and all of it is asked for at once. So is one
that told with its first page where the next ones lie, as far as it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from jobwidgets._internal import parse_timestamp
from jobwidgets.listing.pagination import BEGINNING, MILLISECOND, PageInfo, paginate_by_time
from jobwidgets.transport import MAX_READS_IN_FLIGHT, PageBoundaries

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime

    from jobwidgets.listing.pagination import PageRequest

ROOM = 0.9
"""How full a page is planned to be: what does not fit costs another request."""
PIECES = 8
"""Of a page, of which it is kept where they lie."""
LEAST = 8
"""The shortest window, in units of the resolution of times."""
GROWTH = 4
"""How much more, or less, time a window covers than the last one, at most: one of them may be an exception."""

AGES = timedelta(days=366 * 100)


@dataclass(eq=False, slots=True)
class Window:
    """A part of the range that is being read."""

    steps: Generator[PageRequest, PageInfo, None]
    ask: PageRequest
    """The page of it that is wanted now."""
    until: datetime
    open: bool
    """Whether its ends may lie far from its jobs."""
    beyond: bool = False
    """Whether it is all that lies beyond what is cut already."""
    begun: bool = False


class TimePartitioner:
    """Cuts a range, and hands out one window after the other, the newest first.

    Parameters
    ----------
    since, until : datetime
        The range.
    alone : bool, default False
        Read it in one walk, page after page: who wants only the newest so many must not ask for more.
    seen : Seen, optional
        What was seen of the list before.

    Attributes
    ----------
    planned : bool
        Whether that said where to cut.
    """

    def __init__(
        self, since: datetime, until: datetime, *, alone: bool = False, seen: PageBoundaries | None = None
    ) -> None:
        self._alone = alone
        self._near: list[tuple[datetime, datetime]] = []
        self._beyond: tuple[datetime, datetime] | None = (since, until)
        self._step = timedelta(0)  # the time in which a page's worth of jobs is thought to have been created
        self._tick = MILLISECOND  # the resolution of times as they are written
        self._read: set[Window] = set()
        self._pieces: list[tuple[datetime, datetime, int]] = []  # from when to when so many jobs were created
        self._limit = 0
        self._cuts: list[tuple[datetime, datetime]] = []
        self._told: Sequence[datetime] | None = None
        self.planned = False
        if seen is not None and not alone and any(since < edge < until for edge in seen.edges):
            self._plan(since, until, seen.edges, seen.tick)

    def expect(self, edges: Sequence[datetime] | None) -> None:
        """Take in where the pages after the first one end, before that is told; with none of them only one follows."""
        self._told = edges

    def _plan(self, since: datetime, until: datetime, edges: Sequence[datetime], tick: timedelta) -> None:
        """Cut the range at those of these that lie in it; each older part overlaps the newer one, as in `_cut`."""
        inside = sorted({edge for edge in edges if since < edge < until}, reverse=True)
        self._tick, self._beyond, self.planned = tick, None, True
        self._cuts = list(zip([*inside, since], [until, *(edge + tick for edge in inside)], strict=True))

    @property
    def seen(self) -> PageBoundaries:
        """What was seen of the list."""
        if sum(jobs for *_, jobs in self._pieces) <= self._limit:
            return PageBoundaries((), self._tick)
        edges, room = [], ROOM * self._limit
        free = room
        for newest, oldest, jobs in sorted(self._pieces, reverse=True):
            while free < jobs:
                edge = newest - (newest - oldest) * (free / jobs)
                edges.append(edge - (edge - BEGINNING) % self._tick)
                free += room
            free -= jobs
        return PageBoundaries(tuple(sorted(set(edges), reverse=True)), self._tick)  # pages can lie over one another

    @property
    def complete_to(self) -> datetime | None:
        """Every job that was created after this moment has been read; None: every job of the range."""
        left = [*self._cuts, *self._near, *([self._beyond] if self._beyond is not None else [])]
        return max([*(until for _, until in left), *(window.until for window in self._read)], default=None)

    def take(self) -> Window | None:
        """Give the window to be read next; None when nothing is left, or nothing as long as others are being read."""
        if self._cuts:
            since, until = self._cuts.pop(0)
            return self._window(since, until, open_=True, beyond=not self._cuts)
        scouting = self._beyond is None or any(window.beyond for window in self._read)
        ahead = sum((until - since for since, until in self._near), timedelta(0))
        if self._beyond is not None and not scouting and (not self._near or ahead < MAX_READS_IN_FLIGHT * self._step):
            (since, until), self._beyond = self._beyond, None
            return self._window(since, until, open_=True, beyond=True)
        if not self._near:
            return None
        since, until = newest = max(self._near, key=lambda window: window[1])
        self._near.remove(newest)
        return self._window(self._cut(since, until, self._step), until)

    def told(self, window: Window, page: PageInfo, limit: int) -> bool:
        """Take in what a page of at most `limit` jobs brought; say whether the window wants another one, its `ask`."""
        times = [text for text in page.created if text is not None]
        self._note(times, limit)
        if not window.begun:
            window.begun = True
            self._guess(window, times, limit, last=page.last)
        try:
            window.ask = window.steps.send(page)
        except StopIteration:
            self._read.remove(window)
            return False
        return True

    def _note(self, times: Sequence[str], limit: int) -> None:
        """Keep where the jobs of a page lie: it can have many of them close together, and then few."""
        self._limit = limit
        size = max(1, len(times) // PIECES)
        for at in range(0, len(times), size):
            piece = times[at : at + size]
            self._pieces.append((parse_timestamp(piece[0]), parse_timestamp(piece[-1]), len(piece)))

    def _window(self, since: datetime, until: datetime, *, open_: bool = False, beyond: bool = False) -> Window:
        if self._alone:
            leave = None
        elif beyond:
            leave = self._leave_beyond
        else:
            leave = self._leave
        steps = paginate_by_time(since, until, leave)
        window = Window(steps, next(steps), until, open_, beyond)
        self._read.add(window)
        return window

    def _leave(self, since: datetime, until: datetime, tick: timedelta) -> None:
        self._tick = tick
        self._put(since, until)

    def _leave_beyond(self, since: datetime, until: datetime, tick: timedelta) -> None:
        """Cut it where that was told; else look as far ahead as so many windows reach, and leave the rest for later."""
        if self._told is not None:
            told, self._told = self._told, None
            self._plan(since, until, told, tick)
            return
        self._tick = tick
        horizon = self._cut(since, until, (MAX_READS_IN_FLIGHT - 1) * self._step, beyond=True)
        self._put(horizon, until)

    def _put(self, since: datetime, until: datetime) -> None:
        """Let it be read by whoever comes; what touches it is joined to it, and is cut anew."""
        for older, newer in list(self._near):
            if older <= until and since <= newer:
                self._near.remove((older, newer))
                since, until = min(since, older), max(until, newer)
        self._near.append((since, until))

    def _cut(self, since: datetime, until: datetime, length: timedelta, *, beyond: bool = False) -> datetime:
        """Cut the newest part of such a length off, and keep what is left of it; say where.

        A cut lies where any service can write it, and the older part overlaps the newer one by the resolution of the
        times: whether the ends of a range belong to it is not known.
        """
        cut = until - length if length < until - since else since
        cut -= (cut - BEGINNING) % self._tick
        if self._step < LEAST * self._tick or not since + self._step / 2 < cut < until - self._tick:
            return since
        rest = (since, cut + self._tick)
        if beyond:
            self._beyond = rest
        else:
            self._put(*rest)
        return cut

    def _guess(self, window: Window, times: Sequence[str], limit: int, *, last: bool) -> None:
        """Guess from the first page of a window how much time the next one may cover."""
        if window.open:
            self._step = (
                (parse_timestamp(times[0]) - parse_timestamp(times[-1])) * ROOM if times and not last else self._step
            )
        elif not times:
            self._step = min(self._step * GROWTH, AGES)
        else:
            oldest = window.ask.since if last else parse_timestamp(times[-1])
            wanted = (window.ask.until - oldest) * (ROOM * limit / len(times))
            self._step = min(max(wanted, self._step / GROWTH), self._step * GROWTH)
