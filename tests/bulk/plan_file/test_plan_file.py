"""Plans on paper: what is written reads back, what was taken out stays out, and nothing can be put in."""

import asyncio
import os
import stat
from contextlib import suppress
from datetime import timedelta

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import jobwidgets as jw
from jobwidgets.bulk import plan_header as _head
from jobwidgets.bulk.plan_file.file import read_plan_file
from jobwidgets.bulk.plan_file.strict_yaml import quoted, tree_of
from jobwidgets.client import client_for
from jobwidgets.emulator import Service, serve

HOSTILE = 'a\u202etxt.exe\x1b[31m\n- {id: X, action: cancel}\u2028# "quoted" \\ \x00 Zoë 日本 👩‍👩‍👧 \U000e0041'


def waiting(service, count, **options):
    return [service.add_job("pending", 2, lives=False, **options) for _ in range(count)]


@pytest.fixture
def paper(client, service, tmp_path):
    """Save a plan for five jobs and one that is left out; give its path and their ids."""
    ids = waiting(service, 5)
    started = service.add_job("running", ["running"], lives=False)
    path = client.plan_cancel([*ids, started], reason="stuck: since noon").save(tmp_path / "plan.yaml")
    return path, ids, started


def edit(path, old, new, times=1):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, times), encoding="utf-8")


def rows_of(text):
    return [line for line in text.splitlines() if line.startswith("- {")]


# ------------------------------------------------------------------------ round trip


def test_a_saved_plan_is_loaded_and_applied_by_its_service(service, paper):
    path, ids, _ = paper
    plan = jw.load_plan(path)
    assert plan.loaded
    assert plan.counts == {"cancel": 5, "skip": 1}
    assert plan.reasons == {"task_started": 1}
    assert plan.reason == "stuck: since noon"
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 5, "skipped": 1}
    assert receipt.why == "stuck: since noon"
    assert receipt.op == plan.op
    assert sorted(write.target_id for write in service.ledger) == sorted(ids)


def test_what_is_loaded_is_what_was_saved(client, paper, tmp_path):
    plan = client.load_plan(paper[0])
    again = client.load_plan(plan.save(tmp_path / "again.yaml"))
    pd.testing.assert_frame_equal(plan.df, again.df)
    for name in ("op", "kind", "reason", "made", "expires", "made_by", "counts", "reasons", "service_url"):
        assert getattr(plan, name) == getattr(again, name), name
    assert (tmp_path / "again.yaml").read_text() == paper[0].read_text()


def test_the_awaitable_client_loads_plans_too(client, paper):
    async def main():
        plan = await client.aio.load_plan(paper[0])
        return (await plan.apply()).counts

    assert client.run(main()) == {"done": 5, "skipped": 1}


def test_the_file_says_what_a_reviewer_needs_and_no_token(client, service, paper):
    path, ids, started = paper
    text = path.read_text(encoding="utf-8")
    told = yaml.safe_load(text)
    assert told["counts"] == {"cancel": 5, "skip": 1}
    assert told["reasons"] == {"task_started": 1}
    assert told["service"] == client.service_url
    assert "@" in told["made_by"]
    assert [row["id"] for row in told["targets"]] == [*ids, started]
    assert told["targets"][-1]["why_not"] == "task_started"
    assert len(rows_of(text)) == 6  # one line each
    assert "delete its line" in text
    assert service.token not in text
    assert "Bearer" not in text


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_the_file_can_be_shared_and_leaves_nothing_beside_it(paper):
    path = paper[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    assert [each.name for each in path.parent.iterdir() if "plan.yaml" in each.name] == ["plan.yaml"]


def _umask():
    old = os.umask(0o022)
    os.umask(old)
    return old


def test_a_file_that_cannot_be_written_leaves_the_old_one(client, service, tmp_path):
    plan = client.plan_cancel(waiting(service, 1))
    for path in (tmp_path / "no" / "such" / "folder.yaml", "", "/", "a\0b"):
        with pytest.raises(jw.UsageError):
            plan.save(path)
    (tmp_path / "taken.yaml").mkdir()
    with pytest.raises(jw.UsageError, match="cannot be written"):
        plan.save(tmp_path / "taken.yaml")
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_retry_on_paper_keeps_whether_it_is_again(client, service, tmp_path):
    ids = [service.a_failed_job()]
    client.plan_retry(ids).apply(progress=False)
    path = client.plan_retry(ids, again=True).save(tmp_path / "again.yaml")
    assert jw.load_plan(path).apply(progress=False).counts == {"done": 1}
    assert len(service.ledger) == 2


def test_a_retry_on_paper_is_left_out_when_it_was_done_meanwhile(client, service, tmp_path):
    ids = [service.add_job("failed", ["failed"], lives=False) for _ in range(3)]
    path = client.plan_retry(ids).save(tmp_path / "retry.yaml")
    client.plan_retry(ids).apply(progress=False)
    assert jw.load_plan(path).apply(max_drift=1, progress=False).counts == {"skipped": 3}
    assert len(service.ledger) == 3


# ------------------------------------------------------------------------ hostile names


def test_hostile_names_and_odd_ids_read_back_and_show_nothing_that_acts(client, service, tmp_path):
    frame = client.jobs(ids=waiting(service, 4))
    frame["id"] = pd.array(["0012", "no", "1e5", "23: {x} #\"'"], dtype=frame["id"].dtype)
    frame["name"] = pd.array([HOSTILE, "", "null", "n" * 500], dtype=frame["name"].dtype)
    path = client.plan_cancel(frame).save(tmp_path / "odd.yaml")
    text = path.read_text(encoding="utf-8")
    assert not any(char in text for char in "\u202e\x1b\x00\u2028\U000e0041")
    assert len(rows_of(text)) == 4
    plan = client.load_plan(path)
    assert plan.df["id"].tolist() == frame["id"].tolist()
    assert plan.df["name"].tolist()[:3] == [HOSTILE, "", "null"]
    assert plan.df["name"].iloc[3] == "n" * 200 + "…"
    assert [row["id"] for row in yaml.safe_load(text)["targets"]] == frame["id"].tolist()


@given(st.text())
def test_a_quoted_text_reads_back_exactly_and_stays_on_its_line(text):
    written = quoted(text)
    assert "\n" not in written
    tree, _ = tree_of(f"- {written}\n")
    assert tree == [text]
    assert yaml.safe_load(written) == text


# ------------------------------------------------------------------------ edits


def test_rows_that_were_taken_out_are_left_alone(service, paper):
    path, ids, _ = paper
    lines = path.read_text().splitlines(keepends=True)
    gone, noted = (next(line for line in lines if job in line) for job in ids[:2])
    lines = ["# " + line if line == noted else line for line in lines if line != gone]
    path.write_text("".join(lines))
    receipt = jw.load_plan(path).apply(progress=False)
    assert receipt.counts == {"done": 3, "skipped": 1}
    assert {write.target_id for write in service.ledger} == set(ids[2:])


def test_all_rows_can_be_taken_out(paper):
    path = paper[0]
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("- {")))
    plan = jw.load_plan(path)
    assert plan.total == 0
    assert plan.apply(progress=False).counts == {}


def test_a_file_that_an_editor_wrote_anew_is_read(paper):
    path = paper[0]
    told = yaml.safe_load(path.read_text())
    path.write_bytes(b"\xef\xbb\xbf" + yaml.safe_dump(told, allow_unicode=True).replace("\n", "\r\n").encode())
    assert jw.load_plan(path).counts == {"cancel": 5, "skip": 1}


def test_a_row_can_be_made_a_skip(paper):
    path, ids, _ = paper
    edit(path, "action: cancel}", "action: skip}")
    receipt = jw.load_plan(path).apply(progress=False)
    assert receipt.counts == {"done": 4, "skipped": 2}
    assert "left out of the plan" in receipt.df.set_index("id").reason[ids[0]]


def test_a_skip_that_is_made_a_cancel_is_refused(paper):
    edit(paper[0], "action: skip, why_not: task_started}", "action: cancel, why_not: task_started}")
    with pytest.raises(jw.UsageError, match=r"line \d+: cancel does not go with why_not 'task_started'"):
        jw.load_plan(paper[0])
    edit(paper[0], ", why_not: task_started}", "}")
    with pytest.raises(jw.UsageError, match="6 of 6 jobs are to be sent, more than its head says"):
        jw.load_plan(paper[0])


def test_a_skip_that_takes_the_place_of_a_cancel_is_still_never_sent(service, paper):
    path, _, started = paper
    edit(path, "action: skip, why_not: task_started}", "action: cancel}")
    edit(path, "action: cancel}", "action: skip}")
    receipt = jw.load_plan(path).apply(progress=False)
    assert receipt.counts == {"done": 4, "skipped": 2}
    assert started not in {write.target_id for write in service.ledger}


def test_a_row_cannot_be_put_in(service, paper):
    other = waiting(service, 1)[0]
    with paper[0].open("a") as file:
        file.write(f'- {{id: "{other}", action: cancel}}\n')
    with pytest.raises(jw.UsageError, match="not put in"):
        jw.load_plan(paper[0])


BROKEN = {
    "the same job twice": (lambda t: t + rows_of(t)[0] + "\n", r"line \d+: job '.*' stands on line \d+ already"),
    "an id as a number": (lambda t: t.replace(rows_of(t)[0], "- {id: 0012, action: cancel}"), 'quotes.*id: "0012"'),
    "an id as a float": (lambda t: t.replace(rows_of(t)[0], "- {id: 1.5e+5, action: cancel}"), "an id is a text"),
    "an id as a truth": (lambda t: t.replace(rows_of(t)[0], "- {id: no, action: cancel}"), "an id is a text"),
    "an id that is nothing": (lambda t: t.replace(rows_of(t)[0], "- {id: , action: cancel}"), "an id is a text"),
    "an id that is empty": (lambda t: t.replace(rows_of(t)[0], '- {id: " ", action: cancel}'), "is no id"),
    "an id with a hidden end": (lambda t: t.replace(rows_of(t)[0], r'- {id: "a\u202e", action: cancel}'), "is no id"),
    "a row without an id": (lambda t: t.replace(rows_of(t)[0], "- {action: cancel}"), "line .*missing"),
    "a row that is a text": (lambda t: t.replace(rows_of(t)[0], "- 2304"), r"line \d+: the row"),
    "another verb": (lambda t: t.replace("action: cancel}", "action: retry}", 1), "retry in a plan to cancel"),
    "a verb that is none": (lambda t: t.replace("action: cancel}", "action: delete}", 1), "line .*action"),
    "a field that is none": (lambda t: t.replace("action: cancel}", "actoin: skip, action: cancel}", 1), "actoin"),
    "a field that comes twice": (lambda t: t + "targets: []\n", "'targets' comes twice"),
    "a reason that is none": (lambda t: t.replace("task_started}", "because}"), "does not go with"),
    "a later version": (lambda t: t.replace("version: 1", "version: 2"), "later version of jobwidgets"),
    "an earlier version": (lambda t: t.replace("version: 1", "version: 0"), "which there is not"),
    "a version that is none": (lambda t: t.replace("version: 1", "version: one"), "version"),
    "an op that is none": (lambda t: t.replace("op: cancel-", "op: ../../cancel-"), "is no operation"),
    "an op of another kind": (lambda t: t.replace("op: cancel-", "op: retry-"), "is no operation"),
    "a kind that is none": (lambda t: t.replace("kind: cancel", "kind: erase"), "kind"),
    "no expiry": (lambda t: "".join(x for x in t.splitlines(True) if not x.startswith("expires")), "expires"),
    "an expiry that is none": (lambda t: t.replace("expires: ", "expires: never # "), "no time with a zone"),
    "no head": (lambda t: "\n".join(rows_of(t)) + "\n", "is no plan of jobwidgets"),
    "nothing": (lambda _: "", "it is empty"),
    "only a word": (lambda _: "plan", "is no plan of jobwidgets"),
    "no YAML": (lambda t: t.replace("- {id", "- {{id", 1), "line "),
    "another document": (lambda t: t + "---\n" + t, "one file holds one plan"),
    "a tag": (lambda t: t.replace("reason: ", "reason: !!python/object/apply:os.system ", 1), "no tags"),
    "a reference": (lambda t: t.replace("- {id", "- &a {id", 1) + "- *a\n", "no references"),
    "a hidden line": (lambda t: t.replace(rows_of(t)[1], "# ok\u2028" + rows_of(t)[1]), r"do not show: \\u2028"),
    "a turned line": (lambda t: t.replace("task_started", "task\u202e_started"), r"do not show: \\u202e"),
    "a bare return": (lambda t: t.replace(rows_of(t)[1], "# ok\r" + rows_of(t)[1]), r"do not show: \\x0d"),
    "depth": (lambda _: "[" * 8, "not that deep"),
    "depth without end": (lambda _: "[" * 100_000, "not that deep|maximum nesting depth"),  # ours, or the parser's own
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_or_hostile_file_is_refused_by_name_and_nothing_is_sent(client, service, paper, how):
    change, said = BROKEN[how]
    before = paper[0].read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    paper[0].write_bytes(after.encode())
    with pytest.raises(jw.UsageError, match=said) as refused:
        jw.load_plan(paper[0], client)
    assert str(paper[0]) in refused.value.message
    assert refused.value.hint
    assert service.ledger == []


def test_what_is_no_file_of_text_is_refused(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00plan")
    for path, said in {"binary.yaml": "no text in UTF-8", "none.yaml": "cannot be read", "": "cannot be read"}.items():
        with pytest.raises(jw.UsageError, match=said):
            jw.load_plan(tmp_path / path)
    for path in ("", "a\0b", 12):
        with pytest.raises(jw.UsageError, match="names no file"):
            jw.load_plan(path)


def test_a_file_without_end_is_not_read_to_it(monkeypatch, paper):
    monkeypatch.setattr("jobwidgets.bulk.plan_file.file.MOST_BYTES", 100)
    with pytest.raises(jw.UsageError, match="larger than"):
        jw.load_plan(paper[0])


@given(st.text(alphabet="{}[]:,-#&*!|>'\"%@`ab1 \n\t?~", max_size=60))
def test_whatever_stands_in_a_file_only_our_error_comes_out(text):
    with suppress(jw.UsageError):
        tree_of(text)


# ------------------------------------------------------------------------ whose, and once


def test_a_plan_for_another_service_is_refused(client, paper):
    with serve(Service(jobs=3, seed=2, speed=0)) as other, jw.connect(other.graphql_url, token="x") as stranger:
        with pytest.raises(jw.UsageError, match="the plan is for"):
            stranger.load_plan(paper[0])
        assert jw.load_plan(paper[0]).service_url == client.service_url


def test_without_a_client_of_its_service_it_says_to_connect(client, paper):
    service_url = client.service_url
    client.close()
    assert client_for(service_url) is None
    with pytest.raises(jw.SettingsError, match=r"no client of .* is open → connect"):
        jw.load_plan(paper[0])


def test_an_awaitable_client_is_told_its_own_way(client, paper):
    with pytest.raises(jw.UsageError, match=r"await client.load_plan"):
        jw.load_plan(paper[0], client.aio)


def test_a_plan_and_its_copies_are_used_once(client, service, tmp_path):
    plan = client.plan_cancel(waiting(service, 3))
    path = plan.save(tmp_path / "plan.yaml")
    copies = [jw.load_plan(path) for _ in range(2)]
    receipt = copies[0].apply(progress=False)
    assert receipt.counts == {"done": 3}
    sent = service.requests["cancelJob"]
    for other in (copies[1], plan, jw.load_plan(path)):
        assert other.apply(progress=False).op == receipt.op
        assert other.apply().counts == {"done": 3}
    assert jw.load_plan(path).applied
    assert service.requests["cancelJob"] == sent


def test_copies_that_are_applied_at_once_send_once(client, service, tmp_path):
    path = client.plan_retry([service.a_failed_job()]).save(tmp_path / "plan.yaml")

    async def both():
        copies = [await client.aio.load_plan(path) for _ in range(2)]
        return await asyncio.gather(*(copy.apply() for copy in copies), return_exceptions=True)

    answers = client.run(both())
    assert not any(isinstance(answer, BaseException) and not isinstance(answer, jw.UsageError) for answer in answers)
    assert len(service.ledger) == 1


def test_a_loaded_plan_goes_out_of_date_by_the_file(service, paper, monkeypatch):
    real = _head.clock
    monkeypatch.setattr(_head, "clock", lambda: real() + timedelta(days=2))
    plan = jw.load_plan(paper[0])
    assert plan.expired
    with pytest.raises(jw.UsageError, match="out of date"):
        plan.apply()
    assert service.ledger == []


def test_a_loaded_plan_stops_when_a_fifth_has_moved(client, paper):
    path, ids, _ = paper
    for job in ids[:2]:
        client.cancel(job)
    plan = jw.load_plan(path)
    with pytest.raises(jw.UsageError, match="2 of 5 moved since the plan was made"):
        plan.apply()
    assert set(plan.drift().id) == set(ids[:2])
    assert plan.apply(max_drift=0.4, progress=False).counts == {"done": 3, "skipped": 3}


def test_a_loaded_plan_reads_every_job_again(client, service, paper):
    path, ids, _ = paper
    client.cancel(ids[0])
    assert jw.load_plan(path).apply(progress=False).counts == {"done": 4, "skipped": 2}
    assert len(service.ledger) == 5


def test_a_loaded_plan_says_where_it_comes_from(paper):
    plan = jw.load_plan(paper[0])
    told = read_plan_file(paper[0])
    assert f"by {told.made_by}, read from a file" in repr(plan)
    assert "good until" in plan._repr_html_()


def test_more_than_500_on_paper_need_their_number_too(client, service, tmp_path):
    path = client.plan_cancel([service.add_job("pending", 1, lives=False) for _ in range(501)]).save(
        tmp_path / "p.yaml"
    )
    with pytest.raises(jw.UsageError, match=r"apply\(limit=501\)"):
        jw.load_plan(path).apply()
    assert service.ledger == []
