"""`%job watch`: a table that refreshes itself in a notebook, lines of changes in a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import parse_age, sanitize, sanitize_html
from jobwidgets.errors import UsageError
from jobwidgets.live import looked_at_again, poller_for
from jobwidgets.magics.commands.filters import filters, listed, named
from jobwidgets.magics.session import SilentResult
from jobwidgets.rendering import jobs_html, jobs_text, status_text
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from jobwidgets.magics.session import Session

_SHARED = 1.0
"""Seconds; what a panel or another watch has seen so lately is not asked for."""
_SOONEST = 0.2
"""Seconds between two looks, at least."""


def watch(session: Session, args: argparse.Namespace, cell: str | None) -> SilentResult:
    """Follow jobs until all have ended, or until an interrupt; the jobs go on."""
    pause = max(parse_age(args.every).total_seconds(), _SOONEST)
    frame = session.memory.take(_first(session, args, cell))
    screen: _Notebook | _Terminal = _Notebook() if session.live() else _Terminal(session)
    try:
        while not _ended(frame):
            screen.show(frame, f"Watching, every {args.every}. Interrupt to stop watching; the jobs go on.")
            time.sleep(pause)
            frame = session.memory.take(_looked_at_again(session, frame))
    except KeyboardInterrupt:
        screen.show(frame, "The watching has ended; the jobs go on.")
    else:
        screen.show(frame, "All have ended." if len(frame) else "There is nothing to watch.")
    return SilentResult(frame)


def _first(session: Session, args: argparse.Namespace, cell: str | None) -> pd.DataFrame:
    found, asked = session.targets(args, cell), filters(args)
    if found and (asked or args.where):
        raise UsageError("jobs are named, and also a filter", hint="give jobs, or filters, not both")
    if not found and not asked and args.where is None and args.limit is None:
        raise UsageError("%job watch: no job is named", hint="%job watch $df, or a filter such as --status running")
    return named(session, found) if found else listed(session, args, limit=args.limit)


def _looked_at_again(session: Session, frame: pd.DataFrame) -> pd.DataFrame:
    client = session.client()
    known = poller_for(client).known
    return client.run(looked_at_again(client.reader, known, frame, fresh=_SHARED))


def _ended(frame: pd.DataFrame) -> bool:
    return bool(frame["status"].astype("string").isin(TERMINAL).all())


class _Picture:
    """A frame as it was at one look, with a remark below."""

    def __init__(self, frame: pd.DataFrame, remark: str) -> None:
        self._html = f"{jobs_html(frame)}<div>{sanitize_html(remark)}</div>"
        self._text = f"{jobs_text(frame)}\n{remark}"

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


class _Notebook:
    """One display, updated in place."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle  # noqa: PLC0415  only where there is a notebook

        self._handle: Any = DisplayHandle()  # IPython has no types
        self._first = True

    def show(self, frame: pd.DataFrame, remark: str) -> None:
        """Show the frame in the place of what was shown before."""
        picture, first = _Picture(frame, remark), self._first
        self._first = False  # an interrupt from here on must not make a second display
        if first:
            self._handle.display(picture)
        else:
            self._handle.update(picture)


class _Terminal:
    """The table once, then a line for every change."""

    def __init__(self, session: Session) -> None:
        self._say = session.say
        self._before: dict[str, str] | None = None
        self._remark = ""

    def show(self, frame: pd.DataFrame, remark: str) -> None:
        """Print what has changed since the last time."""
        now = dict(zip(frame["id"], frame["status"].astype("string"), strict=True))
        if self._before is None:
            self._say(jobs_text(frame))
        else:
            names = dict(zip(frame["id"], frame["name"], strict=True))
            at = str(frame.attrs.get("as_of", ""))[11:19]
            for job_id, status in now.items():
                if self._before.get(job_id) != status:
                    change = f"{status_text(self._before.get(job_id, ''))} → {status_text(status)}"
                    self._say(f"{at}  {sanitize(job_id)}  {change}  {sanitize(names[job_id], 60)}")
        if remark != self._remark:
            self._say(remark)
        self._before, self._remark = now, remark
