"""The connection to a service: configuration, HTTP, retry policy, rate limits, GraphQL queries."""

from __future__ import annotations

from jobwidgets.transport import queries
from jobwidgets.transport.alias_responses import AliasResult, InFlightWrite, UnresolvedRetry, match_aliases
from jobwidgets.transport.config import Settings, resolve_settings
from jobwidgets.transport.connection import SIDE_BY_SIDE, TOO_MANY, ServiceConnection, together
from jobwidgets.transport.error_contexts import error_context, readback_context
from jobwidgets.transport.messages import Answer, Envelope, Request
from jobwidgets.transport.page_sizes import PageBoundaries
from jobwidgets.transport.portal import BlockingRunner, Portal
from jobwidgets.transport.queries import EDGES
from jobwidgets.transport.retry import NO_EFFECT_ERRORS, RATE_LIMITED_TAG, UNKNOWN_OUTCOME_HINT, graph_error
from jobwidgets.transport.throttle import (
    BUDGET_WINDOW_S,
    BULK_BUDGET_SHARE,
    INITIAL_BULK_IN_FLIGHT,
    MAX_BULK_IN_FLIGHT,
    MAX_READS_IN_FLIGHT,
    ConcurrencyLimiter,
)

__all__ = [
    "BUDGET_WINDOW_S",
    "BULK_BUDGET_SHARE",
    "EDGES",
    "INITIAL_BULK_IN_FLIGHT",
    "MAX_BULK_IN_FLIGHT",
    "MAX_READS_IN_FLIGHT",
    "NO_EFFECT_ERRORS",
    "RATE_LIMITED_TAG",
    "SIDE_BY_SIDE",
    "TOO_MANY",
    "UNKNOWN_OUTCOME_HINT",
    "AliasResult",
    "Answer",
    "BlockingRunner",
    "ConcurrencyLimiter",
    "Envelope",
    "InFlightWrite",
    "PageBoundaries",
    "Portal",
    "Request",
    "ServiceConnection",
    "Settings",
    "UnresolvedRetry",
    "error_context",
    "graph_error",
    "match_aliases",
    "queries",
    "readback_context",
    "resolve_settings",
    "together",
]
