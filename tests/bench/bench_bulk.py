# ruff: noqa: T201 - a script that prints what it measured
"""What care costs when many jobs are cancelled: `python -m tests.bench.bench_bulk`. Compare within one run only.

Three ways side by side, against a service in a process of its own that answers each request some milliseconds late:
the same documents of aliases sent bare, with nothing written down and nothing looked at; a plan, applied, with its
journal on disk and every cancel read back; and one job after the other, as people write it, on a sample.
"""

import argparse
import asyncio
import contextlib
import gc
import multiprocessing
import os
import statistics
import tempfile
import time
from datetime import timedelta

import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.transport import queries as documents
from tests.bench.goals import Goal, report

ALIASES, SIDE_BY_SIDE = 100, 8
ONE = "mutation cancelJob($id: ID!) { cancelJob(id: $id) { id message } }"


def serve_until_told(pipe, latency):
    """Serve in this process; make jobs and tell what was used when asked through the pipe."""
    service = Service(jobs=0, seed=0, speed=0)
    service.faults.delay(latency, times=None)
    with serve(service) as running:
        pipe.send((running.graphql_url, running.rest_url, service.token))
        made = 0
        while (count := pipe.recv()) is not None:
            if count:
                begin = service.clock.now() - timedelta(days=20) + made * timedelta(seconds=0.1)
                ids = [
                    service.add_job("pending", created=begin + k * timedelta(seconds=0.1), lives=False)
                    for k in range(count)
                ]
                made += count
                pipe.send((ids, begin))
            else:
                pipe.send((time.process_time(), dict(service.requests), len(service.ledger)))


class Far:
    """The service on the other side of the pipe."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.url, self.rest_url, self.token = pipe.recv()

    def make(self, count):
        self.pipe.send(count)
        return self.pipe.recv()

    def used(self):
        self.pipe.send(0)
        return self.pipe.recv()


@contextlib.contextmanager
def far_service(latency):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve_until_told, args=(there, latency), daemon=True)
    process.start()
    there.close()  # so that the end of that process is the end of the pipe
    try:
        yield Far(here)
    finally:
        with contextlib.suppress(OSError):
            here.send(None)
        process.join(10)


def http(far):
    headers = {"Authorization": f"Bearer {far.token}", "Content-Type": "application/json"}
    return httpx.AsyncClient(transport=AiohttpTransport(), headers=headers, timeout=60)


async def sent_bare(far, bodies):
    """Send prebuilt bodies, a few in flight, and look at nothing but whether all went well."""
    places = asyncio.Semaphore(SIDE_BY_SIDE)
    async with http(far) as client:
        await client.post(far.url, content=b'{"query":"{ me { id } }"}')  # both ways begin with a connection

        async def send(body):
            async with places:
                return (await client.post(far.url, content=body)).content

        begin = time.perf_counter()
        answers = await asyncio.gather(*map(send, bodies))
        span = time.perf_counter() - begin
    assert not any(b'"errors"' in answer for answer in answers)
    return span


async def one_by_one(far, ids):
    """Send a request a job, one after the other."""
    async with http(far) as client:
        begin = time.perf_counter()
        for job_id in ids:
            answer = await client.post(far.url, json={"query": ONE, "variables": {"id": job_id}})
            assert "errors" not in answer.json()
        return time.perf_counter() - begin


def bodies_of(ids):
    parts = [ids[at : at + ALIASES] for at in range(0, len(ids), ALIASES)]
    return [
        msgspec.json.encode(
            {
                "query": documents.many("cancelJob", len(part)),
                "variables": {f"a{at}": job_id for at, job_id in enumerate(part)},
            }
        )
        for part in parts
    ]


def measured(far, work):
    """Return what a way took: seconds, processor seconds on both sides, requests."""
    gc.collect()
    cpu_there, requests, _ = far.used()
    cpu_here = time.process_time()
    span = work()
    cpu_here = time.process_time() - cpu_here
    cpu_after, after, _ = far.used()
    sent = {name: count - requests.get(name, 0) for name, count in after.items() if count > requests.get(name, 0)}
    sent.pop("me", None)
    return {"seconds": span, "cpu_client": cpu_here, "cpu_service": cpu_after - cpu_there, "requests": sent}


def applied(client, frame):
    """Apply a plan made from a frame, and return the seconds that took."""
    plan = client.plan_cancel(frame)
    begin = time.perf_counter()
    receipt = plan.apply(limit=len(frame), progress=False)
    span = time.perf_counter() - begin
    assert receipt.counts == {"done": len(frame)}, receipt.counts
    return span


def round_of(far, client, jobs, sample):
    """Measure each way once, on jobs of its own."""
    ids, _ = far.make(jobs)
    bodies = bodies_of(ids)
    bare = measured(far, lambda: asyncio.run(sent_bare(far, bodies)))
    ids, begin = far.make(jobs)
    frame = client.jobs(since=begin, until=begin + jobs * timedelta(seconds=0.1))
    assert frame.id.tolist()[::-1] == ids
    plan = measured(far, lambda: applied(client, frame))
    ids, _ = far.make(sample)
    single = measured(far, lambda: asyncio.run(one_by_one(far, ids)))
    single["seconds"] *= jobs / sample
    return {"bare": bare, "plan": plan, "single": single}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as state, far_service(options.latency / 1000) as far:
        os.environ["JOBWIDGETS_STATE"] = state
        with jw.connect(far.url, rest_url=far.rest_url, token=far.token) as client:
            round_of(far, client, min(options.jobs, 1_000), 10)  # warm: connections, documents, imports
            rounds = [round_of(far, client, options.jobs, options.sample) for _ in range(options.times)]
    told(rounds, options)


def told(rounds, options):
    """Print medians, and the ratios within each round beside their goals."""
    plan_over_bare = statistics.median(r["plan"]["seconds"] / r["bare"]["seconds"] for r in rounds)
    single_over_plan = statistics.median(r["single"]["seconds"] / r["plan"]["seconds"] for r in rounds)
    names = {
        "bare": f"{ALIASES} aliases a request, {SIDE_BY_SIDE} in flight, bare",
        "plan": "plan.apply(): journal, read back, receipt",
        "single": f"one after the other ({options.sample} of them, extrapolated)",
    }
    print(f"{options.jobs:,} jobs cancelled at {options.latency:g} ms latency, medians of {len(rounds)} rounds:")
    for way, name in names.items():
        middle = {
            part: statistics.median(r[way][part] for r in rounds) for part in ("seconds", "cpu_client", "cpu_service")
        }
        sent = sum(rounds[-1][way]["requests"].values())
        print(
            f"  {name:<52} {middle['seconds']:8.2f} s   processor: client {middle['cpu_client']:.2f} s, "
            f"service {middle['cpu_service']:.2f} s; {sent} requests"
        )
    plan, bare = (min(r[way]["seconds"] for r in rounds) for way in ("plan", "bare"))
    least = f"the least of each, {plan:.2f} s and {bare:.2f} s: {plan / bare:.2f} times"
    goals = [
        Goal("plan.apply() in times of bare alias batches", plan_over_bare, 1.5, note=least),
        Goal("one after the other in times of plan.apply()", single_over_plan, 150, least=True),
    ]
    report("bulk", goals, options.json, jobs=options.jobs, latency_ms=options.latency, rounds=rounds)


if __name__ == "__main__":
    main()
