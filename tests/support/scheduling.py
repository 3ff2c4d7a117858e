"""The order in which parallel test processes take the tests: the longest first, so that all end at about the same time.

How long each test takes is kept in `durations.json` beside this file; `pytest --store-durations` brings it up to date
after a run. A test that is not in it counts as the average of its module. Tests with a module-scoped fixture stay
together, so that the fixture is made once.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

DURATIONS = Path(__file__).with_name("durations.json")
SHORTEST_KEPT_SECONDS = 0.5


def pytest_addoption(parser):
    parser.addoption("--store-durations", action="store_true", help="note how long each test takes, for its order")


def pytest_configure(config):
    if config.getoption("--store-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.rootpath), "durations-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Sort the tests of a worker process, and name the groups that stay together."""
    if not hasattr(config, "workerinput"):
        return  # in a single process the order of the files is the one to read
    seconds = estimates(json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {})
    first, cost, group = {}, defaultdict(float), {}
    for number, item in enumerate(items):
        group[item] = item.nodeid
        if has_module_fixture(item):
            group[item] = item.path.relative_to(config.rootpath).with_suffix("").as_posix().replace("/", ".")
            item.add_marker(pytest.mark.xdist_group(group[item]))
        first.setdefault(group[item], number)
        cost[group[item]] += seconds(item.nodeid)
    items.sort(key=lambda item: (-cost[group[item]], first[group[item]]))


def has_module_fixture(item):
    """Tell whether a test shares a fixture with the others of its module."""
    definitions = item._fixtureinfo.name2fixturedefs.values()
    return any(each[-1].scope == "module" for each in definitions if each)


def estimates(known):
    """Return a function from a test's id to the seconds it will take."""
    by_module = defaultdict(list)
    for nodeid, seconds in known.items():
        by_module[nodeid.partition("::")[0]].append(seconds)
    average = {module: sum(each) / len(each) for module, each in by_module.items()}
    return lambda nodeid: known.get(nodeid, average.get(nodeid.partition("::")[0], 0.0))


class Recorder:
    """Notes how long each test took, its fixtures included, and writes that down at the end."""

    def __init__(self, root):
        self.root, self.seconds = root, defaultdict(float)

    def pytest_runtest_logreport(self, report):
        self.seconds[plain(report.nodeid)] += report.duration

    def pytest_sessionfinish(self):
        known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
        known = {nodeid: taken for nodeid, taken in known.items() if (self.root / nodeid.partition("::")[0]).exists()}
        known.update(self.seconds)
        kept = {nodeid: round(known[nodeid], 1) for nodeid in sorted(known) if known[nodeid] >= SHORTEST_KEPT_SECONDS}
        DURATIONS.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n")


def plain(nodeid):
    """Return a test's id without the group that pytest-xdist adds."""
    return nodeid.rpartition("@")[0] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid
