"""What the answer to a batch says of each of its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jobwidgets._internal import sanitize
from jobwidgets.transport import NO_EFFECT_ERRORS, match_aliases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.transport import AliasResult, Envelope


class _Told(msgspec.Struct, gc=False):
    id: str | None = None
    message: str | None = None


def take_in(kind: str, batch: Sequence[TargetState], envelope: Envelope) -> None:
    """Bring each target of a batch to what its part of the answer says, or leave it unknown.

    Parameters
    ----------
    kind : {"cancel", "retry"}
        What was done.
    batch : sequence of TargetState
        The targets, in the order of the aliases.
    envelope : Envelope
        The answer.
    """
    all_told = _all_told(envelope, len(batch))
    if all_told is not None:
        for line, told in zip(batch, all_told, strict=True):
            _done(kind, line, told)
        return
    answers = match_aliases(envelope, [line.id for line in batch])
    for line in batch:
        _read(kind, line, answers[line.id])


def _all_told(envelope: Envelope, size: int) -> list[_Told] | None:
    """Read an answer where each alias has a value and there is no error, all in one go; None where it is not so."""
    if envelope.errors:
        return None
    try:
        told = msgspec.json.decode(envelope.data, type=dict[str, _Told])
        return [told[f"a{place}"] for place in range(size)]
    except (msgspec.MsgspecError, RecursionError, KeyError):
        return None


def _read(kind: str, line: TargetState, answer: AliasResult) -> None:
    """Read one alias: only a value alone means done, only an error that names a refusal means refused."""
    error, value = answer.error, answer.value
    if value is not None and error is None:
        try:
            _done(kind, line, msgspec.json.decode(value, type=_Told))
        except (msgspec.MsgspecError, RecursionError):
            line.reason = "the answer has another shape"
    elif value is None and error is not None and error.name in NO_EFFECT_ERRORS:
        line.settle("refused", sanitize(error.message) or str(error.name), message=sanitize(error.message))
    elif error is not None:
        line.reason = f"the service answered {sanitize(error.name or 'an error without a name')}"
    else:
        line.reason = "the answer says nothing of it"


def _done(kind: str, line: TargetState, told: _Told) -> None:
    if kind == "cancel":
        line.settle("done", message=sanitize(told.message))
    elif told.id is None:
        line.reason = "the answer does not tell the new job"
    else:
        line.settle("done", new_id=told.id)
