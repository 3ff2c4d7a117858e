"""What jobs were seen to read a moment ago, by whoever asked: nobody asks for the same again at once."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from jobwidgets.listing import JobReader

LOOKS = 8
"""So many of the last looks are kept, of as many as see other jobs."""


class StatusCache:
    """The statuses that the last looks have seen, with the time of each look."""

    def __init__(self) -> None:
        self.as_of = ""
        """When some were asked for last, by the service's clock."""
        self._looks: deque[tuple[float, pd.Series[str]]] = deque(maxlen=LOOKS)

    async def statuses(self, reader: JobReader, jobs: pd.DataFrame, fresh: float) -> pd.Series[str]:
        """Say what jobs read, asking only for those that nobody has seen in the last `fresh` seconds.

        Parameters
        ----------
        reader : JobReader
            The connection; this runs on its loop.
        jobs : DataFrame
            Their rows, which tell when they were created: that makes it cheap.
        fresh : float
            Seconds.

        Returns
        -------
        Series
            The statuses by id, in the order of `jobs`; missing where the service knows no such job.

        Raises
        ------
        ServiceError
            One of them could not be read.
        """
        since = time.monotonic() - fresh
        left, parts = jobs, []
        for at, seen in reversed(self._looks):
            if at >= since and len(left):
                held, left = _of(seen, left)
                parts.append(held)
        if len(left):
            asked = await reader.statuses(left)
            self.as_of = asked.attrs["as_of"]
            self._keep(asked)
            parts.append(asked)
        return _in_order([part for part in parts if len(part)], jobs)

    def _keep(self, asked: pd.Series[str]) -> None:
        """Keep a look, instead of an earlier one at the same jobs."""
        others = [look for look in self._looks if not look[1].index.equals(asked.index)]
        self._looks = deque([*others, (time.monotonic(), asked)], maxlen=LOOKS)


def _of(seen: pd.Series[str], jobs: pd.DataFrame) -> tuple[pd.Series[str], pd.DataFrame]:
    """Give what a look has seen of jobs, and those that it has not seen."""
    ids = pd.Index(jobs["id"])
    if ids.equals(seen.index):  # the same in the same order: nothing is looked up
        return seen, jobs.iloc[:0]
    place = seen.index.get_indexer(ids)
    return seen.take(place[place >= 0]), jobs[place < 0]


def _in_order(parts: list[pd.Series[str]], jobs: pd.DataFrame) -> pd.Series[str]:
    """Put parts together in the order of the jobs."""
    if len(parts) == 1:
        return parts[0]
    words = list(dict.fromkeys(word for part in parts for word in part.cat.categories))
    alike = [part.cat.set_categories(words, ordered=True) for part in parts]
    told: pd.Series[str] = pd.concat(alike).reindex(pd.Index(jobs["id"])) if alike else jobs.set_index("id")["status"]
    return told
