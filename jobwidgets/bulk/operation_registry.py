"""The operations of one service: those of this process, and those whose journals are in the state directory."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

from jobwidgets.bulk.history import ask_to_stop, iter_operations, receipts_frame, retries_of
from jobwidgets.listing import Query, read_jobs, validate_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from jobwidgets.bulk.history import HeldOperation, OperationSummary
    from jobwidgets.listing import JobReader
    from jobwidgets.models import Retry
    from jobwidgets.transport import UnresolvedRetry


class OperationRegistry:
    """What was done, and is being done, at one service.

    Parameters
    ----------
    reader : JobReader
        Reads the jobs of that service.

    Attributes
    ----------
    connection : ServiceConnection
        The reader's connection, through which operations send.
    """

    def __init__(self, reader: JobReader) -> None:
        self.reader, self.connection = reader, reader.connection
        self._held: dict[str, HeldOperation] = {}

    @property
    def service_url(self) -> str:
        """The address of the service."""
        return self.reader.service_url

    def held(self, op: str) -> HeldOperation | None:
        """Return an operation that was kept."""
        return self._held.get(op)

    def keep(self, receipt: HeldOperation) -> None:
        """Keep what was done through this client."""
        self._held[receipt.op] = receipt

    def forget(self, op: str) -> None:
        """Forget an operation that never began."""
        self._held.pop(op, None)

    async def claims(self, op: str) -> tuple[set[str], list[UnresolvedRetry]]:
        """Name the new jobs that come from no lost answer, and the doubts besides those of an operation.

        Both are as of one moment: what is in doubt and becomes known in between must not be missing on both sides.
        """
        known = await self.past()
        made = self.connection.created_job_ids.union(*(each.made for each in known))
        return made, [
            *self.connection.unknown_retries,
            *(doubt for each in known if each.op != op for doubt in each.doubts),
        ]

    async def retried(self) -> dict[str, str]:
        """Say which jobs earlier operations have retried, or may have retried, and which operation it was.

        Of one whose journal cannot be read it is not known what it retried: a warning says so.
        """
        known = await self.past()
        for each in known:
            if each.state == "damaged" and each.kind == "retry":
                warnings.warn(f"what {each.op} retried is not known, and is not left out: {each.halted}", stacklevel=2)
        return {job_id: each.op for each in known for job_id in each.retried}

    async def retries(self, job_id: str, /) -> tuple[Retry, ...]:
        """Say what a job was retried as, and what it is a retry of, the newest operation first.

        The service does not tell it: this is what the receipts of this user's kernels say. A retry that was made
        elsewhere, or by `retry()` alone, is not among them.
        """
        held = [receipt for receipt in self._held.values() if receipt.at_work]
        known = validate_id(job_id)
        return await asyncio.to_thread(lambda: tuple(retries_of(self.service_url, known, held)))

    async def retried_besides(self, op: str) -> tuple[dict[str, str], dict[str, str]]:
        """Say which jobs other operations have retried, or may have, and which are about to be: with the operations."""
        others = [each for each in await self.past() if each.op != op]
        at_work = [each for each in others if each.state == "at work"]
        return (
            {job_id: each.op for each in others for job_id in each.retried},
            {job_id: each.op for each in at_work for job_id in each.due},
        )

    async def past(self) -> list[OperationSummary]:
        """Read every operation of this service in short, the newest first."""
        held = [receipt for receipt in self._held.values() if receipt.at_work]
        return await asyncio.to_thread(lambda: list(iter_operations(self.service_url, held)))

    async def made_since(self, since: datetime, applications: Sequence[str]) -> pd.DataFrame:
        """List the jobs of some applications that were created since a moment: what a lost retry may have made."""
        return await read_jobs(self.connection, Query(since=since, applications=tuple(applications)))

    async def receipts(self) -> pd.DataFrame:
        """List what was done at this service by this user's kernels, those that have died among them.

        Returns
        -------
        DataFrame
            One row an operation, the newest first: `op`, `kind`, `why`, `begun`, `total`, the number of targets by
            outcome, and `state`: "finished", "open" (something is unknown or was not sent), "at work", or "damaged".

        Raises
        ------
        SettingsError
            The state directory cannot be read.
        """
        return receipts_frame(await self.past())

    async def stop(self, op: str | None = None, /) -> list[str]:
        """Ask what is at work to stop: nothing more is sent, what is in flight gets two seconds, no job is cancelled.

        Parameters
        ----------
        op : str, optional
            One operation, which can be at work in another kernel. Without it, all that this client is at work on.

        Returns
        -------
        list of str
            The operations that were asked; `receipt(op).resume()` goes on with them.
        """
        if op is None or op in self._held:
            asked = [receipt for receipt in self._held.values() if receipt.at_work and op in (None, receipt.op)]
            for receipt in asked:
                receipt.stop()
            if asked or op is None:
                return [receipt.op for receipt in asked]
        return [op] if await asyncio.to_thread(ask_to_stop, op) else []
