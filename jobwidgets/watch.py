"""Waiting for jobs: one poller that asks only for what can still change."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pandas as pd

from jobwidgets._model import TERMINAL
from jobwidgets._when import parse_age
from jobwidgets.frames._ids import ids_of

if TYPE_CHECKING:
    from datetime import timedelta

    from jobwidgets.client import AsyncClient

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


async def wait_for(client: AsyncClient, jobs: object, *, timeout: str | timedelta) -> pd.DataFrame:  # noqa: ASYNC109  an age as users write it
    """Do what `AsyncClient.wait` describes."""
    ids = ids_of(jobs, service=client.service_url)
    deadline = time.monotonic() + parse_age(timeout).total_seconds()
    frame = await client.jobs(ids=ids)
    pause = FIRST_PAUSE
    while True:
        open_ids = frame.loc[~frame["status"].isin(TERMINAL), "id"].tolist()
        left = deadline - time.monotonic()
        if not open_ids or left <= 0:
            break
        await asyncio.sleep(min(pause, left))
        now = await client.jobs(ids=open_ids)
        moved = (
            not now["status"]
            .astype(str)
            .reset_index(drop=True)
            .equals(frame.loc[frame["id"].isin(now["id"]), "status"].astype(str).reset_index(drop=True))
        )
        pause = FIRST_PAUSE if moved else min(LONGEST_PAUSE, pause * 1.5)
        gone = set(now.attrs["missing"])
        frame = _joined(frame[~frame["id"].isin(gone)], now)
    frame.attrs["waited_out"] = bool(open_ids)
    return frame


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
