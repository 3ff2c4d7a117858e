"""`jw.demo()`: a client of an embedded service, started here or, under `jobwidgets demo`, joined."""

from __future__ import annotations

import asyncio
import atexit
import importlib.util
import json
import os
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict

from jobwidgets.errors import SettingsError

if TYPE_CHECKING:
    from jobwidgets.client import AsyncClient, Client

DEMO_VARIABLE = "JOBWIDGETS_DEMO"
"""Where a kernel finds the service it shall join: an `Address` as JSON."""

JOBS = 2_000
SEED = 0
SPEED = 30.0


class Address(TypedDict):
    """What a client needs to know of an embedded service."""

    graphql: str
    rest: str
    token: str


def demo(
    *,
    jobs: int | None = None,
    seed: int | None = None,
    speed: float | None = None,
    state: str | os.PathLike[str] | None = None,
) -> Client:
    """Start the embedded service in this process and connect to it; needs no account.

    Called again with the same arguments while its client is open, it returns that client: running a notebook again
    goes on with the same jobs. Under `jobwidgets demo`, and without arguments, it joins the service that is running
    there, as every other notebook does.

    Parameters
    ----------
    jobs : int, optional
        Jobs of history; 2,000 when None.
    seed : int, optional
        Same seed, same history; 0 when None.
    speed : float, optional
        Seconds of the service's time in a second of ours; 30 when None: an hour of jobs passes in two minutes.
    state : path, optional
        A file that keeps the service's world between runs. One that is there goes on where it stopped, with its own
        jobs and seed (a warning says where those are not what was asked for).

    Returns
    -------
    Client
        `client.service` is the service in this process, None when joined. That ends with its last client, or with
        the process.

    Raises
    ------
    SettingsError
        The server is not installed, or the state file cannot be used; nothing was started.
    """
    from jobwidgets.client import connect  # noqa: PLC0415 - heavy, and only now needed

    with _lock:
        embedded, address = _found_or_started(jobs, seed, speed, state)
        client = _clients.get(address["graphql"])
        if client is None or client.closed:
            client = connect(address["graphql"], rest_url=address["rest"], token=address["token"], environment="demo")
            _clients[address["graphql"]] = client
            if embedded is not None:
                embedded.serve_until_closed(client.aio)
        return client


async def demo_async(
    *,
    jobs: int | None = None,
    seed: int | None = None,
    speed: float | None = None,
    state: str | os.PathLike[str] | None = None,
) -> AsyncClient:
    """Do as `demo`, for code that awaits.

    Parameters
    ----------
    jobs, seed, speed, state
        As in `demo`.

    Returns
    -------
    AsyncClient
        A new one each time, of the same service while any client of that is open.

    Raises
    ------
    SettingsError
        The server is not installed, or the state file cannot be used; nothing was started.
    """
    from jobwidgets.client import connect_async  # noqa: PLC0415 - heavy, and only now needed

    embedded, address = await asyncio.to_thread(_found_or_started, jobs, seed, speed, state)
    client = await connect_async(
        address["graphql"], rest_url=address["rest"], token=address["token"], environment="demo"
    )
    if embedded is not None:
        embedded.serve_until_closed(client)
    return client


class Embedded:
    """An embedded service that answers on a free loopback port until it is closed; a context manager.

    Raises
    ------
    SettingsError
        The server is not installed, or the state file cannot be used; nothing was started.
    """

    def __init__(
        self,
        *,
        jobs: int | None = None,
        seed: int | None = None,
        speed: float | None = None,
        state: str | os.PathLike[str] | None = None,
    ) -> None:
        need_server()
        from jobwidgets.emulator import Service, StateError, serve  # noqa: PLC0415 - heavy, and only demos need it

        try:
            self.service = Service(jobs=jobs, seed=seed, speed=SPEED if speed is None else speed, state=state)
        except StateError as error:
            raise SettingsError(error.what, hint=error.hint) from None
        self.notes = [f"{state}: {note}" for note in self.service.notes]
        self._running = serve(self.service)
        self.address = Address(graphql=self._running.graphql_url, rest=self._running.rest_url, token=self.service.token)
        self.closed = False
        self._clients: list[AsyncClient] = []
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the service; a second time does nothing."""
        if not self.closed:
            self.closed = True
            atexit.unregister(self.close)
            self._running.close()
            from jobwidgets.emulator import StateError  # noqa: PLC0415 - as above

            try:
                self.service.close()
            except (StateError, OSError) as error:
                told = f"the world could not be saved, what was saved before is still there: {error}"
                raise SettingsError(told) from None

    def serve_until_closed(self, client: AsyncClient) -> None:
        """Live as long as this client, and every other one given here, is open."""
        self._clients.append(client)
        client.service = self.service
        client.on_close = self._client_closed

    def _client_closed(self) -> None:
        if all(client.closed for client in self._clients):
            self.close()


def need_server() -> None:
    """Say what to install when the embedded service cannot be had.

    Raises
    ------
    SettingsError
        The server is not installed.
    """
    if importlib.util.find_spec("uvicorn") is None:
        raise SettingsError("the embedded service's server is not installed", hint='pip install "jobwidgets[demo]"')


_lock = threading.RLock()
_services: dict[tuple[object, ...], Embedded] = {}
_clients: dict[str, Client] = {}


def _found_or_started(
    jobs: int | None, seed: int | None, speed: float | None, state: str | os.PathLike[str] | None
) -> tuple[Embedded | None, Address]:
    """Find the service of these arguments: the one to join, the one that lives in this process, or a new one."""
    joined = os.environ.get(DEMO_VARIABLE)
    if joined and jobs is None and seed is None and speed is None and state is None:
        return None, _address(joined)
    plain = (JOBS if jobs is None else jobs, SEED if seed is None else seed, SPEED if speed is None else speed)
    asked = plain if state is None else (*plain, Path(state).expanduser().resolve())
    with _lock:
        embedded = _services.get(asked)
        if embedded is None or embedded.closed:
            embedded = _services[asked] = Embedded(jobs=jobs, seed=seed, speed=speed, state=state)
            for note in embedded.notes:
                warnings.warn(note, stacklevel=3)
        return embedded, embedded.address


def _address(text: str) -> Address:
    try:
        found = json.loads(text)
        return Address(graphql=found["graphql"], rest=found["rest"], token=found["token"])
    except (ValueError, KeyError, TypeError):
        raise SettingsError(
            f"{DEMO_VARIABLE} does not say where the service is", hint="unset it, or start with `jobwidgets demo`"
        ) from None
