"""What was begun and not finished: stopped, resumed, read back and listed, here and by another kernel."""

import threading
import time

import pytest

import jobwidgets as jw


@pytest.fixture
def another(service, served):
    """Give a client as another kernel has it: what it did is known by the state directory alone."""
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token, timeout=20) as other:
        yield other


@pytest.fixture
def here(connected, another):
    """Give a shell whose client is not the newest one."""
    connected.shell.magics_manager.magics["line"]["job"].shelf.session().use(connected.client)
    connected.another = another
    return connected


def half_done(client, service, count=60):
    """Leave an operation with ten jobs unknown and the rest not sent."""
    jobs = [service.add_job("pending", 1) for _ in range(count)]
    service.faults.lose_answer(times=1, operation="cancelJob")
    service.faults.expire_token(times=None, operation="cancelJob")
    receipt = client.plan_cancel(jobs).apply(progress=False)
    service.faults.clear()
    assert receipt.counts == {"unknown": 10, "not_sent": count - 10}
    return receipt.op, jobs


class AtWork:
    """An operation that is at work on a thread, as in a panel or another kernel."""

    def __init__(self, client, service):
        self.jobs = [service.add_job("pending", 1) for _ in range(200)]
        service.faults.delay(seconds=0.5, times=None, operation="cancelJob")
        self.plan = client.plan_cancel(self.jobs)
        self.receipt = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while not service.requests["cancelJob"]:
            threading.Event().wait(0.01)

    def _run(self):
        self.receipt = self.plan.apply(progress=False)

    def ended(self):
        self._thread.join(20)
        return self.receipt


def test_stop_asks_what_is_at_work_in_this_kernel(here):
    work = AtWork(here.client, here.service)
    here("%job stop")
    assert here.printed.startswith(f"Asked {work.plan.op} to stop: nothing more is sent")
    assert f"%job resume {work.plan.op} goes on" in here.printed
    receipt = work.ended()
    assert receipt.halted == "stopped"
    assert receipt.counts["not_sent"] > 0
    assert receipt.counts.get("done", 0) == len(here.service.ledger)


def test_stop_asks_another_kernel_by_the_name_of_its_operation(here):
    work = AtWork(here.another, here.service)
    op = work.plan.op
    here("%job stop")
    assert "Nothing is at work in this kernel." in here.printed
    assert f"Another kernel is at work on {op}: %job stop {op} asks it to stop." in here.printed
    shown = here.shell.display_formatter.format(here("%job receipts"))[0]["text/plain"]
    assert "◑ at work" in shown
    assert f"operation {op} is at work" in here.error(f"%job resume {op}")
    here(f"%job stop {op}")
    assert here.printed.startswith(f"Asked {op} to stop")
    assert work.ended().halted == "stopped"
    assert work.receipt.counts["not_sent"] > 0


def test_stop_says_when_there_is_nothing_to_stop(here):
    op, _ = half_done(here.another, here.service)
    here(f"%job stop {op}")
    assert here.printed.startswith(f"{op} is not at work: nothing was stopped.")
    assert "→" in here.error("%job stop nonsense")


def test_an_operation_of_another_kernel_is_listed_shown_and_resumed(here):
    op, jobs = half_done(here.another, here.service)
    frame = here("%job receipts")
    row = frame.set_index("op").loc[op]
    assert (row["state"], row["unknown"], row["not_sent"]) == ("open", 10, 50)
    shown = here.shell.display_formatter.format(frame)[0]["text/plain"]
    assert f"Open (1). Something of it is unknown or was not sent: %job resume {op} goes on." in shown
    assert here(f"%job receipts {op}").counts == {"unknown": 10, "not_sent": 50}
    receipt = here("%job resume -o r")
    assert here.printed.startswith(f"Resuming {op}: 10 unknown, 50 not sent.")
    assert receipt.counts == {"done": 60}
    assert here.shell.user_ns["r"] is receipt
    assert sorted(write.target_id for write in here.service.ledger) == sorted(jobs)
    here("%job resume")
    assert "Nothing is left to send." in here.printed
    assert len(here.service.ledger) == 60


def test_resume_without_a_name_goes_on_with_the_newest_alone_and_names_the_others(here):
    old, _ = half_done(here.another, here.service)
    time.sleep(1.1)  # operations are ordered by the second in their names
    here.another.plan_cancel([here.service.add_job("pending", 1)]).apply(progress=False)
    before = len(here.service.ledger)
    here("%job resume")
    assert "Nothing is left to send." in here.printed
    assert f"Unfinished: {old}, 10 unknown, 50 not sent: %job resume {old}" in here.printed
    assert len(here.service.ledger) == before


def test_an_interrupted_resume_says_how_to_go_on(here, monkeypatch):
    op, _ = half_done(here.another, here.service)

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("jobwidgets.bulk.Receipt.resume", interrupted)
    line = here.error(f"%job resume {op}")
    assert line.startswith("Stopped: no more is sent; what was sent stays → ")
    assert f"%job resume {op} goes on" in line


def test_verify_reads_back_and_an_interrupt_changes_nothing(here, monkeypatch):
    here("%job plan cancel --status queued")
    here("%job apply")
    receipt = here("%job verify --timeout 5s")
    assert set(receipt.df["verified"]) == {"confirmed"}

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("jobwidgets.bulk.Receipt.verify", interrupted)
    assert here.error("%job verify") == "Stopped: the looking has ended; nothing was changed"


def test_a_plan_is_saved_made_smaller_and_applied_once(here, tmp_path):
    jobs = [here.service.add_job("pending", 1) for _ in range(4)]
    here.shell.user_ns["jobs"] = jobs
    path = tmp_path / "cancel.yaml"
    plan = here(f"%job plan cancel $jobs --reason review --save {path}")
    assert f"%job apply {path}" in here.printed
    assert len(here.service.ledger) == 0
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if jobs[0] not in line))
    receipt = here(f"%job apply {path}")
    assert receipt.op == plan.op
    assert receipt.counts == {"done": 3}
    assert here.service.job_status(jobs[0]) == "pending"
    assert here(f"%job apply {path}").op == plan.op
    assert here("%job apply").op == plan.op
    assert len(here.service.ledger) == 3


def test_the_last_plan_is_saved_by_plan_alone(here, tmp_path):
    here("%job plan cancel --status queued")
    here(f"%job plan --save {tmp_path / 'later.yaml'};")
    assert (tmp_path / "later.yaml").is_file()
    (tmp_path / "other.yaml").write_text("a: b\n")
    assert "it is no plan of jobwidgets" in here.error(f"%job apply {tmp_path / 'other.yaml'}")
    assert len(here.service.ledger) == 0


def test_applying_what_another_kernel_has_begun_shows_its_receipt(here):
    op, _ = half_done(here.another, here.service)
    before = len(here.service.ledger)
    receipt = here(f"%job apply {op}")
    assert receipt.op == op
    assert f"{op} was begun before, and nothing more is sent" in here.printed
    assert len(here.service.ledger) == before


def test_too_much_drift_sends_nothing_and_the_plan_stays_usable(here):
    jobs = [here.service.add_job("pending", 1) for _ in range(4)]
    here.shell.user_ns["jobs"] = jobs
    here("%job plan cancel $jobs")
    here.another.cancel(jobs[0])
    sent = len(here.service.ledger)
    assert "moved since the plan was made" in here.error("%job apply --max-drift 20%")
    assert len(here.service.ledger) == sent
    receipt = here("%job apply --max-drift 0.5")
    assert receipt.counts == {"done": 3, "skipped": 1}


def test_retries_go_in_waves(here):
    jobs = [here.service.add_job("failed", ["failed"]) for _ in range(3)]
    here.shell.user_ns["jobs"] = jobs
    here("%job plan retry $jobs")
    here.service.clock.speed = 0
    for wrong in ("--ok 0.5", "--widen 3"):
        assert "go with --canary" in here.error(f"%job apply {wrong}")
    assert len(here.service.ledger) == 0
    assert "--canary" in here.error("%job apply --canary 0")
    receipt = here("%job apply --canary 3 --widen 2 --ok 0")
    assert receipt.counts == {"done": 3}


def test_what_was_retried_is_left_out_unless_it_is_asked_for_again(here):
    jobs = [here.service.a_failed_job()]
    here.shell.user_ns["jobs"] = jobs
    here("%job plan retry $jobs\n%job apply")
    assert here("%job plan retry $jobs").counts == {"skip": 1}
    assert here("%job plan retry $jobs --again").counts == {"retry": 1}
    assert here("%job retry $jobs --again --yes").counts == {"done": 1}
    assert len(here.service.ledger) == 2
    assert "--again is for retries" in here.error("%job plan cancel $jobs --again")


def test_the_service_cancels_a_range_by_a_plan(here):
    me = here.client.me()
    job = here.service.add_job("pending", 1)
    plan = here(f"%job plan cancel --org {me.organization_id} --after 1h --before 0s --reason flood")
    assert (plan.kind, plan.reason) == ("range", "flood")
    assert len(here.service.ledger) == 0
    receipt = here("%job apply")
    assert receipt.kind == "range"
    assert here.service.job_status(job) == "aborted"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("%job plan retry --org 1 --after 2d --before 1d", "only cancelling goes by a range"),
        ("%job plan cancel --org 1 --after 2d", "a range needs --before as well"),
        ("%job plan cancel --after 2d --before 1d", "a range needs --org as well"),
        ("%job plan cancel a --org 1 --after 2d --before 1d", "goes with no jobs and no filter"),
        ("%job plan cancel --status queued --org 1 --after 2d --before 1d", "goes with no jobs and no filter"),
        ("%job plan --org 1", "to cancel, or to retry?"),
        ("%job cancel --org 1", "no option --org"),
        ("%job cancel a --again", "no option --again"),
        ("%job apply --max-drift much", "is no share"),
        ("%job apply --max-drift 1.5", "is no share"),
        ("%job apply nowhere.yaml", "nowhere.yaml"),
        ("%job plan cancel --status queued --save /no/such/folder/x.yaml", "cannot be written"),
    ],
)
def test_a_wrong_line_is_one_clear_line_and_sends_nothing(reading, line, why):
    assert why in reading.error(line)
