"""Reading what was typed: words, `$name`, the lines of a cell, the name after -o."""

from __future__ import annotations

import difflib
import keyword
import re
import shlex
import sys
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.models import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_DOLLAR = re.compile(r"\$([^\W\d]\w*)")


@dataclass(slots=True)
class Targets:
    """The jobs that were named: ids as typed, and frames."""

    ids: list[str] = field(default_factory=list)
    frames: list[pd.DataFrame] = field(default_factory=list)
    lists: bool = False

    def __bool__(self) -> bool:
        return bool(self.ids or self.frames or self.lists)

    @property
    def one(self) -> str | None:
        """The id, when a single one was typed and nothing else was named."""
        return self.ids[0] if len(self.ids) == 1 and not self.frames and not self.lists else None

    def all_ids(self) -> list[str]:
        """List the ids of everything named, each once, in order."""
        found = list(self.ids)
        for frame in self.frames:
            found += list(ids_of(frame))
        return list(dict.fromkeys(found))


def split(line: str) -> tuple[list[str], bool]:
    """Split a line as a shell would; a semicolon at its end asks for no output.

    Returns
    -------
    words : list of str
    silent : bool
    """
    text = line.strip()
    silent = text.endswith(";")
    try:
        return shlex.split(text.removesuffix(";") if silent else text), silent
    except ValueError as error:
        raise UsageError(f"%job: {str(error).lower()}", hint="close the quotes") from None


def expand_variables(words: list[str], names: Mapping[str, Any]) -> list[str]:
    """Put texts, numbers and times in the place of their `$name`; frames and lists keep theirs, for `targets`."""
    before = ["", *words]
    return [_scalar(word, names, number_too=last.startswith("-")) for last, word in zip(before, words, strict=False)]


def _scalar(word: str, names: Mapping[str, Any], *, number_too: bool) -> str:
    if not word.startswith("$"):
        return word
    value = variable(word, names)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Job):
        return value.id
    if not isinstance(value, str) and not (number_too and isinstance(value, int | float)):
        return word  # a number where an id stands is refused by `targets`
    text = str(value)
    if text.startswith("-"):
        raise UsageError(
            f"{word} holds {sanitize(text)!r}, which would be read as an option", hint="write it in the line"
        )
    return text


def variable(word: str, names: Mapping[str, Any]) -> Any:
    """Look up `$name` in the user's namespace, or name the nearest variable."""
    match = _DOLLAR.fullmatch(word)
    if match is None:
        raise UsageError(f"{sanitize(word)!r} is no $name", hint="write $ and the name of a variable, such as $df")
    name = match[1]
    if name not in names:
        near = difflib.get_close_matches(name, [known for known in names if not known.startswith("_")], n=1)
        hint = f"did you mean ${near[0]}?" if near else "make it first: %job list -o " + name
        raise UsageError(f"there is no variable {name}", hint=hint)
    return names[name]


def targets(words: list[str], cell: str | None, names: Mapping[str, Any]) -> Targets:
    """Read ids and `$name`s from the line and, one a line, from the cell."""
    found = Targets()
    for word in [*words, *_cell_words(cell)]:
        if not word.startswith("$"):
            found.ids.append(word)
            continue
        value = variable(word, names)
        if _is_frame(value):
            ids_of(value, word)
            found.frames.append(value)
        elif isinstance(value, str):
            found.ids.append(value)
        elif isinstance(value, Job):
            found.ids.append(value.id)
        else:
            found.lists = True
            found.ids += _texts(value, word)
    found.ids = list(dict.fromkeys(found.ids))
    return found


def _is_frame(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def ids_of(frame: pd.DataFrame, word: str = "the frame") -> list[str]:
    """List the job ids of a frame of jobs, or of tasks."""
    column = next((name for name in ("job_id", "id") if name in frame.columns), None)
    if column is None or frame.attrs.get("kind") == "scheduled_jobs":
        raise UsageError(f"{word} is no frame of jobs", hint="it needs a column id, as %job list gives it")
    return list(dict.fromkeys(_texts(frame[column].dropna(), word)))


def _texts(values: Any, word: str) -> list[str]:
    if isinstance(values, bytes | dict) or not hasattr(values, "__iter__"):
        raise UsageError(
            f"{word} is {_a(type(values).__name__)}, which holds no job ids", hint="give a frame, a list or a text"
        )
    found = list(values)
    for value in found:
        if not isinstance(value, str):
            raise UsageError(
                f"{word} holds {sanitize(repr(value), 40)}, which is no text; ids are never numbers",
                hint='read ids as text: dtype={"id": "string"}',
            )
    return found


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _cell_words(cell: str | None) -> list[str]:
    words = []
    for number, line in enumerate((cell or "").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if len(text.split()) > 1 or text[-1] in ",;":
            raise UsageError(
                f"line {number} of the cell is not one id: {sanitize(text, 60)!r}",
                hint="write one id a line; # starts a comment",
            )
        words.append(text)
    return words


def validate_name(name: str) -> str:
    """Say whether -o can store under this name.

    Raises
    ------
    UsageError
        It is no name of a variable.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        what = "a word of Python itself" if keyword.iskeyword(name) else "no name of a variable"
        raise UsageError(f"-o: {sanitize(name)!r} is {what}", hint="use letters, digits and _, such as -o failed")
    return name
