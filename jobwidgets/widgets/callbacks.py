"""How calls come in: one guard around every entry from the browser, and the way from other threads to the kernel's."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections import deque
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from jobwidgets.errors import JobError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

log = logging.getLogger("jobwidgets.widgets")


class Guarded(Protocol):
    """What has guarded entries: a lock, and a place where an error is seen."""

    @property
    def lock(self) -> threading.RLock:
        """Held while an entry runs."""

    def show_error(self, line: str) -> None:
        """Show an error where the person looks."""


S = TypeVar("S", bound=Guarded)
P = ParamSpec("P")


def entry(
    method: Callable[Concatenate[S, P], None],
) -> Callable[Concatenate[S, P], None]:
    """Guard an entry: an error is shown in the panel and logged, since a widget's callback would swallow it."""

    @functools.wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        with self.lock:
            try:
                method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001  the guard: nothing that went wrong may vanish in a callback
                self.show_error(told(error))

    return guarded


def told(error: BaseException) -> str:
    """Log an error, and say it in one line."""
    if isinstance(error, JobError):
        log.info("%s: %s", type(error).__name__, error)  # it is shown; as a warning it would be printed below as well
        return f"{type(error).__name__}: {error}"
    log.error("unexpected error in the panel", exc_info=error)
    return f"unexpected {type(error).__name__}: {error} → this is a mistake in jobwidgets; the log has the details"


class Handover:
    """Takes calls from any thread and runs them on the loop that was running when this was made: the kernel's own.

    The calls wait in a queue of our own, so that code on the kernel's thread can also have them run while it waits
    itself (`run`). Without a loop, in a plain script, that is the only thing that runs them: nobody else's thread does.

    Parameters
    ----------
    lock : RLock
        Held while calls run.
    failed : callable
        Told in one line what went wrong in one.
    """

    def __init__(self, lock: threading.RLock, failed: Callable[[str], None]) -> None:
        self.failed = failed
        self._calls: deque[Callable[[], object]] = deque()
        self.lock = lock
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def __call__(self, call: Callable[[], object]) -> None:
        """Have a call run soon."""
        self._calls.append(call)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: somebody will ask
                self._loop.call_soon_threadsafe(self.run)

    def run(self) -> None:
        """Run what waits; an error goes where people see it, as in `entry`."""
        with self.lock:
            while self._calls:
                try:
                    self._calls.popleft()()
                except Exception as error:  # noqa: BLE001  as in `entry`: the loop would only log it
                    self.failed(told(error))
