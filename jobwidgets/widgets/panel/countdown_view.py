"""Below the table, before anything is sent: the countdown, and the parts that all zones are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from jobwidgets.rendering import phrases as words
from jobwidgets.widgets.parts import Note

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobwidgets.widgets.panel.controller import Controller
    from jobwidgets.widgets.panel.operation_runner import Act


def button(
    name: str, pressed: Callable[[], None], *, style: str = "", hint: str = "", icon: str = ""
) -> ipywidgets.Button:
    """Make a button."""
    looks = ("jw-button", f"jw-{style}") if style else ("jw-button",)  # from the start: one message less for each
    made = ipywidgets.Button(description=name, tooltip=hint or name, icon=icon, _dom_classes=looks)
    made.on_click(lambda _: pressed())
    return made


def row(*children: ipywidgets.Widget, style: str) -> ipywidgets.Box:
    """Put parts side by side."""
    return ipywidgets.Box(children, _dom_classes=(style,))


def zone(*children: ipywidgets.Widget) -> ipywidgets.VBox:
    """Put parts below each other, in the place of the bulk bar."""
    return ipywidgets.VBox(children, _dom_classes=("jw-zone",))


class Grace:
    """The countdown before many are sent: nothing has left, and one key press goes back.

    Undo stands where the button stood that brought this, so that a second click or key press undoes.
    """

    def __init__(self, act: Act, *, environment: str, undo: Callable[[str], None], now: Callable[[str], None]) -> None:
        self._count = Note(tone="count", role="timer")
        note = Note(tone="plan", role="status", focus=True, target="jw-undo")
        note.say(
            ("title", f"{words.DOING[act.what]} {words.jobs(act.count)}{words.where(environment)} in a moment"),
            ("text", f"Nothing{' more' * (not act.carries_out)} has been sent yet. Undo goes back, and sends nothing."),
        )
        start = button("Start now", lambda: now(act.op), style="quiet", hint="Do not wait for the countdown")
        back = button("Undo", lambda: undo(act.op), style="first", hint="Go back; nothing has been sent")
        back.add_class("jw-undo")
        left = row(self._count, note, style="jw-counting")
        self.box = zone(row(left, row(start, back, style="jw-acts"), style="jw-bulk"))

    def draw(self, work: Controller) -> None:
        """Show the number."""
        self._count.say(("count", str(work.left)))
