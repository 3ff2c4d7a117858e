"""One service as both APIs see it: calls in, definite answers or our errors out."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import msgspec

from jobwidgets._internal import sanitize
from jobwidgets.errors import (
    AuthError,
    JobError,
    RefusedError,
    ServiceError,
    SettingsError,
    UnknownOutcomeError,
    UsageError,
)
from jobwidgets.frames import decode_json
from jobwidgets.transport import queries as documents
from jobwidgets.transport.alias_responses import InFlightWrite, match_aliases
from jobwidgets.transport.http import HttpTransport
from jobwidgets.transport.messages import Answer, Envelope, Reply, Request, TransportFailure
from jobwidgets.transport.page_sizes import ServiceLimits
from jobwidgets.transport.retry import (
    MIN_TIME_LEFT_S,
    NO_EFFECT_ERRORS,
    RENEW,
    UNKNOWN_OUTCOME_HINT,
    RetryBudget,
    SendEffect,
    graph_error,
    is_throttled,
    request_id_of,
    send_with_retries,
)
from jobwidgets.transport.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence

    from jobwidgets.transport.alias_responses import AliasResult, UnresolvedRetry
    from jobwidgets.transport.config import Settings
    from jobwidgets.transport.page_sizes import PageBoundaries

log = logging.getLogger("jobwidgets.transport")
log.addHandler(logging.NullHandler())  # nothing is printed into a notebook that has set up no logging
SIDE_BY_SIDE = 8
FRESH = 2.0  # seconds
LISTS = 32
"""Lists of which it is kept what was seen of them."""
LARGE = 2**16
"""Bytes of an answer from which on it is worth another thread."""
TOO_MANY = frozenset({"invalid_input", "capacity_exceeded"})
"""Names under which a service refuses a page or a document for its size."""


def encode_json(value: object) -> bytes:
    """Write JSON.

    Raises
    ------
    UsageError
        There is something in it that JSON cannot hold; nothing was sent.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"this cannot be sent as JSON: {sanitize(error)}", hint="give texts, numbers, lists and dicts"
        ) from None


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all of these; when one fails nothing of the others is left running."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _fields(envelope: Envelope, name: str) -> dict[str, msgspec.Raw] | None:
    fields: dict[str, msgspec.Raw] | None = None
    if envelope.has_data:
        fields = decode_json(dict[str, msgspec.Raw], envelope.data, name)
    return fields


class ServiceConnection:
    """Holds the wire, the budget, the sizes and the service's clock of one connection.

    Parameters
    ----------
    settings : Settings
        Addresses and secret.
    timeout : float, default 60
        Seconds a call may take in all, its waits and repeats included.
    app : callable, optional
        An ASGI application to talk to instead of a socket.
    """

    def __init__(self, settings: Settings, *, timeout: float = 60.0, app: Any = None) -> None:
        self.url = settings.url
        self.rest_url = settings.rest_url
        self.environment = settings.environment
        self.timeout = timeout
        self.throttle = Throttle(settings.budget)
        self.http = HttpTransport(settings.secret, app=app, ready=self.throttle.open)
        self.retry_budget = RetryBudget()
        self.created_job_ids: set[str] = set()
        """The ids of jobs made by single calls: none of them is the answer to another retry."""
        self.unknown_retries: list[UnresolvedRetry] = []
        """Single retries whose answers were lost."""
        self.closed = False
        self.limits = ServiceLimits()
        self.boundary_cache: dict[Hashable, PageBoundaries] = {}
        """What was seen of the lists that were read last, by what they were asked for."""
        self._clock: tuple[datetime, float, float] | None = None
        # a service in this process is for places that have no threads
        self._readers = ThreadPoolExecutor(os.cpu_count(), "jobwidgets-page") if app is None else None

    @property
    def account(self) -> Hashable:
        """What tells whether two connections are of the same service and token."""
        return self.url, self.http.identity

    # ------------------------------------------------------------------ calls

    async def call(self, request: Request, sending: InFlightWrite | None = None) -> Reply:
        """Carry one request through: see `send_with_retries` for what is raised."""
        sending = sending or InFlightWrite()
        if self.closed:
            raise UsageError("this client is closed", hint="connect again")

        def now() -> float:
            return time.monotonic() - sending.queued

        steps = send_with_retries(
            request,
            deadline=now() + self.timeout,
            budget=self.retry_budget,
            now=now,
            chance=random.random,
        )
        tries, began = 0, time.monotonic()
        answer: Reply | TransportFailure | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, SendEffect):
                    tries += 1
                    asked = time.monotonic()
                    async with self.throttle.turn():
                        sending.queued += time.monotonic() - asked
                        answer = await self._answered(step, sending)
                    step = steps.send(await self._read(request, answer))
                else:
                    sending.out = False  # a write is only sent again when it certainly did nothing
                    await asyncio.sleep(step.seconds)
                    step = steps.send(None)
        except StopIteration as end:
            reply: Reply = end.value
            _log_exchange(request, tries, reply, time.monotonic() - began)
            return reply
        except JobError as error:
            error.operation = request.name
            if isinstance(answer, Reply):
                error.status_code, error.request_id = answer.status, request_id_of(request, answer)
            _log_exchange(request, tries, answer, time.monotonic() - began, error)
            raise

    async def _answered(self, step: SendEffect, sending: InFlightWrite) -> Reply | TransportFailure:
        """Send once, but not while the service has asked to be left alone: whoever asks early waits the longer."""
        wait = self.throttle.closed_for
        if self.closed:
            raise UsageError("this client was closed while it was at work", hint="connect again")
        if wait and wait + MIN_TIME_LEFT_S >= step.timeout:
            return Reply(HTTPStatus.TOO_MANY_REQUESTS, b"", retry_after=wait)
        if wait:
            began = time.monotonic()
            await self.throttle.open()
            step = SendEffect(step.request, max(0.0, step.timeout - (time.monotonic() - began)))
        sending.out = True
        began = time.monotonic()
        answer = await self.http.send(step.request, step.timeout)
        sending.took = time.monotonic() - began
        if isinstance(answer, Reply):
            if answer.date is not None:
                self._clock = (answer.date, time.monotonic(), time.time())
            if is_throttled(answer):
                self.throttle.hold(answer.retry_after)
        return answer

    async def _read(self, request: Request, answer: Reply | TransportFailure) -> Reply | TransportFailure:
        """Read a good answer the quick way, where there is one; a large one on another thread, while more come in."""
        if request.read is None or not isinstance(answer, Reply) or answer.status != HTTPStatus.OK:
            return answer
        if len(answer.body) < LARGE or self._readers is None:
            return replace(answer, read=request.read(answer.body))
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._readers, request.read, answer.body)
        except RuntimeError:  # the pool is closed
            raise UsageError("this client was closed while it was at work", hint="connect again") from None
        return replace(answer, read=await reading)

    def remember_boundaries(self, list_: Hashable, seen: PageBoundaries) -> None:
        """Keep what was seen of a list, as one of the last few."""
        self.boundary_cache.pop(list_, None)
        self.boundary_cache[list_] = seen
        if len(self.boundary_cache) > LISTS:
            del self.boundary_cache[next(iter(self.boundary_cache))]

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or pickled: it holds connections and a token."""
        raise TypeError("a client cannot be copied or pickled: connect again where it is needed")

    def close(self) -> None:
        """Let nothing be asked any more; the wire has its own end."""
        self.closed = True
        if self._readers is not None:
            self._readers.shutdown(wait=False)

    async def query(
        self,
        name: str,
        query: str,
        variables: Mapping[str, Any],
        *,
        write: bool = False,
        sending: InFlightWrite | None = None,
    ) -> Envelope:
        """Send one GraphQL document; the errors in the answer are the caller's to read."""
        body = encode_json({"query": query, "variables": variables})
        reply = await self.call(Request(name, "POST", self.url, body, write=write), sending)
        envelope: Envelope = decode_json(Envelope, reply.body, name)
        return envelope

    async def query_one(
        self,
        name: str,
        query: str,
        variables: Mapping[str, Any],
        kind: Any,
        *,
        write: bool = False,
        read: Callable[[bytes], Answer[Any] | None] | None = None,
    ) -> Any:
        """Send one operation, and give the value of its root field as `kind`, or as `read` reads it.

        Where it asks for other fields beside that one, it has the operation's name.

        Raises
        ------
        RefusedError
            The service said no; nothing changed.
        UnknownOutcomeError
            A write whose answer leaves open what happened.
        ServiceError
            A read that could not be had.
        """
        body = encode_json({"query": query, "variables": variables})
        reply = await self.call(
            Request(name, "POST", self.url, body, write=write, kind=None if write else kind, read=read)
        )
        if reply.read is not None:
            answer: Answer[Any] = reply.read
        else:
            envelope: Envelope = decode_json(Envelope, reply.body, name)
            answer = Answer(_fields(envelope, name), envelope.errors)
        fields = answer.data or {}
        value = fields.get(name) if len(fields) > 1 else next(iter(fields.values()), None)
        empty = value is None or (isinstance(value, msgspec.Raw) and bytes(value) == b"null")
        for error in answer.errors or ():
            if not write and not empty and error.inside and error.name not in TOO_MANY:
                continue  # a part of the answer is missing and reads null: the rest is kept
            if not write or (empty and error.name in NO_EFFECT_ERRORS):
                raise graph_error(error, name)
            raise UnknownOutcomeError(
                f"the service answered {name} with an error that leaves open what it did: {error.name or 'unnamed'}",
                hint=UNKNOWN_OUTCOME_HINT,
            )
        if not answer.data or (empty and write):
            if write:
                raise UnknownOutcomeError(f"the service answered {name} with nothing", hint=UNKNOWN_OUTCOME_HINT)
            raise ServiceError(f"the service answered {name} with nothing", hint="ask the service's people")
        if not isinstance(value, msgspec.Raw):
            return value
        try:
            return decode_json(kind, value, name)
        except ServiceError as error:
            if write:
                raise UnknownOutcomeError(error.message, hint=UNKNOWN_OUTCOME_HINT) from None
            raise

    async def rest(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        json: object = None,
        write: bool = False,
        sending: InFlightWrite | None = None,
    ) -> Reply:
        """Send one request to AI Processing.

        Raises
        ------
        SettingsError
            No REST address is known; nothing was sent.
        """
        if self.rest_url is None:
            raise SettingsError(
                "this connection has no REST address",
                hint='connect with rest_url="https://…/edge/v1" or AIWARE_REST_URL',
            )
        url = f"{self.rest_url}{path}" + (f"?{urlencode(query)}" if query else "")
        body = None if json is None else encode_json(json)
        return await self.call(Request(f"{method} {path}", method, url, body, write=write, rest=True), sending)

    # ------------------------------------------------------------- many at once

    async def query_aliases(self, verb: str, ids: Sequence[str]) -> dict[str, AliasResult]:
        """Read many jobs by aliases, several documents side by side; a rejected document is halved."""
        found: dict[str, AliasResult] = {}
        places = asyncio.Semaphore(SIDE_BY_SIDE)

        async def read(part: Sequence[str]) -> None:
            async with places:
                size = self.limits.aliases
                if len(part) <= size:
                    try:
                        found.update(await self._aliased(verb, part))
                    except RefusedError as error:
                        if error.name not in TOO_MANY or len(part) == 1:
                            raise
                        size = max(1, len(part) // 2)
                        self.limits.aliases = min(self.limits.aliases, size)
                    else:
                        return
            await together(read(part[at : at + size]) for at in range(0, len(part), size))

        unique = list(dict.fromkeys(ids))
        step = self.limits.aliases
        await together(read(unique[at : at + step]) for at in range(0, len(unique), step))
        return found

    async def _aliased(self, verb: str, ids: Sequence[str]) -> dict[str, AliasResult]:
        """Read one document's worth; where its pages of tasks are too large, again with smaller ones."""
        largest = self.limits.tasks
        while True:
            variables: dict[str, Any] = {f"a{at}": job_id for at, job_id in enumerate(ids)}
            size = self.limits.tasks
            if verb in documents.WITH_TASKS:
                variables["tasks"] = size
            envelope = await self.query(verb, documents.many(verb, len(ids)), variables)
            errors = envelope.errors or []
            if not envelope.has_data and errors:
                if errors[0].name in TOO_MANY:
                    why = f"{verb}: a document with {len(ids)} aliases was rejected"
                    raise RefusedError(why, hint="ask for fewer at once", name=str(errors[0].name))
                raise graph_error(errors[0], verb)
            if any(error.name == "authentication_error" for error in errors):
                raise AuthError(f"{verb}: the token is not accepted any more", hint=RENEW)
            if not any(error.name in TOO_MANY and (error.path is None or error.inside) for error in errors):
                return match_aliases(envelope, ids, tasks=size)
            if size == 1 or verb not in documents.WITH_TASKS:
                self.limits.tasks = largest  # the pages were not the reason
                return match_aliases(envelope, ids, tasks=size)
            self.limits.tasks = max(1, size // 2)

    # -------------------------------------------------------------------- clock

    def server_time_estimate(self) -> datetime | None:
        """Tell the service's clock: its last answer's, moved on by ours; None before the first answer.

        It is rather late than early: while a machine sleeps only one of its two clocks goes on.
        """
        if self._clock is None:
            return None
        date, at, wall = self._clock
        return date + timedelta(seconds=max(time.monotonic() - at, time.time() - wall))

    def server_time_floor(self) -> datetime:
        """Tell what the service's clock has reached for certain: whatever is sent now happens later."""
        return self._clock[0] if self._clock is not None else datetime.now(UTC)

    def clock_is_fresh(self) -> bool:
        """Whether it was told a moment ago: a service's clock can run at another pace than ours."""
        return self._clock is not None and time.monotonic() - self._clock[1] < FRESH

    def server_time(self) -> datetime:
        """Do the same, with this machine's clock where the service has told nothing."""
        return self.server_time_estimate() or datetime.now(UTC)


def _log_exchange(
    request: Request,
    tries: int,
    answer: Reply | TransportFailure | None,
    seconds: float,
    error: JobError | None = None,
) -> None:
    """Log one exchange, without its content: a request holds the token, an answer can repeat it."""
    unusual = error is not None and not isinstance(error, RefusedError | UsageError)
    status, size = (answer.status, len(answer.body)) if isinstance(answer, Reply) else ("no answer", 0)
    log.log(
        logging.WARNING if unusual else logging.DEBUG,
        "%s: %s after %d %s in %.3f s, %d bytes%s",
        request.name, status, tries, "try" if tries == 1 else "tries", seconds, size,
        f" ({type(error).__name__})" if error is not None else "",
    )  # fmt: skip
