"""Typed frames: the same columns and dtypes always, and what is known of a frame stays with it."""

import msgspec
import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.frames import JOB_COLUMNS, SCHEDULE_COLUMNS, TASK_COLUMNS, JobTableBuilder, ids_of
from jobwidgets.frames.record_batch import Rows
from jobwidgets.frames.records import JobRow
from jobwidgets.frames.schema import times
from jobwidgets.vocabulary import STATUSES

DTYPES = {
    "string": lambda dtype: isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA,
    "status": lambda dtype: dtype.ordered and tuple(dtype.categories[:12]) == STATUSES,
    "word": lambda dtype: isinstance(dtype, pd.CategoricalDtype) and not dtype.ordered,
    "reason": lambda dtype: isinstance(dtype, pd.CategoricalDtype) and not dtype.ordered,
    "time": lambda dtype: str(dtype) == "datetime64[us, UTC]",
    "age": lambda dtype: str(dtype) == "timedelta64[us]",
    "count": lambda dtype: str(dtype) == "Int32",
    "flag": lambda dtype: str(dtype) == "boolean",
}


def check(frame, columns):
    assert list(frame.columns) == list(columns)
    for name, kind in columns.items():
        assert DTYPES[kind](frame[name].dtype), (name, frame[name].dtype)


def test_jobs_tasks_and_schedules_have_their_dtypes_full_and_empty(client):
    jobs = client.jobs()
    for frame in (jobs, jobs.iloc[:0], client.jobs(until="1000d"), client.jobs(ids=[])):
        check(frame, JOB_COLUMNS)
    check(client.tasks(jobs), TASK_COLUMNS)
    check(client.tasks([]), TASK_COLUMNS)
    check(client.scheduled_jobs(), SCHEDULE_COLUMNS)
    check(client.scheduled_jobs(name="no such"), SCHEDULE_COLUMNS)


def rows(*jobs):
    return msgspec.convert([{"id": str(i), **job} for i, job in enumerate(jobs)], list[JobRow])


def built(*jobs, as_of="2026-01-01T01:00:00+00:00"):
    builder = JobTableBuilder()
    builder.add(Rows(rows(*jobs), 100))
    return builder.frame({}, pd.Timestamp(as_of).to_pydatetime(), newest_first=False)


def task(status, **times):
    names = {"queued": "queuedDateTime", "started": "startedDateTime", "completed": "completedDateTime"}
    return {"status": status, "engine": {"name": "A"}} | {
        names[k]: f"2026-01-01T00:{v}:00.000Z" for k, v in times.items()
    }


def job(status, *tasks, **more):
    return {"status": status, "createdDateTime": "2026-01-01T00:00:00.000Z", "tasks": {"records": tasks}} | more


def test_ages_are_of_waiting_and_of_running():
    frame = built(
        job("pending", task("pending")),
        job("running", task("running", started="10")),
        job("complete", task("complete", started="10", completed="30"), task("complete", started="20", completed="40")),
        job("aborted", task("aborted"), modifiedDateTime="2026-01-01T00:05:00.000Z"),
    )
    minutes = lambda column: [None if pd.isna(age) else age.total_seconds() / 60 for age in frame[column]]  # noqa: E731
    assert minutes("queued_for") == [60, 10, 10, 5]
    assert minutes("ran_for") == [None, 50, 30, None]


def test_counts_verdicts_and_engines_come_from_the_tasks():
    frame = built(
        job("failed", task("complete"), task("failed")),
        job("running", task("queued"), task("pending")),
        job("running", task("running"), task("pending")),
        job("waiting", task("pending")),
        job("pending", task("waiting")),
        job("complete"),
        {"status": "pending", "tasks": None},
    )
    assert frame.tasks.tolist()[:3] == [2, 2, 2]
    assert frame.tasks_done.tolist()[0] == 1
    assert frame.tasks_failed.tolist()[0] == 1
    assert frame.engines.tolist()[0] == "A"
    assert frame.can_cancel.tolist()[:6] == [False, True, False, False, False, False]
    assert pd.isna(frame.can_cancel[6])
    assert frame.why_not.astype(object).where(frame.why_not.notna(), None).tolist() == [
        "failed", None, "task_started", "job_status", "task_status", "complete", "tasks_unread",
    ]  # fmt: skip
    assert frame.can_retry.tolist() == [True, True, True, True, True, False, True]


def test_ids_and_names_stay_texts():
    builder = JobTableBuilder()
    builder.add(Rows([JobRow(id="0012", name="007", status="pending"), JobRow(id="1e5", name=None)], 100))
    frame = builder.frame({}, pd.Timestamp.now("UTC").to_pydatetime(), newest_first=False)
    assert frame.id.tolist() == ["0012", "1e5"]
    assert frame.name.tolist()[0] == "007"
    assert pd.isna(frame.name[1])


def test_a_time_that_is_none_is_told():
    with pytest.raises(jw.ServiceError, match="something else than a time"):
        built({"status": "pending", "createdDateTime": "yesterday"})


@pytest.mark.parametrize("far", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00.000Z"])
def test_times_in_any_year_are_read(far):
    column = pd.Series(times(["2026-01-01T00:00:00.000Z", far, None]))
    assert str(column.dtype) == "datetime64[us, UTC]"
    assert column[1].year == int(far[:4])
    assert column.isna().tolist() == [False, False, True]


def test_what_is_known_of_a_frame_survives_filtering(client):
    frame = client.jobs()
    for derived in (frame[frame.can_retry], frame.query("tasks > 1"), frame.head(3), frame.sort_values("name")):
        assert derived.attrs["service"] == client.service_url
    assert msgspec.json.encode(frame.attrs)


def test_the_accessor_finds_the_client_by_the_service(client, service):
    frame = client.jobs()
    plan = frame[frame.status == "failed"].jobs.retry(reason="again")
    assert plan.kind == "retry"
    assert plan.reason == "again"
    assert frame.jobs.counts().sum() == len(frame)
    assert len(frame.head(3).jobs.tasks()) == len(client.tasks(frame.head(3)))
    client.cancel(service.a_cancellable_job())
    again = frame.jobs.refresh()
    assert again.id.tolist() == frame.id.tolist()
    assert (again.status.astype(str) != frame.status.astype(str)).sum() == 1


def test_the_accessor_says_what_is_missing(client):
    frame = client.jobs()
    lost = frame.copy()
    lost.attrs = {}
    with pytest.raises(jw.SettingsError, match="pass client="):
        lost.jobs.cancel()
    assert lost.jobs.cancel(client=client).total == len(frame)
    strange = frame.copy()
    strange.attrs["service"] = "https://elsewhere.example/g"
    with pytest.raises(jw.SettingsError, match="no client of https://elsewhere"):
        strange.jobs.cancel()
    with pytest.raises(jw.UsageError, match="of https://elsewhere"):
        client.plan_cancel(strange)
    with pytest.raises(AttributeError):
        pd.DataFrame({"a": [1]}).jobs  # noqa: B018  the look itself is what fails


def test_nothing_in_a_frame_holds_the_client_or_its_token(client, service):
    import pickle

    assert service.token not in pickle.dumps(client.jobs()).decode("latin-1")


@pytest.mark.parametrize(
    "bad", [12, [1, 2], pd.Series([1]), pd.DataFrame({"id": [1]}), pd.DataFrame({"x": []}), [None], {"a": 1}, b"x"]
)
def test_what_is_no_id_is_refused(bad):
    with pytest.raises(jw.UsageError):
        ids_of(bad)


def test_ids_are_taken_from_whatever_holds_them(client):
    frame = client.jobs().head(3)
    ids = frame.id.tolist()
    assert ids_of(frame) == ids_of(frame.id) == ids_of(ids * 2) == ids_of(tuple(ids)) == ids_of(iter(ids)) == ids
    assert ids_of(ids[0]) == [ids[0]]
    assert ids_of(client.job(ids[0])) == [ids[0]]
    assert ids_of(client.tasks(frame)) == ids
