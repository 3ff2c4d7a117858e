"""What is known of an operation: the fold of its records, while it runs and after a crash alike."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import iso
from jobwidgets.errors import SettingsError
from jobwidgets.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jobwidgets.transport import ServiceConnection

TARGETS_IN_A_RECORD = 500
LOST = "the answer was lost"
_TOLD = ("outcome", "reason", "message", "new_id", "status", "verified", "looked", "until")
"""What changes in a line; its record leaves out what is empty."""
_told = operator.attrgetter(*_TOLD, "at")


@dataclass(slots=True)
class TargetState:
    """One target and what became of it."""

    id: str
    name: str | None
    status_before: str | None
    outcome: str = "not_sent"
    reason: str = ""
    message: str = ""
    new_id: str | None = None
    status: str | None = None
    verified: str | None = None
    """What reading the job back showed: "confirmed", "finished_first" or "still_running"."""
    looked: bool = False
    """Whether the job itself was read after the answer."""
    at: datetime | None = None
    """When it was first sent, on the service's clock."""
    until: datetime | None = None
    """When its last answer was missed: it was under way until then at least. None while nobody can tell."""
    created: datetime | None = None
    """When the job was created, where that is known: it helps to find it in a list."""
    number: int = -1

    def settle(self, outcome: str, reason: str = "", **told: Any) -> None:
        """Say what became of it."""
        self.outcome, self.reason = outcome, reason
        for name, value in told.items():
            setattr(self, name, value)

    def doubt(self, at: datetime) -> None:
        """Take it as unknown from now on: what may have left may have happened."""
        self.settle("unknown", LOST, at=self.at or at, until=None, verified=None, looked=False)


@dataclass(slots=True)
class OperationState:
    """One operation: what it was to do, and what is known of each target.

    Attributes
    ----------
    op, kind, service, why : str
        The operation's own id, what it does, where, and the user's reason.
    made : str
        When its plan was made, ISO 8601.
    more : dict
        What only this kind of operation needs.
    ready : bool
        Whether the plan was written down whole; before that nothing can have been sent.
    halted : str
        Why the rest was not sent; empty when nothing stopped it.
    drifted : int
        How many targets had moved since the plan was made.
    begun : datetime or None
        When it began, on the service's clock.
    """

    op: str
    kind: str
    service: str
    why: str = ""
    made: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    ready: bool = False
    halted: str = ""
    drifted: int = 0
    begun: datetime | None = None
    lines: dict[str, TargetState] = field(default_factory=dict)
    numbered: list[TargetState] = field(default_factory=list)

    def add(self, lines: Iterable[TargetState]) -> list[TargetState]:
        """Add targets, each once."""
        new = [line for line in lines if line.id not in self.lines]
        for line in new:
            line.number = len(self.numbered)
            self.numbered.append(line)
            self.lines[line.id] = line
        return new

    @property
    def counts(self) -> dict[str, int]:
        """How many targets came to each outcome that occurs."""
        found = Counter(line.outcome for line in self.numbered)
        return {outcome: found[outcome] for outcome in OUTCOMES if outcome in found}


# --------------------------------------------------------------------------- writing


def plan_records(account: OperationState) -> Iterator[dict[str, Any]]:
    """Write down a plan: nothing may be sent before all of these are on disk."""
    yield {
        "record": "plan",
        "version": 1,
        "op": account.op,
        "kind": account.kind,
        "service": account.service,
        "why": account.why,
        "made": account.made,
        "total": len(account.numbered),
        "more": account.more,
    }
    yield from target_records(account.numbered)
    yield {"record": "ready"}


def target_records(lines: Sequence[TargetState]) -> Iterator[dict[str, Any]]:
    """Write down targets, and what is known of them at the start."""
    for start in range(0, len(lines), TARGETS_IN_A_RECORD):
        part = lines[start : start + TARGETS_IN_A_RECORD]
        rows = [[line.id, line.name, line.status_before, _milliseconds(line.created)] for line in part]
        yield {"record": "targets", "rows": rows}
        told = [line for line in part if line.outcome != "not_sent" or line.reason]
        if told:
            yield lines_record(told)


def intent_record(lines: Sequence[TargetState], at: datetime) -> dict[str, Any]:
    """Write down that these are about to leave."""
    return {"record": "intent", "at": iso(at), "lines": [line.number for line in lines]}


def lines_record(lines: Sequence[TargetState]) -> dict[str, Any]:
    """Write down all that is known of some lines now; those that read the same, together."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for line in lines:
        alike.setdefault(_told(line), []).append(line.number)
    return {"record": "lines", "rows": [[numbers, _written(told)] for told, numbers in alike.items()]}


def note_record(account: OperationState) -> dict[str, Any]:
    """Write down what is known of the operation as a whole."""
    begun = iso(account.begun) if account.begun else None
    return {"record": "note", "halted": account.halted, "drifted": account.drifted, "begun": begun}


def _written(told: tuple[Any, ...]) -> dict[str, Any]:
    """Leave out what is empty; when a line was sent stands in its intents, unless the last of them is taken back."""
    *values, at = told
    written = {
        name: iso(value) if name == "until" else value for name, value in zip(_TOLD, values, strict=True) if value
    }
    if at is not None and written["outcome"] == "not_sent":
        written["at"] = iso(at)
    return written


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def whole(moment: datetime) -> datetime:
    """Cut a moment to what the journal keeps of it: milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def until(connection: ServiceConnection) -> datetime | None:
    """Say until when at most something was under way that is not any more; None where the service tells no time."""
    moment = connection.server_time_estimate()
    return None if moment is None else whole(moment)


# --------------------------------------------------------------------------- reading


def fold_events(records: Iterable[Mapping[str, Any]]) -> OperationState:
    """Tell what is known of an operation from its records; an intent that nothing follows is unknown.

    Raises
    ------
    SettingsError
        These are not the records of an operation.
    """
    account: OperationState | None = None
    try:
        for record in records:
            if record.get("record") == "plan":
                named = ("op", "kind", "service", "why", "made", "more")
                account = OperationState(**{name: record[name] for name in named})
            elif account is not None:
                _take(account, record)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SettingsError(
            f"a record of the journal is not as it should be ({type(error).__name__})",
            hint="it was written by something else; the file is left as it is",
        ) from None
    if account is None:
        raise SettingsError("the journal holds no plan", hint="nothing was sent by it")
    return account


def _take(account: OperationState, record: Mapping[str, Any]) -> None:
    """Take in one record; a kind that is not known says nothing here."""
    match record.get("record"):
        case "targets":
            account.add(
                TargetState(id=row[0], name=row[1], status_before=row[2], status=row[2], created=_created(row[3]))
                for row in record["rows"]
            )
        case "ready":
            account.ready = True
        case "intent":
            at = datetime.fromisoformat(record["at"])
            for number in record["lines"]:
                _at(account, number).doubt(at)
        case "lines":
            for numbers, told in record["rows"]:
                for number in numbers:
                    _learn(_at(account, number), told)
        case "note":
            account.halted, account.drifted = record["halted"], record["drifted"]
            account.begun = _moment(record["begun"])


_EMPTY: dict[str, Any] = {"reason": "", "message": "", "looked": False}


def _learn(line: TargetState, told: Mapping[str, Any]) -> None:
    for name in _TOLD:
        value = told.get(name, _EMPTY.get(name))
        setattr(line, name, _moment(value) if name == "until" else value)
    if line.outcome == "not_sent":
        line.at = _moment(told.get("at"))


def _at(account: OperationState, number: int) -> TargetState:
    if number < 0:
        raise IndexError(number)
    return account.numbered[number]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _created(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
