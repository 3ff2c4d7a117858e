"""Newer rows put into a frame of jobs: in their places, at the top, or taken out; and all ages counted anew."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobwidgets.frames import job_frame, status_dtype
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def still_open(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the jobs that can still change."""
    return frame[~frame["status"].isin(list(TERMINAL))]


def merged(
    frame: pd.DataFrame, newer: Sequence[pd.DataFrame], gone: Collection[str] = (), *, as_of: str = ""
) -> pd.DataFrame:
    """Put newer rows into the places of the older ones, new ones in their order, and leave out what is gone.

    Parameters
    ----------
    frame : DataFrame
        Jobs, newest first.
    newer : sequence of DataFrame
        Rows that were read later; of a job that is in several, the last counts.
    gone : collection of str
        The ids of jobs that are not there any more.
    as_of : str
        When the others were looked at.
    """
    told = _put_in(frame, [part for part in newer if len(part)])
    if gone:
        told = told[~told["id"].isin(list(gone))].reset_index(drop=True)
    as_of = max([as_of, frame.attrs["as_of"], *(part.attrs["as_of"] for part in newer)])
    now = job_frame({name: told[name].array for name in told.columns}, datetime.fromisoformat(as_of))
    now.attrs.update({**frame.attrs, "as_of": as_of})
    return now


def _put_in(frame: pd.DataFrame, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put rows into their places without sorting a long frame anew, if that can be helped."""
    if not parts:
        return frame
    fresh = pd.concat(_alike(parts), ignore_index=True).drop_duplicates("id", keep="last")
    fresh = fresh.sort_values(["created", "id"], ascending=[False, True], ignore_index=True)
    if frame.empty:
        return fresh
    place = pd.Index(frame["id"]).get_indexer(pd.Index(fresh["id"]))
    row = len(frame) + np.arange(len(fresh))
    order = np.arange(len(frame))
    order[place[place >= 0]] = row[place >= 0]
    both = pd.concat(_alike([frame, fresh]), ignore_index=True).take(np.concatenate([row[place < 0], order]))
    came = fresh["created"][place < 0]
    if len(came) and not came.min() > frame["created"].max():  # not all of them belong on top
        both = both.sort_values(["created", "id"], ascending=[False, True])
    return both.reset_index(drop=True)


def _alike(parts: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Give frames the same words for a status, so that putting them together keeps the category."""
    words = dict.fromkeys(word for part in parts for word in part["status"].cat.categories)
    dtype: Any = status_dtype(list(words))
    return [part.assign(status=part["status"].cat.set_categories(dtype.categories, ordered=True)) for part in parts]


def differ(old: pd.DataFrame | None, new: pd.DataFrame, about: Collection[str] | None = None) -> int:
    """Count the jobs that came, went or have moved to another status; `about` names those that may have."""
    if old is None:
        return len(new)
    parts = (old, new) if about is None else (frame[frame["id"].isin(list(about))] for frame in (old, new))
    read: list[dict[str, str]] = [
        dict(zip(part["id"].tolist(), part["status"].tolist(), strict=True)) for part in parts
    ]
    before, now = read
    moved = sum(before[job_id] != now[job_id] for job_id in before.keys() & now.keys())
    return len(before.keys() ^ now.keys()) + moved
