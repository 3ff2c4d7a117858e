"""A plan on paper: a file that a colleague reviews, takes jobs out of, and hands back to be applied."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import secrets
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from jobwidgets._errors import SettingsError, UsageError
from jobwidgets._model import STATUSES, Reason
from jobwidgets._text import safe
from jobwidgets._when import iso
from jobwidgets.bulk._head import Head
from jobwidgets.bulk._plan import AsyncPlan
from jobwidgets.bulk._table import PLAN_COLUMNS, plain, plan_table
from jobwidgets.bulk._yaml import quoted, tree_of
from jobwidgets.client import AsyncClient, Client, client_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from jobwidgets.bulk._waited import Plan

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024
"""The largest file that is read: some 500,000 jobs."""
LONGEST_NAME = 200
"""Names are there to be read; a longer one is cut."""
_OP = re.compile(r"(cancel|retry|range)-\d{8}-\d{6}-[0-9a-f]{6}")
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


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    action: Literal["cancel", "retry", "skip"]
    name: str | None = None
    status: str | None = None
    why_not: str | None = None


class Paper(msgspec.Struct, forbid_unknown_fields=True):
    """What such a file says."""

    jobwidgets: Literal["plan"]
    version: int
    op: str
    kind: Literal["cancel", "retry"]
    service: str
    made: str
    expires: str
    counts: dict[str, int]
    targets: list[_Row] | None
    made_by: str = ""
    reason: str = ""
    again: bool = False
    reasons: dict[str, int] = {}

    @property
    def rows(self) -> list[_Row]:
        """Its targets; a list from which all were taken is written as nothing."""
        return self.targets or []

    @property
    def head(self) -> Head:
        """What the plan says of itself."""
        made, expires = _moment(self.made, "made"), _moment(self.expires, "expires")
        return Head(self.op, self.kind, self.reason, made, expires, self.again, self.made_by)


# ------------------------------------------------------------------------ writing


def write_plan(head: Head, service: str, rows: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Do what `AsyncPlan.save` describes."""
    text = _ABOUT + "".join(f"{line}\n" for line in _lines(head, service, plain(rows)))
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
            f"the plan cannot be written to {safe(place)}: {error.strerror}", hint="give a file in a folder of yours"
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


def _lines(head: Head, service: str, rows: Sequence[dict[Any, Any]]) -> Iterator[str]:
    yield "jobwidgets: plan"
    yield f"version: {VERSION}"
    yield f"op: {head.op}"
    yield f"kind: {head.kind}"
    yield f"service: {quoted(service)}"
    yield f"reason: {quoted(head.reason)}"
    yield f"made: {quoted(iso(head.made))}"
    yield f"expires: {quoted(iso(head.expires))}"
    yield f"made_by: {quoted(head.made_by or who())}"
    if head.again:
        yield "again: true  # jobs that were retried before are retried once more"
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


def read_paper(path: str | os.PathLike[str]) -> Paper:
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
        paper = _converted(tree, lines)
        _checked(paper, lines)
    except UsageError as error:
        raise UsageError(f"{safe(place)}: {error.message}", hint=error.hint) from None
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


def _converted(tree: Any, lines: Sequence[int]) -> Paper:
    if not isinstance(tree, dict) or tree.get("jobwidgets") != "plan":
        raise UsageError("it is no plan of jobwidgets", hint="give a file that plan.save() wrote")
    version = tree.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"it was written by a later version of jobwidgets (format {version})", hint="update it")
    try:
        paper = msgspec.convert(tree, Paper)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), lines) from None
    if paper.version != VERSION:
        raise UsageError(f"it says version {paper.version}, which there is not", hint="save the plan again")
    return paper


def _wrong(said: str, lines: Sequence[int]) -> UsageError:
    """Say what is wrong with the shape, by the line of the file where it is a job's."""
    what, _, where = said.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    found = re.fullmatch(r"targets\[(\d+)\](?:\.(\w+))?", field)
    if found and int(found[1]) < len(lines):
        place = f"line {lines[int(found[1])]}: "
        if found[2] == "id":
            return UsageError(f"{place}an id is a text", hint='put it in quotes, all its zeros included: id: "0012"')
        return UsageError(f"{place}{found[2] or 'the row'}: {what}", hint="rows can be taken out, and nothing else")
    return UsageError(f"{field}: {what}" if field else what, hint="only rows can be taken out: save the plan again")


def _checked(paper: Paper, lines: Sequence[int]) -> None:
    """Refuse what was put in: a plan on paper can only become smaller."""
    found = _OP.fullmatch(paper.op)
    if found is None or found[1] != paper.kind or (paper.again and paper.kind != "retry"):
        raise UsageError(f"{paper.op!r} is no operation of kind {paper.kind}", hint="save the plan again")
    known = {str(reason) for reason in Reason}
    seen: dict[str, int] = {}
    _moment(paper.made, "made")
    _moment(paper.expires, "expires")
    for row, line in zip(paper.rows, lines, strict=False):
        if row.action not in (paper.kind, "skip"):
            raise UsageError(f"line {line}: {row.action} in a plan to {paper.kind}", hint="take the row out")
        if not row.id.strip() or not row.id.isprintable():
            raise UsageError(f"line {line}: {safe(row.id)!r} is no id", hint="take the row out")
        if row.id in seen:
            raise UsageError(
                f"line {line}: job {row.id!r} stands on line {seen[row.id]} already", hint="take one of them out"
            )
        if row.why_not is not None and (row.why_not not in known or row.action != "skip"):
            raise UsageError(
                f"line {line}: {row.action} does not go with why_not {safe(row.why_not)!r}",
                hint="what is skipped stays skipped: take the row out, or save the plan again",
            )
        seen[row.id] = line
    sent = sum(row.action != "skip" for row in paper.rows)
    if sent > paper.counts.get(paper.kind, 0) or len(seen) > sum(paper.counts.values()):
        raise UsageError(
            f"{sent} of {len(seen)} jobs are to be sent, more than its head says under counts",
            hint="rows can be taken out of a plan, not put in: make a new plan",
        )


def _moment(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{field}: {safe(text)!r} is no time with a zone", hint="save the plan again")
    return moment


def plan_of(client: AsyncClient, paper: Paper) -> AsyncPlan:
    """Make the plan that a file holds.

    Raises
    ------
    UsageError
        It is for another service.
    """
    if paper.service != client.service_url:
        raise UsageError(
            f"the plan is for {safe(paper.service)}, not for {client.service_url}", hint="use the client of its service"
        )
    table = plan_table({name: [getattr(row, name) for row in paper.rows] for name in PLAN_COLUMNS}, paper.kind)
    return AsyncPlan(client, paper.head, table, seen_at=None)


async def read_plan(client: AsyncClient, path: str | os.PathLike[str]) -> AsyncPlan:
    """Do what `AsyncClient.load_plan` describes."""
    plan = plan_of(client, await asyncio.to_thread(read_paper, path))
    with suppress(UsageError):  # it was begun and is good for nothing: whoever applies it is told
        await plan.look_whether_used()
    return plan


def load_plan(path: str | os.PathLike[str], client: Client | None = None) -> Plan:
    """Load a plan that `plan.save()` wrote, for the client of its service; sends nothing: see `AsyncClient.load_plan`.

    Parameters
    ----------
    path : str or path
        The file.
    client : Client, optional
        None: the newest open client of the service that the plan names.

    Raises
    ------
    UsageError
        It is no plan, or not of this service, or it was edited in a way that is not allowed.
    SettingsError
        No client of its service is open.
    """
    if isinstance(client, AsyncClient):
        raise UsageError("load_plan() is for blocking clients", hint="plan = await client.load_plan(path)")
    if client is None:
        service = read_paper(path).service
        client = client_for(service)
        if client is None:
            raise SettingsError(f"no client of {safe(service)} is open", hint="connect() to it, or pass client=")
    return client.load_plan(path)
