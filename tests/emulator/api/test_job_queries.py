"""Lists: pages, filters, order, ties, hidden defaults, and both meanings of count."""

from datetime import timedelta

import pytest

PAGE = """query(
  $limit: Int, $offset: Int, $filter: [JobDateTimeFilter!], $order: [JobSortField!], $status: [JobStatusFilter!]
) {
  jobs(limit: $limit, offset: $offset, dateTimeFilter: $filter, orderBy: $order, status: $status) {
    count limit offset records { id status createdDateTime modifiedDateTime }
  }
}"""


def records(api, **variables):
    return api.gql(PAGE, variables).data["jobs"]["records"]


def ids(api, **variables):
    return [record["id"] for record in records(api, **variables)]


def between(start, seconds):
    return [
        {
            "field": "createdDateTime",
            "fromDateTime": start.isoformat(),
            "toDateTime": (start + timedelta(seconds=seconds)).isoformat(),
        }
    ]


def test_count_is_the_page_in_graphql_and_the_total_in_rest(api):
    page = api.gql(PAGE, {"limit": 7}).data["jobs"]
    assert (page["count"], page["limit"], page["offset"]) == (7, 7, 0)
    answer = api.get("/proc/jobs?limit=7&offset=190").json
    assert (answer["count"], answer["limit"], answer["offset"], answer["success"]) == (200, 7, 190, True)
    assert len(answer["result"]) == 7
    assert set(answer["result"][0]) == {
        "internalJobID", "jobStatus", "organizationID", "name", "createdDateTime", "modifiedDateTime", "scheduledJobID",
    }  # fmt: skip
    assert answer["result"][0]["createdDateTime"].endswith("Z")
    assert "." not in answer["result"][0]["createdDateTime"]


def test_a_page_is_thirty_jobs_and_thirty_tasks_unless_asked_otherwise(api, service):
    job = service.add_job("pending", 75)
    assert api.gql("{ jobs { count limit } }").data["jobs"] == {"count": 30, "limit": 30}
    pages = "tasks { count limit } all: tasks(limit: 100) { count } end: tasks(offset: 70) { count }"
    text = f"query($id: ID!) {{ job(id: $id) {{ {pages} }} }}"
    assert api.gql(text, {"id": job}).data["job"] == {
        "tasks": {"count": 30, "limit": 30}, "all": {"count": 75}, "end": {"count": 5},
    }  # fmt: skip


def test_past_the_end_is_an_empty_page(api):
    assert api.gql(PAGE, {"limit": 10, "offset": 5000}).data["jobs"]["records"] == []
    assert api.get("/proc/jobs?offset=5000").json["result"] == []


@pytest.mark.parametrize("wrong", [{"limit": 1001}, {"limit": 0}, {"limit": -1}, {"offset": -1}])
def test_a_limit_or_an_offset_out_of_bounds_is_invalid_input(api, wrong):
    assert api.gql(PAGE, wrong).error["name"] == "invalid_input"
    assert api.get("/proc/jobs?" + "&".join(f"{key}={value}" for key, value in wrong.items())).status == 400


def test_the_newest_come_first_unless_asked_otherwise(api):
    for order in ({}, {"order": [{"field": "createdDateTime"}]}):
        times = [record["createdDateTime"] for record in records(api, limit=200, **order)]
        assert times == sorted(times, reverse=True)
    for field in ("createdDateTime", "modifiedDateTime"):
        times = [record[field] for record in records(api, limit=200, order=[{"field": field, "direction": "asc"}])]
        assert times == sorted(times)
        rest = api.get(f"/proc/jobs?limit=200&orderBy={field}&direction=asc").json["result"]
        assert [job[field] for job in rest] == sorted(job[field] for job in rest)


def test_pages_that_follow_each_other_hold_every_job_once(api, service):
    service.choices.ties = "stable"
    found = [ident for offset in range(0, 200, 37) for ident in ids(api, limit=37, offset=offset)]
    assert len(found) == len(set(found)) == 200


def test_ties_come_in_another_order_on_every_request_or_in_a_stable_one(api, service):
    created = service.clock.now()
    made = {service.add_job("complete", 1, created=created) for _ in range(40)}
    orders = {tuple(ids(api, limit=40)) for _ in range(5)}
    assert len(orders) == 5
    assert all(set(order) == made for order in orders)
    service.choices.ties = "stable"
    assert len({tuple(ids(api, limit=40)) for _ in range(5)}) == 1


def test_jobs_that_arrive_shift_every_later_page(api, service):
    service.choices.ties = "stable"
    first = ids(api, limit=10)
    service.clock.advance(1)
    new = service.add_job()
    assert ids(api, limit=10) == [new, *first[:9]]
    service.remove_job(new)
    assert ids(api, limit=10) == first
    assert api.get(f"/proc/job/{new}/status").status == 404


@pytest.mark.parametrize(("bounds", "expected"), [("inclusive", 3), ("exclusive", 1), ("half_open", 2)])
def test_the_ends_of_a_range_are_in_or_out_as_chosen(api, service, bounds, expected):
    service.choices.bounds = bounds
    start = service.clock.now() - timedelta(days=90)
    made = [service.add_job("complete", created=start + timedelta(minutes=minute)) for minute in range(3)]
    low, high = start.isoformat(), (start + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    found = ids(api, filter=[{"field": "createdDateTime", "fromDateTime": low, "toDateTime": high}])
    assert len(found) == expected
    assert set(found) <= set(made)
    query = f"/proc/jobs?createdAfter={low.replace('+', '%2B')}&createdBefore={high}"
    assert api.get(query).json["count"] == expected


@pytest.mark.parametrize(("bounds", "expected"), [("inclusive", [1, 2]), ("exclusive", [1, 2]), ("half_open", [1, 2])])
def test_a_range_may_end_within_a_millisecond(api, service, bounds, expected):
    service.choices.bounds = bounds
    start = service.clock.now() - timedelta(days=90)
    made = [service.add_job("complete", created=start + timedelta(milliseconds=ms)) for ms in range(4)]
    low, high = ((start + timedelta(microseconds=us)).isoformat() for us in (300, 2300))
    found = ids(api, filter=[{"field": "createdDateTime", "fromDateTime": low, "toDateTime": high}])
    assert sorted(map(made.index, found)) == expected


@pytest.mark.parametrize("ties", ["stable", "shuffled"])
def test_what_is_the_same_in_one_field_is_sorted_by_the_next(api, service, ties):
    service.choices.ties = ties
    start = service.clock.now() - timedelta(days=90)
    made = []
    for number in range(12):
        service.clock.advance("1s")
        made.append(service.add_job("complete", created=start + timedelta(seconds=number % 3)))
    order = [{"field": "createdDateTime", "direction": "asc"}, {"field": "modifiedDateTime", "direction": "desc"}]
    for offset in range(9):
        found = ids(api, limit=4, offset=offset, order=order, filter=between(start, 3))
        assert found == sorted(made, key=lambda job: (made.index(job) % 3, -made.index(job)))[offset : offset + 4]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_ties_that_reach_over_the_ends_of_a_page_stay_among_themselves(api, service, direction):
    start = service.clock.now() - timedelta(days=90)
    made = [service.add_job("complete", 1, created=start + timedelta(seconds=number // 50)) for number in range(400)]
    order, seconds = [{"field": "createdDateTime", "direction": direction}], [number // 50 for number in range(400)]
    if direction == "desc":
        seconds.reverse()
    for offset in range(0, 400, 23):
        page = ids(api, limit=60, offset=offset, order=order, filter=between(start, 8))
        assert len(set(page)) == len(page)
        assert [made.index(job) // 50 for job in page] == seconds[offset : offset + 60]


def test_dates_are_taken_with_any_offset_and_given_with_milliseconds(api, service):
    created = service.clock.now() - timedelta(days=80)
    job = service.add_job("complete", created=created)
    text = created.strftime("%Y-%m-%dT%H:%M:%S")
    shifted = (created + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")
    for moment in (f"{text}Z", f"{text}.000Z", f"{text}+00:00", shifted):
        (found,) = records(api, filter=[{"field": "createdDateTime", "fromDateTime": moment, "toDateTime": moment}])
        assert found["id"] == job
        assert found["createdDateTime"] == f"{text}.000Z"
    assert (
        api.gql(PAGE, {"filter": [{"field": "createdDateTime", "toDateTime": "yesterday"}]}).error["name"]
        == "invalid_input"
    )


def test_the_filter_cancelled_lists_the_aborted_and_rest_lists_them_by_their_own_word(api, service):
    aborted = set(service.jobs_by_status("aborted")) | {service.add_job("aborted"), service.add_job("cancelled")}
    assert set(ids(api, limit=500, status=["cancelled"])) == aborted
    assert {job["internalJobID"] for job in api.get("/proc/jobs?status=aborted&limit=500").json["result"]} == aborted
    assert api.gql("{ jobs(status: [aborted]) { count } }").status == 400


@pytest.mark.parametrize("status", ["pending", "queued", "running", "complete", "failed"])
def test_the_other_filters_list_what_they_say(api, service, status):
    assert set(ids(api, limit=500, status=[status])) == set(service.jobs_by_status(status)) != set()


def test_jobs_of_another_application_are_listed_only_when_asked_for(api):
    text = "query($a: [ID]) { jobs(limit: 1000, applicationIds: $a) { records { id applicationId } } }"
    own = api.gql(text).data["jobs"]["records"]
    assert len({record["applicationId"] for record in own}) == 1
    strange = api.gql(text, {"a": ["no-such-application"]}).data["jobs"]["records"]
    assert strange == []


def test_engine_category_target_cluster_and_schedule_filter(api):
    text = """query($e: [ID!], $c: [ID!], $t: ID, $k: ID, $s: [ID!]) {
      jobs(limit: 1000, engineIds: $e, engineCategoryIds: $c, targetId: $t, clusterId: $k, scheduledJobIds: $s) {
        records { id targetId clusterId scheduledJobId tasks(limit: 100) { records { engine { id category { id } } } } }
      } }"""
    everything = api.gql(text).data["jobs"]["records"]
    sample = next(job for job in everything if job["scheduledJobId"])
    engine = sample["tasks"]["records"][0]["engine"]

    def tasks(job):
        return [task["engine"] for task in job["tasks"]["records"]]

    for variables, test in (
        ({"e": [engine["id"]]}, lambda job: any(e["id"] == engine["id"] for e in tasks(job))),
        ({"c": [engine["category"]["id"]]}, lambda job: any(e["category"] == engine["category"] for e in tasks(job))),
        ({"t": sample["targetId"]}, lambda job: job["targetId"] == sample["targetId"]),
        ({"k": sample["clusterId"]}, lambda job: job["clusterId"] == sample["clusterId"]),
        ({"s": [sample["scheduledJobId"]]}, lambda job: job["scheduledJobId"] == sample["scheduledJobId"]),
    ):
        expected = {job["id"] for job in everything if test(job)}
        assert {job["id"] for job in api.gql(text, variables).data["jobs"]["records"]} == expected
        assert 0 < len(expected) <= len(everything)


def test_a_task_is_found_by_its_id_which_is_its_jobs_and_five_characters(api, neighbour):
    (job,) = api.gql("{ jobs(limit: 1) { records { id tasks { records { id status } } } } }").data["jobs"]["records"]
    task = job["tasks"]["records"][-1]
    assert task["id"].startswith(job["id"])
    assert len(task["id"]) == len(job["id"]) + 5
    text = "query($id: ID!) { task(id: $id) { id status jobId job { id } } tasks(id: $id) { records { id } } }"
    found = api.gql(text, {"id": task["id"]}).data
    assert found == {
        "task": {**task, "jobId": job["id"], "job": {"id": job["id"]}},
        "tasks": {"records": [{"id": task["id"]}]},
    }
    assert {error["name"] for error in neighbour.gql(text, {"id": task["id"]}).json["errors"]} == {"not_found"}
    assert api.gql('{ task(id: "x") { id } }').error["name"] == "not_found"


def test_a_target_lists_its_jobs(api, service):
    made = [service.add_job("complete", target="0099") for _ in range(3)]
    jobs = "jobs(limit: 2, orderBy: [{field: createdDateTime}]) { count records { id } }"
    text = f'{{ temporalDataObject(id: "0099") {{ id name status {jobs} }} }}'
    target = api.gql(text).data["temporalDataObject"]
    assert target["id"] == "0099"
    assert target["jobs"]["count"] == 2
    assert {job["id"] for job in target["jobs"]["records"]} <= set(made)
    assert api.gql('{ temporalDataObject(id: "nothing") { id } }').error["name"] == "not_found"
