"""Schedules: listed, read, and switched off without changing anything else of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._internal import iso, parse_optional_timestamp, sanitize
from jobwidgets.errors import NotFoundError, ServiceError, UnknownOutcomeError
from jobwidgets.frames import SCHEDULE_COLUMNS, frame_of
from jobwidgets.listing.pages import drop_nulls, fetch_page
from jobwidgets.models import ScheduledJob
from jobwidgets.transport import error_context, readback_context
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from jobwidgets.transport import ServiceConnection

MOST_PASSES = 10


class ScheduleRow(msgspec.Struct, rename="camel"):
    """One schedule as the service sends it."""

    id: str
    name: str | None = None
    description: str | None = None
    is_active: bool | None = None
    is_public: bool | None = None
    run_mode: str | None = None
    start_date_time: str | None = None
    stop_date_time: str | None = None
    created_date_time: str | None = None
    modified_date_time: str | None = None


class SchedulePage(msgspec.Struct):
    """One page of schedules."""

    records: list[ScheduleRow] | None = None
    count: int | None = None


async def read_schedules(connection: ServiceConnection, *, active: bool | None, name: str | None) -> pd.DataFrame:
    """Read all schedules, in the order of their ids; again from the start while the list changes under the reading."""
    rows: dict[str, ScheduleRow] = {}
    for _ in range(MOST_PASSES):
        offset, fresh, pages = 0, 0, 0
        while True:
            page, limit = await _page(connection, active=active, name=name, offset=offset)
            fresh += sum(row.id not in rows for row in page)
            rows.update({row.id: row for row in page})
            offset += len(page)
            pages += 1
            if len(page) < limit:
                break
            if offset > 2 * len(rows) + 10 * limit:
                raise ServiceError("the service sends the same schedules again and again", hint="ask its people")
        if fresh == 0 or pages == 1:  # one page has no gaps, and a pass without news shows that there were none
            break
    now = connection.server_time()
    kept = list(rows.values())
    attrs = {
        "kind": "scheduled_jobs",
        "service": connection.url,
        "query": {key: value for key, value in (("active", active), ("name", name)) if value is not None},
        "as_of": iso(now),
        "truncated": False,
    }
    data: dict[str, list[Any]] = {
        "id": [row.id for row in kept],
        "name": [row.name for row in kept],
        "is_active": [row.is_active for row in kept],
        "is_public": [row.is_public for row in kept],
        "run_mode": [row.run_mode for row in kept],
        "start": [row.start_date_time for row in kept],
        "stop": [row.stop_date_time for row in kept],
        "created": [row.created_date_time for row in kept],
        "modified": [row.modified_date_time for row in kept],
        "description": [row.description for row in kept],
    }
    return frame_of(SCHEDULE_COLUMNS, data, attrs)


async def _page(
    connection: ServiceConnection, *, active: bool | None, name: str | None, offset: int
) -> tuple[Sequence[ScheduleRow], int]:
    async def read(limit: int) -> Sequence[ScheduleRow]:
        variables: dict[str, Any] = {
            "name": name,
            "isActive": active,
            "orderBy": [{"field": "id", "direction": "asc"}],
            "offset": offset,
            "limit": limit,
        }
        page: SchedulePage | None = await connection.query_one(
            "scheduledJobs", documents.SCHEDULED_JOBS, variables, SchedulePage | None
        )
        return drop_nulls(page.records if page is not None else None, "scheduledJobs")

    return await fetch_page(connection, read)


async def read_schedule(connection: ServiceConnection, scheduled_job_id: str) -> ScheduledJob:
    """Read one schedule.

    Raises
    ------
    NotFoundError
        No such schedule, or it is not yours.
    """
    with error_context("schedule", scheduled_job_id):
        row: ScheduleRow | None = await connection.query_one(
            "scheduledJob", documents.SCHEDULED_JOB, {"id": scheduled_job_id}, ScheduleRow | None
        )
        if row is None:
            raise NotFoundError("the service knows nothing of it")
    return schedule_of(row)


def schedule_of(row: ScheduleRow) -> ScheduledJob:
    """Make the value that users see of one schedule."""
    return ScheduledJob(
        id=row.id,
        name=row.name,
        is_active=row.is_active is not False,
        is_public=row.is_public,
        run_mode=row.run_mode,
        description=row.description,
        start=parse_optional_timestamp(row.start_date_time),
        stop=parse_optional_timestamp(row.stop_date_time),
        created=parse_optional_timestamp(row.created_date_time),
        modified=parse_optional_timestamp(row.modified_date_time),
    )


async def switch_off(connection: ServiceConnection, schedule: ScheduledJob, *, api: str) -> None:
    """Switch one schedule off and look that nothing else changed.

    Over GraphQL the input takes whole fields, and `isPublic` left out means false: so the schedule's own `isPublic` and
    `runMode` are sent back with it.

    Raises
    ------
    UnknownOutcomeError
        It still reads active although the service said yes.
    """
    if api == "rest":
        await connection.rest("POST", "/proc/jobs/cancel", json={"scheduledJobID": schedule.id}, write=True)
    else:
        given = {"id": schedule.id, "isActive": False, "isPublic": schedule.is_public, "runMode": schedule.run_mode}
        await connection.query_one(
            "updateScheduledJob", documents.SWITCH_OFF, {"input": given}, dict[str, Any], write=True
        )
    with readback_context("the service took the request"):
        after = await read_schedule(connection, schedule.id)
    if after.is_active:
        said = f"the service said yes, but schedule {sanitize(schedule.id)} still reads active"
        raise UnknownOutcomeError(said, hint="read it again in a while")
    if (after.is_public, after.run_mode) != (schedule.is_public, schedule.run_mode):
        said = f"schedule {sanitize(schedule.id)} is off, but reads otherwise public or in another run mode than before"
        raise UnknownOutcomeError(said, hint="read the schedule, and mend it")
