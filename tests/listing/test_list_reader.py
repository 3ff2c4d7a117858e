"""Lists as the service gives them: pages, filters, ties, many tasks, and a world that moves while it is read."""

import random
import re
import threading
from datetime import UTC, datetime, timedelta
from itertools import combinations, count

import pytest

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.listing.concurrent_reader import ConcurrentPageReader
from jobwidgets.listing.partitions import TimePartitioner
from jobwidgets.transport.messages import Reply
from jobwidgets.transport.page_sizes import PageBoundaries
from jobwidgets.transport.throttle import HIGH_LATENCY_S, MAX_READS_IN_FLIGHT, ConcurrencyLimiter
from jobwidgets.vocabulary import STATUSES


def connected(service, running, **options):
    return jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token, **options)


def test_a_list_holds_every_job_of_the_service_once(client):
    frame = client.jobs()
    assert frame.id.is_unique
    assert len(frame) == 60
    assert frame.created.is_monotonic_decreasing


@pytest.mark.parametrize("largest", [None, 1000, 600, 100, 37, 7, 1])
def test_the_largest_page_is_found_by_stepping_down_and_remembered(service, served, largest):
    service.choices.max_page_size = largest
    with connected(service, served) as client:
        assert set(client.jobs().id) == {i for s in STATUSES for i in service.jobs_by_status(s)}
        before = service.requests["jobs"]
        assert len(client.jobs()) == 60
        pages = service.requests["jobs"] - before
    assert pages <= (2 if largest is None or largest > 60 else 1000)
    if largest == 600:
        assert before <= 3


def test_a_query_that_is_too_dear_is_asked_for_in_smaller_pages(client, service):
    service.choices.max_cost = 20_000
    assert len(client.jobs()) == 60


def test_tasks_are_read_to_the_end_before_a_job_is_judged(client, service):
    started_last = service.add_job("running", ["pending"] * 150 + ["running"], lives=False)
    waiting = service.add_job("queued", ["queued"] * 175, lives=False)
    service.choices.max_page_size = 40
    rows = client.jobs().set_index("id")
    assert rows.tasks[started_last] == 151
    assert rows.why_not[started_last] == "task_started"
    assert rows.tasks[waiting] == 175
    assert rows.can_cancel[waiting]
    assert len(client.job(waiting).tasks) == 175
    assert len(client.tasks([waiting, started_last])) == 326


def test_a_job_with_75_tasks_is_no_different(client, service):
    job = service.add_job("queued", ["queued"] * 75, lives=False)
    assert client.jobs(ids=[job]).tasks.tolist() == [75]
    assert client.job(job).can_cancel.ok is True


def test_jobs_of_one_instant_keep_their_order_from_one_reading_to_the_next(client, service):
    instant = service.clock.now() - timedelta(days=3)
    for _ in range(30):
        service.add_job("complete", 1, created=instant, lives=False)
    orders = {tuple(client.jobs().id) for _ in range(4)}
    assert len(orders) == 1


def test_statuses_are_filtered_and_aborted_is_cancelled(client, service):
    job = service.a_cancellable_job()
    client.cancel(job)
    for word in ("aborted", "cancelled"):
        frame = client.jobs(status=word)
        assert job in set(frame.id)
        assert set(frame.status.astype(str)) <= {"aborted", "cancelled"}
    assert set(client.jobs(status=["pending", "queued"]).status.astype(str)) <= {"pending", "queued"}
    paused = service.add_job("paused", ["paused"], lives=False)
    assert client.jobs(status="paused").id.tolist() == [paused]


def test_a_range_is_half_open_whatever_the_service_does_at_its_ends(client, service):
    base = service.clock.now() - timedelta(days=500)
    ids = [service.add_job("complete", 1, created=base + timedelta(hours=h), lives=False) for h in range(4)]
    for bounds in ("inclusive", "exclusive", "half_open"):
        service.choices.bounds = bounds
        frame = client.jobs(since=base + timedelta(hours=1), until=base + timedelta(hours=3))
        assert set(frame.id) == {ids[1], ids[2]}
    assert frame.attrs["query"]["since"].endswith("Z")


def test_every_list_says_which_range_it_covers(client):
    attrs = client.jobs(since="2d").attrs
    assert attrs["since"] < attrs["until"]
    assert attrs["service"] == client.service_url
    assert attrs["truncated"] is False


def test_a_limit_gives_the_newest_and_says_that_there_are_more(client):
    everything, some = client.jobs(), client.jobs(limit=7)
    assert some.created.tolist() == everything.created.tolist()[:7]
    assert some.attrs["truncated"] is True
    assert client.jobs(limit=10_000).attrs["truncated"] is False


def test_engines_are_found_by_name_and_by_id(client, service):
    job = service.a_complete_job()
    tasks = client.tasks([job])
    by_id = client.jobs(engine=tasks.engine_id.iloc[0])
    by_name = client.jobs(engine=tasks.engine.iloc[0].upper())
    assert job in set(by_id.id)
    assert job in set(by_name.id)
    assert by_name.engines.str.contains(tasks.engine.iloc[0], regex=False).all()


def test_the_rest_list_has_the_same_jobs(client):
    assert set(client.jobs(api="rest").id) == set(client.jobs().id)
    assert client.jobs(api="rest").can_cancel.isna().any()


def test_unknown_ids_are_named_and_the_order_is_kept(client, service):
    ids = [service.a_failed_job(), "0012", service.a_complete_job()]
    frame = client.jobs(ids=ids)
    assert frame.id.tolist() == [ids[0], ids[2]]
    assert frame.attrs["missing"] == ["0012"]


@pytest.mark.parametrize("most", [1, 3, 64])
def test_many_jobs_are_read_by_aliases_however_few_the_service_takes(service, served, most):
    service.choices.max_aliases = most
    with connected(service, served) as client:
        assert len(client.jobs(ids=client.jobs())) == 60


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"status": "penidng"}, "did you mean 'pending'"),
        ({"since": "soon"}, "no time and no age"),
        ({"since": "1d", "until": "2d"}, "is empty"),
        ({"limit": 0}, "no number of jobs"),
        ({"limit": 2.5}, "no number of jobs"),
        ({"api": "soap"}, "known are"),
        ({"ids": ["a"], "limit": 3}, "ids are given"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(client, service, wrong, message):
    before = service.requests.total()
    with pytest.raises(jw.UsageError, match=message):
        client.jobs(**wrong)
    assert service.requests.total() - before <= 1  # what time it is there


def test_ten_thousand_jobs_are_each_read_once_while_200_arrive_and_50_vanish_with_ties():
    service = Service(jobs=9_000, seed=3, speed=0)
    tie = service.clock.now() - timedelta(days=9)
    tied = [service.add_job("complete", 1, created=tie, lives=False) for _ in range(1_200)]
    assert service.choices.ties == "shuffled"
    everything = {i for s in STATUSES for i in service.jobs_by_status(s)}
    vanishing = [*tied[:25], *sorted(everything - set(tied))[::400][:25]]
    arrived = []

    def meanwhile():
        for _ in range(min(10, len(vanishing_left))):
            service.remove_job(vanishing_left.pop())
        more = 20 if len(arrived) < 200 else 0
        arrived.extend(service.add_job("pending", 1, lives=False) for _ in range(more))

    with serve(service) as running, connected(service, running) as client:
        vanishing_left = list(vanishing)
        send = client.aio._connection.http.send

        async def send_and_let_the_world_move(*request):
            answer = await send(*request)
            meanwhile()
            return answer

        client.aio._connection.http.send = send_and_let_the_world_move
        frame = client.jobs()
    assert not vanishing_left
    assert len(arrived) == 200
    assert frame.id.is_unique
    assert everything - set(vanishing) <= set(frame.id)


def test_reading_outlives_a_lossy_service(client, service):
    for dial in ("lose_answer", "fail_before", "fail_after", "garbage", "cut", "server_error"):
        getattr(service.faults, dial)(times=1)
        assert len(client.jobs()) == 60, dial
    service.faults.rate_limit(window=0.2, retry_after=1)
    assert len(client.jobs()) == 60


def test_a_world_with_nothing_in_it_gives_the_same_columns(client):
    past = datetime(1999, 1, 1, tzinfo=UTC)
    empty, full = client.jobs(until=past), client.jobs()
    assert len(empty) == 0
    assert empty.dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()


class Side:
    """A world of many pages that is read by a client which always has as many pages in flight as it may."""

    def __init__(self, service, client):
        self.service, self.client = service, client
        self.flying = self.most = 0
        self.meanwhile = lambda: None
        client.aio._connection.limits.page = 20
        client.aio._connection.throttle.readers.came = lambda *_: None
        client.aio._connection.throttle.readers._quickest = HIGH_LATENCY_S
        send = client.aio._connection.http.send

        async def counted(*request):
            self.flying += 1
            self.most = max(self.most, self.flying)
            try:
                answer = await send(*request)
            finally:
                self.flying -= 1
            self.meanwhile()
            return answer

        client.aio._connection.http.send = counted

    def everything(self):
        return {i for status in STATUSES for i in self.service.jobs_by_status(status)}


@pytest.fixture(params=["told where its pages lie", "guessing"])
def side(request):
    service = Service(jobs=900, seed=5, speed=0)
    with serve(service) as running, connected(service, running) as client:
        client.aio._connection.limits.edges = request.param != "guessing"
        yield Side(service, client)


def test_windows_are_read_side_by_side(side):
    assert set(side.client.jobs().id) == side.everything()
    assert side.most == MAX_READS_IN_FLIGHT
    assert side.service.requests["jobs"] <= 900 / 20 * 4


def test_a_list_that_is_read_again_is_asked_for_in_few_windows_all_at_once(side):
    side.client.aio._connection.limits.page = 300
    asked = []
    for query in ({}, {}, {"limit": 5}, {"status": "complete"}, {}):
        side.service.requests.clear()
        frame = side.client.jobs(**query)
        assert query or set(frame.id) == side.everything()
        asked.append(side.service.requests["jobs"])
    first, again, _, of_another_list, last = asked
    assert max(again, last) <= 6
    assert of_another_list > 6  # the service would have to sift it
    assert first == 4 if side.client.aio._connection.limits.edges else first > 6


@pytest.mark.parametrize(("choice", "most"), [("max_aliases", 1), ("max_aliases", 16), ("max_cost", 101_000)])
def test_a_service_that_does_not_tell_where_pages_lie_is_asked_once(side, choice, most):
    setattr(side.service.choices, choice, most)
    side.client.aio._connection.limits.page, side.client.aio._connection.limits.edges = 1_000, True
    side.service.requests.clear()
    assert set(side.client.jobs().id) == side.everything()
    assert side.service.requests["jobs"] == 2
    side.client.jobs(since="400d")
    assert side.service.requests["jobs"] == 3
    assert not side.client.aio._connection.limits.edges


@pytest.mark.parametrize("answer", [
    (400, b"too complex"), (200, b'{"errors":[{"message":"no"}]}'), (200, b'{"errors":[{"name":"too_complex"}]}'),
    (200, b'{"data":{"jobs":{"records":[]},"e3":null},"errors":[{"name":"internal_error","path":["e3"]}]}'),
    (200, b'{"data":{"jobs":null},"errors":[{"name":"not_implemented","path":["e3"]}]}'),
])  # fmt: skip
def test_a_service_that_takes_no_other_fields_beside_a_list_gives_the_list(client, service, answer):
    send = client.aio._connection.http.send

    async def only_lists(request, *options):
        return Reply(*answer) if b"$e1" in request.body else await send(request, *options)

    client.aio._connection.http.send = only_lists
    whole, *parts = [
        client.jobs(**query) for query in ({}, {"until": "9d"}, {"since": "9d", "until": "1h"}, {"since": "1h"})
    ]
    assert len(whole) == sum(map(len, parts)) == 60
    assert service.requests["jobs"] == 4
    assert not client.aio._connection.limits.edges


def test_a_token_that_is_not_accepted_is_not_tried_twice(client, service):
    service.faults.expire_token(times=None)
    with pytest.raises(jw.AuthError):
        client.jobs()
    assert service.requests["jobs"] == 1


def test_a_page_that_is_too_large_is_no_reason_not_to_ask_where_pages_lie(side):
    side.service.choices.max_page_size = 250
    side.client.aio._connection.limits.page, side.client.aio._connection.limits.edges = 1_000, True
    assert set(side.client.jobs().id) == side.everything()
    assert side.client.aio._connection.limits.edges
    assert 0 < len(side.client.jobs(engine="OCR")) < 900
    side.service.requests.clear()
    assert set(side.client.jobs(since="400d").id) == side.everything()
    assert side.service.requests["jobs"] <= 5


@pytest.mark.parametrize(
    "told",
    [b"null", b"[]", b"7", b'{"records":null}', b'{"records":[]}', b'{"records":[null]}', b'{"records":[{"id":"1"}]}',
     b'{"records":[{"id":"1","createdDateTime":"yesterday"}]}', b'{"records":[{"id":1}]}',
     b'{"records":[{"id":"1","createdDateTime":"2099-01-01T00:00:00Z"}]}'],
)  # fmt: skip
def test_whatever_is_told_of_where_pages_lie_the_list_holds_every_job(client, service, edited, told):
    bodies = []

    def change(body):
        bodies.append(body)
        return re.sub(rb'"e\d+":\{"records":\[[^]]*\]\}', lambda found: found[0].partition(b":")[0] + b":" + told, body)

    client.aio._connection.limits.page = 25
    edited("jobs", change)
    assert set(client.jobs().id) == {i for s in STATUSES for i in service.jobs_by_status(s)}
    assert b'"e1":{"records":[{' in bodies[0]


def test_a_list_that_fits_on_a_page_is_not_asked_again_where_others_would_lie(client, edited):
    bodies = []
    edited("jobs", lambda body: bodies.append(body) or body)
    for query in ({}, {}, {"limit": 3}, {"status": "failed"}, {"target": "400000001"}, {"since": "9d"}):
        client.jobs(**query)
    assert [b'"e16"' in body for body in bodies] == [True, False, False, False, False, True]


def test_a_short_range_tells_nothing_of_a_long_one_and_takes_nothing_from_it(side):
    side.client.aio._connection.limits.page = 300

    def cost(**query):
        side.service.requests.clear()
        side.client.jobs(**query)
        return side.service.requests["jobs"]

    assert cost(since="3h") == 1
    first = cost()
    assert (first == 4) == side.client.aio._connection.limits.edges
    cost(since="3h")
    assert cost() <= 6
    cost(since="9d")
    assert cost(since="9d") <= 6
    assert cost() <= 6


def test_a_list_that_comes_without_itself_is_not_taken_from_what_stands_beside_it(client, edited):
    bodies = []
    client.aio._connection.limits.page = 25
    edited("jobs", lambda body: bodies.append(body) or body.replace(b'"jobs":', b'"others":'))
    assert len(client.jobs()) == 60
    assert [b'"e16"' in body for body in bodies[:2]] == [True, False]  # it was asked for again, alone


def test_a_list_that_was_seen_before_holds_what_has_come_since_and_not_what_went(side):
    side.client.aio._connection.limits.page = 100
    side.client.jobs()
    for job_id in sorted(side.everything())[::2]:
        side.service.remove_job(job_id)
    for _ in range(400):
        side.service.add_job("pending", 1, lives=False)
    assert set(side.client.jobs().id) == side.everything()
    for job_id in side.everything():
        side.service.remove_job(job_id)
    assert side.client.jobs().empty
    assert [seen.edges for seen in side.client.aio._connection.boundary_cache.values()] == [()]
    side.service.add_job("pending", 1, lives=False)
    side.service.requests.clear()
    assert len(side.client.jobs()) == 1
    assert side.service.requests["jobs"] == 1


@pytest.mark.parametrize("bounds", ["inclusive", "exclusive", "half_open"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak_only) for seed in range(1, 8))])
def test_jobs_that_stay_are_read_once_at_full_width_while_others_come_and_go(side, bounds, seed):
    chance = random.Random(seed)
    side.service.choices.bounds = bounds
    tie = side.service.clock.now() - timedelta(days=9)
    tied = [side.service.add_job("complete", 1, created=tie, lives=False) for _ in range(70)]
    staying = side.everything()
    vanishing = chance.sample(sorted(staying - set(tied)), 60) + tied[:5]
    staying -= set(vanishing)
    now, come = side.service.clock.now(), count()

    def meanwhile():
        if vanishing:
            side.service.remove_job(vanishing.pop())
        side.service.add_job("pending", 1, created=now + timedelta(seconds=next(come)), lives=False)

    side.meanwhile = meanwhile
    for _ in range(2):  # the second time with what was seen the first time
        frame = side.client.jobs()
        assert frame.id.is_unique
        assert staying <= set(frame.id)
        assert side.most == MAX_READS_IN_FLIGHT
        side.most = 0


def test_a_service_that_asks_to_wait_again_and_again_is_read_to_the_end_with_less_at_once(side):
    side.service.faults.rate_limit(window=0.1, retry_after=1, times=3, operation="jobs", probability=0.1)
    assert set(side.client.jobs().id) == side.everything()
    assert side.client.aio._connection.throttle.readers.places < MAX_READS_IN_FLIGHT


DEAD = ("server_error", "lose_answer", "cut", "garbage", "fail_before")


@pytest.mark.parametrize("dials", [*([dial] * 3 for dial in DEAD), *combinations(DEAD, 3)], ids="-".join)
def test_dead_pages_are_asked_for_again_until_they_come(side, dials):
    for dial in dials:  # one page can meet all of them, and is asked for once more
        getattr(side.service.faults, dial)(times=1, operation="jobs", probability=0.5)
    side.service.faults.capacity_exceeded(times=4, operation="jobs", probability=0.5)
    assert set(side.client.jobs().id) == side.everything()
    assert not side.service.faults._active  # each of them did strike


def test_a_page_that_stays_dead_is_an_error_and_leaves_nothing_running(side):
    side.client.jobs(limit=1)
    before = threading.active_count()
    side.service.faults.server_error(times=None, operation="jobs")
    with pytest.raises(jw.ServiceError):
        side.client.jobs()
    assert side.flying == 0
    assert threading.active_count() == before
    side.service.faults.clear()
    assert set(side.client.jobs().id) == side.everything()


def test_a_limit_reads_no_page_more_than_it_needs(side):
    assert len(side.client.jobs(limit=50)) == 50
    assert side.service.requests["jobs"] == 3
    assert side.most == 1


def test_jobs_with_many_tasks_are_read_whole_when_pages_of_tasks_shrink_meanwhile(side):
    many = [side.service.add_job("queued", ["queued"] * count, lives=False) for count in (5, 9, 10, 11, 20, 30) * 5]
    side.service.choices.max_page_size = 10
    frame = side.client.jobs().set_index("id")
    assert frame.tasks[many].tolist() == [5, 9, 10, 11, 20, 30] * 5


def test_more_pages_are_asked_for_at_once_only_as_pages_come_full_or_where_nothing_has_to_be_guessed():
    now, readers = datetime.now(UTC), ConcurrencyLimiter()
    before = PageBoundaries((now - timedelta(hours=2),), timedelta(milliseconds=1))
    assert (
        ConcurrentPageReader(TimePartitioner(now - timedelta(days=1), now, seen=before), readers, None, None)._width
        == MAX_READS_IN_FLIGHT
    )
    work = ConcurrentPageReader(TimePartitioner(now - timedelta(days=1), now), readers, None, None)
    assert work._width == 8
    work._full = 2
    assert work._width == 12
    work._full = 100
    assert work._width == MAX_READS_IN_FLIGHT
    readers._quickest, work._full = HIGH_LATENCY_S, 0
    assert work._width == MAX_READS_IN_FLIGHT
    readers.fewer()  # it has asked to wait
    assert work._width == MAX_READS_IN_FLIGHT / 2
