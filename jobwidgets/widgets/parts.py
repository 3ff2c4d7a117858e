"""The small parts that ipywidgets has no match for: lines of plain text, and toggles with counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from jobwidgets._internal import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_HERE = Path(__file__).parent / "static"
Line = tuple[str, str]
"""A kind ("title", "text", "dim", "badge", "alarm", "warn", "code", "count") and what is said."""


def source(*names: str) -> str:
    """Read a script or a style of the panel; several become one.

    A widget is given the text and not the path: a path is watched for changes, and the watch would hold every widget
    of the class for as long as the kernel runs.
    """
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


class Note(anywidget.AnyWidget):
    """Lines of text that are shown as text: a name from the service is never markup, nor mathematics.

    Parameters
    ----------
    tone : str
        How it looks.
    role : str
        How it is read out: "status" politely, "alert" at once, "timer" not by itself.
    focus : bool
        Whether it takes the keyboard when it comes.
    target : str
        The class of the control that takes it instead.
    """

    _esm = source("note.js")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, *, tone: str = "plain", role: str = "", focus: bool = False, target: str = "") -> None:
        self._told: dict[str, Any] = {"lines": [], "tone": tone, "role": role, "focus": int(focus), "target": target}
        super().__init__(state=self._told)

    def say(self, *lines: Line, tone: str = "") -> None:
        """Show these lines instead; empty ones are left out, and no line at all hides the note."""
        told = [{"kind": kind, "text": sanitize(text, 1_000)} for kind, text in lines if text]
        self._tell(lines=told, tone=tone or self._told["tone"])
        self.layout.display = None if told else "none"

    def focus(self) -> None:
        """Put the keyboard here, or on what is named by `target`, unless the person types somewhere else."""
        self._tell(focus=self._told["focus"] + 1)

    def _tell(self, **news: Any) -> None:
        self._told = {**self._told, **news}
        if self.state != self._told:  # also when a page wrote something there
            self.state = self._told


class Chips(anywidget.AnyWidget):
    """Toggles with a count each. What is on is the kernel's to say; the browser only tells which was pressed."""

    _esm = source("chips.js")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, label: str, pressed: Callable[[object], None]) -> None:
        self._label, self._pressed = label, pressed
        super().__init__(state={"label": label, "chips": []})
        self.on_msg(self._receive)

    def show(self, chips: Sequence[dict[str, Any]]) -> None:
        """Show these toggles, each with `key`, `word`, `count`, `face`, `hint`, `on`."""
        state = {"label": self._label, "chips": list(chips)}
        if state != self.state:
            self.state = state

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Pass on what was pressed, whatever it is: the guard is around what is called."""
        self._pressed(content.get("key") if isinstance(content, dict) else None)


def chip(key: str, word: str, count: str, *, on: bool, face: str = "", hint: str = "") -> dict[str, Any]:
    """Describe one toggle."""
    return {
        "key": key,
        "word": sanitize(word, 40),
        "count": count,
        "face": face,
        "hint": sanitize(hint),
        "on": on,
    }


def texts(kind: str, lines: Iterable[str]) -> list[Line]:
    """Give several lines one kind."""
    return [(kind, line) for line in lines]


def dispose(widget: Any) -> None:
    """Close a widget with all that is below it, its layout and style included, which ipywidgets would keep."""
    for child in getattr(widget, "children", ()):
        dispose(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None)):
        if part is not None:
            part.close()
    widget.close()
