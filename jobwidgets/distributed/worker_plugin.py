"""The plugin that hands every worker of a Dask cluster its half of the token."""

from __future__ import annotations

from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from jobwidgets.distributed.token_split import keep_share
from jobwidgets.distributed.worker_clients import close_clients


class TokenSharePlugin(WorkerPlugin):
    """Gives the other half of a token to every worker, those that start later among them."""

    def __init__(self, name: str, other: bytes) -> None:
        self.name = f"jobwidgets-{name}"
        self._half, self._other = name, other

    def setup(self, worker: Any) -> None:
        """Put it where the process of this worker looks for it."""
        del worker
        keep_share(self._half, self._other)

    def teardown(self, worker: Any) -> None:
        """Close what was connected with it."""
        close_clients(str(worker.address))
