"""The journal and its disk: nothing is promised that is not on it, and a disk that takes no more stops the work."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from contextlib import suppress

import psutil
import pytest

import jobwidgets as jw
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal.codec import line_of
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.paths import state_dir
from tests.support import ROOT

OP = "cancel-20261123-194501-1a2b3c"
CHILD = ROOT / "tests" / "support" / "journal_child.py"


def begun():
    """Begin an operation and stop; give its records."""
    records = [{"record": "plan", "version": 1}, {"record": "intent", "lines": [1, 2]}]
    journal = Journal.create(OP)
    journal.append(*records)
    journal.close()
    return records


def file_of():
    return state_dir() / "operations" / f"{OP}.jsonl"


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def tiny_disk(tmp_path):
    """Mount a disk of a few kilobytes."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", str(place)]
    try:
        allowed = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        allowed = False
    if not allowed:
        pytest.skip("only the superuser can mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


# a disk that takes no more


def within(size, commands):
    """Let another process work with files of so many bytes at most; give its answers."""
    resource = pytest.importorskip("resource")
    child = subprocess.run(
        [sys.executable, CHILD],
        input=commands,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return child.stdout.splitlines()[1:]


@pytest.mark.parametrize("fault", ["short", "full"])
@pytest.mark.parametrize("takes", [0, 1, 11, 40, 200])
def test_what_a_full_disk_took_of_a_write_is_taken_back(monkeypatch, fault, takes):
    records = begun()
    journal = Journal.reopen(OP)
    before = file_of().read_bytes()
    write = os.write

    def write_a_part(descriptor, data):
        done = write(descriptor, data[:takes])
        if fault == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_a_part)
        with pytest.raises(
            jw.NotSentError, match=r"cannot be written any more \((No space left|the disk takes no more)"
        ):
            journal.append(*({"record": "intent", "lines": [n]} for n in range(10)))
    assert file_of().read_bytes() == before
    for call in (lambda: journal.append({"a": 1}), journal.sync, lambda: asyncio.run(journal.synced())):
        with pytest.raises(jw.NotSentError, match="cannot be written any more"):  # once broken it stays so
            call()
    journal.close()
    assert _journal.read(OP) == records
    Journal.reopen(OP).close()


def test_what_cannot_be_taken_back_is_a_prefix_still(monkeypatch):
    records = begun()
    journal = Journal.reopen(OP)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:45]))
        patch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
        with pytest.raises(jw.NotSentError):
            journal.append({"record": "note"}, {"record": "intent", "lines": [1, 2, 3]})
    journal.close()
    assert _journal.read(OP) == [*records, {"record": "note"}]


def test_an_interrupt_after_the_write_costs_no_line_later(monkeypatch):
    journal = Journal.create(OP)
    write = os.write

    def write_and_be_interrupted(descriptor, data):
        write(descriptor, data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_and_be_interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append({"n": 1})
    journal.append({"n": 2})
    journal.sync()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        with pytest.raises(jw.NotSentError):
            journal.append({"n": 3})
    journal.close()
    assert _journal.read(OP) == [{"n": 1}, {"n": 2}]


def test_a_disk_that_is_full_from_the_start_is_said_before_anything_is_sent(tiny_disk):
    (tiny_disk / "operations").mkdir()
    with suppress(OSError), (tiny_disk / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(b"\0" * 512):
            pass
    with pytest.raises(jw.SettingsError, match=r"cannot be written \(No space left.*nothing was sent"):
        Journal.create(OP, tiny_disk)
    assert files_in(tiny_disk / "operations") == []


def test_a_disk_that_runs_full_stops_the_work_and_the_journal_reads(tiny_disk):
    journal = Journal.create(OP, tiny_disk)
    written = 0
    with suppress(jw.NotSentError):
        while True:
            journal.append({"n": written}, {"text": "x" * 300})
            written += 1
    assert journal.broken in ("No space left on device", "the disk takes no more")
    journal.close()
    records = _journal.read(OP, tiny_disk)
    assert written > 10
    assert [record["n"] for record in records if "n" in record] == list(range(written))
    assert len(records) == 2 * written
    assert files_in(tiny_disk / "operations") == [f"{OP}.jsonl"]  # the lease was given up all the same


def test_a_file_that_may_not_grow_stops_the_work_and_the_journal_reads():
    said = within(1000, f"create {OP}\n" + f"write {OP}\n" * 100 + f"close {OP}\n")
    done = said.index(next(line for line in said if line != "ok"))
    assert all(line.startswith("NotSentError") for line in said[done:-1])
    assert "(the disk takes no more)" in said[done] or "(File too large)" in said[done]
    assert said[-1] == "ok"
    assert len(_journal.read(OP)) == done > 10


def test_no_file_at_all_may_be_written():
    said = within(0, f"create {OP}\n")
    assert said[0].startswith("SettingsError the journal cannot be written (File too large")
    assert files_in(state_dir() / "operations") == []


# what is on disk


class Disk:
    """Record what was in the file each time the disk was asked to keep it."""

    def __init__(self, monkeypatch):
        self.kept = b""
        self.waits = threading.Event()
        self.waits.set()
        self.begun = threading.Semaphore(0)
        self.fsync = os.fsync
        self.fails = None
        monkeypatch.setattr(os, "fsync", self.keep)

    def keep(self, descriptor):
        data = file_of().read_bytes() if file_of().exists() else b""  # what comes while it works is not kept
        self.begun.release()
        assert self.waits.wait(10)
        if self.fails:
            raise self.fails
        self.fsync(descriptor)
        self.kept = data


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_callers_share_a_sync_and_none_returns_before_its_own_is_on_disk(disk):
    journal = Journal.create(OP)

    async def one(number, times=20):
        for turn in range(times):
            journal.append({"n": f"<{number}.{turn}>"})
            await journal.synced()
            assert f"<{number}.{turn}>".encode() in disk.kept
            await asyncio.sleep(0)

    async def eight():
        await asyncio.gather(*map(one, range(8)))

    asyncio.run(eight())
    assert 20 <= journal.syncs <= 60
    assert len(_journal.read(OP)) == 160
    journal.close()


def test_those_who_come_while_one_sync_runs_share_the_next(disk):
    journal = Journal.create(OP)

    async def main():
        disk.begun = threading.Semaphore(0)
        disk.waits.clear()
        journal.append({"n": 0})
        first = asyncio.create_task(journal.synced())
        await asyncio.to_thread(disk.begun.acquire)
        others = []
        for number in range(1, 8):
            journal.append({"n": number})
            others.append(asyncio.create_task(journal.synced()))
        await asyncio.sleep(0.05)
        assert not first.done()
        disk.waits.set()
        await asyncio.gather(first, *others)

    asyncio.run(main())
    assert journal.syncs == 2
    journal.close()


def test_what_is_on_disk_already_is_not_synced_again():
    journal = Journal.create(OP)
    journal.append({"n": 1})
    journal.sync()
    asyncio.run(journal.synced())
    journal.sync()
    assert journal.syncs == 1
    journal.close()


def test_closing_keeps_what_was_appended(disk):
    journal = Journal.create(OP)
    journal.append({"n": 1})
    journal.close()
    journal.close()
    assert disk.kept == file_of().read_bytes() == line_of({"n": 1})
    for call in (lambda: journal.append({"n": 2}), journal.sync, lambda: asyncio.run(journal.synced())):
        with pytest.raises(jw.NotSentError, match="it was closed"):
            call()


def test_a_sync_that_fails_is_the_end(disk):
    journal = Journal.create(OP)
    disk.fails = OSError(errno.EIO, "Input/output error")

    async def main():
        journal.append({"n": 1})
        return await asyncio.gather(*(journal.synced() for _ in range(5)), return_exceptions=True)

    assert [str(error) for error in asyncio.run(main()) if "Input/output error" not in str(error)] == []
    disk.fails = None  # the next would succeed and mean nothing: the system has dropped the bytes
    with pytest.raises(jw.NotSentError, match="Input/output error"):
        journal.sync()
    with pytest.raises(jw.NotSentError, match="Input/output error"):
        journal.append({"n": 2})
    assert journal.syncs == 0
    journal.close()
    Journal.reopen(OP).close()


def test_a_sync_that_fails_at_the_beginning_is_said_before_anything_is_sent(disk):
    disk.fails = OSError(errno.EIO, "Input/output error")
    with pytest.raises(jw.SettingsError, match=r"Input/output error.*nothing was sent"):
        Journal.create(OP)


def test_a_cancelled_wait_leaves_the_journal_whole(disk):
    journal = Journal.create(OP)

    async def main():
        for turn in range(20):
            disk.begun = threading.Semaphore(0)
            disk.waits.clear()
            journal.append({"n": turn, "a": 1})
            waiting = [asyncio.create_task(journal.synced()) for _ in range(3)]
            await asyncio.to_thread(disk.begun.acquire)
            for task in waiting[: 1 + turn % 3]:
                task.cancel()
            journal.append({"n": turn, "a": 2})
            last = asyncio.create_task(journal.synced())
            await asyncio.sleep(0)
            disk.waits.set()
            await last
            assert disk.kept == file_of().read_bytes()
            assert all(task.cancelled() for task in waiting[: 1 + turn % 3])
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
    assert [record["n"] for record in _journal.read(OP)] == [turn for turn in range(20) for _ in "ab"]
    journal.close()


def test_a_loop_that_ends_in_the_middle_of_a_sync_leaves_the_journal_whole(disk):
    journal = Journal.create(OP)

    async def main():
        disk.begun = threading.Semaphore(0)
        disk.waits.clear()
        journal.append({"n": 1})
        task = asyncio.create_task(journal.synced())
        await asyncio.to_thread(disk.begun.acquire)
        assert not task.done()

    asyncio.run(main())
    disk.waits.set()
    journal.append({"n": 2})
    asyncio.run(journal.synced())
    assert disk.kept == file_of().read_bytes()
    journal.close()


def test_a_closed_journal_leaves_no_thread_and_no_descriptor():
    begun()
    before = set(threading.enumerate()), psutil.Process().num_fds()
    for _ in range(20):
        journal = Journal.reopen(OP)
        journal.append({"n": 1})
        asyncio.run(journal.synced())
        journal.close()
        with pytest.raises(jw.UsageError):
            Journal.create(OP)
    assert (set(threading.enumerate()), psutil.Process().num_fds()) == before
