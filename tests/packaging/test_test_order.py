"""The order in which the test processes take the tests, and what they keep together."""

from tests.support import ROOT
from tests.support.scheduling import estimates, side_by_side, unit_of


def test_the_longest_come_first_and_both_lists_end_together():
    cost = {"b1": 8.0, "b2": 2.0, "o1": 40.0, "o2": 30.0, "o3": 20.0, "o4": 10.0}
    order = side_by_side(["b2", "b1"], ["o4", "o3", "o2", "o1"], cost)
    assert [unit for unit in order if unit[0] == "b"] == ["b1", "b2"]
    assert [unit for unit in order if unit[0] == "o"] == ["o1", "o2", "o3", "o4"]
    assert order.index("b2") > order.index("o2")


def test_nothing_is_lost_where_no_duration_is_known():
    assert sorted(side_by_side(["b"], ["o", "p"], dict.fromkeys("bop", 0.0))) == ["b", "o", "p"]
    assert side_by_side([], [], {}) == []


def test_a_test_without_a_known_duration_counts_as_the_average_of_its_module():
    seconds = estimates({"a.py::one": 2.0, "a.py::two": 4.0})
    assert [seconds(f"a.py::{name}") for name in ("one", "two", "new")] == [2.0, 4.0, 3.0]
    assert seconds("b.py::one") == 0.0


def test_tests_that_share_a_fixture_stay_together():
    assert unit_of("tests/docs/test_notebooks.py::test_x[1]", ROOT) == "tests/docs/test_notebooks.py"
    assert unit_of("tests/distributed/test_token_split.py::test_x", ROOT) == "tests/distributed/test_token_split.py"
    assert unit_of("tests/bulk/test_plan.py::test_x", ROOT) == "tests/bulk/test_plan.py::test_x"
