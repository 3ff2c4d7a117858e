"""Waiting for jobs: one poller that asks only for what can still change."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._errors import NotSentError, ServiceError
from jobwidgets._model import TERMINAL
from jobwidgets._when import parse_age
from jobwidgets.frames._ids import ids_of

if TYPE_CHECKING:
    from datetime import timedelta

    from jobwidgets.bulk import Progress
    from jobwidgets.client import AsyncClient

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


async def wait_for(
    client: AsyncClient,
    jobs: object,
    *,
    timeout: str | timedelta,  # noqa: ASYNC109  an age as users write it
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Do what `AsyncClient.wait` describes. A service that is away for a while is waited for as well."""
    ids = ids_of(jobs, service=client.service_url)
    deadline = time.monotonic() + parse_age(timeout).total_seconds()
    frame = await client.jobs(ids=ids)
    missing = list(frame.attrs["missing"])
    pause = FIRST_PAUSE
    while True:
        open_ids = frame.loc[~frame["status"].isin(TERMINAL), "id"].tolist()
        if progress is not None:
            counts = frame["status"].value_counts()
            progress(len(ids) - len(open_ids), len(ids), {str(word): int(n) for word, n in counts.items() if n})
        if not open_ids or time.monotonic() >= deadline:
            break
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        now = await _looked(client, open_ids, deadline)
        pause = FIRST_PAUSE if now is not None and _moved(frame, now) else min(LONGEST_PAUSE, pause * 1.5)
        if now is not None:
            gone = now.attrs["missing"]
            missing += gone
            frame = _joined(frame[~frame["id"].isin(gone)], now)
    frame.attrs.update(waited_out=bool(open_ids), missing=missing)
    return frame


async def _looked(client: AsyncClient, ids: list[str], deadline: float) -> pd.DataFrame | None:
    """Read the jobs again until the deadline at most; None when that could not be had just now."""
    try:
        async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
            return await client.jobs(ids=ids)
    except (TimeoutError, NotSentError, ServiceError):
        return None


def _moved(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    before = dict(zip(old["id"], old["status"], strict=True))
    return any(before.get(job_id) != status for job_id, status in zip(new["id"], new["status"], strict=True))


def _joined(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Put newer rows in the places of the older ones."""
    kept = old[~old["id"].isin(new["id"])]
    order = {job_id: place for place, job_id in enumerate(old["id"])}
    words = old["status"].cat.categories.union(new["status"].cat.categories, sort=False)
    parts = [
        part.assign(status=part["status"].cat.set_categories(words, ordered=True)) for part in (kept, new) if len(part)
    ]
    joined = pd.concat(parts, ignore_index=True) if parts else new
    joined = joined.sort_values("id", key=lambda ids: ids.map(order), ignore_index=True)
    joined.attrs = {**old.attrs, "as_of": new.attrs["as_of"]}
    return joined
