"""An archive says what the service said, asks for little, and is nobody's victim."""

import random
import threading

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.archive import database as _store
from jobwidgets.archive import sync as _sync
from jobwidgets.emulator import Service, serve


def test_the_first_sync_brings_everything_and_the_second_only_what_changed(archive, client, service, same):
    first = archive.sync()
    assert (first.new, first.changed, first.gone) == (len(same(archive, client)), 0, 0)
    job = service.a_cancellable_job()
    client.cancel(job)
    service.clock.advance("10s")
    service.requests.clear()
    second = archive.sync()
    assert sum(service.requests.values()) <= 4
    assert (second.new, second.changed) == (0, 1)
    same(archive, client)
    moved = archive.history([job])
    assert moved["status"].tolist()[-1] == "aborted"
    assert moved["status_before"].isna().tolist() == [True, False]


def test_a_thousand_random_changes_between_syncs_end_equal_to_a_full_load(tmp_path, same, stir):
    rng = random.Random(7)
    service = Service(jobs=400, seed=3, speed=0)
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token) as client,
    ):
        client.aio._connection.limits.aliases = 20  # so that those that are open are many
        archive = client.archive(tmp_path / "jobs.duckdb")
        for _ in range(8):
            stir(service, client, rng, 125)
            archive.sync(whole=rng.random() < 0.3)
        archive.sync(whole=True)
        jobs = same(archive, client)
        assert len(archive.jobs(gone=True)) > len(jobs)
        last = archive.history().groupby("job_id").tail(1).set_index("job_id")["status"]
        assert last.reindex(jobs["id"]).tolist() == jobs["status"].tolist()


def test_what_the_service_removed_is_gone_and_what_was_known_of_it_stays(archive, client, service, same):
    archive.sync()
    job = service.a_failed_job()
    service.remove_job(job)
    assert archive.sync().gone == 0  # nothing tells of it, and it is not looked up each time
    assert archive.sync(whole=True).gone == 1
    assert job not in set(archive.jobs()["id"])
    assert job in set(archive.jobs(gone=True)["id"])
    same(archive, client)


def test_which_jobs_there_are_is_looked_up_once_a_day(archive, service):
    archive.sync()
    assert not archive.sync().whole
    service.clock.advance("25h")
    service.remove_job(service.a_failed_job())
    last = archive.sync()
    assert last.whole
    assert last.gone == 1


@pytest.mark.parametrize("aliases", [3, 100], ids=["by the list of those that are open", "by their ids"])
def test_a_service_that_forgets_to_say_when_a_job_changed_is_asked_about_open_ones(archive, client, service, aliases):
    client.aio._connection.limits.aliases = aliases
    archive.sync()
    job = service.a_pending_job()
    row = service.world.store.rows[job]
    before = service.world.store.modified[row]
    client.cancel(job)
    service.world.store.modified[row] = before
    service.clock.advance("1h")
    service.world.store.modified[row] = before
    archive.sync()
    assert archive.jobs(ids=[job])["status"].tolist() == ["aborted"]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "failed"}, {"status": ["aborted"]}, {"status": ["pending", "running"], "limit": 3},
        {"engine": "ocr"}, {"since": "3d"}, {"until": "3d"}, {"limit": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_filter_means_what_it_means_to_the_client(archive, client, query):
    archive.sync()
    mine, theirs = archive.jobs(**query), client.jobs(**query)
    if "limit" in query:  # of jobs of one instant any may be the last
        assert mine["created"].tolist() == theirs["created"].tolist()
    else:
        assert mine["id"].tolist() == theirs["id"].tolist()
    assert mine.dtypes.equals(theirs.dtypes)
    assert mine.attrs["truncated"] == theirs.attrs["truncated"]
    assert {k: v for k, v in mine.attrs["query"].items() if k not in ("since", "until")} == {
        k: v for k, v in theirs.attrs["query"].items() if k not in ("since", "until")
    }


def test_a_frame_of_it_can_be_planned_with(archive, client):
    archive.sync()
    jobs = archive.jobs(status=["pending", "queued"])
    plan = client.plan_cancel(jobs[jobs.can_cancel])
    assert plan.total == jobs.can_cancel.sum() > 0


def test_an_empty_service_gives_empty_typed_frames(tmp_path):
    service = Service(jobs=0, speed=0)
    with serve(service) as running, jw.connect(running.graphql_url, token=service.token) as client:
        archive = client.archive(tmp_path / "jobs.duckdb")
        archive.sync()
        archive.sync()
        assert archive.jobs().dtypes.equals(client.jobs().dtypes)
        assert len(archive.tasks()) == len(archive.history()) == 0


def test_only_jobs_since_are_kept_where_that_is_wanted(client, tmp_path, service):
    archive = client.archive(tmp_path / "jobs.duckdb", since="5d")
    archive.sync()
    old = client.jobs(until="6d")
    assert len(old)
    assert set(archive.jobs()["id"]) == set(client.jobs(since="5d")["id"])
    service.clock.advance("1h")
    archive.sync(whole=True)
    assert not set(archive.jobs(gone=True)["id"]) & set(old["id"])


def test_any_question_can_be_asked_and_none_changes_anything(archive):
    archive.sync()
    counts = archive.sql("SELECT status, count(*) AS n FROM jobs WHERE created > ? GROUP BY 1", "2000-01-01")
    assert counts["n"].sum() == len(archive.jobs())
    for wrong in ("DELETE FROM jobs", "SELECT nothing", "DROP TABLE tasks", "('"):
        with pytest.raises(jw.UsageError):
            archive.sql(wrong)
    assert len(archive.jobs())


def test_it_is_exported_as_parquet(archive, tmp_path):
    archive.sync()
    paths = archive.export(tmp_path / "month")
    assert [path.name for path in paths] == ["jobs.parquet", "tasks.parquet", "history.parquet"]
    jobs, tasks, history = map(pd.read_parquet, paths)
    assert set(jobs["id"]) == set(archive.jobs()["id"])
    assert len(tasks) == len(archive.tasks()) > len(jobs)
    assert len(history) == len(archive.history())
    assert archive.export(tmp_path / "month") == paths  # a second time replaces them


def test_a_file_of_another_service_or_kind_is_refused_and_stays(archive, client, tmp_path):
    archive.sync()
    other = Service(jobs=5, speed=0)
    with (
        serve(other) as running,
        jw.connect(running.graphql_url, token=other.token) as stranger,
        pytest.raises(jw.UsageError, match="is an archive of"),
    ):
        stranger.archive(archive.path).sync()
    text = tmp_path / "notes.txt"
    text.write_text("my notes, and more than a few bytes of them " * 40)
    with pytest.raises(jw.UsageError, match="cannot be used as an archive"):
        client.archive(text).sync()
    assert text.read_text().startswith("my notes")
    database = _store.load().connect(tmp_path / "own.duckdb")
    database.execute("CREATE TABLE mine (x INTEGER)")
    database.close()
    with pytest.raises(jw.UsageError, match="is no archive of jobs"):
        client.archive(tmp_path / "own.duckdb").sync()
    for place in (tmp_path, tmp_path / "nowhere" / "jobs.duckdb"):
        with pytest.raises(jw.UsageError, match="is no place for a file"):
            client.archive(place)
    with pytest.raises(jw.UsageError, match="not there yet"):
        client.archive(tmp_path / "new.duckdb").jobs()


def test_a_later_format_is_refused(archive):
    archive.sync()
    with _store.opened(archive.path, writes=True) as connection:
        _store.note(connection, format="2")
    with pytest.raises(jw.UsageError, match="another version"):
        archive.jobs()


def test_what_a_broken_first_sync_read_is_kept_and_gone_on_with(archive, client, service, monkeypatch, same):
    monkeypatch.setattr(_sync, "BATCH", 10)
    client.aio._connection.limits.page = 10
    told = []

    def enough(done):
        told.append(done.new)
        if done.new >= 30:
            raise EOFError

    with pytest.raises(EOFError):
        archive.sync(progress=enough)
    with pytest.raises(jw.UsageError, match="not synced to the end"):
        archive.jobs()
    for _ in range(3):
        service.add_job("pending", 2)
    client.cancel(service.a_cancellable_job())
    newest = client.jobs(status="complete", limit=1)["id"].iloc[0]
    service.remove_job(newest)  # it was read already
    service.clock.advance("1min")
    rest = archive.sync()
    jobs = same(archive, client)
    assert rest.gone == 1
    assert newest in set(archive.jobs(gone=True)["id"])
    assert told[-1] + rest.new == len(jobs) + 1


def test_two_at_once_take_turns_or_are_told(archive, monkeypatch):
    archive.sync()
    monkeypatch.setattr(_store, "PATIENCE", 0.2)
    with _store.opened(archive.path, writes=True):
        said = []

        def read():
            try:
                archive.jobs()
            except jw.UsageError as error:
                said.append(str(error))

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert "being worked on by somebody else" in said[0]
    assert len(archive.jobs())


def test_the_token_is_not_in_it(archive, service):
    archive.sync()
    for path in archive.path.parent.glob("jobs.duckdb*"):
        assert service.token.encode() not in path.read_bytes()
    assert service.token not in repr(archive)
