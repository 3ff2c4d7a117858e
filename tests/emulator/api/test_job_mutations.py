"""Cancel, retry, create: what is allowed, what changes, what the ledger says."""

import pytest

ALLOWED = [
    ("pending", ["pending", "pending"]),
    ("queued", ["queued", "pending"]),
    ("queued", ["queued", "queued"]),
    ("running", ["pending", "pending"]),
    ("running", ["queued", "pending"]),
]
REFUSED = [
    ("running", ["running", "pending"]),
    ("running", ["complete", "queued"]),
    ("running", ["accepted", "pending"]),
    ("queued", ["waiting", "pending"]),
    ("pending", ["standby_pending"]),
    ("complete", ["complete"]),
    ("failed", ["failed", "aborted"]),
    ("failed", ["pending", "pending"]),
    ("aborted", ["aborted"]),
    ("paused", ["pending"]),
]
CANCEL = "mutation($id: ID!) { cancelJob(id: $id) { id message } }"
RETRY = "mutation($id: ID!) { retryJob(id: $id) { id status name targetId } }"


@pytest.mark.parametrize(("status", "tasks"), ALLOWED)
def test_a_job_whose_tasks_are_all_idle_is_cancelled(api, service, status, tasks):
    job = service.add_job(status, tasks)
    assert api.gql(CANCEL, {"id": job}).data["cancelJob"] == {"id": job, "message": "Job cancelled"}
    assert service.job_status(job) == "aborted"
    assert set(service.task_statuses(job)) == {"aborted"}
    assert [(write.operation, write.target_id, write.via) for write in service.ledger] == [
        ("cancelJob", job, "graphql")
    ]


@pytest.mark.parametrize(("status", "tasks"), REFUSED)
@pytest.mark.parametrize("way", ["graphql", "rest"])
def test_any_other_job_is_refused_and_stays_as_it_was(api, service, status, tasks, way):
    job = service.add_job(status, tasks)
    if way == "graphql":
        answer = api.gql(CANCEL, {"id": job})
        assert answer.status == 200
        assert answer.json["data"] == {"cancelJob": None}
        assert answer.error["name"] == "invalid_input"
        assert answer.error["path"] == ["cancelJob"]
        assert answer.error["data"]["objectId"] == job
    else:
        answer = api.post("/proc/jobs/cancel", {"jobID": job})
        assert answer.status == 400
        assert set(answer.json) == {"id", "description", "detail"}
    assert service.job_status(job) == status
    assert service.task_statuses(job) == tasks
    assert service.ledger == []


def test_cancelled_twice_is_done_once(api, service):
    job = service.a_pending_job()
    assert api.gql(CANCEL, {"id": job}).data["cancelJob"]["id"] == job
    assert api.gql(CANCEL, {"id": job}).error["name"] == "invalid_input"
    assert len(service.ledger) == 1


def test_a_strange_id_and_another_organizations_job_are_both_not_found(api, neighbour, service):
    job = service.a_pending_job()
    for asked, ident in ((api, "no-such-job"), (neighbour, job)):
        for text in (CANCEL, RETRY, "query($id: ID!) { job(id: $id) { id } }"):
            error = asked.gql(text, {"id": ident}).error
            assert error["name"] == "not_found"
            assert error["data"]["objectId"] == ident
            assert error["data"]["objectType"] == "Job"
            assert error["time_thrown"].endswith("Z")
        assert asked.get(f"/proc/job/{ident}/status").status == 404
        assert asked.post("/proc/jobs/cancel", {"jobID": ident}).status == 404
    assert service.ledger == []


@pytest.mark.parametrize("status", ["pending", "queued", "running", "failed", "aborted"])
def test_whatever_has_not_completed_is_retried_as_a_new_pending_job(api, service, status):
    job = service.add_job(status, name="again, please", target="0012")
    new = api.gql(RETRY, {"id": job}).data["retryJob"]
    assert new == {"id": new["id"], "status": "pending", "name": "again, please", "targetId": "0012"}
    assert new["id"] != job
    assert service.job_status(job) == status
    (write,) = service.ledger
    assert (write.operation, write.target_id, write.new_id) == ("retryJob", job, new["id"])


def test_a_completed_job_is_not_retried(api, service):
    assert api.gql(RETRY, {"id": service.a_complete_job()}).error["name"] == "invalid_input"
    assert service.ledger == []


def test_retry_sent_twice_makes_two_jobs(api, service):
    job = service.a_failed_job()
    assert len({api.gql(RETRY, {"id": job}).data["retryJob"]["id"] for _ in range(2)}) == 2


def test_the_aliases_of_a_mutation_run_one_after_another_each_with_its_own_error(api, service):
    good, started = service.add_job("pending"), service.add_job("running")
    asked = {"a": good, "b": good, "c": started, "d": "x"}
    text = " ".join(f'{key}: cancelJob(id: "{job}") {{ id }}' for key, job in asked.items())
    answer = api.gql(f"mutation {{ {text} }}").json
    assert answer["data"] == {"a": {"id": good}, "b": None, "c": None, "d": None}
    assert [(error["path"], error["name"]) for error in answer["errors"]] == [
        (["b"], "invalid_input"),
        (["c"], "invalid_input"),
        (["d"], "not_found"),
    ]


def test_created_jobs_are_pending_and_can_be_read_retried_and_cancelled(api, service):
    engine = service_engine(api)
    given = {"name": "Ä <b>", "targetId": "77", "tasks": [{"engineId": engine, "payload": {"a": [1, None, "ü"]}}]}
    made = api.gql(
        "mutation($i: CreateJob) { createJob(input: $i) { id status targetId tasks { records { payload } } } }",
        {"i": given},
    )
    job = made.data["createJob"]
    assert job["status"] == "pending"
    assert job["tasks"]["records"] == [{"payload": {"a": [1, None, "ü"]}}]
    (by_rest,) = api.post("/proc/job/create", given).json["internalJobIds"]
    both = api.post("/proc/job/create", {"jobs": [given, given]}).json["internalJobIds"]
    assert api.both(by_rest) == ("pending", "pending")
    assert [write.operation for write in service.ledger] == ["createJob", "create", "create", "create"]
    assert [write.new_id for write in service.ledger] == [job["id"], by_rest, *both]


@pytest.mark.parametrize("race", [0, 1])
def test_a_job_without_tasks_is_cancelled_too(api, service, race):
    service.choices.cancel_race = race
    job = service.add_job("pending", [])
    assert api.gql(CANCEL, {"id": job}).data["cancelJob"] == {"id": job, "message": "Job cancelled"}
    assert api.both(job) == ("aborted", "aborted")
    assert [write.target_id for write in service.ledger] == [job]


def test_a_job_is_created_on_the_cluster_it_asks_for(api):
    clusters = {
        job["clusterId"] for job in api.gql("{ jobs(limit: 200) { records { clusterId } } }").data["jobs"]["records"]
    }
    assert len(clusters) == 2
    text = "mutation($input: CreateJob) { createJob(input: $input) { clusterId } }"
    for cluster in [*clusters] * 4:
        given = {"clusterId": cluster, "tasks": [{"engineId": "PageReader OCR"}]}
        assert api.gql(text, {"input": given}).data["createJob"] == {"clusterId": cluster}


def test_of_several_jobs_to_create_none_is_made_when_one_is_wrong(api, service):
    good = {"tasks": [{"engineId": service_engine(api)}]}
    assert api.post("/proc/job/create", {"jobs": [good, {"tasks": []}]}).status == 400
    assert api.post("/proc/job/create", {"jobs": [good, {"tasks": [{"engineId": "nothing"}]}]}).status == 404
    assert service.ledger == []


def test_a_range_is_decided_by_the_server_also_over_what_the_list_does_not_show(api, service):
    organization = api.gql("{ me { organizationId } }").data["me"]["organizationId"]
    whole = {"organizationID": organization, "createdAfterDateTime": "2000-01-01T00:00:00+00:00"}
    body = {**whole, "createdBeforeDateTime": "2100-01-01T00:00:00+00:00"}
    before = {status: set(service.jobs_by_status(status)) for status in ("pending", "queued", "running", "complete")}
    answer = api.post("/proc/jobs/cancel", body).json
    assert before["pending"] | before["queued"] <= set(answer["cancelled"])
    assert {entry["id"] for entry in answer["refused"]} >= {
        job for job in before["running"] if service.job_status(job) == "running"
    }
    assert all(service.job_status(job) == "aborted" for job in answer["cancelled"])
    assert set(service.jobs_by_status("complete")) == before["complete"]
    assert sorted(write.target_id for write in service.ledger) == sorted(answer["cancelled"])
    assert {write.operation for write in service.ledger} == {"cancel_range"}
    other = next(ident for ident in service.tokens if ident != organization)
    assert api.post("/proc/jobs/cancel", {**body, "organizationID": other}).status == 403


@pytest.mark.parametrize(
    "body",
    [{}, {"jobID": "a", "scheduledJobID": "b"}, {"organizationID": "7682"}, [], "x", {"jobID": ["a"]}],
)
def test_a_cancel_that_names_nothing_or_too_much_is_refused(api, service, body):
    assert api.post("/proc/jobs/cancel", body).status == 400
    assert service.ledger == []


def test_update_jobs_queues_pending_jobs(api, service):
    job = service.add_job("pending")
    text = "mutation($ids: [ID!]) { updateJobs(input: {ids: $ids, status: queued}) { count records { id status } } }"
    (record,) = api.gql(text, {"ids": [job]}).data["updateJobs"]["records"]
    assert record["id"] == job
    assert record["status"] != "pending"
    assert api.gql(text, {"ids": [service.a_complete_job()]}).error["name"] == "invalid_input"


def test_log_in_gives_a_token_that_works_and_wears_out(api, service):
    text = "mutation($n: String!, $p: String!) { userLogin(input: {userName: $n, password: $p}) { token } }"
    name, password = service.user
    assert api.gql(text, {"n": name, "p": "wrong"}, token="none").error["name"] == "authentication_error"
    token = api.gql(text, {"n": name, "p": password}, token="none").data["userLogin"]["token"]
    assert api.gql("{ me { name } }", token=token).data["me"]["name"] == name
    service.clock.advance("25h")
    assert api.gql("{ me { name } }", token=token).status == 401
    assert api.gql("{ me { name } }").status == 200


def test_who_am_i(api):
    data = api.gql("{ me { id name organizationId organization { id name } } myRights { operations } }").data
    assert data["me"]["organization"]["id"] == data["me"]["organizationId"]
    assert "job:update" in data["myRights"]["operations"]


def test_requests_are_counted_by_operation(api, service):
    api.gql("{ me { id } a: jobs { count } b: jobs { count } }")
    api.get("/proc/jobs?limit=1")
    api.get("/proc/job/x/status")
    assert service.requests == {"me": 1, "jobs": 1, "GET /proc/jobs": 1, "GET /proc/job/{id}/status": 1}


def service_engine(api):
    """Return the id of some engine."""
    records = api.gql("{ jobs(limit: 1) { records { tasks { records { engineId } } } } }").data["jobs"]["records"]
    return records[0]["tasks"]["records"][0]["engineId"]
