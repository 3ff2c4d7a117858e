"""Lists that stay up to date: one poller for each service, shared by whoever follows one of its lists."""

from jobwidgets.live._poller import Following, News, Poller, poller_of

__all__ = ["Following", "News", "Poller", "poller_of"]
