"""The windows of time that become partitions, and the statuses that their jobs have just now."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from jobwidgets._internal import parse_timestamp
from jobwidgets.errors import UsageError
from jobwidgets.listing import FILTERABLE, MILLISECOND, PageRequest, fetch_page, status_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobwidgets.transport import ServiceConnection

MOST = 10_000
"""Windows: more partitions cost a scheduler more than the jobs in them."""


def equal(since: datetime, until: datetime, count: int) -> list[datetime]:
    """Cut a range into `count` windows of equal length, in the milliseconds that services tell; give the edges."""
    length = max(1, (until - since) // MILLISECOND)
    count = min(count, length)
    return [*(since + timedelta(milliseconds=length * number // count) for number in range(count)), until]


async def balanced_partitions(
    connection: ServiceConnection, since: datetime, until: datetime, status: Sequence[str], size: int
) -> list[datetime]:
    """Cut a range into windows with about `size` jobs each, asking for one job at each edge; give the edges.

    The edge after the next so many jobs is where the list, read from the last edge on, has its job of that number. What
    arrives or vanishes meanwhile makes a window a little fuller or emptier than wanted, and nothing else.
    """
    edges = [until]
    listed = status if all(word in FILTERABLE or word == "aborted" for word in status) else ()
    while len(edges) <= MOST:
        ask = PageRequest(since, edges[-1], offset=size)
        records, _ = await fetch_page(connection, partial(status_page, connection, ask, status=listed), most=1)
        created = records[0].created_date_time if records and records[0] is not None else None
        edge = min(parse_timestamp(created), edges[-1] - MILLISECOND) if created is not None else since
        if edge <= since:
            return [since, *reversed(edges)]
        edges.append(edge)
    raise UsageError(
        f"more than {MOST:,} partitions would be too many", hint=f"say a larger per_partition than {size:,}"
    )


async def known_statuses(connection: ServiceConnection, since: datetime, until: datetime) -> list[str]:
    """Name the statuses of the newest jobs of a range, by one thin page."""
    records, _ = await fetch_page(connection, partial(status_page, connection, PageRequest(since, until)))
    return sorted({row.status for row in records if row is not None and row.status})


def whole_number(value: object, name: str, most: int | None = None) -> int:
    """Refuse what is no number of things."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        upper = f" to {most:,}" if most is not None else ""
        raise UsageError(f"{name}={value!r} is no number", hint=f"give a whole number from 1{upper}")
    return value
