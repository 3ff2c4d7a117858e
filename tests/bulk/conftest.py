"""Fixtures of the proofs: a service, and processes that may die."""

import os
import sys

import pytest

from tests.support.forks import Nursery


@pytest.fixture
def nursery(no_settings_of_this_machine):
    """Give a process that forks children; they see the state directory of this test."""
    del no_settings_of_this_machine  # it must have been before: the environment is what a child inherits
    nursery = Nursery({**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"})
    yield nursery
    nursery.close()
