"""The same frames on the oldest pandas that is supported."""

import os
import subprocess
import sys

import pytest

from tests.support import ROOT

FRAMES = "tests/frames/test_job_frames.py"


@pytest.mark.campaign(test=[FRAMES], soak=[FRAMES, "tests/bulk/test_bulk.py"])
def test_frames_and_bulk_work_are_the_same_on_pandas_2_2(tmp_path, size):
    """`size`: the test files that run there."""
    wanted = ["pandas==2.2.*", "numpy<2.3"]
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--no-warn-conflicts",
        "--target",
        str(tmp_path),
        *wanted,
    ]
    subprocess.run(install, check=True, timeout=600)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    check = [sys.executable, "-c", "import pandas; print(pandas.__version__)"]
    assert subprocess.run(check, env=env, capture_output=True, text=True, check=True).stdout.startswith("2.2.")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *size],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
