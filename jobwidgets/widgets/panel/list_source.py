"""The list behind a panel, followed through the poller of its service, and the one thing at a time that is done."""

from __future__ import annotations

import concurrent.futures
import functools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobwidgets.errors import NotSentError, ServiceError, UsageError
from jobwidgets.live import poller_for
from jobwidgets.widgets.callbacks import told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    import pandas as pd

    from jobwidgets.client import Client
    from jobwidgets.live import ListUpdate, Subscription
    from jobwidgets.widgets.callbacks import Handover
    from jobwidgets.widgets.parts import Line


@dataclass(frozen=True, slots=True)
class Flight:
    """What runs on the client's thread, and what the kernel's thread does when it has landed, or failed to."""

    future: concurrent.futures.Future[Any]
    landed: Callable[[Any], None]
    failed: Callable[[], None]


class Looking:
    """The list, which the poller of the service keeps up to date, and the one flight at a time that does something.

    Parameters
    ----------
    client : Client
        The connection to the service.
    query : mapping
        The keywords of `client.jobs` that say what is listed.
    every : float or None
        Seconds between two looks at the service, at least; None looks only when asked to.
    hand : Handover
        The way back to the kernel's thread.
    changed : callable
        Called there whenever something here has changed.
    watched : callable
        Says whether anybody looks on; may be asked on any thread.

    Attributes
    ----------
    news : ListUpdate or None
        What was told of the list last.
    wished : bool
        Whether its frame was asked for, by the person or after an act, and not only by the clock.
    """

    def __init__(
        self,
        client: Client,
        query: Mapping[str, Any],
        *,
        every: float | None,
        hand: Handover,
        changed: Callable[[], None],
        watched: Callable[[], bool],
    ) -> None:
        self.client, self.query, self.every = client, dict(query), every
        self.live = every is not None
        self.closed = False
        self.news: ListUpdate | None = None
        self.wished = True
        self._error = ""
        self._hand, self._changed, self._watched = hand, changed, watched
        self._flight: Flight | None = None
        self._following: Subscription | None = None
        self._awaited = False
        self._fresh: ListUpdate | None = None  # not taken yet; only the newest counts
        self._fresh_lock = threading.Lock()
        self._told: tuple[Exception | None, str] = (None, "")

    @property
    def frame(self) -> pd.DataFrame | None:
        """The list as it was read last; None before the first time."""
        return self.news.frame if self.news is not None else None

    @property
    def error(self) -> str:
        """What went wrong last, in a line: in what was done, or else in reading the list."""
        return self._error or self._told[1]

    @error.setter
    def error(self, line: str) -> None:
        self._error = line

    @property
    def busy(self) -> bool:
        """Whether something is in flight, or the list is being read because somebody asked."""
        return self._flight is not None or self._awaited

    def refresh(self) -> None:
        """Read the whole list again, unless something is being asked already."""
        if not self.busy and not self.closed:
            self.error = ""
            self._look()

    def _look(self) -> None:
        self._refuse_if_closed()
        self._awaited = True
        if self._following is None:
            every = self.every if self.live else None
            self._following = poller_for(self.client).follow(
                self.query, every=every, told=self._take, watched=self._watched
            )
        else:
            self._following.look()

    def keep_live(self, live: bool) -> None:  # noqa: FBT001  the one thing it is about
        """Look again from time to time, or only when asked to."""
        self.live = live and self.every is not None
        if self._following is not None:
            self._following.every = self.every if self.live else None
        self.wake()

    def wake(self) -> None:
        """Let the poller look at the clock: somebody looks at the panel, or wants it live."""
        if self._following is not None and not self.closed:
            self._following.wake()

    # --------------------------------------------------------------------------- news

    def _take(self, news: ListUpdate) -> None:
        """Take news on the client's thread. Those that wait for the kernel are replaced, so that they never pile up."""
        with self._fresh_lock:
            first, self._fresh = self._fresh is None, news
        if first:
            self._hand(self._heard)

    def _heard(self) -> None:
        with self._fresh_lock:
            news, self._fresh = self._fresh, None
        if news is None or self.closed:
            return
        following = self._following
        before, self.news = self._awaited, news
        # By the news as well: by the time they are heard here, the reading that they tell of may have ended there.
        pending = following is not None and (following.asked or following.waits or news.reading)
        self._awaited = before and pending and not self.client.closed
        self.wished = before and not self._awaited
        if self.client.closed:
            self.live = False
            self._told = (news.error, str(_closed()))
        elif news.error is not self._told[0]:
            self._told = (news.error, told(news.error) if news.error is not None else "")
        self._changed()

    def wrong(self) -> list[Line]:
        """Say what went wrong, since when, and when it is tried again; nothing where all is well."""
        news = self.news
        if self._error:
            return [("text", self._error)]
        if news is None or (news.since is None and not self._told[1]):
            return []
        if self.client.closed or news.since is None:
            return [("text", self._told[1])]
        at = f"{news.since:%H:%M:%S} UTC"
        if news.error is None:
            return [("text", f"No answer since {at}"), ("dim", "still waiting")]
        what = "No answer" if isinstance(news.error, NotSentError | ServiceError) else "Not up to date"
        left = "" if news.next_try is None else str(max(1, round(news.next_try)))
        return [("text", f"{what} since {at}"), ("left", left), ("dim", self._told[1])]

    # ------------------------------------------------------------------------ flights

    def _send(
        self, work: Coroutine[Any, Any, Any], landed: Callable[[Any], None], failed: Callable[[], None] = lambda: None
    ) -> None:
        try:
            self._refuse_if_closed()
        except UsageError:
            work.close()
            raise
        future = self.client.portal.submit(work)
        self._flight = Flight(future, landed, failed)
        self._give_way()
        future.add_done_callback(lambda _: self._hand(lambda: self._land(future)))

    def _drop(self) -> None:
        """Let go of what is in flight: what the person wants goes first."""
        if self._flight is not None:
            flight, self._flight = self._flight, None
            flight.future.cancel()
        self._give_way()

    def _give_way(self) -> None:
        """Have the list wait while something is done: one panel asks one thing at a time."""
        following = self._following
        if following is None or following.paused == (self._flight is not None):
            return
        if self._flight is not None:
            following.pause()
        else:
            following.resume()

    def _land(self, future: concurrent.futures.Future[Any]) -> None:
        if self._flight is None or future is not self._flight.future or self.closed:
            return  # dropped, or landed already
        flight, self._flight = self._flight, None
        try:
            if self.client.closed and future.cancelled():
                raise _closed()  # noqa: TRY301  told as any other error
            self.error, answer = "", future.result()
            flight.landed(answer)
        except Exception as error:  # noqa: BLE001  whatever went wrong on the way is told and logged, never lost
            self.error = told(error)
            flight.failed()
        self._give_way()
        self._changed()

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until nothing is in flight, on behalf of code that asks for an answer.

        Raises
        ------
        ServiceError
            It took longer.
        """
        deadline = time.monotonic() + timeout
        self._hand.run()
        while self.busy:
            flight = self._flight
            if flight is not None:
                concurrent.futures.wait([flight.future], timeout=0.1)
            else:
                time.sleep(0.005)
            if flight is not None and flight.future.done():
                self._hand(functools.partial(self._land, flight.future))
            elif time.monotonic() > deadline:
                raise ServiceError(f"the service did not answer in {timeout:.0f} s", hint="try again")
            self._hand.run()

    def close(self) -> None:
        """Let go of everything; what was sent stays sent."""
        self.closed = True
        self._drop()
        if self._following is not None:
            self._following.close()

    def _refuse_if_closed(self) -> None:
        if self.client.closed:
            self.live = False
            raise _closed()


def _closed() -> UsageError:
    return UsageError("the client of this panel is closed", hint="connect again and make a new panel")
