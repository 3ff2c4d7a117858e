"""Reading jobs: pages, concurrent readers, statuses, details, schedules."""

from __future__ import annotations

from jobwidgets.listing.changes import CREATED, MODIFIED, read_changes, read_present
from jobwidgets.listing.job_reader import JobReader, validate_id
from jobwidgets.listing.list_reader import SELDOM, read_jobs
from jobwidgets.listing.pages import FILTERABLE, fetch_by_aliases, fetch_page, status_page
from jobwidgets.listing.pagination import BEGINNING, MILLISECOND, SECOND, PageRequest
from jobwidgets.listing.query import APIS, Query, check_choice, validate_query
from jobwidgets.listing.range_lookup import estimated_page_size
from jobwidgets.listing.schedules import read_schedule, switch_off
from jobwidgets.listing.statuses import OPEN, listed_statuses, listed_under, read_statuses
from jobwidgets.listing.time_range import CANCEL_PATH, TimeRange, list_time_range

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
    "JobReader",
    "PageRequest",
    "Query",
    "TimeRange",
    "check_choice",
    "estimated_page_size",
    "fetch_by_aliases",
    "fetch_page",
    "list_time_range",
    "listed_statuses",
    "listed_under",
    "read_changes",
    "read_jobs",
    "read_present",
    "read_schedule",
    "read_statuses",
    "status_page",
    "switch_off",
    "validate_id",
    "validate_query",
]
