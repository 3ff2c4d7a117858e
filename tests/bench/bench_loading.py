# ruff: noqa: T201 - a script that prints what it measured
"""How quick, and how small, a long list of jobs becomes frames: `python -m tests.bench.bench_loading`.

The pages come ready-made from a process of their own (`pages.py`), the same bytes for every way of reading them. Times
are compared within one run only, pair by pair.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import gql
import httpx
import orjson
import pandas as pd
import psutil
from gql.transport.aiohttp import AIOHTTPTransport

import jobwidgets as jw
from jobwidgets._internal.gc_pause import gc_paused
from jobwidgets.frames import JobTableBuilder
from jobwidgets.frames.arrow_decoder import read_page
from jobwidgets.frames.task_frames import PrefetchedTasks
from jobwidgets.transport import queries as documents
from tests.bench.goals import Goal, report
from tests.bench.pages import served

PAGE, ABREAST, TOKEN = 1_000, 8, "a-token-of-the-bench"
NAIVE_RUNS = 3  # it takes long
HERE = Path(__file__).parent


async def bytes_and_orjson(url, jobs, client):
    """Fetch each page with plain httpx, parse it with orjson, and drop it, 8 at a time: the yardstick W1."""
    places = asyncio.Semaphore(ABREAST)

    async def page(number):
        async with places:
            body = {"query": documents.JOBS_WHOLE, "variables": {"offset": number * PAGE, "limit": PAGE}}
            orjson.loads((await client.post(url, json=body)).content)

    await asyncio.gather(*map(page, range(jobs // PAGE)))


async def as_people_write_it(url, jobs):
    """Fetch page after page with gql, keep the dicts, and flatten them at the end."""
    records, query = [], gql.gql(documents.JOBS_WHOLE)
    async with gql.Client(transport=AIOHTTPTransport(url)) as session:
        for number in range(jobs // PAGE):
            query.variable_values = {"offset": number * PAGE, "limit": PAGE}
            records += (await session.execute(query))["jobs"]["records"]
    return pd.json_normalize(records), pd.json_normalize(records, ["tasks", "records"], "id", record_prefix="task.")


class Ways:
    """The ways to read so many jobs from one address, warm."""

    def __init__(self, url, jobs):
        self.url, self.jobs = url, jobs
        self.loop = asyncio.new_event_loop()
        self.http = httpx.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {TOKEN}"})
        self.client = jw.connect(url, token=TOKEN)
        self.client.tasks(self.client.jobs(limit=10))
        self.w1()

    def w1(self):
        with gc_paused():
            self.loop.run_until_complete(bytes_and_orjson(self.url, self.jobs, self.http))

    def ours(self):
        frame = self.client.jobs(progress=False)
        assert len(frame) == self.jobs
        assert len(self.client.tasks(frame)) == 3 * self.jobs

    def jobs_alone(self):
        assert len(self.client.jobs(progress=False)) == self.jobs

    def first_time(self):
        self.client.aio._connection.boundary_cache.clear()
        self.jobs_alone()

    def naive(self):
        self.loop.run_until_complete(as_people_write_it(self.url, self.jobs))

    def close(self):
        self.loop.run_until_complete(self.http.aclose())
        self.loop.close()
        self.client.close()


def took(work):
    """Time one run in seconds."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def paired(work, yardstick, times):
    """Give the median of the ratios of runs, one of each after the other."""
    return statistics.median(took(work) / took(yardstick) for _ in range(times))


def limit_of(folder):
    """Compile the yardstick in C++; say why where that cannot be done."""
    if not (compiler := shutil.which("g++") or shutil.which("clang++")):
        return None, "there is no C++ compiler"
    program = Path(folder) / "limit"
    command = [
        compiler,
        "-O3",
        "-march=native",
        "-std=c++17",
        str(HERE / "limit.cpp"),
        "-lsimdjson",
        "-o",
        str(program),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return (program, "") if made.returncode == 0 else (None, "simdjson is not installed (Debian: libsimdjson-dev)")


def against_the_limit(ways, folder, times):
    """Compare with C++ that reads the same pages from a raw socket straight into columns."""
    name = "both frames against a raw socket and simdjson straight to columns"
    program, why = limit_of(folder)
    if program is None:
        return Goal(name, float("nan"), 3, note=why)

    def limit():
        command = [str(program), str(urlsplit(ways.url).port), str(ways.jobs // PAGE), str(PAGE)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])

    limit()
    return Goal(name, statistics.median(took(ways.ours) / limit() for _ in range(times)), 3)


def list_alone(url, jobs, times):
    """Compare what a list costs after its bytes have come, tasks left for later, with parsing the same bytes."""
    bodies = []
    for number in range(jobs // PAGE):
        asked = json.dumps({"variables": {"offset": number * PAGE, "limit": PAGE}}).encode()
        bodies.append(urllib.request.urlopen(urllib.request.Request(url, asked)).read())

    def parse():
        with gc_paused():
            for body in bodies:
                orjson.loads(body)

    def build():
        builder, brought, now = JobTableBuilder(), PrefetchedTasks(), datetime.now(UTC)
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # as the client reads them
            for page in threads.map(lambda body: read_page(body, 100, whole=True), bodies):
                brought.add(builder.add(page))
        assert len(builder.frame({"tasks": brought}, now)) == jobs

    build()
    parse()
    return Goal(
        "a list alone, with all that its tasks will be made of, against an orjson parse of the same bytes",
        paired(build, parse, times),
        0.75,
    )


def speed(jobs, times):
    """Measure without latency."""
    with served(jobs) as url, tempfile.TemporaryDirectory() as folder:
        ways = Ways(url, jobs)
        yield Goal(
            f"{jobs:,} jobs and {3 * jobs:,} tasks into both frames against W1 (plain httpx, orjson)",
            paired(ways.ours, ways.w1, times), 0.9,
        )  # fmt: skip
        print(f"  of it the jobs alone: {paired(ways.jobs_alone, ways.w1, times):.2f} of W1", flush=True)
        yield against_the_limit(ways, folder, times)
        naive = paired(ways.naive, ways.ours, NAIVE_RUNS)
        yield Goal("the same, times as fast as gql and json_normalize", naive, 15, least=True)
        ways.close()
        yield list_alone(url, jobs, times)


def latency(jobs, seconds, times):
    """Measure with answers that come late."""
    with served(jobs, seconds) as url:
        ways = Ways(url, jobs)
        name = f"{jobs:,} jobs at {seconds * 1000:.0f} ms against bytes and orjson"
        yield Goal(f"{name}, a list read for the first time", paired(ways.first_time, ways.w1, times), 1.25)
        yield Goal(f"{name}, a list read before", paired(ways.jobs_alone, ways.w1, times), 1.25)
        ways.close()


def peak():
    """Give the most bytes that this process ever had (what it began as, the bench, counts for `getrusage` as well)."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def loaded(url):
    """Load everything in this process, and say what the frames take and how high the memory went."""
    with jw.connect(url, token=TOKEN) as client:
        client.tasks(client.jobs(limit=10))
        gc.collect()
        before = psutil.Process().memory_info().rss
        jobs = client.jobs(progress=False)
        tasks = client.tasks(jobs)
        sizes = [int(frame.memory_usage(deep=True).sum()) for frame in (jobs, tasks)]
        print(json.dumps({"jobs": len(jobs), "sizes": sizes, "grown": peak() - before}))


def memory(jobs):
    """Measure the memory of a process that does nothing else."""
    with served(jobs) as url:
        command = [sys.executable, "-m", "tests.bench.bench_loading", "--load", url]
        told = json.loads(
            subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]
        )
    assert told["jobs"] == jobs
    of_jobs, of_tasks = told["sizes"]
    note = f"jobs {of_jobs / jobs:.0f}, their tasks {of_tasks / jobs:.0f}"
    yield Goal(f"{jobs:,} jobs: peak memory against the two frames", told["grown"] / sum(told["sizes"]), 1.6)
    yield Goal("bytes of the two frames for each job", sum(told["sizes"]) / jobs, 320, note=note)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="jobs of the run that memory is measured in")
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--load", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        loaded(options.load)
        return
    goals = list(speed(options.jobs, options.times))
    for seconds in (0.02, 0.1):
        goals += latency(10_000, seconds, options.times)
    goals += memory(options.many)
    report("loading", goals, options.json)


if __name__ == "__main__":
    main()
