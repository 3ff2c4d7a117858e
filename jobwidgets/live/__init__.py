"""Lists that stay up to date: one poller for each service, shared by whoever follows one of its lists."""

from jobwidgets.live._history import History, Trend
from jobwidgets.live._moved import looked_at_again
from jobwidgets.live._pace import SLOWEST, SOONEST
from jobwidgets.live._poller import Following, News, Poller, poller_of

__all__ = ["SLOWEST", "SOONEST", "Following", "History", "News", "Poller", "Trend", "looked_at_again", "poller_of"]
