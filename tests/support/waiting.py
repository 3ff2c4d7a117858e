"""Waiting for conditions. The limits only end a test that would hang: far more than a busy machine needs."""

import time

LIMIT_SECONDS = 60
STEP_SECONDS = 0.01


def until(condition, seconds=LIMIT_SECONDS):
    """Wait until `condition()` is true, and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {seconds} s: {condition}"
        time.sleep(STEP_SECONDS)
    return found


def until_quiet(count, seconds):
    """Wait until `count()` has stayed the same for so many seconds, and return it.

    Whatever raises the count again and again within that time makes this fail.
    """
    deadline = time.monotonic() + seconds + LIMIT_SECONDS
    last, since = count(), time.monotonic()
    while time.monotonic() < since + seconds:
        time.sleep(STEP_SECONDS)
        now = count()
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() < deadline, f"never quiet for {seconds} s: {count}"
    return last
