"""One job with all that can be read of it, and what receipts tell of its retries."""

import msgspec
import pytest

import jobwidgets as jw


def test_details_tell_what_each_task_was_given_and_which_it_follows(client, service):
    job_id = service.a_failed_job()
    detail = client.detail(job_id)
    assert detail.job == client.job(job_id)
    assert set(detail.tasks) == {task.id for task in detail.job.tasks}
    assert all(isinstance(each.payload, dict) for each in detail.tasks.values())
    after = {task: each.parent_id for task, each in detail.tasks.items() if each.parent_id}
    before = {child: task for task, each in detail.tasks.items() for child in each.child_ids}
    assert after == before


def test_the_raw_answer_is_kept_as_it_came(client, service, edited):
    job_id = service.a_failed_job()
    edited("job", lambda body: body.replace(b'"description":', b'"new": [1.50, "\xe2\x80\xae"], "description":'))
    (raw,) = client.detail(job_id).raw
    assert '"new": [1.50, "\u202e"]' in raw
    assert msgspec.json.decode(raw)["id"] == job_id


def test_all_75_tasks_are_read_page_by_page(client):
    job_id = client.jobs().set_index("tasks").loc[75, "id"]
    detail = client.detail(job_id)
    assert len(detail.tasks) == len(detail.job.tasks) == 75
    client.aio._connection.limits.tasks = 30
    assert client.detail(job_id).tasks == detail.tasks
    assert len(client.detail(job_id).raw) == 3


def test_a_schedule_is_told_and_one_that_cannot_be_read_leaves_the_rest(client, edited):
    frame = client.jobs()
    job_id = frame[frame["scheduled_job_id"].notna()]["id"].iloc[0]
    detail = client.detail(job_id)
    assert detail.schedule == client.scheduled_job(detail.job.scheduled_job_id)

    def refused(body):
        answer = msgspec.json.decode(body)
        answer["data"]["job"]["scheduledJob"] = None
        answer["errors"] = [{"name": "not_allowed", "message": "no", "path": ["job", "scheduledJob"]}]
        return msgspec.json.encode(answer)

    edited("job", refused)
    without = client.detail(job_id)
    assert without.schedule is None
    assert without.job.scheduled_job_id == detail.job.scheduled_job_id
    assert without.tasks == detail.tasks


def test_a_job_that_is_not_there_is_named(client):
    with pytest.raises(jw.NotFoundError, match="no job 'nowhere'"):
        client.detail("nowhere")


def test_receipts_tell_both_ends_of_a_retry(client, service):
    old = service.a_failed_job()
    assert client.retries(old) == ()
    receipt = client.plan_retry([old]).apply()
    (retry,) = client.retries(old)
    assert (retry.job_id, retry.op, retry.outcome) == (old, receipt.op, "done")
    assert [retry.new_id] == receipt.df["new_id"].tolist()
    assert client.retries(retry.new_id) == (retry,)
    assert client.retries(service.a_pending_job()) == ()


def test_a_retry_that_may_have_happened_is_told_as_such(client, service):
    old = service.a_failed_job()
    service.faults.lose_answer(operation="retryJob")
    client.plan_retry([old]).apply()
    (retry,) = client.retries(old)
    assert (retry.new_id, retry.outcome) == (None, "unknown")
