"""The clients of a worker process: one for each service and token, shared by all its tasks."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from jobwidgets.client import Client, connect
from jobwidgets.transport import Settings

if TYPE_CHECKING:
    from jobwidgets.distributed.token_split import TokenShare

_clients: dict[tuple[Any, ...], Client] = {}
_lock = threading.Lock()


def client_of(service: str, half: TokenShare | None, share: int | None, timeout: float) -> Client:
    """Return the client of this worker for a service and token; connect the first time.

    Parameters
    ----------
    service : str
        The address of the service.
    half : TokenShare, optional
        The half of the token that came with the graph; without it the worker's own settings are used.
    share : int, optional
        Requests in ten seconds that all workers together may send.
    timeout : float
        Seconds for one call.
    """
    key = (_worker(), service, half and half.name, share, timeout)
    with _lock:
        client = _clients.get(key)
        if client is None or client.closed:
            client = _clients[key] = _connected(service, half, share, timeout)
        return client


def close_clients(worker: str) -> None:
    """Close what a worker has connected: it ends, and its process may not."""
    with _lock:
        ended = [_clients.pop(key) for key in list(_clients) if key[0] == worker]
    for client in ended:
        client.close()


def _worker() -> str | None:
    """Return which worker this thread works for; None without a cluster."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker  # noqa: PLC0415  an extra

    try:
        return str(get_worker().address)
    except ValueError:
        return None


def _connected(service: str, half: TokenShare | None, share: int | None, timeout: float) -> Client:
    if half is None:  # the address was found usable where the frame was made
        client = connect(service, allow_http=True, timeout=timeout)
    else:
        client = Client(Settings(service, None, half.joined()), timeout=timeout)
    if share is not None:
        from jobwidgets.distributed.rate_limit import rate_limiter_for  # noqa: PLC0415  an extra

        client.aio._connection.throttle.turn = rate_limiter_for(service, share)  # noqa: SLF001  where requests wait
    return client
