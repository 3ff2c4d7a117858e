"""Serves a service over sockets of this machine, from a thread or as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Self

from jobwidgets.emulator.api.rest import BASE
from jobwidgets.emulator.http.messages import GRAPHQL_PATH
from jobwidgets.emulator.persistence.state_file import StateError
from jobwidgets.emulator.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType, TracebackType

_LOOPBACK = {"127.0.0.1", "localhost"}


class Running:
    """A service that answers on a port; close it, or use it as a context manager."""

    def __init__(self, service: Service, sock: socket.socket, save_every: float) -> None:
        import uvicorn  # noqa: PLC0415 - only serving over sockets needs it

        from jobwidgets.emulator.http.uvicorn_faults import Protocol, Server, with_transports  # noqa: PLC0415 - the same

        self.service = service
        self.port: int = sock.getsockname()[1]
        config = uvicorn.Config(
            with_transports(service.app),
            http=Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._up = threading.Event()
        self._server = Server(config, self._up.set)
        self._socket = sock
        self._thread = threading.Thread(target=self._run, name="aiware-emulator", daemon=True)
        self._thread.start()
        self._up.wait(10)
        if not self._server.started:
            raise RuntimeError("the embedded service did not start")
        if service.keeper is not None:
            service.keeper.keep_saving(save_every)

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._up.set()

    @property
    def graphql_url(self) -> str:
        """The URL of the GraphQL endpoint."""
        return f"http://127.0.0.1:{self.port}{GRAPHQL_PATH}"

    @property
    def rest_url(self) -> str:
        """The base URL of the REST API."""
        return f"http://127.0.0.1:{self.port}{BASE}"

    def close(self) -> None:
        """Stop answering and end the threads; the service stays open. Closing twice is harmless."""
        if self.service.keeper is not None:
            self.service.keeper.stop_saving()
        if self._thread.is_alive():
            self._server.stop()
            self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Running {self.graphql_url}>"


def serve(service: Service, host: str = "127.0.0.1", port: int = 0, *, save_every: float = 30.0) -> Running:
    """Serve on this machine, from a daemon thread; returns when it answers.

    Parameters
    ----------
    host
        127.0.0.1 or localhost; anything else is a `ValueError`: the service is for this machine alone.
    port
        0: a free one.
    save_every
        Seconds between two saves of a service with a state file.

    Raises
    ------
    OSError
        The port is taken.
    """
    if host not in _LOOPBACK:
        raise ValueError(f"the embedded service listens on 127.0.0.1 only, not on {host!r}")
    # asyncio switches Nagle's algorithm off only where the protocol is named: else each answer waits 40 ms
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
        return Running(service, sock, save_every)
    except BaseException:
        sock.close()
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobwidgets serve", description="Run the embedded aiWARE service on this machine."
    )
    parser.add_argument("--port", type=int, default=9000, help="the port on 127.0.0.1; 0: a free one (default: 9000)")
    parser.add_argument("--jobs", type=int, help="how many jobs there are at the start (default: 2000)")
    parser.add_argument("--seed", type=int, help="the same seed, the same history (default: 0)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="world seconds per second; 0 stops the clock (default: 1)"
    )
    parser.add_argument("--token", help="the API key; without it a random one is made")
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="keep the world in this file, and go on with the one that is there",
    )
    parser.add_argument("--json", action="store_true", help="print the URLs and the token as one line of JSON")
    parser.add_argument(
        "--owned", action="store_true", help="end when standard input is closed: gone when its owner goes"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until an interrupt, a terminate, or with --owned the end of standard input; return the exit code."""
    options = _parser().parse_args(argv)
    stop = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        service = Service(
            jobs=options.jobs, seed=options.seed, speed=options.speed, token=options.token, state=options.state
        )
    except StateError as error:
        _complain(str(error))
        return 1
    except ValueError as error:
        _complain(str(error))
        return 2
    for note in service.notes:
        _complain(f"{options.state}: {note}")
    code = _serve_until(stop, service, options)
    try:
        service.close()
    except (StateError, OSError) as error:
        _complain(f"the world could not be saved, what was saved before is still there: {error}")
        return 1
    return code


def _serve_until(stop: threading.Event, service: Service, options: argparse.Namespace) -> int:
    try:
        running = serve(service, port=options.port)
    except OSError as error:
        _complain(f"port {options.port}: {error.strerror or error}")
        return 1
    with running:
        sys.stdout.write(_announcement(running, options.state, as_json=options.json))
        sys.stdout.flush()
        if options.owned:
            threading.Thread(target=_watch_stdin, args=(stop,), name="owner-watch", daemon=True).start()
        while not stop.wait(0.5):
            pass
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"jobwidgets serve: {text}\n")


def _announcement(running: Running, state: str | None, *, as_json: bool) -> str:
    token = running.service.token
    if as_json:
        return json.dumps({"graphql": running.graphql_url, "rest": running.rest_url, "token": token}) + "\n"
    kept = f"  state    {state} (holds no token: give this one again with --token)\n" if state else ""
    query = '{"query":"{jobs(limit:3){records{id name status}}}"}'
    return (
        f"The embedded aiWARE service is up ({len(running.service.world.store.rows):,} jobs; Ctrl+C ends it).\n\n"
        f"  GraphQL  {running.graphql_url}\n  REST     {running.rest_url}\n  token    {token}\n"
        f"{kept}\n"
        f"  curl -s {running.graphql_url} -H 'Authorization: Bearer {token}'"
        f" -H 'Content-Type: application/json' -d '{query}'\n"
    )


def _watch_stdin(stop: threading.Event) -> None:
    """Say stop when the other end of standard input is gone."""
    while os.read(0, 4096):  # not sys.stdin: its lock, held by this thread, would abort the interpreter at its end
        pass
    stop.set()
