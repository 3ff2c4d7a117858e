"""What an error of one step of a call says of the call."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.errors import (
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
    UsageError,
)
from jobwidgets.transport.retry import UNKNOWN_OUTCOME_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def error_context(what: str, target: str) -> Iterator[None]:
    """Let an error that something is not there name what was asked for."""
    try:
        yield
    except NotFoundError as error:
        said = f"no {what} {sanitize(target)!r}: {error.message}"
        hint = error.hint or "check the id and that it is yours"
        raise NotFoundError(said, hint=hint, name=error.name).of_request(error) from None


@contextmanager
def readback_context(done: str) -> Iterator[None]:
    """Read back what a write did: when that fails, the write still may have happened, and the error says so."""
    try:
        yield
    except (ServiceError, NotSentError, RefusedError, UsageError) as error:
        raise UnknownOutcomeError(
            f"{done}, but what became of it could not be read: {error.message}", hint=UNKNOWN_OUTCOME_HINT
        ).of_request(error) from None
