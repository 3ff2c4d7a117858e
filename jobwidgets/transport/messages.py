"""HTTP requests and answers, and the bodies of both APIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; the token is added where the bytes leave."""

    name: str
    method: str
    url: str
    body: bytes | None = None
    write: bool = False
    rest: bool = False
    kind: Any = None
    """What a good answer to a read of AI Data holds: then it is decoded once for all, to an `Answer` of it."""
    read: Callable[[bytes], Answer[Any] | None] | None = None
    """Reads such an answer more quickly than that, or gives None: the driver tries it first, off to the side."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, complete."""

    status: int
    body: bytes
    retry_after: float | None = None
    date: datetime | None = None
    read: Answer[Any] | None = None
    """The body, decoded, where the request says what it should hold and it does."""


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No complete answer came; `sent` False says for certain that the service never saw the request."""

    sent: bool
    why: str
    timed_out: bool = False


class GraphError(msgspec.Struct):
    """One entry of `errors` in a GraphQL answer."""

    message: str | None = None
    name: str | None = None
    data: dict[str, object] | None = None
    path: list[str | int] | None = None

    @property
    def inside(self) -> bool:
        """Whether it speaks of a part of an answer, whose rest came."""
        return self.path is not None and len(self.path) > 1

    @property
    def error_id(self) -> str | None:
        """The id under which the service keeps the error, when it says so."""
        found = (self.data or {}).get("errorId")
        return found if isinstance(found, str) else None

    @property
    def object_id(self) -> str | None:
        """The id of the object it speaks of, when it says so."""
        found = (self.data or {}).get("objectId")
        return found if isinstance(found, str) else None


class Envelope(msgspec.Struct):
    """A GraphQL answer with its data still as bytes."""

    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    errors: list[GraphError] | None = None

    @property
    def has_data(self) -> bool:
        """Whether there is anything but null."""
        view = memoryview(self.data)
        return view.nbytes > 0 and view[:4].tobytes() != b"null"


T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T]):
    """A GraphQL answer whose data is decoded: the value of each root field."""

    data: dict[str, T] | None = None
    errors: list[GraphError] | None = None


class RestError(msgspec.Struct):
    """The body of an error of AI Processing."""

    id: str | None = None
    description: str | None = None
    detail: str | None = None
