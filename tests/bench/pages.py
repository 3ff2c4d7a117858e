"""A service that does nothing but hand out pages of jobs, ready-made, from a process of its own.

What a list costs the client is measured against it, so that nothing of the service's own work is in the figures. It
knows lists alone: `offset`, `limit`, and a range of creation times.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta

END = datetime(2026, 6, 1, tzinfo=UTC)
ENGINES = [
    (
        f"{number:08x}-aa5d-4b2e-9c41-5f9f0d1e7a{number:02x}",
        f"Engine {number} English (Broadcast)",
        f"Category {number % 7}",
    )
    for number in range(40)
]
PIPELINES = [random.Random(number).sample(ENGINES, 3) for number in range(12)]
"""The engines of one job, one after the other."""
STATUSES = ["complete"] * 7 + ["failed", "running", "pending"]


def text(moment):
    """Write a time as AI Data does."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def task(chance, job_id, created, status, order, pipeline):
    """Make one task with every field that a list asks for."""
    engine, name, category = pipeline[order]
    begun = status != "pending"
    return {
        "id": f"{job_id}{chance.randrange(16**5):05x}", "name": category, "status": status, "order": order,
        "createdDateTime": text(created), "queuedDateTime": text(created) if begun else None,
        "startedDateTime": text(created + timedelta(seconds=40 * order + 20)) if begun else None,
        "completedDateTime": text(created + timedelta(seconds=40 * order + 55)) if status == "complete" else None,
        "engineId": engine, "engine": {"id": engine, "name": name, "category": {"name": category}},
        "failureReason": "internal_error" if status == "failed" else None,
        "failureMessage": "the engine ended without an answer" if status == "failed" else None,
    }  # fmt: skip


def records(jobs, days=30.0):
    """Make so many jobs of three tasks each, newest first: their times in seconds, and each as JSON."""
    chance = random.Random(0)
    times, made, at = [], [], END
    for number in range(jobs):
        at -= timedelta(seconds=chance.expovariate(jobs / days / 86_400))
        status, job_id = chance.choice(STATUSES), f"{26060100 + number % 97:08d}_{number:010x}"
        pipeline = chance.choice(PIPELINES)
        tasks = [task(chance, job_id, at, status, order, pipeline) for order in range(3)]
        job = {
            "id": job_id, "name": f"Evening news {number}", "status": status, "createdDateTime": text(at),
            "modifiedDateTime": text(at + timedelta(seconds=150)), "targetId": str(411_000_000 + number),
            "clusterId": f"rt-9d7a5d1b-ffe0-4d71-a982-{number % 5:012d}",
            "applicationId": f"2a5a43e5-0afd-45cc-a2f3-{number % 3:012d}",
            "scheduledJobId": str(9000 + number % 50) if number % 2 else None,
            "tasks": {"count": 3, "records": tasks},
        }  # fmt: skip
        times.append(-datetime.fromisoformat(job["createdDateTime"]).timestamp())
        made.append(json.dumps(job, separators=(",", ":")).encode())
    return times, made


class Pages(asyncio.Protocol):
    """Answers the requests of one connection, one after the other."""

    def __init__(self, times, made, latency):
        self.times, self.made, self.latency = times, made, latency
        self.heard = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.heard += data
        head, _, body = self.heard.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if b"\r\n\r\n" in self.heard and len(body) >= length:
            self.heard = b""
            asyncio.get_running_loop().call_later(self.latency, self.answer, json.loads(body)["variables"])

    def answer(self, asked):
        first, last = 0, len(self.made)
        for span in asked.get("range") or ():
            since, until = (datetime.fromisoformat(span[end]).timestamp() for end in ("fromDateTime", "toDateTime"))
            first, last = bisect_left(self.times, -until), bisect_right(self.times, -since)
        page = self.made[first + asked["offset"] : min(last, first + asked["offset"] + asked["limit"])]
        body = b'{"data":{"jobs":{"count":%d,"records":[%s]}}}' % (len(page), b",".join(page))
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        self.transport.write(body)


@contextlib.contextmanager
def served(jobs, latency=0.0):
    """Serve so many jobs from another process, each answer `latency` seconds late; give the address."""
    command = [sys.executable, __file__, str(jobs), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v3/graphql"
        finally:
            process.terminate()


async def main():
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int)
    parser.add_argument("latency", type=float)
    options = parser.parse_args()
    times, made = records(options.jobs)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pages(times, made, options.latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads the port there
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
