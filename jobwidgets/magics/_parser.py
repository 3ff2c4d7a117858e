"""One argparse parser a verb: neither exits nor prints, names the nearest right word, and never takes a token."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from jobwidgets._errors import UsageError
from jobwidgets._model import STATUSES
from jobwidgets._text import safe
from jobwidgets.magics._verbs import VERBS, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SECRETS = frozenset(("token", "password", "key", "api-key", "apikey", "secret"))
APIS = ("graphql", "rest")
PLANS = ("cancel", "retry")


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


def read(verb: str, words: list[str]) -> argparse.Namespace:
    """Read the words after a verb.

    Raises
    ------
    UsageError
        A word is wrong; the nearest right one is named. Nothing was sent.
    HelpAsked
        With the help text.
    """
    parser = parser_of(verb)
    for word in words:
        if word.startswith("--") and word.strip("-").partition("=")[0] in _SECRETS:
            parser.error(
                "no option takes a secret, since a notebook keeps every line: it is asked for, or set AIWARE_TOKEN"
            )
    found, rest = parser.parse_known_intermixed_args(words)
    for word in rest:
        if word.startswith("-") and word != "-":
            parser.error(f"no option {safe(word)}{nearest(word.partition('=')[0], parser.options())}")
        parser.error(f"{safe(word)!r} is one word too many (quote what belongs together)")
    return found


def verb_named(word: str) -> Verb:
    """Find a verb, or name the nearest one."""
    if word not in VERBS:
        raise UsageError(f"%job: no verb {safe(word)!r}{nearest(word, VERBS)}", hint="%job help lists the verbs")
    return VERBS[word]


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word is meant, if one is near."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _one_of(what: str, words: tuple[str, ...]) -> Callable[[str], str]:
    def read_word(text: str) -> str:
        if text not in words:
            near = nearest(text, words) or f"; there are {', '.join(words)}"
            raise argparse.ArgumentTypeError(f"no {what} {safe(text)!r}{near}")
        return text

    return read_word


def _text(word: str) -> str:
    if word.startswith("$"):
        raise argparse.ArgumentTypeError(f"{safe(word)} holds no text, and this option takes one")
    return word


def _count(text: str) -> int:
    try:
        number = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is no number above 0")
    return number


def _statuses(text: str) -> list[str]:
    return [_one_of("status", STATUSES)(word) for word in text.split(",") if word]


def flat(values: list[list[str]] | None) -> list[str] | None:
    """Join what `--status a,b --status c` gave."""
    return None if values is None else [word for words in values for word in words]


def _filters(parser: Parser, *, limit: str) -> None:
    group = _panel_filters(parser, limit=limit)
    parser.take("--target", group=group, type=_text, metavar="ID", help="the object that the jobs work on")
    parser.take(
        "--scheduled-job", group=group, kind="schedule", type=_text, metavar="ID", help="launched by this schedule"
    )
    parser.take(
        "--where", group=group, type=_text, metavar="QUERY", help="a query over the columns: \"queued_for > '1h'\""
    )


def _panel_filters(parser: Parser, *, limit: str) -> Any:
    group = parser.add_argument_group("filters")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "type": _statuses, "metavar": "STATUS"}
    statuses = f"one or more of {', '.join(STATUSES)}"
    parser.take("--status", group=group, words=STATUSES, help=statuses, **several)
    when = 'an age ("2d", "90min"), a date or a time'
    parser.take("--since", group=group, type=_text, metavar="WHEN", help=f"created since: {when}")
    parser.take("--until", group=group, type=_text, metavar="WHEN", help=f"created until: {when}")
    engine = "an id of an engine, or a part of its name"
    parser.take("--engine", group=group, kind="engine", type=_text, metavar="ENGINE", help=engine)
    parser.take("--limit", group=group, type=_count, metavar="N", help=limit)
    return group


def _out(parser: Parser, what: str = "the frame") -> None:
    parser.take("-o", "--out", kind="variable", type=_text, metavar="NAME", help=f"put {what} in this variable")


def _api(parser: Parser) -> None:
    parser.take(
        "--api",
        words=APIS,
        type=_one_of("API", APIS),
        default="graphql",
        metavar="API",
        help="graphql (default) or rest",
    )


def _ids(parser: Parser, kind: str) -> None:
    parser.take("ids", kind=kind, nargs="*", metavar="ID", help="ids, or $name: a frame, a list or a text")


def _build_connect(parser: Parser) -> None:
    parser.take("url", nargs="?", type=_text, metavar="URL", help="the GraphQL endpoint")
    parser.take("--rest-url", type=_text, metavar="URL", help="the base of AI Processing")
    parser.take("--profile", type=_text, metavar="NAME", help="a profile of the settings file")
    parser.take("--user", type=_text, metavar="NAME", help="log in with a user name; the password is asked for")


def _build_demo(parser: Parser) -> None:
    parser.take("--jobs", type=_count, metavar="N", help="how many jobs its history holds (2000)")
    parser.take("--seed", type=int, metavar="S", help="the same seed gives the same history (0)")
    parser.take("--speed", type=float, metavar="X", help="seconds of the service's time in one of ours (60)")


def _build_list(parser: Parser) -> None:
    _filters(parser, limit="the most jobs to list, the newest first")
    _api(parser)
    _out(parser)


def _build_show(parser: Parser) -> None:
    parser.take("id", kind="any", type=_text, metavar="ID", help="the job")
    _out(parser, "the job")


def _build_status(parser: Parser) -> None:
    _ids(parser, "any")
    _api(parser)
    _out(parser)


def _build_tasks(parser: Parser) -> None:
    _ids(parser, "any")
    _out(parser)


def _build_watch(parser: Parser) -> None:
    _ids(parser, "open")
    _filters(parser, limit="the most jobs to watch, the newest first")
    parser.take("--every", type=_text, default="5s", metavar="AGE", help="how often to look (5s)")
    _out(parser, "the last state")


def _build_wait(parser: Parser) -> None:
    _ids(parser, "open")
    parser.take("--timeout", type=_text, default="10min", metavar="AGE", help="how long at most (10min)")
    _out(parser)


def _build_bulk(parser: Parser, kind: str) -> None:
    _ids(parser, kind)
    _filters(parser, limit="needed above 500: the most jobs that may be sent")
    parser.take("--reason", type=_text, default="", metavar="TEXT", help="kept in the receipt")
    _out(parser, "the plan or the receipt")


def _build_act(parser: Parser, kind: str) -> None:
    _build_bulk(parser, kind)
    parser.take("--yes", action="store_true", help="apply the plan at once")
    if kind == "cancel":
        parser.take(
            "--api", words=APIS, type=_one_of("API", APIS), metavar="API", help="graphql (default) or rest; for one id"
        )


def _build_plan(parser: Parser) -> None:
    parser.take("kind", words=PLANS, nargs="?", type=_one_of("kind of plan", PLANS), metavar="cancel|retry")
    _build_bulk(parser, "planned")


def _build_apply(parser: Parser) -> None:
    parser.take("op", kind="plan", nargs="?", metavar="OP", help="the plan")
    parser.take("--limit", type=_count, metavar="N", help="needed above 500: the most jobs that may be sent")
    _out(parser, "the receipt")


def _build_receipt(parser: Parser) -> None:
    parser.take("op", kind="receipt", nargs="?", type=_text, metavar="OP", help="the receipt")
    _out(parser, "the result")


def _build_scheduled(parser: Parser) -> None:
    acts = ("list", "cancel")
    parser.take("act", words=acts, nargs="?", type=_one_of("act", acts), default="list", metavar="list|cancel")
    parser.take("id", kind="schedule", nargs="?", type=_text, metavar="ID", help="the schedule")
    parser.take("--all", action="store_true", help="those switched off as well")
    parser.take("--name", type=_text, metavar="TEXT", help="whose name holds this")
    _api(parser)
    _out(parser)


def _build_panel(parser: Parser) -> None:
    _panel_filters(parser, limit="the most jobs to show, the newest first")
    parser.take("--refresh", type=_text, default="5s", metavar="AGE", help="how often to look (5s)")
    _out(parser, "the panel")


def _build_help(parser: Parser) -> None:
    parser.take("verb", words=tuple(VERBS), nargs="?", metavar="VERB")


_BUILD: dict[str, Callable[[Parser], None]] = {
    "connect": _build_connect,
    "demo": _build_demo,
    "list": _build_list,
    "show": _build_show,
    "status": _build_status,
    "tasks": _build_tasks,
    "watch": _build_watch,
    "wait": _build_wait,
    "cancel": lambda parser: _build_act(parser, "cancel"),
    "retry": lambda parser: _build_act(parser, "retry"),
    "plan": _build_plan,
    "apply": _build_apply,
    "resume": _build_receipt,
    "stop": lambda _parser: None,
    "receipts": _build_receipt,
    "scheduled": _build_scheduled,
    "panel": _build_panel,
    "help": _build_help,
}


@cache
def parser_of(verb: str) -> Parser:
    """Build the parser of a verb, once."""
    parser = Parser(VERBS[verb])
    _BUILD[verb](parser)
    return parser
