"""Lists that stay up to date: one poller for each service, shared by whoever follows one of its lists."""

from jobwidgets.live.changes import looked_at_again
from jobwidgets.live.count_history import History, Trend
from jobwidgets.live.poll_interval import SLOWEST, SOONEST
from jobwidgets.live.poller import Poller, poller_for
from jobwidgets.live.subscription import ListUpdate, Subscription
from jobwidgets.live.waiting import wait_for

__all__ = [
    "SLOWEST",
    "SOONEST",
    "History",
    "ListUpdate",
    "Poller",
    "Subscription",
    "Trend",
    "looked_at_again",
    "poller_for",
    "wait_for",
]
