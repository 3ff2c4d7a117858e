"""Pages that become Arrow's columns: the same as those that are read row by row, or left to these."""

import json

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobwidgets.frames import JobTableBuilder
from jobwidgets.frames.arrow_decoder import read_page
from jobwidgets.frames.record_batch import Rows
from jobwidgets.frames.records import JobPage, SummaryPage
from jobwidgets.frames.task_frames import task_frame
from jobwidgets.transport.messages import Answer

AS_OF = pd.Timestamp("2026-06-01", tz="UTC").to_pydatetime()
LIMIT = 3
TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "0012", "1e5", "2026-01-01", "null", "\u202e\0", "ﬂ\U0001f600", '"\\/', "a" * 300]),
    st.text(max_size=8),
)
TIME = st.one_of(
    st.none(),
    st.datetimes(pd.Timestamp("1970-01-02"), pd.Timestamp("2200-01-01")).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.123Z"),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00.123456Z"]),
)
WORD = st.one_of(TEXT, st.sampled_from(["pending", "queued", "running", "complete", "failed", "brand new"]))


def fields(required=(), **known):
    """Make objects of which fields can be missing, and in which unknown ones can be."""
    known["extra"] = st.sampled_from([None, 1, 2.5, [], [1, [2]], {"a": {"b": "c"}}, True])
    return st.fixed_dictionaries(
        {name: known[name] for name in required}, optional={name: known[name] for name in known if name not in required}
    )


ENGINE = st.one_of(st.none(), fields(id=TEXT, name=TEXT, category=st.one_of(st.none(), fields(name=TEXT))))
TASK = fields(
    ["id"],
    id=st.text(max_size=5), name=TEXT, status=WORD, order=st.one_of(st.none(), st.integers(-(2**31) + 1, 2**31 - 1)),
    createdDateTime=TIME, queuedDateTime=TIME, startedDateTime=TIME, completedDateTime=TIME,
    engineId=TEXT, engine=ENGINE, failureReason=WORD, failureMessage=TEXT,
)  # fmt: skip
TASKS = st.one_of(
    st.none(), fields(count=st.integers(0, 9), records=st.one_of(st.none(), st.lists(TASK, max_size=LIMIT + 1)))
)
JOB = fields(
    ["id"],
    id=st.text(max_size=5), name=TEXT, status=WORD, createdDateTime=TIME, modifiedDateTime=TIME,
    targetId=TEXT, clusterId=TEXT, applicationId=TEXT, scheduledJobId=TEXT, tasks=TASKS,
)  # fmt: skip
JOBS = st.lists(JOB, max_size=6)


def page_of(jobs, **more):
    return json.dumps({"data": {"jobs": {"count": len(jobs), "records": jobs}}} | more).encode()


def by_row(body, kind):
    return Rows(msgspec.json.decode(body, type=Answer[kind]).data["jobs"].records, LIMIT)


def frames_of(batch, *, whole):
    builder = JobTableBuilder()
    fresh = builder.add(batch)
    frames = [builder.frame({}, AS_OF, newest_first=False)]
    return frames + ([task_frame(fresh, {}, AS_OF)] if whole else [])


def check_same(columns, rows, *, whole):
    for name in ("came", "ids", "short", "statuses", "created"):
        assert (
            list(getattr(columns, name)) == list(getattr(rows, name)) if name != "came" else columns.came == rows.came
        )
    assert columns.sizes.tolist() == rows.sizes.tolist()
    assert columns.known.tolist() == rows.known.tolist()
    for ours, theirs in zip(frames_of(columns, whole=whole), frames_of(rows, whole=whole), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@given(JOBS, st.booleans(), st.booleans(), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_page_gives_the_same_columns_as_its_rows(jobs, whole, escaped, data):
    body = json.dumps({"data": {"jobs": {"records": jobs}}}, ensure_ascii=escaped).encode()
    columns = read_page(body, LIMIT, whole=whole)
    assert columns is not None
    rows = by_row(body, JobPage if whole else SummaryPage)
    check_same(columns, rows, whole=whole)
    at = data.draw(st.lists(st.integers(0, len(jobs) - 1), unique=True) if jobs else st.just([]))
    check_part(columns.part(at), rows.part(at), whole=whole)


def check_part(columns, rows, *, whole):
    assert list(columns.ids) == list(rows.ids)
    for ours, theirs in zip(frames_of(columns, whole=whole), frames_of(rows, whole=whole), strict=True):
        pd.testing.assert_frame_equal(ours.astype("object"), theirs.astype("object"))


GOOD = {"id": "a", "status": "pending", "createdDateTime": "2026-01-01T00:00:00Z", "tasks": {"records": [{"id": "t"}]}}


def test_a_good_page_is_not_left_to_the_rows():
    for more in ({}, {"errors": None}, {"errors": []}, {"extensions": {"cost": [1, {"a": 2}]}}):
        columns = read_page(page_of([GOOD], **more), LIMIT, whole=True)
        assert columns.ids == ["a"]
        assert columns.task("id").to_pylist() == ["t"]


STRANGE = {
    "nothing": b"",
    "null": b"null",
    "null after it": page_of([GOOD]) + b"null",
    "null before it": b"null" + page_of([GOOD]),
    "no JSON": b"<html>busy</html>",
    "cut off": page_of([GOOD])[:-4],
    "two answers": page_of([GOOD]) + page_of([GOOD]),
    "a list": b"[]",
    "no data": b'{"data":null}',
    "no jobs": b'{"data":{"jobs":null}}',
    "no records": b'{"data":{"jobs":{"records":null}}}',
    "an error": page_of([GOOD], errors=[{"message": "x", "path": ["jobs", "records", 0]}]),
    "errors of another shape": page_of([GOOD], errors={"message": "x"}),
    "a null job": page_of([GOOD, None]),
    "a null task": page_of([GOOD | {"tasks": {"records": [None]}}]),
    "a null id": page_of([GOOD | {"id": None}]),
    "no id": page_of([{"status": "pending"}]),
    "a number as id": page_of([GOOD | {"id": 12}]),
    "a number too large": page_of([GOOD | {"tasks": {"records": [{"id": "t", "order": 2**40}]}}]),
    "half a number": page_of([GOOD | {"tasks": {"records": [{"id": "t", "order": 1.5}]}}]),
    "a time that is none": page_of([GOOD | {"createdDateTime": "yesterday"}]),
    "no UTF-8": page_of([GOOD]).replace(b'"a"', b'"\xff"'),
    "half a character": page_of([GOOD]).replace(b'"a"', b'"\\ud800"'),
    "a key twice": page_of([GOOD]).replace(b'"id": "a"', b'"id": "a", "id": "b"'),
    "deep": page_of([GOOD], extra=0).replace(b": 0}", b": " + b"[" * 200_000 + b"]" * 200_000 + b"}"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_page_is_left_to_the_rows(name):
    assert read_page(STRANGE[name], LIMIT, whole=True) is None


def test_a_time_that_only_pandas_reads_is_left_to_the_rows():
    body = page_of([GOOD | {"modifiedDateTime": "2026-01-01T00:00:00.123456789Z"}])
    assert read_page(body, LIMIT, whole=True) is None
    assert frames_of(by_row(body, JobPage), whole=True)[0].modified[0] == pd.Timestamp("2026-01-01T00:00:00.123456Z")
