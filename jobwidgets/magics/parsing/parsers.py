"""One argparse parser a verb; none ever takes a token."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.magics.parsing.argparse_ext import Parser, count, nearest, one_of, share, statuses, text
from jobwidgets.magics.verbs import VERBS, Verb
from jobwidgets.vocabulary import STATUSES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_SECRETS = frozenset(("token", "password", "key", "api-key", "apikey", "secret"))
APIS = ("graphql", "rest")
PLANS = ("cancel", "retry")


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
            parser.error(f"no option {sanitize(word)}{nearest(word.partition('=')[0], parser.options())}")
        parser.error(f"{sanitize(word)!r} is one word too many (quote what belongs together)")
    return found


def verb_named(word: str) -> Verb:
    """Find a verb, or name the nearest one."""
    if word not in VERBS:
        raise UsageError(f"%job: no verb {sanitize(word)!r}{nearest(word, VERBS)}", hint="%job help lists the verbs")
    return VERBS[word]


def _filters(parser: Parser, *, limit: str) -> None:
    group = _panel_filters(parser, limit=limit)
    parser.take("--target", group=group, type=text, metavar="ID", help="the object that the jobs work on")
    parser.take(
        "--scheduled-job", group=group, kind="schedule", type=text, metavar="ID", help="launched by this schedule"
    )
    parser.take(
        "--where", group=group, type=text, metavar="QUERY", help="a query over the columns: \"queued_for > '1h'\""
    )


def _panel_filters(parser: Parser, *, limit: str) -> Any:
    group = parser.add_argument_group("filters")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "type": statuses, "metavar": "STATUS"}
    known = f"one or more of {', '.join(STATUSES)}"
    parser.take("--status", group=group, words=STATUSES, help=known, **several)
    when = 'an age ("2d", "90min"), a date or a time'
    parser.take("--since", group=group, type=text, metavar="WHEN", help=f"created since: {when}")
    parser.take("--until", group=group, type=text, metavar="WHEN", help=f"created until: {when}")
    engine = "an id of an engine, or a part of its name"
    parser.take("--engine", group=group, kind="engine", type=text, metavar="ENGINE", help=engine)
    parser.take("--limit", group=group, type=count, metavar="N", help=limit)
    return group


def _out(parser: Parser, what: str = "the frame") -> None:
    parser.take("-o", "--out", kind="variable", type=text, metavar="NAME", help=f"put {what} in this variable")


def _api(parser: Parser) -> None:
    parser.take(
        "--api",
        words=APIS,
        type=one_of("API", APIS),
        default="graphql",
        metavar="API",
        help="graphql (default) or rest",
    )


def _ids(parser: Parser, kind: str) -> None:
    parser.take("ids", kind=kind, nargs="*", metavar="ID", help="ids, or $name: a frame, a list or a text")


def _build_connect(parser: Parser) -> None:
    parser.take("url", nargs="?", type=text, metavar="URL", help="the GraphQL endpoint")
    parser.take("--rest-url", type=text, metavar="URL", help="the base of AI Processing")
    parser.take("--profile", type=text, metavar="NAME", help="a profile of the settings file")
    parser.take("--user", type=text, metavar="NAME", help="log in with a user name; the password is asked for")


def _build_demo(parser: Parser) -> None:
    parser.take("--jobs", type=count, metavar="N", help="how many jobs its history holds (2000)")
    parser.take("--seed", type=int, metavar="S", help="the same seed gives the same history (0)")
    parser.take("--speed", type=float, metavar="X", help="seconds of the service's time in one of ours (60)")


def _build_list(parser: Parser) -> None:
    _filters(parser, limit="the most jobs to list, the newest first")
    _api(parser)
    _out(parser)


def _build_show(parser: Parser) -> None:
    parser.take("id", kind="any", type=text, metavar="ID", help="the job")
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
    parser.take("--every", type=text, default="5s", metavar="AGE", help="how often to look (5s)")
    _out(parser, "the last state")


def _build_wait(parser: Parser) -> None:
    _ids(parser, "open")
    parser.take("--timeout", type=text, default="10min", metavar="AGE", help="how long at most (10min)")
    _out(parser)


def _build_bulk(parser: Parser, kind: str) -> None:
    _ids(parser, kind)
    _filters(parser, limit="needed above 500: the most jobs that may be sent")
    parser.take("--reason", type=text, default="", metavar="TEXT", help="kept in the receipt")
    _out(parser, "the plan or the receipt")


def _build_act(parser: Parser, kind: str) -> None:
    _build_bulk(parser, kind)
    parser.take("--yes", action="store_true", help="apply the plan at once")
    if kind == "retry":
        _again(parser)
    else:
        parser.take(
            "--api", words=APIS, type=one_of("API", APIS), metavar="API", help="graphql (default) or rest; for one id"
        )


def _again(parser: Parser) -> None:
    parser.take("--again", action="store_true", help="retry also what an earlier operation has retried")


def _build_plan(parser: Parser) -> None:
    parser.take("kind", words=PLANS, nargs="?", type=one_of("kind of plan", PLANS), metavar="cancel|retry")
    _build_bulk(parser, "planned")
    _again(parser)
    parser.take("--save", type=text, metavar="FILE", help="write the plan to a file, to be reviewed and applied later")
    group = parser.add_argument_group("a range, over which the service decides")
    parser.take("--org", group=group, type=text, metavar="ORG", help="cancel what this organization created")
    parser.take("--after", group=group, type=text, metavar="WHEN", help="the beginning of the range of creation times")
    parser.take("--before", group=group, type=text, metavar="WHEN", help="its end")


def _build_apply(parser: Parser) -> None:
    parser.take("op", kind="plan", nargs="?", metavar="OP|FILE", help="the plan, or the file that it was saved to")
    parser.take("--limit", type=count, metavar="N", help="needed above 500: the most jobs that may be sent")
    drift = "send nothing when more than this share has moved since the plan was made (a loaded plan: 0.2)"
    parser.take("--max-drift", type=share, metavar="SHARE", help=drift)
    group = parser.add_argument_group("retries in waves")
    parser.take("--canary", group=group, type=count, metavar="N", help="retry so many first, and wait how they end")
    parser.take("--widen", group=group, type=count, metavar="N", help="each wave is so many times the last one (5)")
    parser.take("--ok", group=group, type=share, metavar="SHARE", help="go on when this share completes (0.8)")
    _out(parser, "the receipt")


def _build_receipt(parser: Parser) -> None:
    parser.take("op", kind="receipt", nargs="?", type=text, metavar="OP", help="the operation")
    _out(parser, "the result")


def _build_resume(parser: Parser) -> None:
    _build_receipt(parser)
    parser.take("--ok", type=share, metavar="SHARE", help="retries in waves: go on when this share completes; 0 always")


def _build_verify(parser: Parser) -> None:
    _build_receipt(parser)
    parser.take("--timeout", type=text, default="10min", metavar="AGE", help="how long at most (10min)")


def _build_stop(parser: Parser) -> None:
    parser.take("op", kind="receipt", nargs="?", type=text, metavar="OP", help="an operation of another kernel")


def _build_scheduled(parser: Parser) -> None:
    acts = ("list", "cancel")
    parser.take("act", words=acts, nargs="?", type=one_of("act", acts), default="list", metavar="list|cancel")
    parser.take("id", kind="schedule", nargs="?", type=text, metavar="ID", help="the schedule")
    parser.take("--all", action="store_true", help="those switched off as well")
    parser.take("--name", type=text, metavar="TEXT", help="whose name holds this")
    _api(parser)
    _out(parser)


def _build_panel(parser: Parser) -> None:
    _panel_filters(parser, limit="the most jobs to show, the newest first")
    parser.take("--refresh", type=text, default="5s", metavar="AGE", help="how often to look (5s)")
    _out(parser, "the panel")


def _build_sync(parser: Parser) -> None:
    parser.take("file", type=text, metavar="FILE", help="the file of the copy, such as jobs.duckdb")
    parser.take("--since", type=text, metavar="WHEN", help="keep only jobs created since; said when the file is made")
    parser.take("--whole", action="store_true", help="look up as well which jobs the service has removed")
    _out(parser, "the archive")


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
    "resume": _build_resume,
    "stop": _build_stop,
    "receipts": _build_receipt,
    "verify": _build_verify,
    "scheduled": _build_scheduled,
    "sync": _build_sync,
    "panel": _build_panel,
    "help": _build_help,
}


@cache
def parser_of(verb: str) -> Parser:
    """Build the parser of a verb, once."""
    parser = Parser(VERBS[verb])
    _BUILD[verb](parser)
    return parser
