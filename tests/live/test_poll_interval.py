"""How long a service is left alone."""

import pytest

from jobwidgets.live.poll_interval import PollSignals, pause, whole_again


@pytest.mark.parametrize(
    ("signs", "every", "seconds"),
    [
        (PollSignals(), 0.1, 2),  # never more often
        (PollSignals(), 5, 5),  # what a person asked for is the floor
        (PollSignals(quiet=100), 2, 10),
        (PollSignals(quiet=100_000), 2, 60),  # never more seldom
        (PollSignals(quiet=100_000), 300, 300),  # but for a person's wish
        (PollSignals(took=1.5), 2, 15),  # a look that takes long is repeated less often
        (PollSignals(took=20), 2, 200),
        (PollSignals(settled=True), 2, 15),  # only new jobs can come
        (PollSignals(settled=True, quiet=400), 2, 40),
        (PollSignals(complete=True), 2, 2),
        (PollSignals(settled=True, complete=True), 2, None),  # nothing can come, nothing can change
        (PollSignals(misses=1), 2, 4),
        (PollSignals(misses=3), 2, 16),
        (PollSignals(misses=50), 2, 60),
        (PollSignals(misses=1, settled=True, complete=True), 2, 4),  # that is not known for certain
    ],
)
def test_the_pause_follows_what_was_seen(signs, every, seconds):
    assert pause(signs, every) == seconds


def test_a_whole_list_takes_a_small_part_of_the_time():
    assert whole_again(0.1) == 60
    assert whole_again(10) == 600
