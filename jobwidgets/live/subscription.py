"""A list with those who follow it, when it is due, and what is told of it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from jobwidgets.live.count_history import History
from jobwidgets.live.poll_interval import PollSignals, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import pandas as pd

    from jobwidgets.live.incremental_list import LiveList

log = logging.getLogger("jobwidgets.live")


@dataclass(frozen=True, slots=True, eq=False)
class ListUpdate:
    """What is known of a list just now.

    Attributes
    ----------
    frame : DataFrame or None
        The list as it was read last, which stays while the service does not answer; None before the first reading.
    changed : int
        How many jobs came, went or have moved since the news before.
    as_of : str
        When it was read, by the service's clock; empty before.
    error : Exception or None
        What went wrong in the last reading.
    since : datetime or None
        Since when the service has not answered; None while it does.
    next_try : float or None
        Seconds until it is asked again, after an error.
    counting : mapping of str to int, or None
        The counts by status so far, while a list is read for the first time.
    history : History
        How the counts went.
    reading : bool
        Whether it is being read just now.
    """

    frame: pd.DataFrame | None
    changed: int
    as_of: str
    error: Exception | None
    since: datetime | None
    next_try: float | None
    counting: Mapping[str, int] | None
    history: History
    reading: bool


class WakeablePoller(Protocol):
    """What reads the lists."""

    def ring(self) -> None:
        """Have it look at the clock, and at who wants what."""

    def drop(self, following: Subscription) -> None:
        """Forget somebody who follows."""


@dataclass(eq=False)
class Subscription:
    """Somebody who follows a list; `close` ends it.

    Attributes
    ----------
    every : float or None
        Seconds between two looks, at least; None: only when asked.
    told : callable
        Takes the news, on the thread of a client.
    watched : callable
        Says whether anybody looks on; asked on that thread.
    """

    poller: WakeablePoller
    feed: PolledList
    every: float | None
    told: Callable[[ListUpdate], None]
    watched: Callable[[], bool]
    paused: bool = False
    asked: bool = True
    """Whether it has asked for a reading that has not begun."""
    waits: bool = False
    """Whether it waits for the reading that goes on, since it asked for it."""

    @property
    def active(self) -> bool:
        """Whether the list is to be looked at again and again for it."""
        try:
            return not self.paused and self.every is not None and self.watched()
        except Exception:
            log.exception("it cannot be said whether anybody looks on")
            return False

    def tell(self, news: ListUpdate) -> None:
        """Pass news on; one who cannot take them is in nobody's way."""
        try:
            self.told(news)
        except Exception:
            log.exception("news of a list could not be taken")

    def look(self) -> None:
        """Have the whole list read now."""
        self.asked = self.feed.whole = True
        self.poller.ring()

    def wake(self) -> None:
        """Look at the clock: somebody may look on again."""
        self.poller.ring()

    def pause(self) -> None:
        """Look no more until `resume`; what is being read for nobody else is dropped."""
        self.paused = True
        self.poller.ring()

    def resume(self) -> None:
        """Look again from time to time."""
        self.paused = False
        self.poller.ring()

    def close(self) -> None:
        """Follow no more."""
        self.poller.drop(self)


@dataclass(eq=False)
class PolledList:
    """One list, those who follow it, and when it is due."""

    key: Hashable
    jobs: LiveList
    history: History = field(default_factory=History)
    followers: list[Subscription] = field(default_factory=list)
    whole: bool = False
    asleep: bool = True
    hurry: bool = False
    ended: float = 0.0
    """When the last reading ended."""
    changed_at: float = 0.0
    misses: int = 0
    error: Exception | None = None
    since: datetime | None = None
    counting: Mapping[str, int] | None = None
    reading: bool = False

    def wanted(self) -> bool:
        """Whether anybody wants it to be read."""
        return any(((each.asked or each.waits) and not each.paused) or each.active for each in list(self.followers))

    def left(self) -> float | None:
        """Say in how many seconds it is due; None: not before something happens."""
        followers = list(self.followers)
        if any(each.asked and not each.paused for each in followers):
            return 0.0
        every = min((each.every for each in followers if each.active and each.every is not None), default=None)
        if every is None:
            self.asleep = True
            return None
        if self.asleep:  # somebody looks on again, and is not kept waiting
            self.asleep, self.hurry = False, True
        now = time.monotonic()
        wait = self.wait(every, now)
        return None if wait is None else max(0.0, self.ended + wait - now)

    def wait(self, every: float, now: float) -> float | None:
        """Say how long after a reading the next one is due."""
        signs = PollSignals(
            quiet=0.0 if self.hurry else now - self.changed_at,
            took=self.jobs.cost,
            misses=self.misses,
            settled=self.jobs.settled and not self.hurry,
            complete=self.jobs.complete,
        )
        return pause(signs, every)

    def news(self, changed: int = 0) -> ListUpdate:
        """Say how things are."""
        frame = self.jobs.frame
        return ListUpdate(
            frame=frame,
            changed=changed,
            as_of="" if frame is None else str(frame.attrs["as_of"]),
            error=self.error,
            since=self.since,
            next_try=self.left() if self.error is not None and not self.reading else None,
            counting=self.counting,
            history=self.history,
            reading=self.reading,
        )

    def tell(self, changed: int = 0) -> None:
        """Tell all who follow."""
        news = self.news(changed)
        for each in list(self.followers):
            each.tell(news)

    def begin(self) -> bool:
        """Begin a reading; say whether it is to be of the whole list."""
        for each in list(self.followers):
            if each.asked and not each.paused:
                each.asked, each.waits = False, True
        whole, self.whole, self.reading = self.whole, False, True
        self.tell()
        return whole

    def dropped(self, *, whole: bool) -> None:
        """Take note that a reading was left off, since nobody wanted it any more; it is still wished for."""
        for each in list(self.followers):
            each.asked, each.waits = each.asked or each.waits, False
        self.whole, self.reading, self.counting = self.whole or whole, False, None
        self.tell()

    def landed(self, error: BaseException | None, changed: int) -> None:
        """Take note of how a reading went, and tell it."""
        self.ended, self.hurry, self.reading, self.counting = time.monotonic(), False, False, None
        for each in list(self.followers):
            each.waits = False
        frame = self.jobs.frame
        if error is not None:
            self.error = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self.since = self.since or datetime.now(UTC)
            self.misses += 1
        elif frame is not None:
            self.error, self.since, self.misses = None, None, 0
            if not len(self.history):
                self.changed_at = self.ended - self.jobs.youngest
            elif changed:
                self.changed_at = self.ended
            self.history.note({str(word): int(count) for word, count in frame["status"].value_counts().items()})
        self.tell(changed)
