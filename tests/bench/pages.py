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
import time
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime

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


JOB = (
    '{"id":"%s","name":"Evening news %d","status":"%s","createdDateTime":"%s","modifiedDateTime":"%s","targetId":"%d",'
    '"clusterId":"rt-9d7a5d1b-ffe0-4d71-a982-%012d","applicationId":"2a5a43e5-0afd-45cc-a2f3-%012d",'
    '"scheduledJobId":%s,"tasks":{"count":3,"records":[%s]}}'
)
TASK = (
    '{"id":"%s%05x","name":"%s","status":"%s","order":%d,"createdDateTime":"%s","queuedDateTime":%s,'
    '"startedDateTime":%s,"completedDateTime":%s,"engineId":"%s","engine":{"name":"%s",'
    '"category":{"name":"%s"}},"failureReason":%s,"failureMessage":%s}'
)
FAILED = '"internal_error"', '"the engine ended without an answer"'


def text(moment):
    """Write a time, in milliseconds, as AI Data does."""
    seconds, milliseconds = divmod(moment, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def task(job_id, mark, created, status, order, engine):
    """Make one task with every field that a list asks for."""
    ident, name, category = engine
    begun = "null" if status == "pending" else f'"{text(created + 40_000 * order + 20_000)}"'
    ended = f'"{text(created + 40_000 * order + 55_000)}"' if status == "complete" else "null"
    at = text(created)
    queued = "null" if status == "pending" else f'"{at}"'
    failed = FAILED if status == "failed" else ("null", "null")
    return TASK % (
        job_id, mark, category, status, order, at, queued, begun, ended, ident, name, category, *failed
    )  # fmt: skip


def records(jobs, days=30.0):
    """Make so many jobs of three tasks each, newest first: their times, and each as JSON."""
    chance, times, made, at = random.Random(0), [], [], int(END.timestamp()) * 1000
    for number in range(jobs):
        at -= round(chance.expovariate(jobs / days / 86_400_000))
        status, job_id = chance.choice(STATUSES), f"{26060100 + number % 97:08d}_{number:010x}"
        pipeline, mark = chance.choice(PIPELINES), chance.randrange(16**5 - 3)
        tasks = [task(job_id, mark + order, at, status, order, engine) for order, engine in enumerate(pipeline)]
        schedule = f'"{9000 + number % 50}"' if number % 2 else "null"
        told = text(at), text(at + 150_000), 411_000_000 + number, number % 5, number % 3, schedule, ",".join(tasks)
        made.append((JOB % (job_id, number, status, *told)).encode())
        times.append(-at / 1000)
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

    def at(self, place):
        """Say no more of a job than when it was created."""
        return b'{"id":"","createdDateTime":"%s"}' % text(round(-1000 * self.times[place])).encode()

    def answer(self, asked):
        first, last = 0, len(self.made)
        for span in asked.get("range") or ():
            since, until = (datetime.fromisoformat(span[end]).timestamp() for end in ("fromDateTime", "toDateTime"))
            first, last = bisect_left(self.times, -until), bisect_right(self.times, -since)
        page = self.made[first + asked["offset"] : min(last, first + asked["offset"] + asked["limit"])]
        beside = b"".join(
            b',"%s":{"records":[%s]}' % (edge.encode(), self.at(first + offset) if first + offset < last else b"")
            for edge, offset in asked.items()
            if edge.startswith("e")
        )
        body = b'{"data":{"jobs":{"count":%d,"records":[%s]}%s}}' % (len(page), b",".join(page), beside)
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        self.transport.write(body)


@contextlib.contextmanager
def served(jobs, latency=0.0):
    """Serve so many jobs from another process, each answer `latency` seconds late; give the address."""
    command = [sys.executable, "-m", "tests.bench.pages", str(jobs), str(latency)]
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
