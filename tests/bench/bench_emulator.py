# ruff: noqa: T201 - a script that prints what it measured
"""How quick the embedded service is: run `python tests/bench/bench_emulator.py`. Ratios say more than times."""

import argparse
import gzip
import http.client
import json
import statistics
import time

from jobwidgets.emulator import Service, serve

QUERY = """query($offset: Int!) {
  jobs(limit: 1000, offset: $offset) { count records {
    id name status createdDateTime modifiedDateTime targetId clusterId applicationId scheduledJobId
    tasks(limit: 100) { count records {
      id status engine { id name category { name } } queuedDateTime startedDateTime completedDateTime
      failureReason failureMessage
    } } } } }"""


def timed(work, times):
    """Return the median and the least time of `work` in milliseconds."""
    spans = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spans.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spans), min(spans)


def page_over_http(service, running, *, packed):
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    headers |= {"Accept-Encoding": "gzip"} if packed else {}
    body = json.dumps({"query": QUERY, "variables": {"offset": 0}})

    def ask():
        connection.request("POST", "/v3/graphql", body, headers)
        reply = connection.getresponse().read()
        return gzip.decompress(reply) if packed else reply

    answer = json.loads(ask())["data"]["jobs"]["records"]
    print(f"  {len(answer)} jobs, {sum(len(job['tasks']['records']) for job in answer)} tasks")
    return timed(ask, 15)


def cancels_over_http(service, running):
    jobs = [service.add_job("pending") for _ in range(1000)]
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    begin = time.perf_counter()
    for first in range(0, 1000, 100):
        names = range(100)
        heads = ", ".join(f"$i{n}: ID!" for n in names)
        text = f"mutation({heads}) {{ {' '.join(f'c{n}: cancelJob(id: $i{n}) {{ id message }}' for n in names)} }}"
        variables = {f"i{n}": jobs[first + n] for n in names}
        connection.request("POST", "/v3/graphql", json.dumps({"query": text, "variables": variables}), headers)
        assert "errors" not in json.loads(connection.getresponse().read())
    return 1000 / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000)
    jobs = parser.parse_args().jobs
    begin = time.perf_counter()
    service = Service(jobs=jobs, seed=0, speed=0)
    print(f"{jobs:,} jobs ready in {time.perf_counter() - begin:.2f} s")
    with serve(service) as running:
        for packed in (False, True):
            print(f"page of 1,000 jobs with tasks over HTTP, {'gzip' if packed else 'plain'}:")
            print("  median {:.0f} ms, least {:.0f} ms".format(*page_over_http(service, running, packed=packed)))
        print(
            f"cancels, 100 aliases a request, one request at a time: {cancels_over_http(service, running):,.0f} jobs/s"
        )
    prepared = service.graphql.prepare(QUERY, None)
    variables = {"offset": 0}
    ours, _ = timed(lambda: service.graphql.answer(prepared, variables, service.nobody), 9)
    theirs, _ = timed(lambda: service.graphql.execute(prepared, variables, service.nobody), 3)
    print(f"without HTTP: projection {ours:.0f} ms, graphql-core's execute {theirs:.0f} ms: {theirs / ours:.0f} times")


if __name__ == "__main__":
    main()
