"""Which of several alike must have made a job, where only the jobs can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

L = TypeVar("L")


def certain_matches(could: Mapping[L, Sequence[str]], prefers: Callable[[L, str], bool]) -> dict[L, str]:
    """Tell of which lines it is certain that they made a job, and give each a job of its own.

    Each job was made by one line, and a line made one job at most. However the jobs are given to lines that may have
    made them, as many as can be: a line that always gets one has made one; a line that can be left out may have made
    none, and nothing is said of it.

    Parameters
    ----------
    could : mapping
        The jobs that each line may have made.
    prefers : callable
        Whether a job looks more like a line's own than another that it may have made as well.
    """
    pairs = _Matching(could)
    for line in sorted(could, key=lambda line: len(could[line])):
        pairs.take(line, (job for job in could[line] if prefers(line, job)))
    for line in could:
        pairs.take(line, could[line])
    for line in could:
        pairs.find(line)
    return {line: job for line, job in pairs.made.items() if line not in pairs.left_out}


class _Matching(dict[str, L]):
    """Who is taken for the maker of each job, while as many are given away as can be.

    Attributes
    ----------
    made : dict
        The job of each line.
    left_out : set
        Lines of which any one can be the one without a job.
    """

    def __init__(self, could: Mapping[L, Sequence[str]]) -> None:
        super().__init__()
        self._could = could
        self.made: dict[L, str] = {}
        self.left_out: set[L] = set()
        self._vain: set[str] = set()

    def take(self, line: L, jobs: Iterable[str]) -> None:
        """Give a line the first of these that nobody has."""
        if line not in self.made:
            for job in jobs:
                if job not in self:
                    self[job], self.made[line] = line, job
                    return

    def find(self, line: L) -> None:
        """Find a job for a line by letting others take another of theirs; else note who could stand in its place."""
        if line in self.made:
            return
        asked, came = [line], dict[str, L]()
        for other in asked:  # it grows
            for job in self._could[other]:
                if job in came or job in self._vain:
                    continue
                came[job] = other
                if job not in self:
                    self._pass_on(job, came)
                    return
                asked.append(self[job])
        self.left_out.update(asked)
        self._vain.update(came)  # nobody who comes later finds a free one there either

    def _pass_on(self, free: str, came: Mapping[str, L]) -> None:
        job: str | None = free
        while job is not None:
            line = came[job]
            self[job], self.made[line], job = line, job, self.made.get(line)
