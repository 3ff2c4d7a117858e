"""What a worker does: read one window of time with a client that all tasks of its process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from jobwidgets._internal import sanitize
from jobwidgets.distributed.worker_clients import client_of
from jobwidgets.errors import ServiceError
from jobwidgets.frames import JOB_COLUMNS, frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jobwidgets.distributed.token_split import TokenShare


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """What all partitions of a frame have in common; it goes with the graph, and everybody may see it.

    Attributes
    ----------
    service : str
        The address of the GraphQL API.
    half : TokenShare or None
        The half of the token that the workers have the other one of; None: they have tokens of their own.
    wanted : mapping
        The filters, as `client.jobs` takes them.
    words : tuple of str
        The categories of the column status: a Dask frame has one dtype for all its partitions.
    share : int or None
        Requests in ten seconds that all workers together may make; None: that is not known.
    timeout : float
        Seconds that one exchange with the service may take.
    made : str
        Tells it from any other: no result that is kept on a cluster is taken for that of another frame.
    """

    service: str
    half: TokenShare | None
    wanted: Mapping[str, Any]
    words: tuple[str, ...]
    share: int | None
    timeout: float
    made: str = field(default_factory=lambda: uuid4().hex)

    @property
    def attrs(self) -> dict[str, Any]:
        """What `df.attrs` says of every partition, and so of what is computed from them."""
        query = {name: list(value) if isinstance(value, tuple) else value for name, value in self.wanted.items()}
        return {"kind": "jobs", "service": self.service, "query": query}


def read_window(window: tuple[datetime, datetime], reading: PartitionSpec) -> pd.DataFrame:
    """Read the jobs that were created in a window, oldest first, by the time they were created."""
    frame = client_of(reading.service, reading.half, reading.share, reading.timeout).jobs(
        since=window[0], until=window[1], tasks=False, progress=False, **reading.wanted
    )
    return shaped(frame, reading)


def nothing(reading: PartitionSpec) -> pd.DataFrame:
    """Give a partition without jobs: what Dask knows of the others before they are read."""
    return shaped(frame_of(JOB_COLUMNS, dict.fromkeys(JOB_COLUMNS, ()), {}), reading)


def shaped(frame: pd.DataFrame, reading: PartitionSpec) -> pd.DataFrame:
    """Put a frame of jobs into the shape that all partitions have.

    Raises
    ------
    ServiceError
        There is a status in it that the dtype does not know, or a job without the time it was created.
    """
    if frame["created"].isna().any():
        raise ServiceError(
            "the service sends jobs without createdDateTime", hint="such jobs belong to no window of time"
        )
    new = [word for word in frame["status"].cat.categories if word not in reading.words]
    if new:
        first = frame.loc[frame["status"] == new[0], "id"].iloc[0]
        raise ServiceError(
            f"job {first} has the status {sanitize(new[0])!r}, new to this frame",
            hint=f"read_jobs(..., more_statuses={new!r}): a Dask frame has to know its categories beforehand",
        )
    frame = frame.sort_values(["created", "id"])
    frame["status"] = frame["status"].cat.set_categories(reading.words, ordered=True)
    frame.index = pd.DatetimeIndex(frame["created"]).rename(None)  # `created` then means the column alone
    frame.attrs.clear()
    frame.attrs.update(reading.attrs)
    return frame
