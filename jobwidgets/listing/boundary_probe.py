"""Where the pages of a list lie: asked for beside its first page, so that the others can be read side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from jobwidgets._internal import parse_timestamp
from jobwidgets.errors import ServiceError
from jobwidgets.listing.partitions import ROOM
from jobwidgets.transport import EDGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

LEAST = 10
"""The smallest page beside which it is worth it."""


class _Job(msgspec.Struct, gc=False):
    created: str = msgspec.field(name="createdDateTime")


class _Page(msgspec.Struct, gc=False):
    records: list[_Job]


class _Answer(msgspec.Struct):
    data: dict[str, _Page]


_ANSWER = msgspec.json.Decoder(_Answer)


class PageBoundaryProbe:
    """Asks when single jobs further on in a list were created, a page from one to the next.

    It is a hint, as good as the service: where it is wrong, or nothing is told, a list costs more requests. A service
    finds the job at an offset by passing over those before it. In a list of all jobs of a range that is little work; of
    a list that it must sift it would sift all again for each of them, so there it is not asked.

    Attributes
    ----------
    answered : bool
        Whether any answer came.
    found : tuple of datetime, optional
        What was told, as it was told: fewer than were asked for where the list ends before. None: nothing was.
    """

    def __init__(self) -> None:
        self.answered = False
        self.found: tuple[datetime, ...] | None = None

    def asked(self, limit: int) -> dict[str, int]:
        """Give the variables beside a first page of so many jobs."""
        return {edge: limit + int(number * ROOM * limit) for number, edge in enumerate(EDGES, 1)}

    def beside(self, read: Callable[[bytes], T | None] | None) -> Callable[[bytes], T | None]:
        """Take them out of an answer, and read the list in it as before."""

        def both(body: bytes) -> T | None:
            self.answered, self.found = True, _found(body)
            return read(body) if read is not None else None

        return both


def _found(body: bytes) -> tuple[datetime, ...] | None:
    try:
        pages = _ANSWER.decode(body).data
        return tuple(parse_timestamp(job.created) for edge in EDGES for job in pages[edge].records)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, ServiceError):
        return None  # what is wrong with the answer is told by who reads the list in it
