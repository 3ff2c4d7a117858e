"""YAML as plans are written in it: flat and bounded, and every text reads back exactly as it was and hides nothing."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import yaml

from jobwidgets.errors import UsageError

DEPTH = 4
"""How deep a plan goes: the plan, its targets, one of these, and one to spare."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MAY_STAND = frozenset("\n\t\ufeff\u200c\u200d")  # what editors show or put in, and what letters of some scripts need
_ESCAPES = ((2, "x"), (4, "u"), (8, "U"))
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_TAG = "tag:yaml.org,2002:"
_AS_WRITTEN = frozenset({f"{_TAG}str", f"{_TAG}timestamp"})
_NONE_YET = object()


def quoted(text: str) -> str:
    r"""Write a text so that it reads back as it is; what an editor would not show is written as an escape.

    A bidirectional override becomes `\u202e`, so a reader sees that it is there and nothing around it is turned.
    """
    return '"' + "".join(_char(char) for char in text) + '"'


def _char(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    category = unicodedata.category(char)
    if category == "Cs":
        return "\\ufffd"  # half a character can be written in no file
    if category not in _HIDDEN:
        return char
    code = ord(char)
    digits, letter = next((digits, letter) for digits, letter in _ESCAPES if code < 16**digits)
    return f"\\{letter}{code:0{digits}x}"


def tree_of(text: str) -> tuple[Any, dict[str, list[int]]]:
    """Read a text as dicts, lists, texts, whole numbers, booleans and None.

    Whatever lets a text mean something else than a reader sees is refused: references, tags, a key that comes twice,
    hidden characters, a second document.

    Returns
    -------
    tuple
        What is in it, and of each of its lists the lines on which the items begin.

    Raises
    ------
    UsageError
        It is no YAML, or more than that.
    """
    _nothing_hidden(text)
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            tree = _Tree(loader)
            while loader.check_event():
                tree.take(loader.get_event())
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        said = str(getattr(error, "problem", None) or "it is no text")
        raise UsageError(f"{where}{said}", hint="mend the line, or save the plan again") from None
    if tree.root is _NONE_YET:
        raise UsageError("it is empty", hint="save the plan again")
    return tree.root, tree.lines


def _nothing_hidden(text: str) -> None:
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line.isascii() and line.isprintable():
            continue
        for char in line:
            if unicodedata.category(char) in _HIDDEN and char not in _MAY_STAND:
                raise UsageError(
                    f"line {number} holds a character that editors do not show: {_char(char)}",
                    hint="take it out, or write it as an escape in double quotes",
                )


class _Tree:
    """Builds a tree out of the events of a parser, with a stack of its own: no file is too deep for it."""

    def __init__(self, loader: Any) -> None:
        self.root: Any = _NONE_YET
        self.lines: dict[str, list[int]] = {}
        self._loader = loader
        self._stack: list[tuple[Any, list[Any]]] = []  # what is being filled; of a dict also the key that waits

    def take(self, event: Any) -> None:
        """Take the next event in."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise UsageError(f"line {line}: a plan has no references and no tags", hint="write it out")
        if isinstance(event, yaml.ScalarEvent):
            self._put(self._value(event), line)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._stack) == DEPTH:
                raise UsageError(f"line {line}: a plan is not that deep", hint="save the plan again")
            made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(made, line)
            self._stack.append((made, [_NONE_YET]))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()

    def _value(self, event: Any) -> Any:
        if not event.implicit[0]:
            return event.value  # it stands in quotes
        tag = self._loader.resolve(yaml.ScalarNode, event.value, (True, False))
        if tag in _AS_WRITTEN:
            return event.value
        if tag == f"{_TAG}null":
            return None
        if tag == f"{_TAG}bool":
            return event.value.lower() in ("true", "yes", "on")
        if tag == f"{_TAG}int" and _WHOLE.fullmatch(event.value):
            return int(event.value)
        return float("nan")  # some other kind of number, of which a plan has none

    def _put(self, value: Any, line: int) -> None:
        if not self._stack:
            if self.root is not _NONE_YET:
                raise UsageError(f"line {line}: one file holds one plan", hint="take the others out")
            self.root = value
            return
        within, waiting = self._stack[-1]
        if isinstance(within, list):
            within.append(value)
            if len(self._stack) == 2 and isinstance(self.root, dict):  # noqa: PLR2004  the plan, and a list in it
                self.lines[list(self.root)[-1]].append(line)
        elif waiting[0] is not _NONE_YET:
            if len(self._stack) == 1:
                self.lines[waiting[0]] = []
            within[waiting[0]], waiting[0] = value, _NONE_YET
        elif not isinstance(value, str):
            raise UsageError(f"line {line}: the name of a field is a text", hint="save the plan again")
        elif value in within:
            raise UsageError(f"line {line}: {value!r} comes twice", hint="take one of them out")
        else:
            waiting[0] = value
