"""The shared client: one surface, blocking and awaitable, over both APIs of a service; and the accessor `df.jobs`."""

from __future__ import annotations

from jobwidgets.client.accessor import JobsAccessor
from jobwidgets.client.async_client import AsyncClient
from jobwidgets.client.client import Client
from jobwidgets.client.connecting import client_for, connect, connect_async, current_client, register_client
from jobwidgets.client.plan_loading import load_plan

__all__ = [
    "AsyncClient",
    "Client",
    "JobsAccessor",
    "client_for",
    "connect",
    "connect_async",
    "current_client",
    "load_plan",
    "register_client",
]
