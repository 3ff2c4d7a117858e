# ruff: noqa: T201 - a script that prints what it measured
"""What it costs to follow many jobs: `python -m tests.bench.bench_polling`. Compare within one run only.

Requests are counted by the service: a round of ten thousand jobs that wait, where they stand close together in the list
and where three times as many others stand between them. Then what of a hundred thousand jobs reads otherwise now is
found by the statuses as they were read, in the order of the frame, beside `DataFrame.compare`.
"""

import argparse
import statistics
import time
from datetime import timedelta

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.live.changes import differing, moved
from jobwidgets.live.incremental_list import LiveList
from jobwidgets.live.merge import merged
from jobwidgets.live.status_cache import StatusCache
from jobwidgets.widgets.table.row_view import View
from tests.bench.goals import Goal, report

WATCHED, ROWS = 10_000, 100_000
MOVED = 1_000
NAMES = {
    "diff": "which read something else than before, in a known order",
    "compare": "the same by DataFrame.compare",
    "looked": "all that a look does besides the requests, before rows are read again",
    "shown": "the table takes the news over, rows in the same order",
}


def world(jobs, others):
    """Make a service with jobs that wait, and so many others between each two of them."""
    service = Service(jobs=0, seed=0, speed=0)
    begin = service.clock.now() - timedelta(days=40)
    for number in range(jobs * (1 + others)):
        status = "complete" if number % (1 + others) else "queued"
        service.add_job(status, 1, created=begin + number * timedelta(seconds=0.05), lives=False)
    return service


def connected(service, running):
    return jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token)


def rounds(others, times):
    """Count the requests of rounds in which nothing happens, and their seconds: statuses alone, and a panel's list."""
    service = world(WATCHED, others)
    with serve(service) as running, connected(service, running) as client:
        frame = client.jobs()
        waiting = frame[frame["status"] == "queued"]
        listed = LiveList({}, StatusCache())

        def look():
            client.run(listed.read(client.reader, whole=False, follow=True, progress=lambda _counts: None))

        look()
        listed._rows_due = float("inf")  # what runs is read again now and then: here nothing does
        return {
            "statuses": counted(service, lambda: client.statuses(waiting), times),
            "panel": counted(service, look, times),
        }


def counted(service, work, times):
    """Return the most requests that it took, and the median of the seconds."""
    spans, counts = [], []
    for _ in range(times):
        before, begin = service.requests.total(), time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
        counts.append(service.requests.total() - before)
    return {"requests": max(counts), "seconds": statistics.median(spans)}


class Told:
    """A client that gives what was read before: what is left is the work in the kernel."""

    def __init__(self, statuses, rows):
        self._statuses, self._rows = statuses, rows

    async def statuses(self, _jobs):
        return self._statuses

    async def jobs(self, *, ids):
        assert len(ids) == len(self._rows)
        return self._rows


def diffs(times):
    """Return what it takes to find and show what has moved, in milliseconds."""
    service = world(ROWS, 0)
    with serve(service) as running, connected(service, running) as client:
        frame = client.jobs()
        ids = frame["id"].tolist()[5_000 : 5_000 + MOVED]
        with service.world.lock:
            for job_id in ids:
                service.world.set_tasks(service.world.store.rows[job_id], "complete")
        now = client.statuses(frame)
        rows = client.jobs(ids=frame.iloc[5_000 : 5_000 + MOVED])
        before, after = frame[["status"]], now.reset_index(drop=True).to_frame()
        assert differing(frame["status"], now).sum() == MOVED == len(before.compare(after))
        told, known, view, later = Told(now, rows), StatusCache(), View(frame), merged(frame, [rows])
        view.look_through()
        ways = {
            "diff": lambda: differing(frame["status"], now),
            "compare": lambda: before.compare(after),
            "looked": lambda: client.run(moved(told, known, frame, fresh=0.0)),
            "shown": lambda: view.show(later),
        }
        return [{name: timed(way) for name, way in ways.items()} for _ in range(times)]


def timed(work):
    """Return the milliseconds of a processor that some work takes here; the service stands still meanwhile."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=21)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    close, between = rounds(0, 5), rounds(3, 5)
    found = diffs(options.times)
    middle = {name: statistics.median(each[name] for each in found) for name in found[0]}
    share = statistics.median(each["diff"] / each["compare"] for each in found)
    print(f"{WATCHED:,} jobs that wait, a round in which nothing happens:")
    for name, told in (("close together", close), ("three others between each two", between)):
        for what, each in told.items():
            print(f"  {name:<32}{what:<10}{each['requests']:4} requests{each['seconds'] * 1000:9.0f} ms")
    print(f"{ROWS:,} jobs, {MOVED:,} of them moved, processor time to see which, medians of {options.times}:")
    for name, what in NAMES.items():
        print(f"  {what:<70}{middle[name]:9.2f} ms")
    goals = [
        Goal("requests of a round, 10,000 jobs close together", close["panel"]["requests"], 12),
        Goal("requests of a round, 10,000 jobs among others", between["statuses"]["requests"], 12),
        Goal(
            "diff of 100,000 rows in a known order, ms",
            middle["looked"] + middle["shown"],
            5,
            note=f"the comparison alone {share:.3f} of DataFrame.compare",
        ),
    ]
    report("polling", goals, options.json, rounds={"close": close, "between": between}, diffs=found)


if __name__ == "__main__":
    main()
