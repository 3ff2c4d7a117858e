# ruff: noqa: T201 - a script that prints what it measured
"""What the second morning costs: `python -m tests.bench.bench_archive`. Compare within one run only.

An archive is synced for the first time, which reads everything; then one job in a hundred changes, or is new, at the
service, and it is synced again. Beside both stands what people do without an archive: the lists of jobs and of their
tasks, read anew. The service lives in a process of its own.
"""

import argparse
import contextlib
import multiprocessing
import random
import statistics
import tempfile
import time
from pathlib import Path

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from tests.bench.goals import Goal, report


def serve_until_told(pipe, jobs, latency):
    """Serve in this process; change jobs, and tell how many requests came, when asked through the pipe."""
    service, rng = Service(jobs=jobs, seed=0, speed=0), random.Random(1)
    if latency:
        service.faults.delay(latency, times=None)
    with serve(service) as running:
        pipe.send((running.graphql_url, service.token))
        while (count := pipe.recv()) is not None:
            change(service, rng, count)
            pipe.send(service.requests.total())


def change(service, rng, count):
    """Let half as many jobs end in another way as they had, a minute later, and make half as many new ones."""
    if count:
        service.clock.advance("1min")
    world = service.world
    rows = [world.store.rows[job_id] for job_id in rng.sample(service.jobs_by_status("complete"), count // 2)]
    for row in rows:
        with world.lock:
            world.place_job(row, "failed", ["failed"] * len(world.store.tasks(row)), lives=False)
    for _ in range(count - len(rows)):
        service.add_job("complete", 3, lives=False)


@contextlib.contextmanager
def far_service(jobs, latency):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve_until_told, args=(there, jobs, latency), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        with contextlib.suppress(OSError):
            here.send(None)
        process.join(10)


def requests(pipe, changed=0):
    pipe.send(changed)
    return pipe.recv()


def measured(pipe, work):
    """Return the seconds and the requests that something takes, and what it gave."""
    before, begin = requests(pipe), time.perf_counter()
    gave = work()
    span = time.perf_counter() - begin
    return {"seconds": span, "requests": requests(pipe) - before}, gave


def round_of(pipe, client, folder, jobs):
    """Measure each way once, in a file of its own."""
    archive = client.archive(folder / f"{time.monotonic_ns()}.duckdb")
    first, _ = measured(pipe, archive.sync)
    requests(pipe, jobs // 100)
    second, synced = measured(pipe, archive.sync)
    assert synced.new + synced.changed >= jobs // 100, synced
    loaded, frame = measured(pipe, client.jobs)
    tasks, _ = measured(pipe, lambda: client.tasks(frame))
    full = {name: loaded[name] + tasks[name] for name in loaded}
    read, kept = measured(pipe, lambda: (archive.jobs(), archive.tasks()))
    assert len(kept[0]) == len(frame)
    return {"first": first, "second": second, "full": full, "read": read}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, far_service(options.jobs, options.latency / 1000) as pipe:
        url, token = pipe.recv()
        with jw.connect(url, token=token) as client:
            client.jobs(limit=10)
            rounds = [round_of(pipe, client, Path(folder), options.jobs) for _ in range(options.times)]
    told(rounds, options)


def told(rounds, options):
    """Print medians, and the ratios within each round beside their goals."""
    names = {
        "first": "the first sync",
        "second": "the second, after 1 % has changed",
        "full": "client.jobs() and client.tasks() instead",
        "read": "archive.jobs() and archive.tasks()",
    }
    print(f"{options.jobs:,} jobs at {options.latency:g} ms latency, medians of {len(rounds)} rounds:")
    for way, name in names.items():
        middle = {part: statistics.median(each[way][part] for each in rounds) for part in ("seconds", "requests")}
        print(f"  {name:<42} {middle['seconds']:8.2f} s  {middle['requests']:6.0f} requests")

    def ratio(way, part, of):
        return statistics.median(each[way][part] / each[of][part] for each in rounds)

    goals = [
        Goal("the second sync in times of the first", ratio("second", "seconds", "first"), 0.1),
        Goal("the second sync in times of the lists of jobs and tasks", ratio("second", "seconds", "full"), 0.1),
        Goal("its requests in times of those lists'", ratio("second", "requests", "full"), 0.1),
        Goal("its requests", statistics.median(each["second"]["requests"] for each in rounds), 20),
    ]
    report("archive", goals, options.json, jobs=options.jobs, latency_ms=options.latency, rounds=rounds)


if __name__ == "__main__":
    main()
