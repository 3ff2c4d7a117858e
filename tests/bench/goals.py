# ruff: noqa: T201 - it prints what was measured
"""What a bench prints: each ratio beside its goal, and on what it was measured."""

import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure and what is wanted of it.

    Attributes
    ----------
    name : str
        What was measured, and against what.
    reached, bound : float
        What was found, a median of paired runs where time is in it, and what is wanted.
    least : bool
        Whether the bound is the least that is wanted, not the most.
    note : str
        What else a reader should know.
    """

    name: str
    reached: float
    bound: float
    least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the goal was reached; what could not be measured was not."""
        if math.isnan(self.reached):
            return False
        return self.reached >= self.bound if self.least else self.reached <= self.bound

    def __str__(self) -> str:
        wanted = f"{'>=' if self.least else '<='} {self.bound:,.4g}"
        note = f"  ({self.note})" if self.note else ""
        return f"{'holds' if self.holds else 'MISSED':<7}{self.reached:>12,.4g}  {wanted:<12}{self.name}{note}"


def machine():
    """Say what this was measured on."""
    load = [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else []
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load": load,
    }


def report(bench, goals, path=None, **more):
    """Print the goals as a table; write them, with what else is known, to a file of JSON where one is named."""
    goals, where = list(goals), machine()
    loads = ", ".join(map(str, where["load"]))
    print(f"{bench}: Python {where['python']}, {where['machine']}, {where['processors']} processors, load {loads}")
    for goal in goals:
        print(goal)
    if path:
        told = [{**asdict(goal), "holds": goal.holds} for goal in goals]
        Path(path).write_text(json.dumps({"bench": bench, "machine": where, "goals": told, **more}, indent=1))


def read(path):
    """Read the goals of such a file back."""
    told = json.loads(Path(path).read_text())
    known = Goal.__dataclass_fields__
    return [Goal(**{name: value for name, value in each.items() if name in known}) for each in told["goals"]]
