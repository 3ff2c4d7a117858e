# ruff: noqa: T201 - a script that prints what it measured
"""How quick a list of jobs becomes a frame: `python tests/bench/bench_listing.py`. Compare within one run only."""

import argparse
import asyncio
import gc
import json
import statistics
import time

import gql
import httpx
import pandas as pd
from gql.transport.aiohttp import AIOHTTPTransport

import jobwidgets as jw
from jobwidgets.emulator import Service, serve

PAGE = 1_000
QUERY = """query page($offset: Int!, $limit: Int!) {
  jobs(offset: $offset, limit: $limit) { count records {
    id name status createdDateTime modifiedDateTime targetId clusterId applicationId scheduledJobId
    tasks(limit: 100) { records { id status engine { id name } queuedDateTime startedDateTime completedDateTime } }
  } }
}"""


async def bytes_alone(url, token, pages):
    """Fetch and parse each page with what everybody has, 8 at a time, and keep nothing: the yardstick."""
    headers, places = {"Authorization": f"Bearer {token}"}, asyncio.Semaphore(8)
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:

        async def page(number):
            async with places:
                body = {"query": QUERY, "variables": {"offset": number * PAGE, "limit": PAGE}}
                return len(json.loads((await client.post(url, json=body)).content)["data"]["jobs"]["records"])

        return sum(await asyncio.gather(*map(page, range(pages))))


async def as_people_write_it(url, token, pages):
    """Fetch page after page with gql, keep the dicts, and flatten them at the end."""
    transport = AIOHTTPTransport(url, headers={"Authorization": f"Bearer {token}"})
    records, query = [], gql.gql(QUERY)
    async with gql.Client(transport=transport) as session:
        for number in range(pages):
            query.variable_values = {"offset": number * PAGE, "limit": PAGE}
            records += (await session.execute(query))["jobs"]["records"]
    return len(pd.json_normalize(records))


def timed(work, times):
    """Return the median of some runs in seconds."""
    spans = []
    for _ in range(times):
        gc.collect()
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return statistics.median(spans)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    service = Service(jobs=options.jobs, seed=0, speed=0)
    pages = options.jobs // PAGE + 1
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token) as client,
    ):
        url, token = running.graphql_url, service.token
        ways = {
            "httpx and json, 8 pages at a time, nothing kept": lambda: asyncio.run(bytes_alone(url, token, pages)),
            "client.jobs(): typed frame, tasks and verdicts": client.jobs,
            "gql, page after page, json_normalize": lambda: asyncio.run(as_people_write_it(url, token, pages)),
        }
        for work in ways.values():
            work()  # warm: connections, the service's pages, imports
        spans = {name: timed(work, options.times) for name, work in ways.items()}
    least = spans["httpx and json, 8 pages at a time, nothing kept"]
    print(f"{options.jobs:,} jobs with their tasks, over loopback; the service's own work is in every line:")
    for name, span in spans.items():
        print(f"  {name:<50} {span:6.2f} s  {span / least:5.2f}")


if __name__ == "__main__":
    main()
