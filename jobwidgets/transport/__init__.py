"""The connection to a service: configuration, HTTP, retry policy, rate limits, GraphQL queries."""

from __future__ import annotations

from jobwidgets.transport import queries
from jobwidgets.transport.alias_responses import Doubt, Found, Sending, matched
from jobwidgets.transport.config import Settings, settle
from jobwidgets.transport.connection import SIDE_BY_SIDE, TOO_MANY, Core, together
from jobwidgets.transport.error_context import looking_back, naming
from jobwidgets.transport.page_sizes import PageBoundaries
from jobwidgets.transport.portal import BlockingRunner, Portal
from jobwidgets.transport.queries import EDGES
from jobwidgets.transport.retry import BUSY, LOOK_AGAIN, NOTHING_DONE, Answer, Envelope, Request, graph_error
from jobwidgets.transport.throttle import ABREAST, FIRST, MOST, OUR_SHARE, WINDOW, Readers

__all__ = [
    "ABREAST",
    "BUSY",
    "EDGES",
    "FIRST",
    "LOOK_AGAIN",
    "MOST",
    "NOTHING_DONE",
    "OUR_SHARE",
    "SIDE_BY_SIDE",
    "TOO_MANY",
    "WINDOW",
    "Answer",
    "BlockingRunner",
    "Core",
    "Doubt",
    "Envelope",
    "Found",
    "PageBoundaries",
    "Portal",
    "Readers",
    "Request",
    "Sending",
    "Settings",
    "graph_error",
    "looking_back",
    "matched",
    "naming",
    "queries",
    "settle",
    "together",
]
