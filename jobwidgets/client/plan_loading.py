"""Loading a plan from a file, for the client of its service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.client.async_client import AsyncClient
from jobwidgets.client.connecting import client_for
from jobwidgets.errors import SettingsError, UsageError

if TYPE_CHECKING:
    import os

    from jobwidgets.bulk import Plan
    from jobwidgets.client.client import Client


def load_plan(path: str | os.PathLike[str], client: Client | None = None) -> Plan:
    """Load a plan that `plan.save()` wrote, for the client of its service; sends nothing: see `AsyncClient.load_plan`.

    Parameters
    ----------
    path : str or path
        The file.
    client : Client, optional
        None: the newest open client of the service that the plan names.

    Raises
    ------
    UsageError
        It is no plan, or not of this service, or it was edited in a way that is not allowed.
    SettingsError
        No client of its service is open.
    """
    if isinstance(client, AsyncClient):
        raise UsageError("load_plan() is for blocking clients", hint="plan = await client.load_plan(path)")
    if client is None:
        from jobwidgets.bulk import read_plan_file  # noqa: PLC0415  reached only when it is asked for

        service = read_plan_file(path).service
        client = client_for(service)
        if client is None:
            raise SettingsError(f"no client of {sanitize(service)} is open", hint="connect() to it, or pass client=")
    return client.load_plan(path)
