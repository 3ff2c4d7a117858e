"""A plan on paper: a file that a colleague reviews, takes jobs out of, and hands back to be applied."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jobwidgets._internal import iso, sanitize
from jobwidgets.bulk.plan_file.schema import VERSION, PlanFile, parse_plan_file
from jobwidgets.bulk.plan_file.strict_yaml import quoted, tree_of
from jobwidgets.bulk.planning import plain
from jobwidgets.errors import UsageError
from jobwidgets.vocabulary import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from jobwidgets.bulk.plan_header import PlanHeader
    from jobwidgets.listing import TimeRange


MOST_BYTES = 64 * 1024 * 1024
"""The largest file that is read: some 500,000 jobs."""
LONGEST_NAME = 200
"""Names are there to be read; a longer one is cut."""
_ABOUT = """\
# A plan of jobwidgets: what is to be done to which jobs, and why others are left out. Nothing was sent by writing it.
#
# To review it, read the rows under "targets": one job a line. A job can be taken out: delete its line, or put a #
# before it, and the job is left alone. Nothing else is to be edited: no job can be put in, and what is skipped stays
# skipped. Before anything is sent each job is read again, and what has moved meanwhile is left out.
#
# To carry it out, connect to the service and: jobwidgets.load_plan("this file").apply()
# That is possible until it expires, and once: an operation that is recorded as begun is never begun again.
"""
_ABOUT_A_RANGE = """\
# A plan of jobwidgets: the service is asked to cancel whatever can be cancelled of what an organisation created in a
# range of time. The service decides over everything in the range, seen or not; the rows under "targets" are what was
# listed there when the plan was made, one job a line. Nothing was sent by writing it.
#
# Nothing is to be edited: no job can be taken out. Before the request is sent the range is listed again, and when too
# much has moved or has come into it, nothing is sent.
#
# To carry it out, connect to the service and: jobwidgets.load_plan("this file").apply()
# That is possible until it expires, and once: an operation that is recorded as begun is never begun again.
"""


# ------------------------------------------------------------------------ writing


class WritablePlan(Protocol):
    """A plan, awaitable or blocking."""

    @property
    def head(self) -> PlanHeader:
        """Its operation, times and reason."""

    @property
    def service_url(self) -> str:
        """The service that it is for."""

    @property
    def span(self) -> TimeRange | None:
        """Its range, for a plan over one."""


def write_plan(plan: WritablePlan, rows: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Do what `AsyncPlan.save` describes."""
    about = _ABOUT if plan.span is None else _ABOUT_A_RANGE
    text = about + "".join(f"{line}\n" for line in _lines(plan, plain(rows)))
    place = _place(path)
    beside = place.with_name(f".{place.name[:80]}.{secrets.token_hex(4)}")
    try:
        # a new file that takes the old one's place: nobody ever finds half a plan
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise UsageError(
            f"the plan cannot be written to {sanitize(place)}: {error.strerror}",
            hint="give a file in a folder of yours",
        ) from None
    return place


def _place(path: str | os.PathLike[str]) -> Path:
    """Take a path that can name a file."""
    try:
        place = Path(path).expanduser()
    except (TypeError, RuntimeError):
        place = Path()
    if not place.name or "\0" in str(place):
        raise UsageError(f"{path!r} names no file", hint='give a path such as "plan.yaml"')
    return place


def _lines(plan: WritablePlan, rows: Sequence[dict[Any, Any]]) -> Iterator[str]:
    head = plan.head
    yield "jobwidgets: plan"
    yield f"version: {VERSION}"
    yield f"op: {head.op}"
    yield f"kind: {head.kind}"
    yield f"service: {quoted(plan.service_url)}"
    yield f"reason: {quoted(head.reason)}"
    yield f"made: {quoted(iso(head.made))}"
    yield f"expires: {quoted(iso(head.expires))}"
    yield f"made_by: {quoted(head.made_by or who())}"
    if head.again:
        yield "again: true  # jobs that were retried before are retried once more"
    if plan.span is not None:
        yield "range: {" + ", ".join(f"{name}: {quoted(value)}" for name, value in plan.span.described().items()) + "}"
    yield f"counts: {_counted([row['action'] for row in rows])}"
    yield f"reasons: {_counted([row['why_not'] for row in rows if row['why_not'] is not None])}"
    yield "targets:" if rows else "targets: []"
    for row in rows:
        yield f"- {_flow(row)}"


def _counted(words: Sequence[str]) -> str:
    return "{" + ", ".join(f"{word}: {words.count(word)}" for word in dict.fromkeys(words)) + "}"


def _flow(row: dict[Any, Any]) -> str:
    name, status = row["name"], row["status"]
    parts = [f"id: {quoted(row['id'])}"]
    if name is not None:
        parts.append(f"name: {quoted(name[:LONGEST_NAME] + '…' * (len(name) > LONGEST_NAME))}")
    if status is not None:
        parts.append(f"status: {status if status in STATUSES else quoted(status)}")
    parts.append(f"action: {row['action']}")
    if row["why_not"] is not None:
        parts.append(f"why_not: {row['why_not']}")
    return "{" + ", ".join(parts) + "}"


def who() -> str:
    """Name the user and machine, as well as can be told."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container can have a user without a name
        user = "?"
    return f"{user}@{socket.gethostname()}"


# ------------------------------------------------------------------------ reading


def read_plan_file(path: str | os.PathLike[str]) -> PlanFile:
    """Read such a file and check all that can be checked without the service.

    Raises
    ------
    UsageError
        It cannot be read, is no plan, or was edited in a way that is not allowed.
    """
    place = _place(path)
    try:
        tree, lists = tree_of(_text(place))
        lines = lists.get("targets", [])
        paper = parse_plan_file(tree, lines)
    except UsageError as error:
        raise UsageError(f"{sanitize(place)}: {error.message}", hint=error.hint) from None
    return paper


def _text(place: Path) -> str:
    try:
        with place.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise UsageError(f"it is larger than {MOST_BYTES >> 20} MB", hint="make smaller plans")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", hint="give a file that plan.save() wrote") from None
    except UnicodeDecodeError:
        raise UsageError("it is no text in UTF-8", hint="save it as UTF-8 again") from None
