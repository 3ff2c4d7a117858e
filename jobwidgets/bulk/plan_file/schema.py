"""The form of a plan on paper, and what may be changed in it: jobs can be taken out, and nothing else."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from jobwidgets._internal import sanitize
from jobwidgets.bulk.plan_header import PlanHeader
from jobwidgets.errors import UsageError
from jobwidgets.listing import TimeRange
from jobwidgets.vocabulary import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
_OP = re.compile(r"(cancel|retry|range)-\d{8}-\d{6}-[0-9a-f]{6}")


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    action: Literal["cancel", "retry", "skip"]
    name: str | None = None
    status: str | None = None
    why_not: str | None = None


class _Span(msgspec.Struct, forbid_unknown_fields=True):
    organization_id: str
    after: str
    before: str


class PlanFile(msgspec.Struct, forbid_unknown_fields=True):
    """What such a file says."""

    jobwidgets: Literal["plan"]
    version: int
    op: str
    kind: Literal["cancel", "retry", "range"]
    service: str
    made: str
    expires: str
    counts: dict[str, int]
    targets: list[_Row] | None
    made_by: str = ""
    reason: str = ""
    again: bool = False
    reasons: dict[str, int] = {}
    range: _Span | None = None

    @property
    def act(self) -> str:
        """The word for what is done to those that are not skipped."""
        return "retry" if self.kind == "retry" else "cancel"

    @property
    def span(self) -> TimeRange | None:
        """Its range, for that kind of plan."""
        if self.range is None:
            return None
        after, before = _moment(self.range.after, "after"), _moment(self.range.before, "before")
        if after >= before:
            raise UsageError("its range is empty", hint="save the plan again")
        return TimeRange(self.range.organization_id, after, before)

    @property
    def rows(self) -> list[_Row]:
        """Its targets; a list from which all were taken is written as nothing."""
        return self.targets or []

    @property
    def head(self) -> PlanHeader:
        """What the plan says of itself."""
        made, expires = _moment(self.made, "made"), _moment(self.expires, "expires")
        return PlanHeader(self.op, self.kind, self.reason, made, expires, self.again, self.made_by)


def parse_plan_file(tree: Any, lines: Sequence[int]) -> PlanFile:
    """Take a tree for a plan, after a look whether it is one and was only made smaller.

    Parameters
    ----------
    tree : object
        What the file holds.
    lines : sequence of int
        The line on which each of its targets begins.

    Raises
    ------
    UsageError
        It is none, or was edited in a way that is not allowed.
    """
    if not isinstance(tree, dict) or tree.get("jobwidgets") != "plan":
        raise UsageError("it is no plan of jobwidgets", hint="give a file that plan.save() wrote")
    version = tree.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"it was written by a later version of jobwidgets (format {version})", hint="update it")
    try:
        paper = msgspec.convert(tree, PlanFile)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), lines) from None
    if paper.version != VERSION:
        raise UsageError(f"it says version {paper.version}, which there is not", hint="save the plan again")
    _checked(paper, lines)
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


def _checked(paper: PlanFile, lines: Sequence[int]) -> None:
    """Refuse what was put in: a plan on paper can only become smaller."""
    found = _OP.fullmatch(paper.op)
    if found is None or found[1] != paper.kind or (paper.again and paper.kind != "retry"):
        raise UsageError(f"{sanitize(paper.op)!r} is no operation of kind {paper.kind}", hint="save the plan again")
    if (paper.range is None) == (paper.kind == "range"):
        raise UsageError(f"a range does not go with the kind {paper.kind}", hint="save the plan again")
    _ = paper.head, paper.span  # their times
    _check_rows(paper, lines)
    sent, total = sum(row.action != "skip" for row in paper.rows), len(paper.rows)
    planned, all_of_them = paper.counts.get(paper.act, 0), sum(paper.counts.values())
    if sent > planned or total > all_of_them:
        raise UsageError(
            f"{sent} of {total} jobs are to be sent, more than its head says under counts",
            hint="rows can be taken out of a plan, not put in: make a new plan",
        )
    if paper.range is not None and (sent, total) != (planned, all_of_them):
        raise UsageError(
            f"{all_of_them - total} jobs were taken out, or changed: the service decides over everything in the range",
            hint="plan_cancel() takes just the jobs that you name",
        )


def _check_rows(paper: PlanFile, lines: Sequence[int]) -> None:
    known = {str(reason) for reason in Reason}
    seen: dict[str, int] = {}
    for row, line in zip(paper.rows, lines, strict=True):
        if row.action not in (paper.act, "skip"):
            raise UsageError(f"line {line}: {row.action} in a plan to {paper.act}", hint="take the row out")
        if not row.id.strip() or not row.id.isprintable():
            raise UsageError(f"line {line}: {sanitize(row.id)!r} is no id", hint="take the row out")
        if row.id in seen:
            raise UsageError(
                f"line {line}: job {row.id!r} stands on line {seen[row.id]} already", hint="take one of them out"
            )
        if row.why_not is not None and (row.why_not not in known or row.action != "skip"):
            raise UsageError(
                f"line {line}: {row.action} does not go with why_not {sanitize(row.why_not)!r}",
                hint="what is skipped stays skipped: take the row out, or save the plan again",
            )
        seen[row.id] = line


def _moment(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{field}: {sanitize(text)!r} is no time with a zone", hint="save the plan again")
    return moment
