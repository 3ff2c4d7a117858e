"""One poller for each service: it reads the lists that are followed, one after the other, and tells who follows."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from jobwidgets.errors import UsageError
from jobwidgets.listing import JobReader
from jobwidgets.live.incremental_list import LiveList
from jobwidgets.live.status_cache import StatusCache
from jobwidgets.live.subscription import ListUpdate, PolledList, Subscription

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable

    from jobwidgets.transport import Portal


log = logging.getLogger("jobwidgets.live")
PATIENCE = 5.0
"""Seconds without an answer after which that is told."""
COUNTED_EVERY = 0.5
"""Seconds between two reports of how far a list is read."""


class ReadingClient(Protocol):
    """A blocking client: what reads, the thread that it reads on, and whether it is closed."""

    @property
    def reader(self) -> JobReader:
        """What reads."""

    @property
    def portal(self) -> Portal:
        """The thread."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""


class Poller:
    """Keeps the lists of one service up to date, for one token.

    It runs as one task on the thread of one of the clients, and only while somebody follows a list. The lists are read
    one after the other. Everything here may be called on any thread.

    Attributes
    ----------
    known : StatusCache
        What jobs were seen to read a moment ago; also used by `client.wait` and `%job watch`.
    """

    def __init__(self) -> None:
        self.known = StatusCache()
        self._lock = threading.RLock()
        self._clients: list[weakref.ref[ReadingClient]] = []
        self._feeds: dict[Hashable, PolledList] = {}
        self._running: concurrent.futures.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None

    @property
    def at_work(self) -> bool:
        """Whether it runs: somebody follows a list."""
        return self._running is not None

    def add(self, client: ReadingClient) -> None:
        """Let it read through this client too."""
        with self._lock:
            self._clients = [ref for ref in self._clients if ref() not in (None, client)]
            self._clients.append(weakref.ref(client))

    def follow(
        self,
        query: Mapping[str, Any],
        *,
        every: float | None,
        told: Callable[[ListUpdate], None],
        watched: Callable[[], bool] = lambda: True,
    ) -> Subscription:
        """Follow a list: it is read now, and again and again while it is watched.

        Parameters
        ----------
        query : mapping
            The keywords of `client.jobs`.
        every : float or None
            Seconds between two looks, at least; None looks only when asked to.
        told : callable
            Takes `ListUpdate`, on a client's thread; it must return at once.
        watched : callable
            Says whether anybody looks on; asked on that thread.

        Raises
        ------
        UsageError
            All clients of this service are closed.
        """
        key = _key(query)
        with self._lock:
            feed = self._feeds.get(key)
            if feed is None:
                feed = self._feeds[key] = PolledList(key, LiveList(query, self.known))
            following = Subscription(self, feed, every, told, watched)
            feed.followers.append(following)
            try:
                self._start()
            except UsageError:
                self.drop(following)
                raise
        self.ring()
        return following

    def drop(self, following: Subscription) -> None:
        """Forget somebody who follows, and the list with the last one."""
        with self._lock:
            feed = following.feed
            if following in feed.followers:
                feed.followers.remove(following)
            if not feed.followers and self._feeds.get(feed.key) is feed:
                del self._feeds[feed.key]
        self.ring()

    def ring(self) -> None:
        """Have it look at the clock, and at who wants what."""
        with self._lock:
            loop, bell = self._loop, self._bell
            if loop is None or bell is None:
                return
            try:
                loop.call_soon_threadsafe(bell.set)
            except RuntimeError:  # the client was closed a moment ago: its task ends, and another one begins
                log.debug("the loop of the poller is closed")

    # ---------------------------------------------------------------- on a client's thread

    def _start(self) -> None:
        """Run, if it does not yet, on the thread of a client that is open."""
        if self._running is None:
            client = next((c for ref in self._clients if (c := ref()) is not None and not c.closed), None)
            if client is None:
                raise UsageError("the client of this list is closed", hint="connect again")
            self._running = client.portal.submit(self._run(client.reader))

    async def _run(self, reader: JobReader) -> None:
        bell = asyncio.Event()
        with self._lock:
            self._loop, self._bell = asyncio.get_running_loop(), bell
        try:
            while not reader.connection.closed:
                bell.clear()
                with self._lock:
                    if not self._feeds:
                        return
                    feeds = list(self._feeds.values())
                due = [(left, number) for number, feed in enumerate(feeds) if (left := feed.left()) is not None]
                left, number = min(due, default=(None, 0))
                if left == 0.0:
                    await self._turn(reader, feeds[number], bell)
                else:
                    await _rung(bell, left)
        finally:
            self._end()

    def _end(self) -> None:
        """Go on through another client if this one was closed; tell who follows when there is none."""
        with self._lock:
            self._running = self._loop = self._bell = None
            feeds = list(self._feeds.values())
            if not feeds:
                return
            try:
                self._start()
            except UsageError as error:
                for feed in feeds:
                    feed.error, feed.reading = error, False
                    feed.tell()

    async def _turn(self, reader: JobReader, feed: PolledList, bell: asyncio.Event) -> None:
        """Read one list; leave off when nobody wants it any more."""
        whole = feed.begin()
        heard = _Heard(feed)
        follow = any(each.every is not None for each in feed.followers)
        reading = asyncio.create_task(feed.jobs.read(reader, whole=whole, follow=follow, progress=heard.counted))
        try:
            while not reading.done():
                ringing = asyncio.create_task(bell.wait())
                await asyncio.wait({reading, ringing}, timeout=heard.left(), return_when=asyncio.FIRST_COMPLETED)
                ringing.cancel()
                bell.clear()
                heard.silence()
                if not feed.wanted():
                    reading.cancel()
                    await asyncio.wait({reading})
        finally:
            reading.cancel()
            if not reading.done() or reading.cancelled():
                feed.dropped(whole=whole)
        if not reading.cancelled():
            error = reading.exception()
            feed.landed(error, 0 if error is not None else reading.result())


class _Heard:
    """What is heard of a reading while it goes on: how far it is, or nothing at all."""

    def __init__(self, feed: PolledList) -> None:
        self._feed, self._last, self._told = feed, time.monotonic(), 0.0
        self._since = datetime.now(UTC)

    def counted(self, counts: Mapping[str, int]) -> None:
        """Take the counts so far; the first list is shown as it grows, but not with every page."""
        now = time.monotonic()
        self._last, self._since = now, datetime.now(UTC)
        self._feed.since = None if self._feed.error is None else self._feed.since
        if self._feed.jobs.frame is None:
            self._feed.counting = counts
            if now - self._told >= COUNTED_EVERY:
                self._told = now
                self._feed.tell()

    def left(self) -> float:
        """Say how long to wait for the next sign."""
        return PATIENCE if self._feed.since is not None else max(0.0, self._last + PATIENCE - time.monotonic())

    def silence(self) -> None:
        """Tell once that nothing was heard for a while."""
        if self._feed.since is None and time.monotonic() - self._last >= PATIENCE:
            self._feed.since = self._since
            self._feed.tell()


async def _rung(bell: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return


def _key(query: Mapping[str, Any]) -> Hashable:
    """Say which queries are the same."""

    def plain(value: Any) -> Hashable:
        if isinstance(value, str) or not isinstance(value, Iterable):
            return str(type(value)), value if value.__hash__ else repr(value)
        return tuple(sorted(str(each) for each in value))

    return tuple(sorted((name, plain(value)) for name, value in query.items() if value is not None))


_pollers: weakref.WeakValueDictionary[Hashable, Poller] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def poller_for(client: ReadingClient | JobReader) -> Poller:
    """Give the poller of a client's service and token; it is gone when nobody uses it any more.

    Parameters
    ----------
    client : Client or JobReader
        A blocking client lets the poller read through it, on its thread.
    """
    reader = client if isinstance(client, JobReader) else client.reader
    with _lock:
        poller = _pollers.setdefault(reader.connection.account, Poller())
    if not isinstance(client, JobReader):
        poller.add(client)
    return poller
