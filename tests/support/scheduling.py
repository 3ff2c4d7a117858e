"""The order in which parallel test processes take the tests: the longest first, so that all end at about the same time.

How long each test takes is kept in `durations.json` beside this file; `pytest --store-durations` brings it up to date
after a run. A test that is not in it counts as the average of its module. Tests that share a fixture of their module
stay together, so that it is made once.
"""

import functools
import gc
import json
from collections import defaultdict
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

DURATIONS = Path(__file__).with_name("durations.json")
SHORTEST_KEPT_SECONDS = 0.5


def pytest_addoption(parser):
    parser.addoption("--store-durations", action="store_true", help="note how long each test takes, for its order")


def pytest_configure(config):
    if config.getoption("--store-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.rootpath), "durations-recorder")


def pytest_xdist_make_scheduler(config, log):
    """Share the tests one by one, in the order in which the processes have collected them."""
    config.option.loadscopereorder = False
    return OneByOne(config, log)


class OneByOne(LoadScopeScheduling):
    """Gives a process that is free the next test, or all tests of the next module that stays together."""

    def _split_scope(self, nodeid):
        return unit_of(nodeid, self.config.rootpath)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Order the tests in a process of pytest-xdist; in a single process the files stay in their order."""
    if not hasattr(config, "workerinput"):
        return
    seconds = estimates(json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {})
    units = defaultdict(list)
    for item in items:
        units[unit_of(item.nodeid, config.rootpath)].append(item)
    cost = {unit: sum(seconds(item.nodeid) for item in members) for unit, members in units.items()}
    busy = [unit for unit in units if units[unit][0].get_closest_marker("browser")]
    others = [unit for unit in units if not units[unit][0].get_closest_marker("browser")]
    items[:] = [item for unit in side_by_side(busy, others, cost) for item in units[unit]]


GARBAGE_COLLECTION_THRESHOLDS = (20_000, 20, 20)
"""Rarer than usual: a test process holds so much that each collection is dear. Tests about what is freed collect."""


def pytest_collection_finish():
    """Exempt what the collection made from garbage collection, which walked all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_COLLECTION_THRESHOLDS)


def side_by_side(busy, others, cost):
    """Order the longest first, and tests that keep a processor busy beside others, which mostly wait.

    Both lists come to their ends at about the same time.
    """
    lists = [sorted(units, key=lambda unit: -cost[unit]) for units in (busy, others)]
    totals = [sum(cost[unit] for unit in units) or 1 for units in lists]
    places = []
    for units, total in zip(lists, totals, strict=True):
        done = 0
        for unit in units:
            places.append((done / total, unit))
            done += cost[unit]
    return [unit for _, unit in sorted(places, key=lambda place: place[0])]


def unit_of(nodeid, root):
    """Return what is given to one process as a whole: a test, or a module whose tests share a fixture."""
    path = nodeid.partition("::")[0]
    return path if has_module_fixtures(root / path) else nodeid


@functools.cache
def has_module_fixtures(path):
    """Return whether a test module, or a `conftest.py` beside or above it, has fixtures that all its tests share."""
    files = (path, *(folder / "conftest.py" for folder in path.parents))
    return any('fixture(scope="module"' in file.read_text() for file in files if file.exists())


def estimates(known):
    """Return a function from a test's id to the seconds it will take."""
    by_module = defaultdict(list)
    for nodeid, seconds in known.items():
        by_module[nodeid.partition("::")[0]].append(seconds)
    average = {module: sum(each) / len(each) for module, each in by_module.items()}
    return lambda nodeid: known.get(nodeid, average.get(nodeid.partition("::")[0], 0.0))


class Recorder:
    """Notes how long each test took, its fixtures included, and replaces what was known of its module at the end."""

    def __init__(self, root):
        self.root, self.seconds = root, defaultdict(float)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self):
        known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
        measured = {nodeid.partition("::")[0] for nodeid in self.seconds}
        for nodeid, seconds in known.items():
            module = nodeid.partition("::")[0]
            if module not in measured and (self.root / module).exists():
                self.seconds[nodeid] = seconds
        kept = {
            nodeid: round(seconds, 1)
            for nodeid, seconds in sorted(self.seconds.items())
            if seconds >= SHORTEST_KEPT_SECONDS
        }
        DURATIONS.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n")
