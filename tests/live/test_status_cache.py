"""What was seen a moment ago is not asked for again, and what has moved is found by the order of the jobs."""

from datetime import timedelta

import pandas as pd

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.frames.schema import array_of
from jobwidgets.live.changes import differing
from jobwidgets.live.incremental_list import LiveList
from jobwidgets.live.status_cache import LOOKS, StatusCache


def asked(service, work):
    before = service.requests.copy()
    found = work()
    return found, (service.requests - before).total()


def test_what_two_looks_have_seen_is_put_together_in_the_order_of_the_jobs(client, service):
    ids = [service.add_job(word, lives=False) for word in ("queued", "running", "pending", "complete")]
    frame, known = client.jobs(ids=ids), StatusCache()
    client.run(known.statuses(client.reader, frame.iloc[[3, 1]], 0.0))
    told, requests = asked(service, lambda: client.run(known.statuses(client.reader, frame, 60.0)))
    assert told.index.tolist() == ids
    assert told.tolist() == ["queued", "running", "pending", "complete"]
    assert requests == 1
    told, requests = asked(service, lambda: client.run(known.statuses(client.reader, frame.iloc[[2, 0]], 60.0)))
    assert told.to_dict() == {ids[2]: "pending", ids[0]: "queued"}
    assert requests == 0


def test_what_is_gone_is_missing_and_not_asked_for_again_at_once(client, service):
    ids = [service.add_job("queued", lives=False) for _ in range(3)]
    frame, known = client.jobs(ids=ids), StatusCache()
    service.remove_job(ids[1])
    for fresh in (0.0, 60.0):
        told, requests = asked(service, lambda fresh=fresh: client.run(known.statuses(client.reader, frame, fresh)))
        assert told.isna().tolist() == [False, True, False]
        assert requests == (fresh == 0.0)


def test_only_a_few_looks_are_kept_and_one_at_the_same_jobs_takes_the_place_of_the_one_before(client, service):
    frame, known = client.jobs(ids=[service.add_job("queued", lives=False) for _ in range(20)]), StatusCache()
    for _ in range(3):
        client.run(known.statuses(client.reader, frame, 0.0))
    assert len(known._looks) == 1
    for place in range(20):
        client.run(known.statuses(client.reader, frame.iloc[[place]], 0.0))
    assert len(known._looks) == LOOKS


def test_no_job_needs_no_request(client, service):
    frame = client.jobs(ids=[service.a_pending_job()]).iloc[:0]
    told, requests = asked(service, lambda: client.run(StatusCache().statuses(client.reader, frame, 0.0)))
    assert told.empty
    assert requests == 0


def test_what_has_moved_is_found_whatever_words_there_are():
    before = pd.Series(array_of("status", ["queued", "running", "brand_new", "queued", "queued"]))
    now = pd.Series(array_of("status", ["queued", "complete", "brand_new", "newer_still", None]))
    assert differing(before, now).tolist() == [False, True, False, True, True]
    assert not differing(before, before.copy()).any()


def test_a_quiet_look_at_just_ten_thousand_jobs_costs_a_dozen_requests():
    service = Service(jobs=0, seed=0, speed=0)
    begin = service.clock.now() - timedelta(days=40)
    for number in range(10_000):
        service.add_job("queued", 1, created=begin + number * timedelta(seconds=0.05), lives=False)
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token) as client,
    ):
        listed = LiveList({}, StatusCache())

        def look():
            return client.run(listed.read(client.reader, whole=False, follow=True, progress=lambda _counts: None))

        look()
        listed._rows_due = float("inf")
        moved, requests = asked(service, look)
        assert (moved, requests) == (0, 12)  # statuses, and what is new
