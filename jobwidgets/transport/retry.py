"""The retry policy, without I/O: yields `SendEffect` and `SleepEffect`, receives replies, ends with one or an error."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._internal import gc_paused, sanitize
from jobwidgets.errors import (
    AuthError,
    JobError,
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
)
from jobwidgets.transport.messages import Answer, Envelope, GraphError, Reply, Request, RestError, TransportFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

TRIES = 4
FIRST_PAUSE = 0.2
RENEW = "get a new token and connect again"
MIN_TIME_LEFT_S = 1.0
"""Seconds that must be left after the service's wait: who sends with less leaves the answer no time."""
RATE_LIMITED_TAG = "busy"
"""Our name for an error that means: the service asked to wait, and certainly did nothing."""
UNKNOWN_OUTCOME_HINT = "look at the job before you send it again: it may have happened"


@dataclass(frozen=True, slots=True)
class SendEffect:
    """Asks the driver to send `request` within `timeout` seconds; it sends a Reply or a TransportFailure back."""

    request: Request
    timeout: float


@dataclass(frozen=True, slots=True)
class SleepEffect:
    """Asks the driver to wait for this many seconds."""

    seconds: float


NO_EFFECT_ERRORS = frozenset({"not_found", "not_allowed", "invalid_input", "authentication_error", "rate_limited"})
"""Names of errors which say that nothing was done."""
TRANSIENT_ERRORS = frozenset({"rate_limited", "service_unavailable", "service_failure", "internal_error"})
"""Names of errors after which a read is worth repeating (capacity_exceeded wants a smaller page instead)."""


@dataclass(slots=True)
class RetryBudget:
    """A bucket that lets a client try again, but never lets an outage become a storm."""

    size: float = 500.0
    left: float = field(default=500.0)

    def take(self, cost: float) -> bool:
        """Take `cost` out if it is there."""
        if self.left < cost:
            return False
        self.left -= cost
        return True

    def give(self, back: float) -> None:
        """Put `back` in again, as a success does."""
        self.left = min(self.size, self.left + back)


def send_with_retries(
    request: Request,
    *,
    deadline: float,
    budget: RetryBudget,
    now: Callable[[], float],
    chance: Callable[[], float],
) -> Generator[SendEffect | SleepEffect, Reply | TransportFailure | None, Reply]:
    """Carry one call through to a definite answer, or to an error that says what is certain.

    A read is tried up to four times. A write is sent again only when the service certainly never did anything: it was
    not reached, or it answered 429 (or 503 with Retry-After).

    Parameters
    ----------
    request : Request
        What to send.
    deadline : float
        When the call must be over, on the clock of `now`, in seconds; sleeps included.
    budget : RetryBudget
        Shared by all calls of a client.
    now, chance : callable
        The clock in seconds, and a number from 0 to 1.

    Raises
    ------
    NotSentError, RefusedError
        Nothing changed.
    UnknownOutcomeError
        A write that may have happened.
    ServiceError
        A read that could not be had.
    """
    spent = 0.0
    for attempt in range(1, TRIES + 1):
        answer = yield SendEffect(request, max(0.0, deadline - now()))
        if answer is None:
            raise TypeError("a request is answered by a Reply or a TransportFailure")
        answer = _decoded(request, answer)
        again = _again(request, answer)
        if again is None:
            budget.give(spent or 1.0)
            return _definite(request, answer)
        pause = again if again > 0 else chance() * FIRST_PAUSE * 2.0**attempt
        cost = 10.0 if isinstance(answer, TransportFailure) and answer.timed_out else 5.0
        needed = pause + MIN_TIME_LEFT_S if again > 0 else pause
        if attempt == TRIES or now() + needed >= deadline or not budget.take(cost):
            raise _given_up(request, answer, attempt, again)
        spent += cost
        if pause > 0:
            yield SleepEffect(pause)
    raise AssertionError("unreachable: the last try returns or raises")


@lru_cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Answer[Any]]:
    """Make what decodes answers of one kind: making it takes as long as a page does."""
    return msgspec.json.Decoder(Answer[kind])


def _decoded(request: Request, answer: Reply | TransportFailure) -> Reply | TransportFailure:
    """Decode a good answer, if it is what the request says; if not it is looked at with less trust."""
    if request.kind is None or not isinstance(answer, Reply) or answer.status != HTTPStatus.OK:
        return answer
    if answer.read is not None:
        return answer
    try:
        with gc_paused():
            return replace(answer, read=_decoder(request.kind).decode(answer.body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return answer


def _again(request: Request, answer: Reply | TransportFailure) -> float | None:
    """Say whether to try again: None no, 0 after a pause of our own, else after this many seconds."""
    if isinstance(answer, TransportFailure):
        if request.write and answer.sent:
            raise UnknownOutcomeError(f"the answer to {request.name} was lost: {answer.why}", hint=UNKNOWN_OUTCOME_HINT)
        return 0.0
    if is_throttled(answer):
        return 0.0 if answer.retry_after is None else max(answer.retry_after, 0.05)
    broken = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.NOT_IMPLEMENTED
    if broken or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        if request.write:
            raise UnknownOutcomeError(f"{request.name} was answered by HTTP {answer.status}", hint=UNKNOWN_OUTCOME_HINT)
        return 0.0
    if answer.status == HTTPStatus.OK:
        return _look_inside(request, answer)
    return None


def is_throttled(answer: Reply) -> bool:
    """Whether the service did nothing and says "later": 429, or 503 with Retry-After [contract, section 6]."""
    return answer.status == HTTPStatus.TOO_MANY_REQUESTS or (
        answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.retry_after is not None
    )


def _look_inside(request: Request, answer: Reply) -> float | None:
    """Try a read again that is garbled, or whose errors will pass."""
    if request.rest and request.write:
        return None  # what AI Processing answers to a write is not documented: the job itself tells what happened
    try:
        if request.rest:
            msgspec.json.decode(answer.body, type=msgspec.Raw)
            return None
        envelope = answer.read or msgspec.json.decode(answer.body, type=Envelope)
    except (msgspec.MsgspecError, RecursionError):
        if request.write:
            raise UnknownOutcomeError(
                f"the answer to {request.name} is not GraphQL", hint=UNKNOWN_OUTCOME_HINT
            ) from None
        return 0.0
    errors = envelope.errors or []
    passing = all(error.name in TRANSIENT_ERRORS and not error.inside for error in errors)
    return 0.0 if errors and passing and not request.write else None


def _definite(request: Request, answer: Reply | TransportFailure) -> Reply:
    """Return a good answer; raise what a refusal by status means (the status is looked at before the body)."""
    if not isinstance(answer, Reply):
        raise TypeError("only a complete answer is definite")
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    said = _said(request, answer)
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise AuthError(
            f"the service does not let us do {request.name} (HTTP {answer.status}{said})",
            hint=RENEW if answer.status == HTTPStatus.UNAUTHORIZED else "ask for the right, or check the id",
        )
    if answer.status < HTTPStatus.BAD_REQUEST:
        raise RefusedError(
            f"{request.url} moved (HTTP {answer.status})", hint="connect to the address it moved to", name="moved"
        )
    if answer.status == HTTPStatus.NOT_FOUND:
        raise NotFoundError(
            f"not found: {request.name}{said}",
            hint="check the id and that it is yours" if request.rest else f"check the address {request.url}",
        )
    if not request.rest:
        for error in graph_errors(answer.body):
            if error.name in NO_EFFECT_ERRORS or not request.write:
                raise graph_error(error, request.name)
    raise RefusedError(f"the service refused {request.name} (HTTP {answer.status}{said})", hint="change the request")


def _said(request: Request, answer: Reply) -> str:
    if not request.rest:
        return "".join(f": {sanitize(error.message)}" for error in graph_errors(answer.body)[:1])
    try:
        error = msgspec.json.decode(answer.body, type=RestError)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    words = sanitize(error.detail or error.description or "")
    return f": {words}" if words else ""


def request_id_of(request: Request, answer: Reply) -> str | None:
    """Return the id under which the service keeps an error, None where its answer tells none."""
    if not request.rest:
        return next((error.error_id for error in graph_errors(answer.body) if error.error_id), None)
    try:
        return msgspec.json.decode(answer.body, type=RestError).id
    except (msgspec.MsgspecError, RecursionError):
        return None


def graph_errors(body: bytes) -> list[GraphError]:
    """Give the errors of a GraphQL answer, none if it is not one."""
    try:
        return msgspec.json.decode(body, type=Envelope).errors or []
    except (msgspec.MsgspecError, RecursionError):
        return []


def graph_error(error: GraphError, what: str) -> JobError:
    """Turn a GraphQL error on a read, or one which says that nothing was done, into ours."""
    raised = _graph_error(error, what)
    raised.operation, raised.request_id = what, error.error_id
    return raised


def _graph_error(error: GraphError, what: str) -> JobError:
    words = f"{what}: {sanitize(error.message) or 'an error without a message'}"
    if error.name == "not_found":
        return NotFoundError(words, hint="check the id and that it is yours", name=error.name)
    if error.name == "authentication_error":
        return AuthError(words, hint=RENEW, name=error.name)
    if error.name in NO_EFFECT_ERRORS:
        return RefusedError(words, hint=_HINTS.get(error.name, ""), name=error.name)
    return ServiceError(words, hint="try again; if it stays, ask the service's people", name=error.name or "")


_HINTS = {
    "not_allowed": "the service's rules or your rights do not allow it",
    "rate_limited": "wait a little and try again",
    "invalid_input": "change the request",
}


def _given_up(request: Request, answer: Reply | TransportFailure, tries: int, wait: float) -> JobError:
    """Say what is certain after the last try."""
    times = "once" if tries == 1 else f"{tries} times"
    if isinstance(answer, TransportFailure):
        why = answer.why
    elif answer.status == HTTPStatus.OK:
        names = ", ".join(sorted({sanitize(error.name) for error in graph_errors(answer.body)}))
        why = f"the service answered {names or 'something that is not GraphQL'}"
    else:
        why = f"the service answered HTTP {answer.status}"
    hint = f"the service asks to wait {wait:.0f} s" if wait > 0 else "try again later, or check the address"
    message = f"{request.name} tried {times}: {why}"
    busy = RATE_LIMITED_TAG if isinstance(answer, Reply) and is_throttled(answer) else ""
    if request.write or (isinstance(answer, TransportFailure) and not answer.sent):
        return NotSentError(message, hint=hint, name=busy)
    return ServiceError(message, hint=hint, name=busy)
