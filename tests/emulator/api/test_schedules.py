"""Schedules: reading, the trap in updating them, launching, stopping."""

from datetime import timedelta

import pytest

ONE = "query($id: ID!) { scheduledJob(id: $id) { id name isActive isPublic runMode description modifiedDateTime } }"
UPDATE = "mutation($input: UpdateScheduledJob!) { updateScheduledJob(input: $input) { id name isActive isPublic } }"


@pytest.fixture
def public(service):
    return service.add_schedule(name="every minute", is_public=True, every="1min")


def read(api, schedule):
    return api.gql(ONE, {"id": schedule}).data["scheduledJob"]


def test_an_update_without_is_public_unpublishes_the_schedule(api, service, public):
    assert read(api, public)["isPublic"] is True
    api.gql(UPDATE, {"input": {"id": public, "isActive": False}})
    after = read(api, public)
    assert (after["isActive"], after["isPublic"], after["runMode"]) == (False, False, "Recurring")
    assert [(write.operation, write.target_id) for write in service.ledger] == [("updateScheduledJob", public)]


def test_an_update_with_its_own_values_changes_nothing_else(api, public):
    before = read(api, public)
    given = {"id": public, "isActive": False, "isPublic": True, "runMode": before["runMode"]}
    api.gql(UPDATE, {"input": given})
    after = read(api, public)
    assert {**after, "isActive": True, "modifiedDateTime": None} == {**before, "modifiedDateTime": None}


@pytest.mark.parametrize("way", ["graphql", "rest"])
def test_a_stopped_schedule_launches_no_more_and_its_runs_stay(api, service, public, way):
    service.clock.advance("5min")
    runs = "query($id: [ID!]) { jobs(scheduledJobIds: $id, limit: 100) { count } }"
    assert api.gql(runs, {"id": [public]}).data["jobs"]["count"] == 5
    if way == "graphql":
        api.gql(UPDATE, {"input": {"id": public, "isActive": False, "isPublic": True}})
    else:
        assert api.post("/proc/jobs/cancel", {"scheduledJobID": public}).json["cancelled"] == [public]
        assert read(api, public)["isPublic"] is True
    service.clock.advance("1h")
    assert api.gql(runs, {"id": [public]}).data["jobs"]["count"] == 5
    assert len(service.ledger) == 1
    assert service.ledger[0].operation == ("updateScheduledJob" if way == "graphql" else "cancel_scheduled")
    api.gql(UPDATE, {"input": {"id": public, "isActive": True, "isPublic": True}})
    service.clock.advance("2min")
    assert api.gql(runs, {"id": [public]}).data["jobs"]["count"] == 7


@pytest.mark.parametrize("way", ["graphql", "rest"])
def test_stopping_also_cancels_waiting_runs_when_so_chosen(api, service, public, way):
    service.choices.schedule_cancel_stops_runs = True
    waiting = service.add_job("pending", schedule=public)
    started = service.add_job("running", schedule=public)
    if way == "graphql":
        api.gql(UPDATE, {"input": {"id": public, "isActive": False, "isPublic": True}})
    else:
        api.post("/proc/jobs/cancel", {"scheduledJobID": public})
    assert (service.job_status(waiting), service.job_status(started)) == ("aborted", "running")
    assert len(service.ledger) == 2


def test_the_runs_of_a_schedule_reach_back_three_months_unless_a_range_is_given(api, service, public):
    now = service.clock.now()
    new = service.add_job("complete", schedule=public, created=now - timedelta(days=80))
    old = service.add_job("complete", schedule=public, created=now - timedelta(days=100))
    jobs = "jobs(dateTimeFilter: $f) { records { id } }"
    text = f"query($id: ID!, $f: [JobDateTimeFilter!]) {{ scheduledJob(id: $id) {{ {jobs} }} }}"

    def runs(**variables):
        return [job["id"] for job in api.gql(text, {"id": public, **variables}).data["scheduledJob"]["jobs"]["records"]]

    assert runs() == [new]
    assert runs(f=[{"field": "createdDateTime", "fromDateTime": "2000-01-01T00:00:00Z"}]) == [new, old]


def test_schedules_are_listed_filtered_sorted_and_the_others_not_shown(api, neighbour, service, public):
    text = """query($n: String, $a: Boolean, $m: RunMode, $o: [ScheduledJobOrderBy!], $l: Int) {
      scheduledJobs(name: $n, isActive: $a, runMode: $m, orderBy: $o, limit: $l) {
        count records { id name isActive runMode modifiedDateTime } } }"""

    def listed(asked=api, **variables):
        return asked.gql(text, {"l": 100, **variables}).data["scheduledJobs"]["records"]

    everything = listed()
    assert public in {s["id"] for s in everything}
    times = [s["modifiedDateTime"] for s in everything]
    assert times == sorted(times, reverse=True)
    assert [s["name"] for s in listed(n="5MINUTE")] == ["qv3TestEverye5Minute"]
    assert {s["isActive"] for s in listed(a=False)} == {False}
    assert {s["runMode"] for s in listed(m="Continuous")} == {"Continuous"}
    names = [s["name"] for s in listed(o=[{"field": "name", "direction": "asc"}])]
    assert names == sorted(names)
    assert not {s["id"] for s in listed(neighbour)} & {s["id"] for s in everything}
    assert neighbour.gql(ONE, {"id": public}).error["name"] == "not_found"
    assert neighbour.post("/proc/jobs/cancel", {"scheduledJobID": public}).status == 404
    assert service.ledger == []


def test_schedules_are_created_launched_and_deleted(api, service):
    fields = "id isActive runMode parts { repeatInterval repeatIntervalUnit }"
    create = f"mutation($i: CreateScheduledJob!) {{ createScheduledJob(input: $i) {{ {fields} }} }}"
    part = {"repeatIntervalUnit": "Minutes", "repeatInterval": 10}
    given = {"name": "Ten minutes", "runMode": "Recurring", "recurringScheduleParts": [part]}
    made = api.gql(create, {"i": given}).data["createScheduledJob"]
    assert made == {**made, "isActive": True, "runMode": "Recurring", "parts": [part]}
    launch = "mutation($id: ID) { launchScheduledJobs(input: {scheduledJobId: $id}) { id status scheduledJobId } }"
    (job,) = api.gql(launch, {"id": made["id"]}).data["launchScheduledJobs"]
    assert job == {**job, "status": "pending", "scheduledJobId": made["id"]}
    service.clock.advance("35min")
    runs = "query($id: [ID!]) { jobs(scheduledJobIds: $id) { count } }"
    assert api.gql(runs, {"id": [made["id"]]}).data["jobs"]["count"] == 4
    delete = "mutation($id: ID!) { deleteScheduledJob(id: $id) { id message } }"
    assert api.gql(delete, {"id": made["id"]}).data["deleteScheduledJob"]["id"] == made["id"]
    assert api.gql(ONE, {"id": made["id"]}).error["name"] == "not_found"
    assert [write.operation for write in service.ledger] == [
        "createScheduledJob",
        "launchScheduledJobs",
        "deleteScheduledJob",
    ]


def test_an_error_in_a_field_that_must_not_be_null_empties_what_holds_it(api, public):
    text = "query($id: ID!) { ok: me { id } scheduledJob(id: $id) { id jobs(limit: -1) { count } } }"
    answer = api.gql(text, {"id": public}).json
    assert answer["data"]["ok"]
    assert answer["data"]["scheduledJob"] is None
    assert [error["path"] for error in answer["errors"]] == [["scheduledJob", "jobs"]]
