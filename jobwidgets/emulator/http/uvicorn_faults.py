"""What uvicorn cannot do for an application: close the connection without an answer, or answer byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

_open: dict[tuple[str, int, int], asyncio.Transport] = {}


def _address(transport: asyncio.Transport) -> tuple[str, int, int] | None:
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return (peer[0], peer[1], own[1]) if peer and own else None


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is up, sleeps instead of ticking, and stops at once."""

    def __init__(self, config: uvicorn.Config, on_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_up = on_up
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_up()

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection, one that is just being accepted too, once its answer has left.

        uvicorn's own sleeps for a tenth of a second, whether or not anything is left to wait for.
        """
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # a loop of Windows that has no readers
            for listener in [each for server in self.servers for each in server.sockets]:
                loop.remove_reader(listener.fileno())
        for _ in range(3):  # what was accepted becomes a connection; a server closed in between would lose it
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        deadline = loop.time() + (self.config.timeout_graceful_shutdown or 0)
        while (state.connections or state.tasks) and loop.time() < deadline:  # noqa: ASYNC110  uvicorn announces neither
            await asyncio.sleep(0.01)
        for task in state.tasks:
            task.cancel()

    def stop(self) -> None:
        """Stop, from any thread, while the loop runs."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


class Protocol(H11Protocol):
    """uvicorn's protocol, which also remembers the transport of each connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Remember the transport."""
        super().connection_made(transport)
        address = _address(transport)
        if address is not None:
            _open[address] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport."""
        address = _address(self.transport)
        if address is not None:
            _open.pop(address, None)
        super().connection_lost(exc)


def with_transports(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return the application, given the two extensions it needs for its faults."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        client, server = scope.get("client"), scope.get("server")
        transport = _open.get((client[0], client[1], server[1])) if client and server else None
        if transport is None:
            await app(scope, receive, send)
            return

        async def hang_up(_: bytes | None) -> None:
            transport.close()
            while (await receive())["type"] != "http.disconnect":
                pass

        async def drip(raw: bytes, rate: float) -> None:
            step = max(1, int(rate / 10))
            for begin in range(0, len(raw), step):
                if transport.is_closing():
                    break
                transport.write(raw[begin : begin + step])
                await asyncio.sleep(step / rate)
            await hang_up(None)

        extensions = {**scope.get("extensions", {}), "emulator.hang_up": hang_up, "emulator.drip": drip}
        await app({**scope, "extensions": extensions}, receive, send)

    return wrapped
