"""What is known of a service's limits and lists: the sizes of pages and documents, and the boundaries of pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

PAGE_SIZE_STEPS = (1000, 500, 250, 100, 50, 30, 10, 5, 1)
"""Page sizes, stepped down when the service says that one is too large."""


@dataclass(slots=True)
class ServiceLimits:
    """The largest page and document that this service is known to take; found by stepping down, and remembered."""

    page: int = PAGE_SIZE_STEPS[0]
    soft: int = PAGE_SIZE_STEPS[0]
    """As `page`, but only for now: a page that was too dear grows again."""
    aliases: int = 100
    tasks: int = 100
    crowded: bool = False
    """Whether lists showed many others when statuses were read last: then only likely ones are listed."""
    edges: bool = True
    """Whether a list may be asked where its pages lie."""

    @property
    def wanted(self) -> int:
        """How many rows to ask for."""
        return min(self.page, self.soft)

    def smaller_page(self) -> bool:
        """Step down; False when there is nothing smaller."""
        lower = [size for size in PAGE_SIZE_STEPS if size < self.page]
        if not lower:
            return False
        self.page = lower[0]
        self.tasks = min(self.tasks, self.page)
        return True


@dataclass(frozen=True, slots=True)
class PageBoundaries:
    """What was seen of a list when it was read.

    Attributes
    ----------
    edges : tuple of datetime
        Between one and the next of them, the newest first, are about as many jobs as a page is planned to hold; none
        where one page would have held all.
    tick : timedelta
        The resolution of times as they are written.
    """

    edges: tuple[datetime, ...]
    tick: timedelta
