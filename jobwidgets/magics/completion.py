"""Completion of `%job`: verbs, options, statuses, engines, and the ids that a verb can act on; no request is made."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from jobwidgets.errors import SettingsError
from jobwidgets.magics.completion_cache import Seen, frames_in, seen_in
from jobwidgets.magics.parsing.parsers import parser_of
from jobwidgets.magics.verbs import VERBS
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    import pandas as pd

    from jobwidgets.magics.parsing.argparse_ext import Parser
    from jobwidgets.magics.session import Session

_MOST = 200
_FILES = 20
_HEAD = re.compile(r"\s*(?:[^\W\d]\w*\s*=\s*)?%{1,2}job(?=\s)")
"""`%job`, `%%job`, or `name = %job`."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands before the cursor: whole words, the beginning of one, and the quote it opens with."""

    words: list[str]
    begun: str
    quote: str
    fragment: str


def complete(session: Session, text: str, line: int, column: int) -> Any:
    """Say what may stand at the cursor, in the form that IPython's matchers give."""
    lines = text.split("\n")
    before = lines[line][:column]
    typed = _typed(before)
    if typed is None:
        typed = _typed_in_cell(lines, line, before)
    if typed is None:
        return {"completions": []}
    if session.here is not None:
        session.memory.turn_to(session.here.service_url)
    found = dict(_offers(session, typed))
    completions = [SimpleCompletion(text=_quoted(word, typed), type=kind) for word, kind in list(found.items())[:_MOST]]
    return {"completions": completions, "matched_fragment": typed.fragment, "suppress": True, "ordered": True}


def _typed(before: str) -> Typed | None:
    head = _HEAD.match(before)
    if head is None:
        return None
    rest = before[head.end() :]
    start, quote = _begun_at(rest)
    try:
        words = shlex.split(rest[:start])
    except ValueError:
        return None
    fragment = rest[start:]
    begun = fragment.removeprefix(quote) if quote else fragment
    return Typed(words, begun, quote, fragment)


def _begun_at(rest: str) -> tuple[int, str]:
    """Say where the last word begins, and which quote is still open there."""
    start, quote = 0, ""
    for place, char in enumerate(rest):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            start = place + 1
    return start, quote


def _typed_in_cell(lines: list[str], line: int, before: str) -> Typed | None:
    """Read an id being written in the body of a `%%job` cell as if it stood in the first line."""
    if line == 0 or not lines[0].lstrip().startswith("%%job"):
        return None
    first = _typed(lines[0] + " ")
    return (
        None if first is None or not first.words else Typed([first.words[0], "--"], before.strip(), "", before.strip())
    )


def _quoted(word: str, typed: Typed) -> str:
    if typed.quote:
        return typed.quote + word + typed.quote
    return shlex.quote(word) if re.search(r"[\s'\"\\;]", word) else word


def _offers(session: Session, typed: Typed) -> Iterator[tuple[str, str]]:
    if not typed.words:
        yield from _starting(((verb, "verb") for verb in VERBS), typed.begun)
        return
    if typed.words[0] not in VERBS:
        return
    parser = parser_of(typed.words[0])
    pending, place = _standing(parser, typed.words[1:])
    if pending is not None:
        yield from _starting(_of(session, parser, pending, typed), typed.begun)
        if pending.nargs != "+" or typed.words[-1] in pending.option_strings:
            return
    if place is not None and not typed.begun.startswith("-"):
        yield from _starting(_of(session, parser, place, typed), typed.begun)
    if "--" not in typed.words and (typed.begun.startswith("-") or not typed.begun):
        used = {spelling for word in typed.words for spelling in _spellings(parser, word)}
        shown = [
            option
            for option in parser.options()
            if option.startswith("--") and option not in used and option != "--help"
        ]
        yield from _starting(((option, "option") for option in shown), typed.begun)


def _spellings(parser: Parser, word: str) -> list[str]:
    action = parser._option_string_actions.get(word)  # noqa: SLF001  argparse has no public way to ask for one
    return list(action.option_strings) if action is not None else []


def _standing(parser: Parser, words: list[str]) -> tuple[argparse.Action | None, argparse.Action | None]:
    """Say which option awaits a value at the cursor, and which argument without a name may stand there."""
    pending: argparse.Action | None = None
    free = 0
    for word in words:
        action = parser._option_string_actions.get(word)  # noqa: SLF001  as above
        if action is not None:
            pending = None if action.nargs == 0 else action
        elif pending is None:
            free += word != "--"
        elif pending.nargs != "+":
            pending = None
    places = [action for action in parser._actions if not action.option_strings]  # noqa: SLF001  as above
    if not places or (free >= len(places) and places[-1].nargs != "*"):
        return pending, None
    return pending, places[min(free, len(places) - 1)]


def _of(session: Session, parser: Parser, action: argparse.Action, typed: Typed) -> Iterator[tuple[str, str]]:
    """Say what may stand for one argument."""
    offer = parser.offers.get(action.dest)
    if offer is None:
        return
    yield from ((word, "value") for word in offer.words if word not in typed.words)
    kind = offer.kind
    if kind == "planned":
        kind = next((word for word in typed.words[1:] if word in {"cancel", "retry"}), "any")
    if kind in {"any", "open", "cancel", "retry"}:
        yield from (
            (job_id, f"job {seen.status}")
            for job_id, seen in _jobs(session, kind, typed.begun)
            if job_id not in typed.words
        )
        yield from ((f"${name}", "frame") for name in _frames(session))
    elif kind == "engine":
        yield from ((name, "engine") for name in session.memory.engines)
    elif kind == "plan":
        yield from ((op, "plan") for op in reversed(session.plans))
        yield from ((path.name, "file") for path in sorted(Path().glob("*.y*ml"))[:_FILES])
    elif kind == "receipt":
        yield from ((op, "receipt") for op in _begun(session))
    elif kind == "schedule":
        yield from (
            (job_id, "schedule")
            for job_id, active in session.memory.schedules.items()
            if active or typed.words[0] != "scheduled"
        )


def _begun(session: Session) -> list[str]:
    """Name what was begun, the newest first, by the names in the state directory alone."""
    if session.here is None:
        return []
    from jobwidgets.bulk import operations  # noqa: PLC0415  only once there is a client

    with contextlib.suppress(SettingsError):  # it cannot be read: the verb itself says so
        return operations()
    return []


def _jobs(session: Session, kind: str, begun: str) -> Iterator[tuple[str, Seen]]:
    """Walk the ids that a verb can act on: those in the user's frames as well as those last listed, which are newer."""
    able: Callable[[Seen], bool] = {
        "any": lambda _seen: True,
        "open": lambda seen: seen.status not in TERMINAL,
        "cancel": lambda seen: seen.can_cancel,
        "retry": lambda seen: seen.can_retry,
    }[kind]
    found = dict(session.memory.jobs)
    for frame in _frames(session).values():
        if "id" in frame.columns:
            near = frame["id"].astype("string").str.startswith(begun).fillna(value=False).astype(bool)
            for job_id, seen in seen_in(frame[near].head(_MOST)):
                found.setdefault(job_id, seen)
    yield from ((job_id, seen) for job_id, seen in found.items() if able(seen))


def _frames(session: Session) -> dict[str, pd.DataFrame]:
    here = session.here
    return {} if here is None else frames_in(session.names, here.service_url)


def _starting(offers: Iterator[tuple[str, str]], begun: str) -> Iterator[tuple[str, str]]:
    folded = begun.casefold()
    return ((word, kind) for word, kind in offers if word.casefold().startswith(folded))
