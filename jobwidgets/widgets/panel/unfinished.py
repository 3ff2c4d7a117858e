"""Operations that this kernel or another one left unfinished: looked up in the background, never in the way."""

from __future__ import annotations

import concurrent.futures
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets.errors import JobError
from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.callbacks import told

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from jobwidgets.client import Client
    from jobwidgets.widgets.callbacks import Handover

log = logging.getLogger("jobwidgets.widgets.unfinished")


@dataclass(frozen=True, slots=True)
class Left:
    """One operation with something unknown, or not sent."""

    op: str
    unknown: int
    not_sent: int


class Unfinished:
    """What the state directory says of operations of this service that nobody works on.

    Parameters
    ----------
    client : Client
        The connection.
    hand : Handover
        The way back to the kernel's thread.
    changed : callable
        Called there when something else is known.
    """

    def __init__(self, client: Client, *, hand: Handover, changed: Callable[[], None]) -> None:
        self._client, self._hand, self._changed = client, hand, changed
        self._all: tuple[Left, ...] = ()
        self._hidden: set[str] = set()
        self._looking: concurrent.futures.Future[pd.DataFrame] | None = None
        self._note = ""

    @property
    def newest(self) -> Left | None:
        """The operation that was left last; None when there is none, or they were put aside."""
        return next((each for each in self._all if each.op not in self._hidden), None)

    @property
    def line(self) -> str:
        """What is left, in one line; empty when nothing is."""
        newest = self.newest
        if newest is None:
            return self._note
        count = sum(each.op not in self._hidden for each in self._all)
        left = words.outcomes({"unknown": newest.unknown, "not_sent": newest.not_sent})
        if count == 1:
            return f"1 operation is unfinished: {newest.op}, {left}"
        return f"{words.number(count)} operations are unfinished, the newest: {newest.op}, {left}"

    @property
    def looking(self) -> bool:
        """Whether it is being looked up just now."""
        return self._looking is not None

    def hide(self, op: str | None = None) -> None:
        """Say no more of those that are left now, or of one."""
        self._hidden |= {each.op for each in self._all} if op is None else {op}
        self._note = ""

    def look(self) -> None:
        """Look again, in the background."""
        if self._looking is not None or self._client.closed:
            return
        looking = self._looking = self._client.portal.submit(self._client.aio.receipts())
        looking.add_done_callback(lambda _: self._hand(lambda: self._found(looking)))

    def _found(self, looking: concurrent.futures.Future[pd.DataFrame]) -> None:
        if looking is not self._looking:
            return
        self._looking = None
        try:
            frame = looking.result()
            open_ones = frame[frame["state"] == "open"]
            parts = (open_ones[name].tolist() for name in ("op", "unknown", "not_sent"))
            self._all, self._note = tuple(Left(*each) for each in zip(*parts, strict=True)), ""
        except concurrent.futures.CancelledError:
            return
        except JobError as error:  # the panel works without
            log.info("earlier operations cannot be read: %s", error)
            self._all, self._note = (), f"Earlier operations cannot be read: {error.message}"
        except Exception as error:  # noqa: BLE001  a mistake of ours: told, logged, and never in the way of the list
            self._all, self._note = (), told(error)
        self._changed()

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            looking, self._looking = self._looking, None
            looking.cancel()
