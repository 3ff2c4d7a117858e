"""One poller for each service: shared, in turn, silent where nobody looks, and back when the service is."""

import asyncio
import threading
import time

import pytest

import jobwidgets as jw
from jobwidgets.live import (
    incremental_list as _list,
)
from jobwidgets.live import (
    looked_at_again,
    poller_for,
)
from jobwidgets.live import (
    poll_interval as _pace,
)
from jobwidgets.live import (
    poller as _poller,
)
from tests.support.waiting import until, until_quiet


class Person:
    """Somebody who follows a list."""

    def __init__(self, client, query=None, *, every=0.01):
        self.news, self.seen, self.changed = [], True, threading.Condition()
        self.following = poller_for(client).follow(query or {}, every=every, told=self.take, watched=lambda: self.seen)

    def take(self, news):
        with self.changed:
            self.news.append(news)
            self.changed.notify_all()

    def until(self, test):
        with self.changed:
            assert self.changed.wait_for(lambda: self.news and test(self.news[-1]), 20), self.news[-1:]
            return self.news[-1]

    def rounds(self):
        return sum(not news.reading and news.frame is not None for news in self.news)

    def after(self, rounds):
        done = self.rounds() + rounds
        return self.until(lambda _: self.rounds() >= done)

    def look(self, at):
        self.seen = at
        self.following.wake()


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Let a second pass in a hundredth of one."""
    monkeypatch.setattr(_pace, "SOONEST", 0.02)
    monkeypatch.setattr(_pace, "SLOWEST", 0.6)
    monkeypatch.setattr(_pace, "SETTLED", 0.15)
    monkeypatch.setattr(_pace, "CALM", 0)
    monkeypatch.setattr(_list, "SHARED", 0.0)


@pytest.fixture
def follow(client):
    people = []

    def begin(query=None, *, of=client, **options):
        people.append(Person(of, query, **options))
        return people[-1]

    yield begin
    for person in people:
        person.following.close()


def at_rest(poller):
    """Wait until a poller has nothing to do any more."""
    until(lambda: not poller.at_work)


def test_two_who_follow_one_query_cost_one_stream_of_requests(service, follow):
    one = follow({"status": ["failed", "pending"]})
    one.after(2)
    two = follow({"status": ["pending", "failed"]})
    assert two.following.feed is one.following.feed
    two.after(1)
    before, rounds = service.requests.total(), one.rounds()
    two.after(10)
    told = one.rounds() - rounds
    assert service.requests.total() - before <= 3 * (told + 1)
    assert one.news[-1] is two.news[-1]


def test_a_second_client_of_the_same_account_shares_the_poller_and_another_account_does_not(client, served, service):
    other = list(service.tokens.values())[1]
    with (
        jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as again,
        jw.connect(served.graphql_url, rest_url=served.rest_url, token=other) as stranger,
    ):
        assert poller_for(again) is poller_for(client.reader)
        assert poller_for(stranger) is not poller_for(client)
    assert service.token not in repr(list(_poller._pollers.items()))


def test_lists_are_read_one_after_the_other(follow):
    people = [follow({"status": word}) for word in ("failed", "pending", "complete", "queued")]
    together = []

    def watch(_news):
        together.append(sum(person.following.feed.reading for person in people))

    for person in people:
        person.following.told = watch
    until(lambda: len(together) >= 60)
    assert set(together) == {0, 1}


def test_nothing_is_asked_while_nobody_looks_and_a_look_wakes_it(service, follow):
    person = follow()
    person.after(2)
    person.look(False)
    person.until(lambda news: not news.reading)
    until_quiet(service.requests.total, seconds=1)  # fifty rounds
    service.add_job("pending")
    person.look(True)
    assert person.until(lambda news: len(news.frame) == 61).changed == 1


def test_it_stops_when_all_has_ended_and_none_can_come_and_looks_when_asked(service, follow):
    for job_id in [*service.jobs_by_status("pending"), *service.jobs_by_status("queued")]:
        service.remove_job(job_id)
    person = follow({"until": service.clock.now(), "status": "failed"})
    for job_id in service.jobs_by_status("running"):
        service.remove_job(job_id)
    service.clock.advance("1min")
    person.following.look()
    jobs = person.following.feed.jobs
    person.until(lambda news: jobs.settled and jobs.complete and not news.reading)
    before = until_quiet(service.requests.total, seconds=1)
    person.following.look()
    person.after(1)
    assert service.requests.total() > before


def test_where_only_new_jobs_can_come_it_looks_at_a_slow_pace(service, follow):
    for status in ("pending", "queued", "running"):
        for job_id in service.jobs_by_status(status):
            service.remove_job(job_id)
    person = follow()
    person.after(1)
    began, before = time.monotonic(), person.rounds()
    person.after(3)
    assert time.monotonic() - began >= 0.15 * 2
    assert person.rounds() - before == 3


def test_a_service_that_is_away_is_asked_less_and_less_and_is_back_by_itself(service, follow):
    person = follow()
    person.after(2)
    service.faults.server_error(times=None)
    first = person.until(lambda news: news.error is not None)
    assert first.since is not None
    assert first.next_try is not None
    assert len(first.frame) == 60  # what is known is kept
    last = person.until(lambda _: person.following.feed.misses >= 3)
    assert last.since == first.since
    service.faults.clear()
    service.add_job("pending")
    back = person.until(lambda news: news.error is None and not news.reading)
    assert back.since is None
    assert len(person.until(lambda news: len(news.frame) == 61).frame) == 61


def test_silence_is_told_before_it_becomes_an_error(service, follow, monkeypatch):
    monkeypatch.setattr(_poller, "PATIENCE", 0.7)
    person = follow()
    person.after(2)
    service.faults.delay(2.0)
    quiet = person.until(lambda news: news.since is not None)
    assert quiet.error is None
    assert quiet.reading
    assert person.until(lambda news: not news.reading).since is None
    assert sum(news.since is not None for news in person.news) == 1


def test_while_the_first_list_is_read_the_counts_so_far_are_told(service, follow, monkeypatch):
    monkeypatch.setattr(_poller, "COUNTED_EVERY", 0.0)
    for _ in range(300):
        service.add_job("failed", 1)
    service.choices.max_page_size = 100
    person = follow(every=None)
    person.until(lambda news: news.frame is not None)
    told = [sum(news.counting.values()) for news in person.news if news.counting]
    assert told == sorted(told)
    assert 100 <= told[0] < told[-1] <= 360
    assert person.news[-1].counting is None


def test_when_its_client_is_closed_it_goes_on_through_another(client, served, service, follow):
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as again:
        first, second = follow(), follow(of=again)
        second.after(2)
        poller_for(again)  # the newest stands last: the poller runs on the older one
        client.close()
        service.add_job("pending")
        second.until(lambda news: news.frame is not None and len(news.frame) == 61)
        first.following.close()
        second.following.close()
    with pytest.raises(jw.UsageError, match="closed"):
        poller_for(client).follow({}, every=1.0, told=print)


def test_when_the_last_client_is_closed_that_is_told(client, follow):
    person = follow()
    person.after(1)
    client.close()
    assert isinstance(person.until(lambda news: news.error is not None).error, jw.UsageError)


def test_what_is_read_for_nobody_any_more_is_dropped(service, follow):
    person = follow()
    person.after(1)
    service.faults.delay(30.0)
    person.following.look()
    person.until(lambda news: news.reading)
    began = time.monotonic()
    person.following.pause()
    person.until(lambda news: not news.reading)
    assert time.monotonic() - began < 10
    person.following.resume()
    person.after(1)  # the look that was asked for is not forgotten


def test_closing_leaves_no_task_no_list_and_no_poller(client, follow):
    poller = poller_for(client)
    people = [follow({"limit": number}) for number in range(1, 6)]
    people[-1].after(1)
    for person in people:
        person.following.close()
    at_rest(poller)

    async def tasks():
        return {task.get_coro().__qualname__ for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    assert not any("_run" in name or "read" in name for name in client.run(tasks()))
    assert not poller._feeds


def test_one_who_cannot_take_news_is_in_nobodys_way(follow, caplog):
    broken, person = follow(), follow()
    broken.following.told = lambda _news: 1 / 0
    person.after(3)
    assert "could not be taken" in caplog.text


def test_a_wait_does_not_ask_for_what_a_panel_has_just_seen(client, service):
    ids = [service.add_job("queued", lives=False) for _ in range(20)]
    known = poller_for(client).known
    frame = client.jobs(ids=ids)
    client.run(known.statuses(client.reader, frame, 0.0))
    before = service.requests.copy()
    assert set(client.run(known.statuses(client.reader, frame, 60.0))) == {"queued"}
    again = client.run(looked_at_again(client.reader, known, frame, fresh=60.0))
    assert service.requests == before
    assert again["id"].tolist() == ids


def test_a_watch_reads_only_the_rows_of_what_moved_or_runs(client, service):
    ids = [service.add_job("queued", lives=False) for _ in range(200)]
    frame, known = client.jobs(ids=ids), poller_for(client).known
    world = service.world
    with world.lock:
        world.set_tasks(world.store.rows[ids[7]], "complete")
    service.remove_job(ids[9])
    before = service.requests.copy()
    again = client.run(looked_at_again(client.reader, known, frame, fresh=0.0))
    assert sum((service.requests - before).values()) <= 4
    assert again["id"].tolist() == [job_id for job_id in ids if job_id != ids[9]]
    assert again.set_index("id").loc[ids[7], "tasks_done"] == 2
    assert again.attrs["as_of"] >= frame.attrs["as_of"]
