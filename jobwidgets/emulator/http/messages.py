"""Requests and replies, and how bodies are read and sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets.emulator.api.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from jobwidgets.emulator.http.faults import Fault

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

GRAPHQL_PATH = "/v3/graphql"
_PATIENCE = 4  # so many times the largest body are taken in before an answer cuts the sender off
_GATEWAY_PAGE = b"<html><head><title>%d</title></head><body><center><h1>%d</h1></center><hr>gateway</body></html>"


@dataclass(slots=True)
class Reply:
    """An answer before it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def graphql(self) -> bool:
        """Whether it asks for the GraphQL endpoint."""
        return self.path == GRAPHQL_PATH


class TurnedAwayError(Exception):
    """The request has its answer before any work is done."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class TooLargeError(Exception):
    """The body is larger than the service takes."""


async def lifespan(receive: Receive, send: Send) -> None:
    """Answer the messages of an application's life."""
    while True:
        message = await receive()
        kind = message["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return


async def read_body(receive: Receive, headers: Mapping[str, str], most: int) -> bytes:
    """Return the body; more than `most` bytes are not kept, but taken in, so that the answer is heard."""
    text = headers.get("content-length", "0")
    announced = int(text) if text.isdigit() else 0
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= _PATIENCE * most:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        part = message.get("body", b"")
        size += len(part)
        more = bool(message.get("more_body"))
        if max(size, announced) <= most:
            parts.append(part)
        else:
            parts.clear()
    if max(size, announced) > most:
        raise TooLargeError(max(size, announced))
    return b"".join(parts)


def read_json(request: Request) -> Any:
    """Return what the JSON body of a request holds."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal("invalid_input", "The body must be JSON, with Content-Type: application/json")
    try:
        return msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal("invalid_input", "The body is not JSON") from None


def gateway_page(status: int) -> Reply:
    """Return what a gateway answers when the service behind it does not."""
    return Reply(status, _GATEWAY_PAGE % (status, status), {"Content-Type": "text/html"})


def raw(reply: Reply, headers: Mapping[str, str]) -> bytes:
    """Return an answer as the bytes on the wire."""
    head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"HTTP/1.1 {reply.status} X\r\n{head}Connection: close\r\n\r\n".encode("latin-1") + reply.body


async def drip(body: bytes, rate: float, send: Send) -> None:
    """Send a body at `rate` bytes a second."""
    step = max(1, int(rate / 10))
    for begin in range(0, len(body), step):
        await send({"type": "http.response.body", "body": body[begin : begin + step], "more_body": True})
        await asyncio.sleep(step / rate)
    await send({"type": "http.response.body", "body": b""})


async def hang_up_in_process(_: bytes | None) -> None:
    """Break off where there is no socket to close."""
    raise ConnectionAbortedError("the service closed the connection without an answer")
