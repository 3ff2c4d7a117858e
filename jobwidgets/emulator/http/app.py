"""The service as an ASGI application: what a request goes through, from its head to its answer."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import msgspec

from jobwidgets.emulator.api.errors import Refusal
from jobwidgets.emulator.api.rest import BASE, Rest, http_status
from jobwidgets.emulator.http.messages import (
    Reply,
    Request,
    TooLargeError,
    TurnedAwayError,
    drip,
    gateway_page,
    hang_up_in_process,
    lifespan,
    raw,
    read_body,
    read_json,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from jobwidgets.emulator.api.graphql import GraphQL
    from jobwidgets.emulator.http.auth import Access, RateLimit
    from jobwidgets.emulator.http.faults import Fault, Faults
    from jobwidgets.emulator.http.messages import Receive, Send
    from jobwidgets.emulator.simulation.world import Caller, World

_LOCAL = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE)
_GZIP_FROM = 1024
_NOTHING_MORE = frozenset({"fail_before", "server_error", "capacity_exceeded", "rate_limit", "expire_token"})
_encode = msgspec.json.Encoder().encode


class App:
    """The ASGI application of a service.

    Parameters
    ----------
    world : World
        The jobs; each request is answered under its lock.
    graphql : GraphQL
        Answers GraphQL requests.
    access : Access
        Tells who a token belongs to.
    limit : RateLimit
        Counts the requests of a token and of an organisation.
    faults : Faults
        The faults that requests suffer.
    requests : Counter
        How often each operation was asked for; counted here.
    """

    def __init__(
        self, world: World, graphql: GraphQL, *, access: Access, limit: RateLimit, faults: Faults,
        requests: Counter[str],
    ) -> None:  # fmt: skip
        self._world, self._graphql_api, self._rest = world, graphql, Rest(world)
        self._access, self._limit, self._faults, self._requests = access, limit, faults, requests

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is spoken here")
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        raw = scope.get("raw_path") or scope["path"].encode()
        path = unquote(raw.decode("latin-1").partition("?")[0]) if scope.get("raw_path") else scope["path"]
        request = Request(scope["method"], path, query, headers)
        try:
            reply = self._at_the_door(request)
            if reply is None:
                request.body = await read_body(receive, headers, self._world.choices.max_body)
                reply = self._answer(request)
        except TooLargeError as error:
            reply = self._too_large(request, error.args[0])
        await self._send(request, reply, scope, send)

    def _at_the_door(self, request: Request) -> Reply | None:
        """Refuse what is not even read: a strange Host, path or method."""
        if not _LOCAL.fullmatch(request.headers.get("host", "")):
            return self._refuse(
                request, 421, Refusal("invalid_input", "This service answers to 127.0.0.1 and localhost only")
            )
        if request.graphql:
            allowed = frozenset({"POST"})
        elif request.path.startswith(f"{BASE}/"):
            route = self._rest.route(request.method, request.path.removeprefix(BASE))
            if route is None:
                return self._refuse(request, 404, Refusal("not_found", "There is no such path"))
            allowed = route.methods
        else:
            return self._refuse(request, 404, Refusal("not_found", "There is no such path"))
        if request.method not in allowed:
            reply = self._refuse(request, 405, Refusal("method", f"Use {', '.join(sorted(allowed))}"))
            reply.headers["Allow"] = ", ".join(sorted(allowed))
            return reply
        return None

    def _answer(self, request: Request) -> Reply:
        """Answer a request whose body has been read: everything happens under the world's lock, at one instant."""
        faults: list[Fault] = []
        with self._world.lock:
            self._world.sync()
            try:
                reply = self._graphql(request, faults) if request.graphql else self._rest_call(request, faults)
            except TurnedAwayError as early:
                reply = early.reply
            except Refusal as refusal:
                reply = self._refuse(request, http_status(refusal), refusal)
        reply.faults = faults
        return reply

    def _admit(self, request: Request, operations: list[str], faults: list[Fault]) -> Caller:
        """Count a request and note the faults it suffers; return its caller, or turn it away."""
        self._requests.update(operations)
        faults += self._faults.strike(operations)
        expired = any(fault.kind == "expire_token" for fault in faults)
        found = None if expired else self._access.caller(request.headers.get("authorization"))
        if found is None and (expired or operations != ["userLogin"]):
            refusal = Refusal("authentication_error", "The token is missing, wrong or expired")
            status = self._world.choices.auth_status
            if not request.graphql and status == HTTPStatus.OK:
                status = HTTPStatus.UNAUTHORIZED
            raise TurnedAwayError(self._refuse(request, status, refusal))
        if found is not None:
            keys = (f"token {found[0]}", f"organization {found[1].org}")
            wait = self._limit.wait(keys, self._world.choices.rate_limit)
            if wait:
                raise TurnedAwayError(self._too_many(request, wait))
        for fault in faults:
            if fault.kind in _NOTHING_MORE:
                raise TurnedAwayError(self._failed(request, fault))
        return self._access.nobody if found is None else found[1]

    def _graphql(self, request: Request, faults: list[Fault]) -> Reply:
        given = read_json(request)
        if not isinstance(given, dict) or not isinstance(given.get("query"), str):
            raise Refusal("invalid_input", "The body must be a JSON object with a query")
        name, variables = given.get("operationName"), given.get("variables")
        if not isinstance(name, (str, type(None))) or not isinstance(variables, (dict, type(None))):
            raise Refusal("invalid_input", "operationName is text, variables an object")
        prepared = self._graphql_api.prepare(given["query"], name or None)
        caller = self._admit(request, prepared.operations or ["(malformed)"], faults)
        status, answer = self._graphql_api.answer(prepared, variables, caller)
        return Reply(status, _encode(answer))

    def _rest_call(self, request: Request, faults: list[Fault]) -> Reply:
        route = self._rest.route(request.method, request.path.removeprefix(BASE))
        if route is None or route.answer is None:
            raise Refusal("not_found", "There is no such path")
        caller = self._admit(request, [route.name], faults)
        body = read_json(request) if request.method == "POST" else None
        status, answer = route.answer(caller, *route.parts, query=request.query, body=body)
        return Reply(status, b"" if answer is None else _encode(answer))

    def _refuse(self, request: Request, status: int, refusal: Refusal) -> Reply:
        """Return the error body of the API that was asked."""
        error = self._graphql_api.describe(refusal)
        if request.graphql:
            return Reply(status, _encode({"errors": [error]}))
        return Reply(
            status, _encode({"id": error["data"]["errorId"], "description": refusal.name, "detail": refusal.message})
        )

    def _too_large(self, request: Request, size: int) -> Reply:
        limit = self._world.choices.max_body
        with self._world.lock:
            return self._refuse(
                request, 413, Refusal("invalid_input", "The request is too large", limitInBytes=limit, requestSize=size)
            )

    def _too_many(self, request: Request, wait: float, retry_after: float | None = None) -> Reply:
        seconds = max(1, math.ceil(wait if retry_after is None else retry_after))
        reply = self._refuse(request, 429, Refusal("rate_limited", f"Too many requests; try again in {seconds} s"))
        reply.headers["Retry-After"] = str(seconds)
        return reply

    def _failed(self, request: Request, fault: Fault) -> Reply:
        """Return the answer of a fault that strikes before the work."""
        if fault.kind == "rate_limit":
            return self._too_many(request, self._faults.left(fault), fault.retry_after)
        if fault.kind == "server_error":
            name = "service_unavailable" if fault.amount == HTTPStatus.SERVICE_UNAVAILABLE else "internal_error"
            return self._refuse(request, int(fault.amount), Refusal(name, "Something went wrong"))
        if fault.kind == "capacity_exceeded":
            return self._refuse(
                request, 200 if request.graphql else 503, Refusal("capacity_exceeded", "The query is too dear")
            )
        return gateway_page(int(fault.amount))

    async def _send(self, request: Request, reply: Reply, scope: Mapping[str, Any], send: Send) -> None:
        """Send an answer, with what the faults make of it."""
        faults = {fault.kind: fault for fault in reply.faults}
        if "delay" in faults:
            await asyncio.sleep(faults["delay"].amount)
        hang_up = scope.get("extensions", {}).get("emulator.hang_up", hang_up_in_process)
        if "lose_answer" in faults:
            await hang_up(b"")
            return
        if "fail_after" in faults:
            reply = gateway_page(int(faults["fail_after"].amount))
        elif "garbage" in faults:
            reply = Reply(
                200,
                b'{"data": {"jobs": \xff\xfe<!doctype html> upstream said hello',
                {"Content-Type": "application/json"},
            )
        headers = self._headers(request, reply)
        if "trickle" in faults and faults["trickle"].headers and "emulator.drip" in scope.get("extensions", {}):
            await scope["extensions"]["emulator.drip"](raw(reply, headers), faults["trickle"].amount)
            return
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()],
            }
        )
        if "cut" in faults:
            await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
            await hang_up(None)
            return
        if "trickle" in faults:
            await drip(reply.body, faults["trickle"].amount, send)
            return
        await send({"type": "http.response.body", "body": reply.body})

    def _headers(self, request: Request, reply: Reply) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8", **reply.headers}
        headers["Date"] = formatdate(self._world.now() / 1000, usegmt=True)
        headers["Cache-Control"] = "no-store"
        if len(reply.body) > _GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            reply.body = packer.compress(reply.body) + packer.flush()
            headers["Content-Encoding"] = "gzip"
            headers["Vary"] = "Accept-Encoding"
        if reply.status == HTTPStatus.NO_CONTENT:
            del headers["Content-Type"]
        else:
            headers["Content-Length"] = str(len(reply.body))
        return headers
