"""Every verb, in a real shell against the real service."""

import datetime as dt
import re

import pytest

import jobwidgets as jw
from jobwidgets.magics.verbs import VERBS
from tests.support import ROOT


def able(frame, name="can_cancel"):
    return frame[frame[name].fillna(value=False).astype(bool)]


def test_list_filters_and_stores(reading):
    frame = reading("%job list --status failed --since 20d -o failed")
    assert set(frame["status"]) == {"failed"}
    assert reading.shell.user_ns["failed"] is frame
    assert reading("%job list --status failed --since 20d -o again;") is None
    assert set(reading.shell.user_ns["again"]["id"]) == set(frame["id"])
    assert reading("x = %job list --limit 2\nlen(x)") == 2


def test_where_comes_before_the_limit_and_is_kept_with_the_query(reading):
    everything = reading("%job list --where 'can_retry'")
    frame = reading("%job list --where 'can_retry' --limit 2")
    assert list(frame["created"]) == list(everything["created"][:2])
    assert frame.attrs["truncated"] is True
    assert frame.attrs["query"]["where"] == "can_retry"


def test_a_text_and_a_number_come_from_variables(reading):
    reading.shell.user_ns.update(n=2, age="20d")
    assert len(reading("%job list --limit $n --since $age")) == 2


def test_show_status_and_tasks(reading):
    job_id = reading.service.a_failed_job()
    job = reading(f"%job show {job_id} -o job")
    assert (job.id, job.status) == (job_id, "failed")
    said = reading(f"%job status {job_id}")
    assert said == "failed"
    assert reading.shell.display_formatter.format(said)[0]["text/plain"] == f"{job_id}  ✗ failed"
    assert reading(f"%job status {job_id} --api rest") == "failed"
    other = reading.service.a_complete_job()
    assert list(reading(f"%job status {job_id} {other}")["id"]) == [job_id, other]
    assert set(reading(f"%job tasks {job_id} {other}")["job_id"]) == {job_id, other}
    assert list(reading(f"%%job status\n{job_id}\n# more\n{other}\n")["status"]) == ["failed", "complete"]
    assert reading("%job status $job") == "failed"


def test_ids_that_nobody_knows_are_named(reading):
    assert reading.error("%job show nonsense").startswith("NotFoundError: ")
    frame = reading("%job status nonsense nothing")
    assert (
        "Not found here, or not yours: nonsense, nothing."
        in reading.shell.display_formatter.format(frame)[0]["text/plain"]
    )


def test_one_id_is_cancelled_at_once_and_the_service_has_the_word(connected):
    job_id = connected.service.a_cancellable_job()
    assert connected(f"%job cancel {job_id} -o said") is None
    assert connected.printed == f"{job_id}: Job cancelled\n"
    assert connected.shell.user_ns["said"] == "Job cancelled"
    assert connected.service.job_status(job_id) == "aborted"
    line = connected.error(f"%job cancel {job_id}")
    assert line.startswith(f"RefusedError: job {job_id} is aborted → ")
    assert len(connected.service.ledger) == 1


def test_one_id_is_cancelled_by_rest_as_well(connected):
    job_id = connected.service.a_cancellable_job()
    connected(f"%job cancel {job_id} --api rest")
    assert [write.via for write in connected.service.ledger] == ["rest"]


def test_one_id_is_retried_at_once_and_the_new_id_is_told(connected):
    job_id = connected.service.a_failed_job()
    connected(f"%job retry {job_id} -o new")
    new = connected.shell.user_ns["new"]
    assert f"{job_id}: submitted again as the new job {new}" in connected.printed
    assert connected.service.job_status(new) in {"pending", "queued"}
    assert connected.service.job_status(job_id) == "failed"


def test_many_ids_make_a_plan_and_nothing_is_sent_before_apply(connected):
    frame = connected("%job list -o df")
    some = able(frame).head(3)
    connected.shell.user_ns["some"] = some
    plan = connected("%job cancel $some --reason 'too many'")
    assert (plan.kind, plan.counts, plan.reason) == ("cancel", {"cancel": 3}, "too many")
    assert len(connected.service.ledger) == 0
    receipt = connected("%job apply")
    assert receipt.counts == {"done": 3}
    assert {write.target_id for write in connected.service.ledger} == set(some["id"])
    assert connected("%job apply").op == receipt.op
    assert len(connected.service.ledger) == 3
    assert connected("%job plan").applied
    assert list(connected("%job receipts")["op"]) == [receipt.op]
    assert connected(f"%job receipts {receipt.op}").counts == {"done": 3}


def test_yes_applies_at_once_and_the_others_are_left_out_with_a_reason(connected):
    frame = connected("%job list -o df")
    done = frame[frame["status"] == "complete"].head(2)
    ids = [*able(frame)["id"].head(2), *done["id"]]
    connected.shell.user_ns["ids"] = ids
    receipt = connected("%job cancel $ids --yes -o r")
    assert receipt.counts == {"done": 2, "skipped": 2}
    assert connected.shell.user_ns["r"] is receipt


def test_a_cell_cancels_one_id_a_line(connected):
    one, two = able(connected("%job list"))["id"].head(2)
    plan = connected(f"%%job cancel\n# both\n{one}\n\n{two}  # the second\n")
    assert plan.counts == {"cancel": 2}
    receipt = connected(f"%%job cancel --yes\n{one}\n{two}\n")
    assert receipt.counts == {"done": 2}


def test_a_filter_with_where_cancels_what_matches_it_and_no_more(connected):
    three_days_ago = connected.service.clock.now() - dt.timedelta(days=3)
    old = connected.service.add_job(status="pending", tasks=["pending"], created=three_days_ago)
    frame = connected("%job list --status pending queued -o df")
    assert len(frame) > 1
    plan = connected("%job cancel --status pending queued --where \"queued_for > '2d'\"")
    assert list(plan.df["id"]) == [old]
    assert list(connected("%job plan cancel $df --where \"queued_for > '2d'\"").df["id"]) == [old]
    assert connected("%job cancel --where \"queued_for > '2d' and can_cancel\" --yes").counts == {"done": 1}


def test_retry_of_many_makes_new_jobs_once(connected):
    plan = connected("%job retry --status failed --since 30d")
    receipt = connected(f"%job apply {plan.op}")
    assert receipt.counts == {"done": plan.total}
    assert len(connected.service.ledger) == plan.total
    connected("%job resume")
    assert "Nothing is left to send." in connected.printed
    assert len(connected.service.ledger) == plan.total


def test_a_plan_in_a_variable_can_be_applied(connected):
    connected("%job plan cancel --status queued -o p\n%job plan retry --status failed")
    receipt = connected("%job apply $p")
    assert receipt.kind == "cancel"


def test_never_more_than_the_number_that_was_said(reading):
    total = len(able(reading("%job list")))
    for line in ("%job cancel --since 60d --yes --limit 1", "%job apply --limit 1"):
        assert f"the plan would cancel {total} jobs, more than 1" in reading.error(line)
    assert len(reading.service.ledger) == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("%job cancel", "no job is named"),
        ("%job retry --yes", "no job is named"),
        ("%job cancel a --status failed", "jobs are named, and also --status"),
        ("%job cancel a b --api rest", "--api is for one id"),
        ("%job plan", "there is no plan yet"),
        ("%job plan --status failed", "to cancel, or to retry"),
        ("%job apply", "there is no plan yet"),
        ("%job apply nonsense", "no plan 'nonsense'"),
        ("%job apply $lines", "is no plan"),
        ("%job resume", "nothing was applied"),
        ("%job receipts nonsense", "nonsense"),
        ("%job watch", "no job is named"),
        ("%job wait", "no job is named"),
        ("%job status", "no job is named"),
        ("%job status a b --api rest", "one job at a time"),
        ("%job scheduled cancel", "needs the id of a schedule"),
        ("%job scheduled list 12", "takes no id"),
        ("%job list --since someday", "no time"),
        ("%job watch a --every often", "no age"),
        ("%%job list\nabc\n", "%%job list takes no cell"),
        ("%job list --where 'nme == 1'", "did you mean name"),
    ],
)
def test_a_wrong_line_is_one_clear_line_and_sends_no_write(reading, line, why):
    reading.shell.user_ns["lines"] = ["x"]
    shown = reading.error(line)
    assert why in shown
    assert re.match(r"\w+Error: .+ → .+", shown), shown
    assert len(reading.service.ledger) == 0


def test_a_frame_of_another_service_is_refused(reading, samples):
    reading.shell.user_ns["df"] = samples.jobs()
    for line in ("%job cancel $df --yes", "%job status $df", "%job plan retry $df", "%job wait $df"):
        assert "and %job talks to" in reading.error(line)
    assert len(reading.service.ledger) == 0


def test_wait_gives_the_ended_jobs_and_says_when_some_have_not(reading):
    job_id = reading.service.a_complete_job()
    frame = reading(f"%job wait {job_id} -o ended")
    assert list(frame["status"]) == ["complete"]
    pending = reading.service.a_pending_job()
    reading(f"%job wait {pending} --timeout 1s")
    assert "Some have not ended after 1s; they go on." in reading.printed


def test_watch_prints_the_changes_in_a_terminal(connected, monkeypatch):
    job_id = connected.service.a_cancellable_job()

    def meanwhile(_seconds):
        connected.client.cancel(job_id)

    monkeypatch.setattr("jobwidgets.magics.commands.watch.time.sleep", meanwhile)
    connected(f"%job watch {job_id} -o last")
    assert re.search(rf"\d\d:\d\d:\d\d  {job_id}  . \w+ → ⊘ aborted  ", connected.printed)
    assert connected.printed.endswith("All have ended.\n")
    assert list(connected.shell.user_ns["last"]["status"]) == ["aborted"]


def test_an_interrupt_ends_the_watching_and_no_job(reading, monkeypatch):
    def interrupted(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("jobwidgets.magics.commands.watch.time.sleep", interrupted)
    reading("%job watch --status queued")
    assert reading.printed.endswith("The watching has ended; the jobs go on.\n")
    assert len(reading.service.ledger) == 0


@pytest.mark.parametrize(
    ("line", "method", "said"),
    [
        ("%job list", "jobs", "Stopped: the waiting has ended; nothing was changed"),
        ("%job wait abc", "wait", "Stopped: the waiting has ended; the jobs go on"),
        ("%job cancel abc", "cancel", "may have been cancelled → %job status abc"),
        ("%job retry abc", "retry", "may have been retried → %job status abc"),
    ],
)
def test_an_interrupt_says_what_it_did_and_did_not_stop(reading, monkeypatch, line, method, said):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(reading.client), method, interrupted)
    assert said in reading.error(line)


def test_an_interrupted_apply_says_how_to_go_on(connected, monkeypatch):
    plan = connected("%job plan cancel --status queued")
    apply = type(plan).apply

    def interrupted(*args, **kwargs):
        apply(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(plan), "apply", interrupted)
    line = connected.error("%job apply")
    assert f"what was sent stays → %job receipts {plan.op} shows it, %job resume {plan.op} goes on" in line


def test_an_apply_that_is_interrupted_before_it_begins_says_that_nothing_was_sent(reading, monkeypatch):
    plan = reading("%job plan cancel --status queued")

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(plan), "apply", interrupted)
    assert reading.error("%job apply") == f"Stopped: nothing was sent → %job apply {plan.op} sends it"


def test_schedules_are_listed_and_switched_off(connected):
    frame = connected("%job scheduled -o s")
    assert frame["is_active"].all()
    one = frame["id"].iloc[0]
    connected(f"%job scheduled cancel {one}")
    assert "is off" in connected.printed
    assert f"%job cancel --scheduled-job {one}" in connected.printed
    assert one not in set(connected("%job scheduled")["id"])
    assert one in set(connected("%job scheduled --all")["id"])


def test_stop_is_honest(reading):
    reading("%job stop")
    assert reading.printed.startswith("Nothing is at work in this kernel.")
    assert "interrupting the kernel" in reading.printed


def test_help_is_there_in_every_form(cells):
    for code in ("%job", "%job help", "%job -h", "%job --help"):
        cells(code)
        assert cells.printed.startswith("%job VERB")
    for code in ("%job help cancel", "%job cancel -h", "%job cancel --help"):
        cells(code)
        assert cells.printed.startswith("usage: %job cancel")
    assert "did you mean cancel" in cells.error("%job help cancle")


def test_the_table_in_the_readme_names_every_verb_and_what_it_does():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `%job (\w+)` \| (.+) \|$", readme, re.MULTILINE))
    assert told == {name: verb.summary for name, verb in VERBS.items()}


def test_the_magic_expands_nothing_by_itself(cells):
    cells.shell.user_ns["x"] = "EXPANDED"
    assert "EXPANDED" not in cells.error("%job {x}")
    assert "EXPANDED" not in cells.error("%job list --since {x}")


def test_the_panel_takes_the_filters(reading):
    panel = reading("%job panel --status failed --since 20d --limit 5 --refresh 1h -o p")
    assert isinstance(panel, jw.JobPanel)
    panel.close()


def test_the_panel_refuses_what_it_cannot_filter_by(reading):
    assert "no option --where" in reading.error("%job panel --where can_cancel")
