"""What every parser of `%job` is made of: it neither exits nor prints, and its types name the nearest right word."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.vocabulary import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jobwidgets.magics.verbs import Verb


class HelpAsked(Exception):  # noqa: N818  not an error: it carries the help text out of argparse
    """Raised by -h and --help."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What completion has for an argument: fixed words, or a kind of thing to look up."""

    words: tuple[str, ...] = ()
    kind: str = ""


class Parser(argparse.ArgumentParser):
    """argparse for a notebook."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(
            prog=f"%job {verb.name}",
            usage=f"%%job {verb.name} {verb.usage}".rstrip(),  # argparse formats it with %
            description=verb.summary[0].upper() + verb.summary[1:] + ("." if not verb.more else f".\n{verb.more}"),
            epilog="examples:\n" + "\n".join(f"  {line}" for line in verb.examples) if verb.examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.offers: dict[str, Offer] = {}
        self.color = False  # Python 3.14 colours help for terminals; a cell is none

    def error(self, message: str) -> NoReturn:
        """Raise our error with the usage, instead of leaving the process."""
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        verb = self.prog.removeprefix("%job ")
        raise UsageError(f"{self.prog}: {message.removeprefix('argument ')}", hint=f"{usage}; see %job help {verb}")

    def print_help(self, file: Any = None) -> None:
        """Hand the text to the caller, who shows it."""
        del file
        raise HelpAsked(self.format_help())

    def take(self, *names: str, words: tuple[str, ...] = (), kind: str = "", group: Any = None, **how: Any) -> None:
        """Add an argument, and remember what may be offered for it: fixed words, or a kind of thing."""
        action = (group or self).add_argument(*names, **how)
        self.offers[action.dest] = Offer(words, kind)

    def options(self) -> list[str]:
        """List every spelling of every option."""
        return [spelling for action in self._actions for spelling in action.option_strings]


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word is meant, if one is near."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def one_of(what: str, words: tuple[str, ...]) -> Callable[[str], str]:
    """Take one of these words, or name the nearest."""

    def read_word(word: str) -> str:
        if word not in words:
            near = nearest(word, words) or f"; there are {', '.join(words)}"
            raise argparse.ArgumentTypeError(f"no {what} {sanitize(word)!r}{near}")
        return word

    return read_word


def text(word: str) -> str:
    """Take a text, but no `$name` that holds none."""
    if word.startswith("$"):
        raise argparse.ArgumentTypeError(f"{sanitize(word)} holds no text, and this option takes one")
    return word


def count(word: str) -> int:
    """Take a number above 0."""
    try:
        number = int(word.replace("_", "").replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{sanitize(word)!r} is no number above 0")
    return number


def statuses(words: str) -> list[str]:
    """Take statuses with commas between them."""
    return [one_of("status", STATUSES)(word) for word in words.split(",") if word]


def flat(values: list[list[str]] | None) -> list[str] | None:
    """Join what `--status a,b --status c` gave."""
    return None if values is None else [word for words in values for word in words]


def share(word: str) -> float:
    """Take a share: 0.2, or 20%."""
    try:
        number = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{sanitize(word)!r} is no share, such as 0.2 or 20%")
    return number
