"""Reading jobs: pages, concurrent readers, statuses, details, schedules."""

from __future__ import annotations

from jobwidgets.listing.changes import CREATED, MODIFIED, read_changes, read_present
from jobwidgets.listing.job_reader import JobReader, checked_id
from jobwidgets.listing.list_reader import SELDOM, read_jobs
from jobwidgets.listing.pages import FILTERABLE, paged, read_rows, status_page
from jobwidgets.listing.pagination import BEGINNING, MILLISECOND, SECOND, Ask
from jobwidgets.listing.query import APIS, Query, checked_query, one_of
from jobwidgets.listing.range_lookup import one_page
from jobwidgets.listing.schedules import read_schedule, switch_off
from jobwidgets.listing.statuses import OPEN, listed_statuses, listed_under, read_statuses
from jobwidgets.listing.time_range import CANCEL_PATH, TimeRange, listed

__all__ = [
    "APIS",
    "BEGINNING",
    "CANCEL_PATH",
    "CREATED",
    "FILTERABLE",
    "MILLISECOND",
    "MODIFIED",
    "OPEN",
    "SECOND",
    "SELDOM",
    "Ask",
    "JobReader",
    "Query",
    "TimeRange",
    "checked_id",
    "checked_query",
    "listed",
    "listed_statuses",
    "listed_under",
    "one_of",
    "one_page",
    "paged",
    "read_changes",
    "read_jobs",
    "read_present",
    "read_rows",
    "read_schedule",
    "read_statuses",
    "status_page",
    "switch_off",
]
