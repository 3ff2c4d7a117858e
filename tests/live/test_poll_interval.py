"""How long a service is left alone."""

import pytest

from jobwidgets.live.poll_interval import Signs, pause, whole_again


@pytest.mark.parametrize(
    ("signs", "every", "seconds"),
    [
        (Signs(), 0.1, 2),  # never more often
        (Signs(), 5, 5),  # what a person asked for is the floor
        (Signs(quiet=100), 2, 10),
        (Signs(quiet=100_000), 2, 60),  # never more seldom
        (Signs(quiet=100_000), 300, 300),  # but for a person's wish
        (Signs(took=1.5), 2, 15),  # a look that takes long is repeated less often
        (Signs(took=20), 2, 200),
        (Signs(settled=True), 2, 15),  # only new jobs can come
        (Signs(settled=True, quiet=400), 2, 40),
        (Signs(complete=True), 2, 2),
        (Signs(settled=True, complete=True), 2, None),  # nothing can come, nothing can change
        (Signs(misses=1), 2, 4),
        (Signs(misses=3), 2, 16),
        (Signs(misses=50), 2, 60),
        (Signs(misses=1, settled=True, complete=True), 2, 4),  # that is not known for certain
    ],
)
def test_the_pause_follows_what_was_seen(signs, every, seconds):
    assert pause(signs, every) == seconds


def test_a_whole_list_takes_a_small_part_of_the_time():
    assert whole_again(0.1) == 60
    assert whole_again(10) == 600
