"""What jobs were seen to read a moment ago, by whoever asked: nobody asks for the same again at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from jobwidgets.client import AsyncClient

KEPT = 60.0
"""Seconds; nobody takes what is older."""


class Known:
    """Statuses with the time they were seen; None as a status: the service knows no such job."""

    def __init__(self) -> None:
        self.as_of = ""
        """When some were asked for last, by the service's clock."""
        self._seen: dict[str, tuple[float, str | None]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    async def statuses(self, client: AsyncClient, jobs: pd.DataFrame, fresh: float) -> dict[str, str | None]:
        """Say what jobs read, asking only for those that nobody has seen in the last `fresh` seconds.

        Parameters
        ----------
        client : AsyncClient
            The connection; this runs on its loop.
        jobs : DataFrame
            Their rows, which tell when they were created: that makes it cheap.
        fresh : float
            Seconds.

        Raises
        ------
        ServiceError
            One of them could not be read.
        """
        since = time.monotonic() - fresh
        ids = jobs["id"].tolist()
        held = {job_id: told[1] for job_id in ids if (told := self._seen.get(job_id)) is not None and told[0] >= since}
        if len(held) < len(ids):
            asked = await client.statuses(jobs[~jobs["id"].isin(list(held))] if held else jobs)
            self.as_of = asked.attrs["as_of"]
            gone = set(asked.attrs["missing"])
            words = zip(asked.index.tolist(), asked.tolist(), strict=True)
            told_now = {job_id: None if job_id in gone else str(word) for job_id, word in words}
            self._keep(told_now)
            held.update(told_now)
        return held

    def _keep(self, told: dict[str, str | None]) -> None:
        now = time.monotonic()
        old = [job_id for job_id, (at, _) in list(self._seen.items()) if at < now - KEPT]
        for job_id in old:
            self._seen.pop(job_id, None)
        self._seen.update((job_id, (now, word)) for job_id, word in told.items())
