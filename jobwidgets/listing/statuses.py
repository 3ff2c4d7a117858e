"""What many jobs read just now, and no more of them: pages of a list where that is cheap, aliases for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets.errors import NotFoundError
from jobwidgets.frames import JobRow, decode_json
from jobwidgets.listing.pages import FILTERABLE, GONE, Records, status_page
from jobwidgets.listing.range_lookup import look_up
from jobwidgets.transport import graph_error
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from jobwidgets.listing.pagination import PageRequest
    from jobwidgets.transport import ServiceConnection

OPEN = frozenset({"pending", "queued", "running"})
"""The words of the service's filter for jobs that can still change."""


def listed_under(statuses: Iterable[str | None]) -> list[str]:
    """Give the words of the service's filter under which jobs are found that read so, or go on from there."""
    words = FILTERABLE.intersection("cancelled" if word == "aborted" else word for word in statuses if word)
    return sorted(words | OPEN if words & OPEN else words)


async def read_statuses(
    connection: ServiceConnection,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None = None,
    *,
    applications: Sequence[str] = (),
    expected: Sequence[str] = (),
    sure: bool = False,
) -> dict[str, str]:
    """Read the statuses of many jobs; ids that the service does not know are absent.

    Parameters
    ----------
    connection : ServiceConnection
        The connection.
    ids : sequence of str
        The jobs.
    created : mapping of str to datetime, optional
        When jobs were created; None or absent where that is not known. Where they lie close together a page of the
        list brings more of them than a document of aliases does, and they are read so.
    applications : sequence of str, optional
        The applications they are of; a list shows only those of the caller's own unless they are named.
    expected : sequence of str, optional
        Words of the service's filter that most of them are thought to read: only such jobs are listed where others
        would fill the pages.
    sure : bool, default False
        Whether only such jobs are listed in any case.

    Returns
    -------
    dict of str to str
        In the order of `ids`.

    Raises
    ------
    ServiceError
        One of them could not be read.
    """
    wanted = dict.fromkeys(ids)
    found = await listed_statuses(connection, ids, created, applications=applications, expected=expected, sure=sure)
    left = [job_id for job_id in wanted if job_id not in found]
    if left:
        found |= await _by_aliases(connection, left)
    return {job_id: found[job_id] for job_id in wanted if job_id in found}


async def listed_statuses(
    connection: ServiceConnection,
    ids: Sequence[str],
    created: Mapping[str, datetime | None] | None,
    *,
    applications: Sequence[str] = (),
    expected: Sequence[str] = (),
    sure: bool = False,
) -> dict[str, str]:
    """Read what pages of a list bring cheaply of these jobs' statuses, as `read_statuses` does first.

    Of those that are absent nothing is known.
    """

    async def wide(ask: PageRequest, limit: int) -> Records:
        return await status_page(connection, ask, limit, applications=applications)

    async def narrow(ask: PageRequest, limit: int) -> Records:
        return await status_page(connection, ask, limit, status=expected, applications=applications)

    pages = (narrow,) if expected and sure else (wide, narrow) if expected else (wide,)
    return {
        job_id: row.status or "unknown" for job_id, row in (await look_up(connection, ids, created, *pages)).items()
    }


async def _by_aliases(connection: ServiceConnection, ids: Sequence[str]) -> dict[str, str]:
    """Ask for each by its id, many in a document."""
    found: dict[str, str] = {}

    async def ask(job_id: str) -> None:
        try:
            row: JobRow | None = await connection.query_one(
                "jobStatus", documents.JOB_STATUS, {"id": job_id}, JobRow | None
            )
        except NotFoundError:
            return
        if row is not None:
            found[job_id] = row.status or "unknown"

    again: list[str] = []
    for job_id, answer in (await connection.query_aliases("jobStatus", ids)).items():
        if answer.value is not None:
            found[job_id] = decode_json(JobRow, answer.value, "job").status or "unknown"
        elif answer.error is None:
            again.append(job_id)  # nothing was said of it
        elif answer.error.name not in GONE:
            raise graph_error(answer.error, "job")
    for job_id in again:
        await ask(job_id)
    return found
