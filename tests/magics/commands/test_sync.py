"""`%job sync` keeps a local copy."""

import pytest

import jobwidgets as jw


def test_a_sync_says_what_it_brought_and_gives_the_archive(connected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    connected("%job sync jobs.duckdb -o archive")
    assert " new, 0 changed, 0 gone" in connected.printed
    archive = connected.shell.user_ns["archive"]
    assert len(archive.jobs()) == len(connected.client.jobs())
    connected.client.cancel(connected.service.a_cancellable_job())
    connected.service.clock.advance("10s")
    connected("%job sync jobs.duckdb;")
    assert "0 new, 1 changed, 0 gone" in connected.printed
    assert (archive.jobs()["status"] == "aborted").sum() == (connected.client.jobs()["status"] == "aborted").sum()


def test_a_wrong_file_is_one_clear_line(connected, tmp_path):
    with pytest.raises(jw.UsageError, match="is no place for a file"):
        connected(f"%job sync {tmp_path}")
