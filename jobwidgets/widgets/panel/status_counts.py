"""The strip of counts: how many jobs there are in each status, how that went, and which are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.parts import Chips, chip, source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from jobwidgets.live import History, Trend

SHOWN_AFTER = 30.0
"""Seconds; before, a trend says nothing yet."""
HOW = "A click shows only these; with Shift or Ctrl it adds them"


class Counts(Chips):
    """A toggle for each status, with its count and a line of how that went.

    Parameters
    ----------
    label : str
        What it is called for those who hear it read.
    pressed : callable
        What is called with the status that was pressed, and whether others stay; both as the page tells them.
    """

    _css = source("counts.css")

    def __init__(self, label: str, pressed: Callable[[object, object], None]) -> None:
        self._more: object = False
        super().__init__(label, lambda key: pressed(key, self._more))

    def draw(
        self,
        counts: Mapping[str, int],
        chosen: Collection[str],
        history: History | None,
        *,
        growing: bool = False,
    ) -> None:
        """Show these counts; `growing` says that the list is still being read, and they only begin."""
        chips = []
        for status, count in counts.items():
            if count or status in chosen:
                trend = history.trend(status) if history is not None else None
                said = _said(status, count, trend, growing=growing)
                text = words.number(count) + ("+" if growing else "")
                made = chip(status, status, text, on=status in chosen, face=words.face(status), hint=f"{said}. {HOW}")
                line = trend.points if trend is not None and trend.seconds >= SHOWN_AFTER else ()
                chips.append({**made, "line": list(line)})
        self.show(chips)

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:
        self._more = content.get("more") if isinstance(content, dict) else False
        super()._receive(widget, content, buffers)


def _said(status: str, count: int, trend: Trend | None, *, growing: bool) -> str:
    """Say it as people would: "312 pending, up 12 in 5 min"."""
    how_many = f"{words.number(count)} {status}"
    if growing:
        return f"{how_many} so far, and counting"
    if trend is None or trend.seconds < SHOWN_AFTER:
        return how_many
    ago = f"{trend.seconds:.0f} s" if trend.seconds < 60 else f"{trend.seconds / 60:.0f} min"  # noqa: PLR2004  a minute
    if not trend.rise:
        return f"{how_many}, as many as {ago} ago"
    return f"{how_many}, {'up' if trend.rise > 0 else 'down'} {words.number(abs(trend.rise))} in {ago}"
