"""One request budget for all workers of a cluster, or for the tasks of one process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from distributed import Semaphore, get_worker

from jobwidgets.transport import BUDGET_WINDOW_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ClusterRateLimiter:
    """Lets at most `share` requests of all workers together reach a service in any ten seconds.

    A request has one of so many leases from before it leaves until ten seconds after its answer: two requests with the
    same lease therefore reach the service at least ten seconds apart. Made in a task of a worker, entered on the loop
    of a client.

    Parameters
    ----------
    service : str
        Whose budget it is: all that reads this service through the same scheduler shares it.
    share : int
        Requests in ten seconds.
    """

    def __init__(self, service: str, share: int) -> None:
        self._loop: Any = get_worker().loop
        self._leases = Semaphore(max_leases=share, name=f"jobwidgets {share} of {service}")
        self._leases.register()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """Wait for a lease, and give it back in time."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._lease(), self._loop.asyncio_loop))
        try:
            yield
        finally:
            self._loop.add_callback(self._loop.call_later, BUDGET_WINDOW_S, self._leases.release)

    async def _lease(self) -> None:
        await self._leases.acquire()


class LocalRateLimiter:
    """Does the same where the tasks run in this process, without a cluster."""

    def __init__(self, share: int) -> None:
        self._leases = asyncio.Semaphore(share)

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """Wait for a lease, and give it back in time."""
        await self._leases.acquire()
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(BUDGET_WINDOW_S, self._leases.release)


def rate_limiter_for(service: str, share: int) -> ClusterRateLimiter | LocalRateLimiter:
    """Make what is entered for each request, for a task of a worker or of this process."""
    try:
        get_worker()
    except ValueError:
        return LocalRateLimiter(share)
    return ClusterRateLimiter(service, share)
