# ruff: noqa: T201 - it prints what was measured
"""How quick and how small the embedded service is with 200,000 jobs: `python -m tests.bench.bench_emulator`.

Each figure is of a fresh process; the requests come from another one than the service's.
"""

import argparse
import asyncio
import gc
import gzip
import http.client
import json
import statistics
import subprocess
import sys
import time
import tracemalloc

import aiohttp
import psutil

from jobwidgets.emulator import Service
from jobwidgets.emulator.api.graphql import read_schema
from tests.bench.goals import Goal, report

RUNS = 3
PAGES = 15
REQUESTS = 3_000
AT_ONCE = 16
SMALL = '{"query": "{ jobs(limit: 1) { records { id status } } }"}'
PAGE = """query($offset: Int!) {
  jobs(limit: 1000, offset: $offset) { count records {
    id name status createdDateTime modifiedDateTime targetId clusterId applicationId scheduledJobId
    tasks(limit: 100) { count records {
      id status engine { id name category { name } } queuedDateTime startedDateTime completedDateTime
      failureReason failureMessage
    } } } } }"""


def timed(work):
    """Return how many seconds `work` took, and what it returned."""
    begin = time.perf_counter()
    made = work()
    return time.perf_counter() - begin, made


def warm():
    """Have everything imported and read that only the first service of a process needs."""
    read_schema()
    Service(jobs=100, speed=0)


def ready(jobs):
    """Measure how long a service takes to be ready, and the same number of jobs and tasks as plain dicts."""
    warm()
    took, service = timed(lambda: Service(jobs=jobs, seed=0, speed=0))
    count, tasks = len(service.world.store.ids), len(service.world.store.task_status)
    gc.collect()
    return {"seconds": took, "dicts": timed(lambda: as_dicts(count, tasks))[0], "count": count, "tasks": tasks}


def as_dicts(jobs, tasks):
    """Build what a service without columns would keep: a dict a job, with a list of a dict a task."""
    each = tasks // jobs
    return [
        {
            "id": f"24030713_{job:010d}", "name": f"Interview {job}", "status": "pending", "created": job,
            "modified": job, "target": str(job), "organization": 0, "application": 0, "cluster": 0, "schedule": 0,
            "tasks": [
                {
                    "id": f"24030713_{job:010d}{task:05d}", "status": "pending", "engine": task, "queued": job,
                    "started": job, "completed": job, "reason": None, "message": None,
                }
                for task in range(each)
            ],
        }
        for job in range(jobs)
    ]  # fmt: skip


def resident(jobs):
    """Measure by how much the process grows, by the system's word, in bytes a job."""
    warm()
    before = psutil.Process().memory_info().rss
    service = Service(jobs=jobs, seed=0, speed=0)
    gc.collect()
    return {"bytes": (psutil.Process().memory_info().rss - before) / jobs, "count": len(service.world.store.ids)}


def traced(jobs):
    """Measure what is allocated for a service, by Python's word, in bytes a job."""
    warm()
    tracemalloc.start()
    service = Service(jobs=jobs, seed=0, speed=0)
    gc.collect()
    return {"bytes": tracemalloc.get_traced_memory()[0] / jobs, "count": len(service.world.store.ids)}


def projection(_):
    """Measure a page without HTTP: by the projection, and by graphql-core's execute, side by side."""
    service = Service(jobs=2_000, seed=0, speed=0)
    prepared, spans = service.graphql.prepare(PAGE, None), []
    for _ in range(RUNS):
        theirs, _ = timed(lambda: service.graphql.execute(prepared, {"offset": 0}, service.access.nobody))
        ours, _ = timed(lambda: service.graphql.answer(prepared, {"offset": 0}, service.access.nobody))
        spans.append(theirs / ours)
    return {"ratio": statistics.median(spans)}


def page_spans(address, offset, *, packed):
    """Return the seconds of each page, and how many jobs and tasks one has."""
    connection = http.client.HTTPConnection("127.0.0.1", int(address["graphql"].split(":")[2].split("/")[0]))
    headers = {"Authorization": f"Bearer {address['token']}", "Content-Type": "application/json"}
    headers |= {"Accept-Encoding": "gzip"} if packed else {}
    body = json.dumps({"query": PAGE, "variables": {"offset": offset}})

    def ask():
        connection.request("POST", "/v3/graphql", body, headers)
        reply = connection.getresponse().read()
        return gzip.decompress(reply) if packed else reply

    records = json.loads(ask())["data"]["jobs"]["records"]
    assert len(records) == 1000
    return [timed(ask)[0] for _ in range(PAGES)], sum(len(job["tasks"]["records"]) for job in records)


async def load(address):
    """Return how many small requests a second are answered, asked from this process."""
    headers = {"Authorization": f"Bearer {address['token']}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        left = iter(range(REQUESTS))

        async def ask_on():
            for _ in left:
                async with session.post(address["graphql"], data=SMALL) as reply:
                    assert (await reply.json())["data"]["jobs"]["records"]

        begin = time.perf_counter()
        await asyncio.gather(*[ask_on() for _ in range(AT_ONCE)])
        return REQUESTS / (time.perf_counter() - begin)


def over_http(jobs):
    """Return the goals of a service in another process."""
    command = [sys.executable, "-m", "jobwidgets.emulator", "--port", "0", "--jobs", str(jobs), "--json", "--owned"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        address = json.loads(process.stdout.readline())
        first, tasks = page_spans(address, 0, packed=False)
        packed, _ = page_spans(address, 0, packed=True)
        last, _ = page_spans(address, jobs - 1000, packed=False)
        rates = [asyncio.run(load(address)) for _ in range(RUNS)]
        process.stdin.close()
    about = f"{tasks:,} tasks in it"
    return [
        Goal("first page of 1,000 jobs with tasks over HTTP, ms", 1000 * statistics.median(first), 60, note=about),
        Goal("the same, gzip, unpacked too, ms", 1000 * statistics.median(packed), 60),
        Goal("last page of 1,000 jobs with tasks over HTTP, ms", 1000 * statistics.median(last), 60),
        Goal(
            "small requests a second, from another process", statistics.median(rates), 500, least=True,
            note=f"{AT_ONCE} at a time; {min(rates):,.0f} to {max(rates):,.0f}",
        ),
    ]  # fmt: skip


ALONE = {work.__name__: work for work in (ready, resident, traced, projection)}


def alone(name, jobs):
    """Return what one of the functions above says in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_emulator", "--jobs", str(jobs), "--alone", name]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main():
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(ALONE[options.alone](options.jobs)))
        return
    found = [alone("ready", options.jobs) for _ in range(RUNS)]
    about = f"{found[0]['count']:,} jobs with the other organisation's, {found[0]['tasks']:,} tasks"
    seconds = [one["seconds"] for one in found]
    goals = [
        Goal(
            f"{options.jobs:,} jobs ready, s", statistics.median(seconds), 3,
            note=f"{about}; {min(seconds):.2f} to {max(seconds):.2f}",
        ),
        Goal(
            "the same, against as many jobs and tasks built as plain dicts",
            statistics.median([one["seconds"] / one["dicts"] for one in found]), 5,
        ),
        Goal("bytes allocated a job", alone("traced", options.jobs)["bytes"], 600),
        Goal("bytes of resident memory a job", alone("resident", options.jobs)["bytes"], 600),
        *over_http(options.jobs),
        Goal("graphql-core's execute, against the projection", alone("projection", 0)["ratio"], 5, least=True),
    ]  # fmt: skip
    report("emulator", goals, options.json, found=found)


if __name__ == "__main__":
    main()
