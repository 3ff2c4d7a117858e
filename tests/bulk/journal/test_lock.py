"""One kernel at a time: two at once, dead holders, other machines, and twenty who want the same."""

import gc
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psutil
import pytest

import jobwidgets as jw
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal import lock as _lease
from jobwidgets.bulk.journal import process_identity
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.lock import LockFile
from jobwidgets.bulk.journal.paths import state_dir
from tests.support import ROOT

OP = "cancel-20261123-194501-1a2b3c"
CHILD = ROOT / "tests" / "support" / "journal_child.py"


class Kernel:
    """Another process that does what it is told."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, CHILD], stdin=-1, stdout=-1, text=True, bufsize=1)
        self.pid = self.process.pid

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)

    def answer(self):
        return self.process.stdout.readline().strip()

    def do(self, *words):
        self.tell(*words)
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def kernels():
    """Start other processes, as many as are asked for at once, and end them afterwards."""
    started = []

    def start(number=1):
        new = [Kernel() for _ in range(number)]
        started.extend(new)
        assert all(kernel.answer() == f"ready {kernel.pid}" for kernel in new)
        return new

    yield start
    for kernel in started:
        kernel.end()


def directory():
    return state_dir() / "operations"


def leases():
    return sorted(path.name for path in directory().glob("*.lease-*"))


def plant(number=1, **changes):
    """Leave a lease that this very process could hold, but for what is changed."""
    holder = msgspec.structs.asdict(process_identity.this_process("other")) | changes
    (directory() / f"{OP}.lease-{number}").write_bytes(msgspec.json.encode(holder))


@pytest.fixture(autouse=True)
def begun():
    """Leave an operation that nobody works on."""
    journal = Journal.create(OP)
    journal.append({"record": "plan", "version": 1})
    journal.close()
    assert leases() == []


def test_of_two_kernels_one_works_and_the_other_says_who(kernels):
    first, second = kernels(2)
    assert first.do("reopen", OP) == "ok"
    for call in ("create", "reopen"):
        refused = second.do(call, OP)
        assert refused.startswith(f"UsageError operation {OP} is at work in another kernel: host ")
        assert f"process {first.pid}, since 20" in refused
        assert f"→ wait for it to end, stop it (%job stop {OP})" in refused
    with pytest.raises(jw.UsageError, match=f"process {first.pid}"):
        Journal.reopen(OP)
    assert first.do("write", OP) == "ok"
    assert _journal.at_work()[OP].pid == first.pid
    assert len(_journal.read(OP)) == 2  # reading is for all
    assert first.do("close", OP) == "ok"
    assert _journal.at_work() == {}
    assert second.do("reopen", OP) == "ok"


def test_in_one_kernel_it_is_opened_once():
    journal = Journal.reopen(OP)
    for call in (Journal.reopen, Journal.create):
        with pytest.raises(jw.UsageError, match="is at work in this kernel"):
            call(OP)
    assert not journal.stop_asked()
    journal.close()
    Journal.reopen(OP).close()


def test_of_many_threads_one_opens_it():
    together = threading.Barrier(12)
    opened, refused = [], []

    def race():
        together.wait()
        try:
            opened.append(Journal.reopen(OP))
        except jw.UsageError as error:
            refused.append(str(error))

    for _ in range(10):
        threads = [threading.Thread(target=race) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 1
        assert all("at work in this kernel" in error for error in refused), refused
        assert not opened[0].stop_asked()
        opened.pop().close()


def test_one_that_was_dropped_holds_nothing():
    journal = Journal.reopen(OP)
    del journal
    gc.collect()
    Journal.reopen(OP).close()
    assert leases() == []


def test_the_next_takes_over_at_once_from_a_killed_one(kernels):
    (killed,) = kernels()
    assert killed.do("reopen", OP) == "ok"
    killed.process.kill()
    while psutil.Process(killed.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    began = time.monotonic()
    journal = Journal.reopen(OP)  # nobody has waited for it yet: its number is still taken
    assert time.monotonic() - began < 0.5
    assert leases() == [f"{OP}.lease-2"]
    killed.process.wait()
    assert not journal.stop_asked()
    journal.close()
    assert leases() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"started": 5.0}, id="this process's number, another start"),
        pytest.param({"pid": os.getppid(), "started": 5.0}, id="a living process's number, another start"),
        pytest.param({"pid": 2**22 + 7}, id="no such process"),
        pytest.param({"pid": 2**70}, id="no process ever"),
        pytest.param({"pid": -1}, id="no number of a process"),
        pytest.param({"boot": "another", "pid": 1}, id="the machine was started again"),
        pytest.param({}, id="this process, which does not hold it"),
    ],
)
def test_a_lease_that_nobody_holds_is_taken_over(changes):
    plant(3, **changes)
    assert _journal.at_work() == {}
    journal = Journal.reopen(OP)
    assert leases() == [f"{OP}.lease-4"]
    journal.close()
    assert leases() == []


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"space": "pid:[7]"}])
def test_a_lease_of_another_machine_or_container_is_never_taken(changes):
    plant(2, pid=2**22 + 7, **changes)
    path = directory() / f"{OP}.lease-2"
    before = path.read_bytes()
    with pytest.raises(jw.UsageError, match="is at work on another machine or in another container") as refused:
        Journal.reopen(OP)
    assert f"if that machine is gone, delete {path}" in str(refused.value)
    assert path.read_bytes() == before
    assert _journal.at_work()[OP].pid == 2**22 + 7
    path.unlink()
    Journal.reopen(OP).close()


def test_a_start_is_told_the_same_when_the_clock_was_set(monkeypatch):
    (before, boot), create_time = (
        (process_identity.start_time(os.getpid()), psutil.boot_time()),
        psutil.Process.create_time,
    )
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600)
    if psutil.LINUX:  # elsewhere it is a time that was noted then
        assert abs(process_identity.start_time(os.getpid()) - before) < process_identity.START_TIME_TOLERANCE_S


def test_an_empty_lease_is_watched_and_then_taken_over(monkeypatch):
    monkeypatch.setattr(_lease, "EMPTY_LOCK_PATIENCE_S", 0.3)
    for content in (b"", b"\0" * 200):
        (directory() / f"{OP}.lease-1").write_bytes(content)
        began = time.monotonic()
        journal = Journal.reopen(OP)
        assert 0.3 <= time.monotonic() - began < 2
        assert leases() == [f"{OP}.lease-2"]
        journal.close()


def test_an_empty_lease_that_is_filled_is_its_makers():
    (directory() / f"{OP}.lease-1").touch()
    timer = threading.Timer(
        0.3, plant, kwargs={"pid": os.getppid(), "started": process_identity.start_time(os.getppid())}
    )
    timer.start()
    with pytest.raises(jw.UsageError, match=f"process {os.getppid()}"):
        Journal.reopen(OP)
    timer.join()


def test_a_lease_that_cannot_be_read_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(_lease, "EMPTY_LOCK_PATIENCE_S", 0.1)
    for content in (b"{", b"null", b'{"host":1}', b"\xff\xfe", b"[]"):
        (directory() / f"{OP}.lease-1").write_bytes(content)
        with pytest.raises(jw.SettingsError, match=rf"{OP}.lease-1 cannot be read; nothing was sent → delete"):
            Journal.reopen(OP)
        assert _journal.at_work() == {}
    assert leases() == [f"{OP}.lease-1"]


def test_a_holder_that_was_taken_over_stops():
    journal = Journal.reopen(OP)
    journal.append({"n": 1})
    journal.sync()
    (directory() / f"{OP}.lease-2").touch()  # somebody tries: that is not done yet
    assert not journal.stop_asked()
    plant(2, pid=os.getppid(), started=process_identity.start_time(os.getppid()))
    for call in (journal.stop_asked, journal.sync, lambda: journal.append({"n": 2})):
        with pytest.raises(jw.UsageError, match=f"was taken over by another kernel: host .*, process {os.getppid()}"):
            call()
    journal.close()
    assert f"{OP}.lease-2" in leases()


def test_a_holder_whose_lease_is_gone_or_another_stops():
    for spoil in (Path.unlink, lambda path: path.write_bytes(b"")):
        journal = Journal.reopen(OP)
        spoil(directory() / f"{OP}.lease-1")
        for call in (journal.stop_asked, journal.sync):
            with pytest.raises(jw.UsageError, match="was taken from this kernel"):
                call()
        journal.close()
        (directory() / f"{OP}.lease-1").unlink(missing_ok=True)


def test_a_holder_that_was_taken_over_cuts_nothing_of_the_others(monkeypatch):
    journal = Journal.reopen(OP)
    write = os.write

    def taken_over(descriptor, data):
        with monkeypatch.context() as back:
            back.setattr(os, "write", write)
            plant(2, pid=os.getppid(), started=process_identity.start_time(os.getppid()))
        return write(descriptor, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", taken_over)
        patch.setattr(os, "ftruncate", lambda *_: pytest.fail("the file is another's"))
        with pytest.raises(jw.NotSentError):
            journal.append({"n": 2})
    journal.close()


@pytest.mark.parametrize("late", [{}, {"pid": 2**22 + 7}], ids=["empty", "ended"])
def test_a_lease_is_held_also_where_a_kernel_that_ended_left_a_higher_one(monkeypatch, late):
    monkeypatch.setattr(_lease, "EMPTY_LOCK_PATIENCE_S", 0.1)
    for holder in (os.getppid(), os.getpid()):
        journal = Journal.reopen(OP)
        if holder != os.getpid():
            plant(1, pid=holder, started=process_identity.start_time(holder))
        plant(3, **late) if late else (directory() / f"{OP}.lease-3").touch()
        with pytest.raises(jw.UsageError, match=f"is at work in .*kernel(: host .*, process {holder},)?"):
            Journal.reopen(OP)
        assert leases() == [f"{OP}.lease-1", f"{OP}.lease-3"]
        assert _journal.at_work()[OP].pid == holder
        if holder == os.getpid():
            assert not journal.stop_asked()
        (directory() / f"{OP}.lease-1").unlink()
        journal.close()
        Journal.reopen(OP).close()
        assert leases() == []


def test_a_kernel_that_comes_late_does_not_win_beside_another(monkeypatch):
    write_new = _lease.write_new

    def late(path):
        """Let another kernel take it, with another number, after this one has looked."""
        plant(4, pid=os.getppid(), started=process_identity.start_time(os.getppid()))
        return write_new(path)

    monkeypatch.setattr(_lease, "write_new", late)
    with pytest.raises(jw.UsageError, match=f"process {os.getppid()}"):
        Journal.reopen(OP)
    assert leases() == [f"{OP}.lease-4"]


def test_a_kernel_that_comes_too_late_leaves_the_file_of_the_next(monkeypatch):
    write_new = _lease.write_new

    def slow(path):
        """Stand still until the empty file was taken over, and another kernel has come to the same number."""
        descriptor = write_new(path)
        path.unlink()
        plant(1, pid=os.getppid(), started=process_identity.start_time(os.getppid()))
        return descriptor

    monkeypatch.setattr(_lease, "write_new", slow)
    with pytest.raises(jw.UsageError, match=f"process {os.getppid()}"):
        Journal.reopen(OP)
    assert leases() == [f"{OP}.lease-1"]


def test_closing_leaves_nothing_but_the_journal():
    journal = Journal.reopen(OP)
    _journal.ask_to_stop(OP)
    assert leases() == [f"{OP}.lease-1"]
    journal.close()
    journal.close()
    assert [path.name for path in directory().iterdir()] == [f"{OP}.jsonl"]


def test_a_request_to_stop_comes_from_any_kernel_and_is_for_the_one_at_work(kernels):
    _journal.ask_to_stop(OP)  # nobody is at work
    journal = Journal.reopen(OP)
    assert not journal.stop_asked()
    _journal.ask_to_stop(OP)
    _journal.ask_to_stop(OP)
    assert journal.stop_asked()
    journal.close()
    (other,) = kernels()
    assert other.do("reopen", OP) == "ok"
    assert other.do("check", OP) == "ok"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_forked_child_gives_nothing_up():
    lease = LockFile.take(directory(), OP)
    child = subprocess.run([sys.executable, "-c", ""], preexec_fn=lease.release, check=False)
    assert child.returncode == 0
    lease.check()
    lease.release()


def test_of_twenty_who_take_over_from_a_dead_one_exactly_one_wins(kernels):
    racers = kernels(20)
    plant(1, pid=2**22 + 7)
    while len(racers) > 12:
        start = time.time() + 0.1
        for kernel in racers:
            kernel.tell("reopen", OP, start)
        answers = {kernel: kernel.answer() for kernel in racers}
        winners = [kernel for kernel, answer in answers.items() if answer == "ok"]
        assert len(winners) == 1, answers
        others = [answer for answer in answers.values() if answer != "ok"]
        assert all(f"is at work in another kernel: host {_host()}, process {winners[0].pid}," in a for a in others)
        assert winners[0].do("check", OP) == "ok"
        assert len(leases()) == 1
        winners[0].end()  # the next round is about its lease
        racers.remove(winners[0])


def test_many_who_take_and_give_up_and_die_are_never_in_it_together(kernels):
    pytest.importorskip("fcntl")
    racers, chance = kernels(10), random.Random(7)
    until = time.time() + 3
    for kernel in racers:
        kernel.tell("churn", OP, until)
    for kernel in racers[:6]:
        time.sleep(0.3 * chance.random())
        kernel.end()
    assert [kernel.answer() for kernel in racers[6:]] == ["ok"] * 4
    assert len(_journal.read(OP)) > 20


def _host():
    return process_identity.this_process("").host
