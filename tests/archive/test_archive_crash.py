"""Killed in the middle of a sync, at random moments, an archive is whole, and the next sync completes it."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import jobwidgets as jw
from jobwidgets.archive import database as _store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
CHANGES_BETWEEN_KILLS = 80
CHILD = textwrap.dedent("""
    import sys
    import jobwidgets as jw
    from jobwidgets.archive import sync
    sync.BATCH = 7
    url, path = sys.argv[1:]
    client = jw.connect(url)
    client.aio._connection.limits.page = 7
    print("begun", flush=True)
    client.archive(path).sync(whole=True, progress=lambda done: print(done.new, done.changed, flush=True))
    print("ended", flush=True)
""")


@pytest.mark.campaign(test=4, soak=12)
def test_a_sync_that_is_killed_at_any_moment_leaves_an_archive_that_the_next_one_completes(
    client, service, served, archive, same, stir, size
):
    """`size`: kills."""
    rng = random.Random(11)
    env = {**os.environ, "AIWARE_TOKEN": service.token, "JOBWIDGETS_STATE": str(archive.path.parent)}
    said = []
    for kill in range(size):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, served.graphql_url, str(archive.path)],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdout.readline() == "begun\n"
            lines = [child.stdout.readline() for _ in range(rng.randint(0, 5))]
            said += filter(None, lines)  # nothing follows after "ended"
            time.sleep(rng.random() * 0.05)
            os.kill(child.pid, signal.SIGKILL)
        for path in archive.path.parent.glob("jobs.duckdb*"):  # what was not written to its place yet lies beside it
            assert service.token.encode() not in path.read_bytes()
        stir(service, client, rng, CHANGES_BETWEEN_KILLS)
        service.clock.advance("20s")
        if kill % 4 == 3:
            archive.sync(whole=True)
            same(archive, client)
    assert len(said) > size  # or nothing was under way when they died
    archive.sync(whole=True)
    same(archive, client)


HOLDER = textwrap.dedent("""
    import pathlib, sys
    from jobwidgets.archive import database
    with database.opened(pathlib.Path(sys.argv[1]), writes=True):
        print("held", flush=True)
        sys.stdin.readline()
""")


def test_while_another_process_is_at_work_on_it_one_is_told_so_and_afterwards_all_is_well(
    archive, client, same, monkeypatch
):
    archive.sync()
    monkeypatch.setattr(_store, "PATIENCE", 0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(archive.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        for work in (archive.jobs, archive.sync):
            with pytest.raises(jw.UsageError, match="being worked on by somebody else"):
                work()
        holder.stdin.write("\n")
    archive.sync()
    same(archive, client)


SYNCER = textwrap.dedent("""
    import sys
    import jobwidgets as jw
    from jobwidgets.archive import database, sync
    sync.BATCH, database.PATIENCE = 7, 0.05
    client = jw.connect(sys.argv[1])
    client.aio._connection.limits.page = 7
    done = told = 0
    while done < int(sys.argv[3]):
        try:
            client.archive(sys.argv[2]).sync()
            done += 1
        except jw.UsageError as error:
            assert "being worked on by somebody else" in str(error), error
            told += 1
    print(done, told)
""")


@pytest.mark.campaign(test=2, soak=8)
def test_kernels_that_sync_one_file_over_and_over_take_turns_and_leave_it_whole(
    client, service, served, archive, same, stir, size
):
    """`size`: syncs of each of three kernels."""
    env = {**os.environ, "AIWARE_TOKEN": service.token}
    command = [sys.executable, "-c", SYNCER, served.graphql_url, str(archive.path), str(size)]
    kernels = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    rng = random.Random(5)
    for _ in range(20 * size):  # and no more: on a slow machine they would never come to an end
        if all(kernel.poll() is not None for kernel in kernels):
            break
        stir(service, client, rng, 5)
        time.sleep(0.05)
    said = [kernel.communicate()[0].split() for kernel in kernels]
    assert [kernel.returncode for kernel in kernels] == [0, 0, 0]
    assert [done for done, _ in said] == [str(size)] * 3
    assert sum(int(told) for _, told in said) > 0  # they did meet
    archive.sync(whole=True)
    same(archive, client)
