"""In IPython in a terminal: text that lines up, one line for an error, help."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jobwidgets

pytestmark = pytest.mark.kernel


@pytest.fixture
def ipython(served, service, tmp_path):
    """Run lines in `ipython`, each as if typed, and give what is printed."""

    def run(*lines):
        environment = {
            **os.environ,
            "AIWARE_URL": served.graphql_url,
            "AIWARE_REST_URL": served.rest_url,
            "AIWARE_TOKEN": service.token,
            "IPYTHONDIR": str(tmp_path),
            "PYTHONPATH": str(Path(jobwidgets.__file__).parents[1]),
            "PYTHONIOENCODING": "utf-8",
        }
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "IPython",
                "--simple-prompt",
                "--no-banner",
                "--colors=nocolor",
                "--no-confirm-exit",
            ],
            input="\n".join(["%load_ext jobwidgets", *lines, "exit", ""]),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr

    return run


def test_a_list_is_an_aligned_table(ipython):
    text = ipython("%job list --limit 3")
    assert "3 jobs" in text
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("status"))
    assert set(lines[head + 1]) == {"─", " "}
    times = [re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line) for line in lines[head + 2 : head + 5]]
    assert len({found.start() for found in times}) == 1
    assert "\x1b" not in text


def test_acts_and_errors_are_one_line_each(ipython, service):
    job_id = service.a_cancellable_job()
    text = ipython(f"%job cancel {job_id}", f"%job cancel {job_id}", "%job cancl", "%job cancel?")
    assert f"{job_id}: Job cancelled" in text
    assert f"RefusedError: job {job_id} is aborted → " in text
    assert "UsageError: %job: no verb 'cancl'; did you mean cancel?" in text
    assert "usage: %job cancel" in text
    assert "Traceback" not in text


def test_a_plan_and_its_receipt_are_readable(ipython, service):
    one, two = service.add_job(status="pending"), service.add_job(status="queued")
    text = ipython(f"%job cancel {one} {two} --reason tidy", "%job apply", "%job receipts")
    assert "Cancel 2 of 2 jobs" in text
    assert "Cancelled 2 of 2 jobs  ✓ 2 done" in text
    assert "1 receipt" in text
    assert len(service.ledger) == 2


def test_leaving_ends_at_once_with_nothing_on_the_error_stream(ipython):
    text = ipython("%job list --limit 1;")
    assert "Exception" not in text
    assert "Warning" not in text
