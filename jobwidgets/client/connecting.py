"""Connecting to a service, and the clients that are open."""

from __future__ import annotations

import weakref
from typing import Any

from jobwidgets._internal import Secret
from jobwidgets.client.async_client import AsyncClient
from jobwidgets.client.client import Client
from jobwidgets.errors import SettingsError
from jobwidgets.transport import resolve_settings

_open: list[weakref.ref[Client]] = []


def connect(
    url: str | None = None,
    *,
    rest_url: str | None = None,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    profile: str | None = None,
    allow_http: bool = False,
    budget: int | None = None,
    environment: str | None = None,
    timeout: float = 60.0,
) -> Client:
    """Connect to a service.

    What is not given comes from the environment (`AIWARE_URL`, `AIWARE_REST_URL`, `AIWARE_TOKEN`, or `AIWARE_USER` and
    `AIWARE_PASSWORD`, or `AIWARE_PROFILE`, and `AIWARE_BUDGET`, `AIWARE_ENVIRONMENT`), then from the profile file, then
    from keyring, then from a hidden prompt.

    Parameters
    ----------
    url : str, optional
        The GraphQL endpoint: https, or http to this machine.
    rest_url : str, optional
        The base of the REST API; without it the REST operations are not available.
    token : str, optional
        An API key or a session token. Better left to the environment: notebooks are shared.
    user, password : str, optional
        Log in with these instead of a token.
    profile : str, optional
        One table of the profile file.
    allow_http : bool, default False
        Let plain http go to another machine than this one.
    budget : int, optional
        How many requests your organisation may make in 10 seconds, where you know it. Work on many jobs then takes a
        third of it and leaves the rest to your colleagues.
    environment : {"demo", "staging", "production"}, optional
        What the service is to you; the panel then says so, and warns where it is production. Without it a host name
        that says it plainly counts, such as "api.staging.example.com".
    timeout : float, default 60
        Seconds that one exchange with the service may take, its repeats and waits included. A call can consist of
        several: a list of its pages, a cancel of the cancel and the looks at the job after it.

    Raises
    ------
    SettingsError
        An address or token is missing or unusable, or an environment is not known; nothing was sent.
    AuthError
        The user and password are not accepted.
    """
    secret = _given(token, user, password)
    del token, password
    settings = resolve_settings(
        url=url,
        rest_url=rest_url,
        secret=secret,
        user=user,
        profile=profile,
        allow_http=allow_http,
        budget=budget,
        environment=environment,
    )
    client = Client(settings, timeout=timeout)
    if settings.user:
        client.portal.run(client.aio.log_in(settings.user, settings.secret))
    register_client(client)
    return client


async def connect_async(
    url: str | None = None,
    *,
    rest_url: str | None = None,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    profile: str | None = None,
    allow_http: bool = False,
    budget: int | None = None,
    environment: str | None = None,
    timeout: float = 60.0,  # noqa: ASYNC109  it bounds each call of the client, not this one
) -> AsyncClient:
    """Connect to a service, awaitable: see `connect`."""
    secret = _given(token, user, password)
    del token, password
    settings = resolve_settings(
        url=url,
        rest_url=rest_url,
        secret=secret,
        user=user,
        profile=profile,
        allow_http=allow_http,
        budget=budget,
        environment=environment,
    )
    client = AsyncClient(settings, timeout=timeout)
    if settings.user:
        await client.log_in(settings.user, settings.secret)
    return client


def _given(token: str | None, user: str | None, password: str | None) -> Secret | None:
    if token and (user or password):
        raise SettingsError("a token is given, and also a user or password", hint="give one or the other")
    if password and not user:
        raise SettingsError("a password is given without a user", hint="give both, or a token")
    text = password or token
    return Secret(text) if text else None


def register_client(client: Client) -> None:
    """Let `current_client` and the frames of this service find the client while somebody holds it."""
    _open[:] = [ref for ref in _open if ref() is not None]
    _open.append(weakref.ref(client))


def current_client() -> Client | None:
    """Give the newest open client of this process, None if there is none."""
    return next((client for ref in reversed(_open) if (client := ref()) is not None and not client.closed), None)


def client_for(service: str) -> Client | None:
    """Give the newest open client of one service, None if there is none."""
    clients: list[Any] = [ref() for ref in reversed(_open)]
    return next((c for c in clients if c is not None and not c.closed and c.service_url == service), None)
