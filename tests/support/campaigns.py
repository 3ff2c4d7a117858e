"""Campaigns: tests that repeat an experiment many times, at a reduced size in `make test` and in full in `make soak`.

A campaign states both sizes and takes the one that applies as the fixture `size`:

    @pytest.mark.campaign(test=40, soak=200)
    def test_kills_lose_nothing(size): ...

A test marked `soak_only` or `other_host` is left out of `make test`: it is more of what a test there looks at.

`pytest --soak -m "campaign or soak_only or other_host"` runs all of these, every campaign at its full size. What a
campaign prints with `figures` is shown at the end of a run with `--soak`.
"""

import sys

import hypothesis
import pytest

PREFIX = "figures: "
SOAK_ONLY = ("soak_only", "other_host")


def figures(**values):
    """Print what a campaign measured, as one line of `name=value`."""
    sys.stdout.write(PREFIX + " ".join(f"{name}={value}" for name, value in values.items()) + "\n")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run campaigns at their full size and show their figures")


def pytest_configure(config):
    config.addinivalue_line("markers", "campaign(test, soak): repeats an experiment; the size in each kind of run")
    hypothesis.settings.register_profile("test", derandomize=True)  # a run finds what the run before it found
    hypothesis.settings.register_profile("soak", max_examples=1_000)
    hypothesis.settings.load_profile("soak" if config.getoption("soak") else "test")


def pytest_collection_modifyitems(config, items):
    """Leave out what runs with --soak only."""
    if config.getoption("soak"):
        return
    kept, left_out = [], []
    for item in items:
        (left_out if any(map(item.get_closest_marker, SOAK_ONLY)) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def size(request):
    """Return the size of this campaign in this run."""
    sizes = request.node.get_closest_marker("campaign").kwargs
    return sizes["soak" if request.config.getoption("soak") else "test"]


def pytest_terminal_summary(terminalreporter, config):
    """Show the figures of all campaigns."""
    if not config.getoption("soak"):
        return
    terminalreporter.section("figures of the campaigns")
    reports = (report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, []))
    for report in sorted((each for each in reports if each.when == "call"), key=lambda each: each.nodeid):
        terminalreporter.write_line(f"{report.outcome} in {report.duration:.1f} s: {report.nodeid}")
        for line in report.capstdout.splitlines():
            if line.startswith(PREFIX):
                terminalreporter.write_line(f"    {line.removeprefix(PREFIX)}")
