"""Helpers that know nothing of jobs: times, secrets, sanitizing, progress bars, the garbage collector."""

from __future__ import annotations

from jobwidgets._internal.gc_pause import gc_paused
from jobwidgets._internal.progress import Bar, ProgressCallback, bar
from jobwidgets._internal.sanitizing import sanitize, sanitize_html
from jobwidgets._internal.secret import Secret
from jobwidgets._internal.timeparse import (
    age_text,
    iso,
    parse_age,
    parse_optional_timestamp,
    parse_timestamp,
    parse_when,
)

__all__ = [
    "Bar",
    "ProgressCallback",
    "Secret",
    "age_text",
    "bar",
    "gc_paused",
    "iso",
    "parse_age",
    "parse_optional_timestamp",
    "parse_timestamp",
    "parse_when",
    "sanitize",
    "sanitize_html",
]
