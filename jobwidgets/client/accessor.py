"""`df.jobs`: what can be done with any frame of jobs; it finds the client by the service the frame names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets.client.connecting import client_for
from jobwidgets.errors import SettingsError, UsageError
from jobwidgets.frames import ids_of

if TYPE_CHECKING:
    from datetime import timedelta

    from jobwidgets.bulk import Plan
    from jobwidgets.client.client import Client


@pd.api.extensions.register_dataframe_accessor("jobs")
class JobsAccessor:
    """Work with the jobs of a frame: `df.jobs.cancel()`, `.retry()`, `.tasks()`, `.counts()`, `.refresh()`.

    The frame holds no client and no token: the open client of the service named in `df.attrs["service"]` is taken, or
    the one given as `client=`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not {"id", "job_id"} & set(frame.columns):
            raise AttributeError("a frame without a column id holds no jobs")
        self._frame = frame

    def cancel(self, *, reason: str = "", expires: str | timedelta = "1d", client: Client | None = None) -> Plan:
        """Plan to cancel these jobs; nothing is sent until `plan.apply()`: see `Client.plan_cancel`."""
        return self._client(client).plan_cancel(self._frame, reason=reason, expires=expires)

    def retry(
        self,
        *,
        reason: str = "",
        expires: str | timedelta = "1d",
        again: bool = False,
        client: Client | None = None,
    ) -> Plan:
        """Plan to retry these jobs; nothing is sent until `plan.apply()`: see `Client.plan_retry`."""
        return self._client(client).plan_retry(self._frame, reason=reason, expires=expires, again=again)

    def tasks(self, *, client: Client | None = None) -> pd.DataFrame:
        """Read the tasks of these jobs: one row a task."""
        return self._client(client).tasks(self._frame)

    def refresh(self, *, client: Client | None = None) -> pd.DataFrame:
        """Read these jobs again, in this order."""
        return self._client(client).jobs(ids=ids_of(self._frame))

    def counts(self) -> pd.Series[int]:
        """Count the jobs by status, in the order of a job's life."""
        if "status" not in self._frame.columns:
            raise UsageError("the frame has no column status", hint="keep the column, or refresh() first")
        counted = self._frame["status"].value_counts(sort=False)
        return counted[counted > 0]

    def _client(self, client: Client | None) -> Client:
        if client is not None:
            return client
        service = self._frame.attrs.get("service")
        if service is None:
            raise SettingsError(
                "the frame does not say which service its jobs are of", hint="pass client=, for attrs can get lost"
            )
        found = client_for(service)
        if found is None:
            raise SettingsError(f"no client of {service} is open", hint="connect() to it, or pass client=")
        return found
