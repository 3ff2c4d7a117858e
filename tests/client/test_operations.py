"""Every operation of the contract through both APIs, judged by the service itself."""

import asyncio
import inspect
from datetime import UTC, datetime, timedelta

import gql
import pytest

import jobwidgets as jw

APIS = ["graphql", "rest"]


@pytest.mark.parametrize("api", APIS)
def test_a_status_reads_the_same_through_both(client, service, api):
    assert client.status(service.a_complete_job(), api=api) == "complete"
    assert client.status(service.a_pending_job(), api=api) == "pending"


@pytest.mark.parametrize("api", APIS)
def test_a_job_that_has_not_started_is_cancelled_and_reads_aborted_in_both(client, service, api):
    job = service.a_cancellable_job()
    assert client.cancel(job, api=api) == "Job cancelled"
    assert service.job_status(job) == "aborted"
    assert [client.status(job, api=each) for each in APIS] == ["aborted", "aborted"]
    assert [write.target_id for write in service.ledger] == [job]


def test_a_job_running_in_name_only_is_cancelled(client, service):
    job = service.add_job("running", ["pending", "queued"], lives=False)
    assert client.job(job).can_cancel
    client.cancel(job)
    assert service.task_statuses(job) == ["aborted", "aborted"]


@pytest.mark.parametrize("api", APIS)
def test_a_running_job_with_a_started_task_is_refused_with_the_reason_and_unchanged(client, service, api):
    job = service.add_job("running", ["complete", "running"], lives=False)
    with pytest.raises(jw.RefusedError, match="running and a task has started → only jobs whose tasks"):
        client.cancel(job, api=api)
    assert service.task_statuses(job) == ["complete", "running"]
    assert service.ledger == []


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("call", ["status", "cancel"])
def test_a_strange_id_is_not_found(client, call, api):
    with pytest.raises(jw.NotFoundError, match="no job '0012'"):
        getattr(client, call)("0012", api=api)


def test_a_retry_gives_a_new_job_with_the_same_engines_and_leaves_the_old_one(client, service):
    job = service.a_failed_job()
    new = client.retry(job)
    assert new != job
    assert client.status(job) == "failed"
    assert client.status(new) == "pending"
    old_tasks, new_tasks = client.tasks([job]), client.tasks([new])
    assert old_tasks.engine_id.tolist() == new_tasks.engine_id.tolist()
    assert client.job(job).target_id == client.job(new).target_id


def test_a_complete_job_is_not_retried(client, service):
    with pytest.raises(jw.RefusedError, match="is complete"):
        client.retry(service.a_complete_job())
    assert service.ledger == []


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("public", "mode"), [(True, "Recurring"), (False, "Once"), (True, "Continuous")])
def test_a_schedule_is_switched_off_and_keeps_everything_else(client, service, api, public, mode):
    schedule = service.add_schedule(name="Every 5 minutes", is_public=public, run_mode=mode)
    before = client.scheduled_job(schedule)
    message = client.cancel_scheduled(schedule, api=api)
    after = client.scheduled_job(schedule)
    assert "is off" in message
    assert (after.is_active, after.is_public, after.run_mode) == (False, public, mode)
    assert (after.name, after.description, after.start) == (before.name, before.description, before.start)


def test_runs_that_a_schedule_has_launched_are_told(client, service):
    schedule = service.add_schedule(name="Nightly", is_public=False, run_mode="Recurring")
    service.add_job("pending", 2, schedule=schedule, lives=False)
    assert "1 jobs it launched are still open" in client.cancel_scheduled(schedule)
    assert client.plan_cancel(scheduled_job=schedule).counts == {"cancel": 1}


def test_switching_off_twice_says_so_and_sends_nothing(client, service):
    schedule = service.add_schedule(name="Off", is_public=True, run_mode="Once", is_active=False)
    assert "was off already" in client.cancel_scheduled(schedule)
    assert service.ledger == []


def test_all_schedules_are_listed_whatever_the_page_size(client, service):
    service.choices.max_page_size = 3
    ids = {service.add_schedule(name=f"S{i}", is_public=True, run_mode="Once") for i in range(10)}
    frame = client.scheduled_jobs()
    assert ids <= set(frame.id)
    assert frame.id.is_unique
    assert not client.scheduled_jobs(active=False).is_active.any()


def test_a_range_is_cancelled_by_the_service_and_read_back_job_by_job(client, service):
    now = service.clock.now()
    inside = [service.add_job("pending", 2, created=now - timedelta(days=400, hours=h), lives=False) for h in range(4)]
    started = service.add_job("running", ["running"], created=now - timedelta(days=400, hours=1), lives=False)
    outside = service.add_job("pending", 2, created=now - timedelta(days=300), lives=False)
    frame = client.cancel_range(client.me().organization_id, after="401d", before=now - timedelta(days=399))
    outcome = dict(zip(frame.id, frame.outcome, strict=True))
    assert outcome == {**dict.fromkeys(inside, "done"), started: "unchanged"}
    assert frame.attrs["seen_before"] == 5
    assert service.job_status(outside) == "pending"
    assert sorted(write.target_id for write in service.ledger) == sorted(inside)


def test_an_empty_range_is_refused_here(client):
    with pytest.raises(jw.UsageError, match="is empty"):
        client.cancel_range("1", after="1d", before="2d")


@pytest.mark.parametrize("api", APIS)
def test_a_created_job_is_pending(client, service, api):
    engine = client.tasks([service.a_complete_job()]).engine_id.iloc[0]
    job = client.create_job(tasks=[engine, {"engineId": engine, "payload": {"a": 1}}], name="0012", api=api)
    assert client.status(job) == "pending"
    assert client.job(job).name == "0012"
    assert len(client.job(job).tasks) == 2


def test_who_am_i_and_what_may_i(client):
    assert client.me().organization
    assert all(":" in right for right in client.rights())


def test_a_user_and_password_serve_as_well_as_a_key(service, served):
    user, password = service.user
    with jw.connect(served.graphql_url, user=user, password=password) as client:
        assert client.me().name == user
    with pytest.raises(jw.AuthError):
        jw.connect(served.graphql_url, user=user, password="wrong")


def test_an_expired_token_says_what_to_do(client, service):
    service.faults.expire_token(times=None)
    with pytest.raises(jw.AuthError, match="get a new token"):
        client.jobs()
    with pytest.raises(jw.AuthError):
        client.cancel("x")


def test_rest_needs_an_address(service, served):
    with jw.connect(served.graphql_url, token=service.token) as client, pytest.raises(jw.SettingsError, match="REST"):
        client.status("x", api="rest")


def test_another_service_of_the_same_kind_answers_in_process_too(service):
    from jobwidgets._internal.secret import Secret
    from jobwidgets.transport.config import Settings

    async def main():
        settings = Settings("http://127.0.0.1/v3/graphql", "http://127.0.0.1/edge/v1", Secret(service.token))
        async with jw.AsyncClient(settings, app=service.app) as client:
            frame = await client.jobs()
            job = service.a_cancellable_job()
            assert await client.cancel(job) == "Job cancelled"
            plan = await client.plan_cancel([service.a_cancellable_job()])
            receipt = await plan.apply()
            return len(frame), receipt.counts

    assert asyncio.run(main()) == (60, {"done": 1})


def test_own_queries_go_over_our_wire_with_gql(client, service):
    answer = client.gql.execute(gql.gql("query me { me { name } }"))
    assert answer["me"]["name"] == client.me().name
    service.faults.fail_before(operation="me")
    assert client.gql.execute(gql.gql("query me { me { name } }")) == answer
    service.faults.lose_answer(operation="cancelJob")
    with pytest.raises(jw.UnknownOutcomeError):
        client.gql.execute(gql.gql(f'mutation {{ cancelJob(id: "{service.a_cancellable_job()}") {{ id }} }}'))
    assert service.requests["cancelJob"] == 1


def test_both_clients_have_the_same_surface():
    def surface(kind):
        return {
            name: inspect.signature(value, follow_wrapped=True) if callable(value) else type(value)
            for name, value in inspect.getmembers(kind)
            if not name.startswith("_")
        }

    waiting, awaitable = surface(jw.Client), surface(jw.AsyncClient)
    inner = {"log_in", "mark_closed", "operations"}  # how it is made, and what it is made of
    assert set(awaitable) - inner == set(waiting) - {"run", "reader"}  # how the blocking one waits, and what is polled
    for name, signature in waiting.items():
        if isinstance(signature, inspect.Signature) and name in awaitable and name != "close":
            assert list(signature.parameters) == list(awaitable[name].parameters), name
    for name in ("jobs", "cancel", "retry"):
        assert inspect.iscoroutinefunction(getattr(jw.AsyncClient, name))
        assert getattr(jw.Client, name).__doc__ == getattr(jw.AsyncClient, name).__doc__


@pytest.mark.parametrize("bad", [12, None, "", "  "])
def test_an_id_is_a_text(client, bad):
    with pytest.raises(jw.UsageError):
        client.cancel(bad)


def test_a_lost_answer_to_one_write_is_said_and_the_write_is_not_repeated(client, service):
    job = service.a_failed_job()
    service.faults.lose_answer(operation="retryJob")
    with pytest.raises(jw.UnknownOutcomeError, match="look at the job"):
        client.retry(job)
    assert service.requests["retryJob"] == 1
    assert len(service.ledger) == 1


def test_a_cancel_that_loses_the_race_says_so(client, service):
    service.choices.cancel_race = 1.0
    with pytest.raises(jw.RefusedError):
        client.cancel(service.a_cancellable_job())


def test_the_clock_is_the_services_own(client, service):
    service.clock.advance("40d")
    client.me()
    assert abs(client.now() - service.clock.now()) < timedelta(seconds=5)
    assert abs(client.now() - datetime.now(UTC)) > timedelta(days=30)


def test_a_closed_client_says_so(client):
    client.close()
    assert client.closed
    with pytest.raises(jw.UsageError, match="connect again"):
        client.jobs()
    client.close()


@pytest.mark.parametrize("call", ["cancel", "cancel_scheduled"])
def test_a_write_that_cannot_be_looked_at_afterwards_is_in_doubt_and_not_refused(client, service, call):
    client.aio._connection.timeout = 1.0
    if call == "cancel":
        target = service.a_cancellable_job()
    else:
        target = service.add_schedule(name="S", is_public=True, run_mode="Once")
    write = {"cancel": "cancelJob", "cancel_scheduled": "updateScheduledJob"}[call]
    read = {"cancel": "job", "cancel_scheduled": "scheduledJob"}[call]
    send = client.aio._connection.http.send

    async def send_and_then_break_the_reads(*request):
        answer = await send(*request)
        if request[0].name == write:
            service.faults.server_error(times=None, operation=read)
        return answer

    client.aio._connection.http.send = send_and_then_break_the_reads
    with pytest.raises(jw.UnknownOutcomeError, match="could not be read"):
        getattr(client, call)(target)
    assert len(service.ledger) == 1
