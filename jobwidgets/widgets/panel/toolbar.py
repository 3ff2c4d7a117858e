"""Above the table: where the jobs are and when they were read, what an earlier kernel left, and the filters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.live import SLOWEST, SOONEST
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import STATUSES
from jobwidgets.widgets.panel.controller import Stage
from jobwidgets.widgets.panel.countdown_view import button, row
from jobwidgets.widgets.panel.status_counts import Counts
from jobwidgets.widgets.parts import Chips, Note, chip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from jobwidgets.client import Client
    from jobwidgets.widgets.panel.controller import Controller
    from jobwidgets.widgets.panel.unfinished import Unfinished
    from jobwidgets.widgets.table.widget import JobTable


class Top:
    """The head of a panel, and its filters.

    Parameters
    ----------
    client : Client
        Whose jobs they are.
    refresh, live_pressed, chip_pressed : callable
        What is called when a control is used; the last two with the key that the page tells, and a status with whether
        the others stay.
    """

    def __init__(
        self,
        client: Client,
        *,
        refresh: Callable[[], None],
        live_pressed: Callable[[object], None],
        chip_pressed: Callable[[object, object], None],
    ) -> None:
        self.label, self._environment = client.label, client.environment
        self.title = Note(tone="head")
        self.live = Chips("Updates", live_pressed)
        self.chips = Counts("Filter by status", chip_pressed)
        self.search = ipywidgets.Text(placeholder="Search name, id, engine", _dom_classes=("jw-search",))
        self._again = button("Refresh", refresh, style="second", hint="Read the list again", icon="refresh")
        self.head = row(self.title, row(self.live, self._again, style="jw-acts"), style="jw-top")
        self.filters = row(self.chips, self.search, style="jw-filters")

    def draw(self, work: Controller, table: JobTable) -> None:
        """Show what the list holds."""
        frame, news = work.frame, work.news
        counting = news.counting if news is not None and frame is None else None
        self.title.say(
            ("title", f"Jobs at {self.label}"),
            ("alarm" if self._environment == "production" else "badge", self._environment),
            ("dim", _state(frame, counting, busy=work.busy)),
            ("warn", _short_of(frame)),
        )
        self._again.disabled = work.busy
        self.live.show([chip("live", "Live", "", on=work.live, face="live", hint=_rhythm(work.every))])
        counts = by_status(frame) if frame is not None else _in_order(counting or {})
        history = news.history if news is not None else None
        self.chips.draw(counts, table.rule.statuses, history, growing=frame is None)


def _state(frame: pd.DataFrame | None, counting: Mapping[str, int] | None, *, busy: bool) -> str:
    """Say how many there are, or, while the first list is read, how many were read so far: there is no total."""
    if frame is not None:
        return f"{words.jobs(len(frame))} {as_of(frame)}"
    read = sum((counting or {}).values())
    if not busy:
        return "the list could not be read"
    return f"{words.number(read)} and counting…" if read else "reading the list…"


def _short_of(frame: pd.DataFrame | None) -> str:
    if frame is None or not frame.attrs.get("truncated"):
        return ""
    return f"only the first {words.number(len(frame))}; there are more"


def _rhythm(every: float | None) -> str:
    if every is None:
        return "This panel looks only when asked to"
    least, most = max(every, SOONEST), max(every, SLOWEST)
    return f"Looks again every {least:g} to {most:g} s while in view, the oftener the more changes"


def _in_order(counts: Mapping[str, int]) -> dict[str, int]:
    order = [*STATUSES, *(word for word in counts if word not in STATUSES)]
    return {status: counts[status] for status in order if status in counts}


class Earlier:
    """One quiet line about operations that were left unfinished.

    Parameters
    ----------
    show, hide : callable
        What is called when a button is pressed; `show` with the operation that the line names.
    """

    def __init__(self, *, show: Callable[[str], None], hide: Callable[[], None]) -> None:
        self._op = ""
        self._note = Note(tone="quiet", role="status")
        self._show = button("Show", lambda: show(self._op), style="quiet", hint="Show what became of its jobs")
        away = button("Not now", hide, style="quiet", hint="Take this line away; nothing is changed")
        self.box = row(self._note, row(self._show, away, style="jw-acts"), style="jw-earlier")
        self.box.layout.display = "none"

    def draw(self, unfinished: Unfinished, stage: Stage) -> None:
        """Show what is left, while nothing else is being done."""
        line, newest = unfinished.line, unfinished.newest
        self._op = newest.op if newest is not None else ""
        self._show.layout.display = None if newest is not None else "none"
        self._note.say(("text", line))
        self.box.layout.display = None if line and stage is Stage.LIST else "none"


def by_status(frame: pd.DataFrame) -> dict[str, int]:
    """Count jobs by their status."""
    return {str(status): int(count) for status, count in frame["status"].value_counts(sort=False).items()}


def as_of(frame: pd.DataFrame) -> str:
    """Say when a frame was read."""
    moment = frame.attrs.get("as_of")
    return f"as of {datetime.fromisoformat(moment):%H:%M:%S} UTC" if isinstance(moment, str) else ""
