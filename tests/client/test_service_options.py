"""A service never seen before: every open question of the contract answered otherwise, and all operations work."""

from datetime import timedelta

import pytest

import jobwidgets as jw
from jobwidgets.emulator import EmulatorOptions, Service, serve

OTHER = [
    {"cancelled_status": "cancelled"},
    {"refused_cancel": "not_allowed"},
    {"refused_cancel": "message"},
    {"retry_allowed": "failed_only"},
    {"rest_cancel_answer": "none"},
    {"max_page_size": 11},
    {"max_page_size": None},
    {"max_aliases": 4},
    {"max_aliases": None},
    {"rate_limit": 40},
    {"error_path": "absent"},
    {"cancel_delay": 30.0},
    {"bounds": "exclusive"},
    {"bounds": "half_open"},
    {"ties": "stable"},
    {"schedule_cancel_stops_runs": True},
    {"auth_status": 200},
    {"auth_status": 403},
    {"max_cost": 2_000},
    {
        "cancelled_status": "cancelled",
        "refused_cancel": "message",
        "retry_allowed": "failed_only",
        "rest_cancel_answer": "none",
        "max_page_size": 7,
        "max_aliases": 3,
        "error_path": "absent",
        "bounds": "half_open",
        "auth_status": 200,
    },
]


@pytest.mark.parametrize("choices", OTHER, ids=lambda choices: "+".join(choices) + f"={next(iter(choices.values()))}")
def test_all_operations_work_whatever_the_service_chose(choices):
    service = Service(
        jobs=40, seed=2, speed=20.0 if "cancel_delay" in choices else 0, choices=EmulatorOptions(**choices)
    )
    with serve(service) as running:
        client = jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token)
        with client:
            everything(client, service)
        with jw.connect(running.graphql_url, token="wrong") as stranger, pytest.raises(jw.AuthError):
            stranger.jobs()


def everything(client, service):
    gone = {"aborted", "cancelled"}
    for api in ("graphql", "rest"):
        job = service.add_job("pending", 2, lives=False)
        client.cancel(job, api=api)
        assert client.status(job, api=api) in gone
        assert client.jobs(ids=[job]).status[0] in gone
        running = service.add_job("running", ["complete", "running"], lives=False)
        with pytest.raises(jw.RefusedError, match="started"):
            client.cancel(running, api=api)
        assert service.task_statuses(running) == ["complete", "running"]
        schedule = service.add_schedule(name="S", is_public=True, run_mode="Recurring")
        client.cancel_scheduled(schedule, api=api)
        assert client.scheduled_job(schedule).is_public
        assert not client.scheduled_job(schedule).is_active
        assert job in set(client.jobs(api=api).id)
        assert client.create_job(tasks=[client.tasks([job]).engine_id.iloc[0]], api=api)
    assert job in set(client.jobs(status="aborted").id)
    assert client.status(client.retry(service.a_failed_job())) in {"pending", "queued"}
    bulk(client, service)
    old = service.clock.now() - timedelta(days=900)
    ranged = service.add_job("pending", 2, created=old, lives=False)
    frame = client.cancel_range(
        client.me().organization_id, after=old - timedelta(days=1), before=old + timedelta(days=1)
    )
    if not service.choices.cancel_delay:
        assert dict(zip(frame.id, frame.outcome, strict=True))[ranged] == "done"


def bulk(client, service):
    waiting = [service.add_job("queued", 2, lives=False) for _ in range(25)]
    started = [service.add_job("running", ["running"], lives=False) for _ in range(3)]
    frame = client.jobs(ids=[*waiting, *started])
    frame["can_cancel"] = True  # as if all had looked cancellable: the service's word decides
    frame["why_not"] = None
    plan = client.plan_cancel(frame)
    plan.aio._seen_at = float("inf")  # and nobody looks again before sending
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"done": 25, "refused": 3}
    assert set(receipt.df.loc[receipt.df.outcome == "refused", "reason"]) <= {
        "a task has started",
        "the service said yes, but a task has started",
    }
