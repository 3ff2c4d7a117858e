"""What JupyterLab's side panel hears from this kernel: labels, counts and receipts of the service connected last."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    import pandas as pd

    from jobwidgets.client import AsyncClient, Client
    from jobwidgets.live import ListUpdate, Subscription

TARGET = "jobwidgets.side"
EVERY = 10.0
"""Seconds between two looks at the service, at least, while somebody looks at the panel."""
UNSEEN = 60.0
"""Seconds after the page's last sign of life in which it still counts as looking: a closed page says nothing."""
NEWEST, RECEIPTS = 2_000, 5
"""How many jobs are counted, and how many receipts are told."""
_OPEN = {"open": "unfinished", "at work": "at work", "damaged": "damaged"}

_sides: set[SidebarBackend] = set()


def register(ip: Any = None) -> None:
    """Let side panels talk to this kernel; in a shell without a kernel there is nothing to do."""
    targets = _targets(ip)
    if targets is not None and TARGET not in targets.targets:
        targets.register_target(TARGET, _opened)


def unregister(ip: Any = None) -> None:
    """Take it back: panels that are open are told so."""
    targets = _targets(ip)
    if targets is not None and TARGET in targets.targets:
        targets.unregister_target(TARGET, _opened)
    for side in list(_sides):
        side.close(tell=True)


def _targets(ip: Any) -> Any:
    if ip is None:
        ip = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(getattr(ip, "kernel", None), "comm_manager", None)


def _opened(comm: Any, _message: object) -> None:
    shell = sys.modules["IPython"].get_ipython()
    _sides.add(SidebarBackend(comm, shell.user_ns if shell is not None else {}))


class SidebarBackend:
    """One side panel. It is told what to show and can ask for three things: watch, rest and refresh.

    What the service says is read on the client's thread and told from there: the kernel is never kept waiting, and a
    long cell does not keep the panel waiting.

    Parameters
    ----------
    comm : Comm
        The line to the page.
    names : mapping
        The user's variables, where the panel's own line of code finds the client.
    """

    def __init__(self, comm: Any, names: Mapping[str, Any]) -> None:
        self._comm, self._names = comm, names
        self._client: weakref.ref[Client] | None = None  # a panel keeps no client open that nobody holds
        self._following: Subscription | None = None
        self._turn: object = None  # which of the lists that were followed so far still counts
        self._taking: asyncio.Task[None] | None = None
        self._heading: dict[str, Any] = {}
        self._news: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._seen = 0.0
        comm.on_msg(self._heard)
        comm.on_close(lambda _message: self.close())
        self._watch()

    def _heard(self, message: Mapping[str, Any]) -> None:
        """Take what the page says; anything can come from there."""
        try:
            said = message["content"]["data"]
            wanted = said.get("do") if isinstance(said, dict) else None
            intents = {"watch": self._watch, "rest": self._rest, "refresh": self._refresh}
            if not isinstance(wanted, str) or wanted not in intents:
                from jobwidgets.errors import UsageError  # noqa: PLC0415  loaded when it is needed, as all of it

                raise UsageError("the page asked the side panel for something that it does not know")  # noqa: TRY301
            intents[wanted]()
        except Exception as error:  # noqa: BLE001  the guard of this entry: what went wrong is shown in the panel
            self._tell(error=_told(error))

    def _watch(self) -> None:
        """Somebody looks: tell what is known, and see to it that it is read."""
        self._seen = time.monotonic()
        client = _last_client()
        if client is None or self._client is None or self._client() is not client:
            self._drop()
            self._client, self._news = weakref.ref(client) if client is not None else None, {}
        self._heading = _heading(client, self._names) if client is not None else {}
        if self._following is not None:
            self._following.wake()
        elif client is not None:
            self._follow(client)
        self._tell()

    def _follow(self, client: Client) -> None:
        from jobwidgets.live import poller_for  # noqa: PLC0415  as above

        aio, turn = client.aio, object()
        self._turn = turn

        def told(news: ListUpdate) -> None:
            if turn is not self._turn or news.reading:
                return
            if aio.closed:
                self._heading = {}
                self._tell()
            else:
                import asyncio  # noqa: PLC0415  a shell without a kernel has not loaded it, and loading us must stay free

                self._taking = asyncio.get_running_loop().create_task(self._take(news, aio, turn))

        poller = poller_for(client)
        self._following = poller.follow({"limit": NEWEST}, every=EVERY, told=told, watched=lambda: self._watched)

    def _rest(self) -> None:
        self._seen = 0.0

    def _refresh(self) -> None:
        self._watch()
        if self._following is not None:
            self._following.look()

    def _drop(self) -> None:
        self._turn = None
        if self._following is not None:
            self._following.close()
            self._following = None

    @property
    def _watched(self) -> bool:
        return not self._closed and time.monotonic() - self._seen < UNSEEN

    async def _take(self, news: ListUpdate, client: AsyncClient, turn: object) -> None:
        """Say in words what was read, and what was done; on the client's thread."""
        said: dict[str, Any] = {"error": "" if news.error is None else _told(news.error)}
        try:
            if news.frame is not None:
                said |= _counts(news.frame) | {"receipts": _receipts((await client.receipts()).head(RECEIPTS))}
        except Exception as error:  # noqa: BLE001  told in the panel, which goes on showing what was read before
            said["error"] = _told(error)
        if turn is self._turn:
            self._tell(**said)

    def _tell(self, **news: Any) -> None:
        """Send all there is to show; nothing where there is no connection."""
        with self._lock:
            if not self._closed:
                self._news |= news
                self._comm.send(self._heading | self._news if self._heading else {"error": self._news.get("error", "")})

    def close(self, *, tell: bool = False) -> None:
        """Read no more; the page closed the line, or is told that it is closed."""
        with self._lock:
            _sides.discard(self)
            self._drop()
            if tell and not self._closed:
                self._comm.close()
            self._closed = True


def _last_client() -> Client | None:
    """Give the client that was connected last; None where nothing has loaded what connects."""
    rooms = sys.modules.get("jobwidgets.client")
    found: Client | None = rooms.current_client() if rooms is not None else None
    return found


def _heading(client: Client, names: Mapping[str, Any]) -> dict[str, Any]:
    from jobwidgets._internal import sanitize  # noqa: PLC0415  as above

    heading = {"service": sanitize(client.label), "environment": client.environment, "total": "Reading the jobs…"}
    return heading | {"code": _line(client, names)}


def _line(client: Client, names: Mapping[str, Any]) -> str:
    """Write the code that opens the full panel, with the names that the user has for things."""
    named = {id(value): name for name, value in list(names.items()) if name.isidentifier() and name[0] != "_"}
    module = named.get(id(sys.modules["jobwidgets"]))
    held = named.get(id(client)) or f"{module or 'jw'}.current_client()"
    return f"{module}.JobPanel({held})" if module else f"import jobwidgets as jw\n\njw.JobPanel({held})"


def _counts(jobs: pd.DataFrame) -> dict[str, Any]:
    from jobwidgets._internal import sanitize  # noqa: PLC0415  as above
    from jobwidgets.rendering import phrases as words  # noqa: PLC0415  as above

    found = {str(word): int(count) for word, count in jobs.jobs.counts().items()}
    most = max(found.values(), default=1)
    counts = [
        {"status": sanitize(word), "face": words.face(word), "count": words.number(count), "share": count / most}
        for word, count in found.items()
    ]
    total = f"The newest {words.jobs(len(jobs))}" if jobs.attrs["truncated"] else words.jobs(len(jobs))
    return {"total": total, "as_of": jobs.attrs["as_of"], "counts": counts}


def _receipts(frame: pd.DataFrame) -> list[dict[str, str]]:
    from jobwidgets._internal import sanitize  # noqa: PLC0415  as above
    from jobwidgets.rendering import missing, records  # noqa: PLC0415  as above
    from jobwidgets.rendering import phrases as words  # noqa: PLC0415  as above
    from jobwidgets.vocabulary import OUTCOMES  # noqa: PLC0415  as above

    told = []
    for row in records(frame):
        counts = {outcome: int(row[outcome]) for outcome in OUTCOMES if not missing(row[outcome])}
        told.append(
            {
                "op": sanitize(row["op"]),
                "verb": words.VERBS.get(row["kind"], sanitize(row["kind"])),
                "why": "" if missing(row["why"]) else sanitize(row["why"], 80),
                "said": "its journal cannot be read" if row["state"] == "damaged" else words.outcomes(counts),
                "begun": "" if missing(row["begun"]) else row["begun"].isoformat(),
                "state": _OPEN.get(row["state"], ""),
            }
        )
    return told


def _told(error: Exception) -> str:
    from jobwidgets.widgets import told  # noqa: PLC0415  as above

    return told(error)
