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
from jobwidgets.archive import _store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
KILLS = 12
CHILD = textwrap.dedent("""
    import sys
    import jobwidgets as jw
    from jobwidgets.archive import _sync
    _sync.BATCH = 7
    url, path = sys.argv[1:]
    client = jw.connect(url)
    client.aio._core.sizes.page = 7
    print("begun", flush=True)
    client.archive(path).sync(whole=True, progress=lambda done: print(done.new, done.changed, flush=True))
    print("ended", flush=True)
""")


def test_a_sync_that_is_killed_at_any_moment_leaves_an_archive_that_the_next_one_completes(
    client, service, served, archive, same
):
    rng = random.Random(11)
    env = {**os.environ, "AIWARE_TOKEN": service.token, "JOBWIDGETS_STATE": str(archive.path.parent)}
    said = []
    for kill in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, served.graphql_url, str(archive.path)],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            said += [child.stdout.readline() for _ in range(rng.randint(1, 6))]
            time.sleep(rng.random() * 0.05)
            os.kill(child.pid, signal.SIGKILL)
        for _ in range(8):
            service.add_job("pending", 2)
        client.cancel(service.a_cancellable_job())
        service.clock.advance("20s")
        if kill % 4 == 3:
            archive.sync()
            same(archive, client)
    assert sum(line != "begun\n" for line in said) > KILLS  # or nothing was under way when they died
    archive.sync(whole=True)
    same(archive, client)


HOLDER = textwrap.dedent("""
    import pathlib, sys
    from jobwidgets.archive import _store
    with _store.opened(pathlib.Path(sys.argv[1]), writes=True):
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
