"""What is known of a write under way, of one whose answer was lost, and of each alias of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jobwidgets.frames import decode_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobwidgets.transport.messages import Envelope, GraphError


class UnresolvedRetry(NamedTuple):
    """A retry whose answer was lost: whatever was made meanwhile may be its job.

    Attributes
    ----------
    job_id : str
        The job that was, or was not, retried.
    at, until : datetime or None
        When it was under way, on the service's clock; None where nobody can tell.
    """

    job_id: str
    at: datetime | None
    until: datetime | None


@dataclass(slots=True)
class InFlightWrite:
    """A write under way.

    Attributes
    ----------
    out : bool
        Whether the service may have it by now: for a caller who may stop waiting.
    took : float
        Seconds that the last try took, without the waits before it.
    queued : float
        Seconds that all tries have waited for their turn among several processes.
    """

    out: bool = False
    took: float = 0.0
    queued: float = 0.0


@dataclass(slots=True)
class AliasResult:
    """What one alias of a document came back with: a value, an error, or neither (then nothing is known)."""

    value: msgspec.Raw | None = None
    error: GraphError | None = None
    tasks: int | None = None
    """The largest number of tasks that could come with it."""


def match_aliases(envelope: Envelope, ids: Sequence[str], *, tasks: int | None = None) -> dict[str, AliasResult]:
    """Give each target its part of the answer: by `path`, then by `data.objectId`, else nothing is known of it."""
    fields: dict[str, msgspec.Raw] = (
        decode_json(dict[str, msgspec.Raw], envelope.data, "aliases") if envelope.has_data else {}
    )
    answers = {job_id: AliasResult(tasks=tasks) for job_id in ids}
    aliases = {f"a{at}": job_id for at, job_id in enumerate(ids)}
    for alias, job_id in aliases.items():
        value = fields.get(alias)
        if value is not None and bytes(value) != b"null":
            answers[job_id].value = value
    for error in envelope.errors or ():
        by_path = aliases.get(str(error.path[0])) if error.path else None
        target = by_path or (error.object_id if error.object_id in answers else None)
        if target is not None:
            answers[target].error = error
    return answers
