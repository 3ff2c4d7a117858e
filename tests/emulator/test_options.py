"""Every open question of the contract, answered in every way the service can."""

import pytest

from jobwidgets.emulator import EmulatorOptions

CANCEL = "mutation($id: ID!) { cancelJob(id: $id) { id message } }"
RETRY = "mutation($id: ID!) { retryJob(id: $id) { id } }"


def test_a_choice_that_does_not_exist_or_a_value_it_cannot_take_is_refused():
    choices = EmulatorOptions()
    with pytest.raises(ValueError, match="did you mean 'max_page_size'"):
        choices.max_pagesize = 10
    for name, value in (
        ("cancelled_status", "gone"),
        ("refused_cancel", None),
        ("max_page_size", 0),
        ("max_aliases", "ten"),
        ("max_depth", None),
        ("cancel_race", 1.5),
        ("cancel_delay", -1),
        ("auth_status", 418),
        ("schedule_cancel_stops_runs", 1),
        ("rate_limit", True),
    ):
        with pytest.raises(ValueError, match=name):
            setattr(choices, name, value)
    assert choices == EmulatorOptions()


def test_every_choice_is_documented():
    assert all(f"    {name}\n" in EmulatorOptions.__doc__ for name in EmulatorOptions.__slots__)


@pytest.mark.parametrize("word", ["aborted", "cancelled"])
def test_the_status_after_a_cancel(api, service, word):
    service.choices.cancelled_status = word
    job = service.add_job("queued")
    api.gql(CANCEL, {"id": job})
    assert api.both(job) == (word, "aborted")
    assert set(service.task_statuses(job)) == {word}
    listed = api.gql("{ jobs(status: [cancelled], limit: 500) { records { id } } }").data["jobs"]["records"]
    assert job in {record["id"] for record in listed}


@pytest.mark.parametrize("name", ["invalid_input", "not_allowed"])
def test_a_refused_cancel_is_an_error_of_the_chosen_name(api, service, name):
    service.choices.refused_cancel = name
    answer = api.gql(CANCEL, {"id": service.a_running_job()})
    assert answer.status == 200
    assert answer.json["data"] == {"cancelJob": None}
    assert answer.error["name"] == name


def test_a_refused_cancel_can_be_a_message_and_no_change(api, service):
    service.choices.refused_cancel = "message"
    job = service.a_running_job()
    payload = api.gql(CANCEL, {"id": job}).data["cancelJob"]
    assert payload["id"] == job
    assert payload["message"] != "Job cancelled"
    assert service.job_status(job) == "running"
    assert service.ledger == []
    assert api.post("/proc/jobs/cancel", {"jobID": job}).status == 400


def test_retry_can_be_for_failed_jobs_only(api, service):
    service.choices.retry_allowed = "failed_only"
    assert api.gql(RETRY, {"id": service.a_pending_job()}).error["name"] == "invalid_input"
    assert api.gql(RETRY, {"id": service.a_failed_job()}).data["retryJob"]["id"]
    assert len(service.ledger) == 1


def test_rest_can_answer_a_cancel_with_nothing(api, service):
    service.choices.rest_cancel_answer = "none"
    job = service.a_pending_job()
    answer = api.post("/proc/jobs/cancel", {"jobID": job})
    assert (answer.status, answer.body) == (204, b"")
    assert api.both(job) == ("aborted", "aborted")
    assert api.post("/proc/jobs/cancel", {"jobID": service.a_running_job()}).status == 400
    assert api.post("/proc/jobs/cancel", {"scheduledJobID": "123456"}).status == 204


@pytest.mark.parametrize("most", [10, 200, None])
def test_the_largest_page(api, service, most):
    service.choices.max_page_size = most
    text = "query($l: Int) { jobs(limit: $l) { count } }"
    assert api.gql(text, {"l": most or 100_000}).data["jobs"]["count"] == min(most or 200, 200)
    if most is not None:
        assert api.gql(text, {"l": most + 1}).error["name"] == "invalid_input"
        assert api.gql(
            "query($l: Int) { jobs(limit: 1) { records { tasks(limit: $l) { count } } } }", {"l": most + 1}
        ).error


@pytest.mark.parametrize("most", [5, None])
def test_the_most_aliases_in_a_request(api, service, most):
    service.choices.max_aliases = most

    def ask(count):
        return api.gql("{" + " ".join(f"a{n}: me {{ id }}" for n in range(count)) + "}")

    assert len(ask(most or 300).data) == (most or 300)
    if most is not None:
        refused = ask(most + 1)
        assert refused.status == 400
        assert refused.error["name"] == "invalid_input"
        assert "data" not in refused.json


def test_too_many_aliases_leave_everything_undone(api, service):
    service.choices.max_aliases = 2
    jobs = [service.add_job() for _ in range(3)]
    text = "mutation {" + " ".join(f'c{n}: cancelJob(id: "{job}") {{ id }}' for n, job in enumerate(jobs)) + "}"
    assert api.gql(text).status == 400
    assert service.ledger == []


def test_the_rate_limit_counts_each_token_and_each_organization(api, neighbour, service):
    service.choices.rate_limit = 3
    assert [api.gql("{ me { id } }").status for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = api.gql("{ me { id } }")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert refused.error["name"] == "rate_limited"
    assert api.get("/proc/jobs").status == 429
    assert neighbour.gql("{ me { id } }").status == 200
    name, password = service.user
    text = "mutation($n: String!, $p: String!) { userLogin(input: {userName: $n, password: $p}) { token } }"
    colleague = api.gql(text, {"n": name, "p": password}, token="none").data["userLogin"]["token"]
    assert api.gql("{ me { id } }", token=colleague).status == 429
    service.choices.rate_limit = None
    assert api.gql("{ me { id } }").status == 200


def test_a_window_of_the_rate_limit_ends(service):
    now = [0.0]
    service.limit._real = lambda: now[0]
    assert [service.limit.wait(("a",), 2) for _ in range(3)] == [0, 0, 10]
    now[0] = 4
    assert service.limit.wait(("a",), 2) == 6
    now[0] = 10
    assert service.limit.wait(("a",), 2) == 0


@pytest.mark.parametrize("word", ["present", "absent"])
def test_the_path_of_an_error(api, service, word):
    service.choices.error_path = word
    error = api.gql('mutation { c0: cancelJob(id: "no") { id } }').error
    assert error.get("path") == (["c0"] if word == "present" else None)
    assert error["data"]["objectId"] == "no"


def test_a_cancel_can_take_effect_after_a_delay(api, service):
    service.choices.cancel_delay = 5
    job = service.add_job("pending", lives=False)
    assert api.gql(CANCEL, {"id": job}).data["cancelJob"]["message"] == "Job cancelled"
    assert service.job_status(job) == "pending"
    assert service.ledger == []
    service.clock.advance(5)
    assert service.job_status(job) == "aborted"
    assert [write.target_id for write in service.ledger] == [job]


def test_a_delayed_cancel_asked_for_twice_takes_effect_once(api, service):
    service.choices.cancel_delay = 5
    job = service.add_job("pending", lives=False)
    for _ in range(2):
        assert api.gql(CANCEL, {"id": job}).data["cancelJob"]["id"] == job
    service.clock.advance("1min")
    assert len(service.ledger) == 1


def test_a_cancel_can_come_too_late_the_job_starts_first(api, service):
    service.choices.cancel_race = 1.0
    job = service.add_job("queued")
    assert api.gql(CANCEL, {"id": job}).data["cancelJob"]["id"] == job
    assert service.job_status(job) == "running"
    assert service.task_statuses(job)[0] == "running"
    assert service.ledger == []


@pytest.mark.parametrize("status", [200, 401, 403])
def test_the_status_of_a_wrong_token(api, service, status):
    service.choices.auth_status = status
    answer = api.gql("{ me { id } }", token="wrong")
    assert answer.status == status
    assert answer.error["name"] == "authentication_error"
    assert api.get("/proc/jobs", token="wrong").status == (401 if status == 200 else status)


def test_a_query_that_is_too_dear_is_refused(api, service):
    text = "query($l: Int) { jobs(limit: $l) { records { tasks(limit: 10) { records { id } } } } }"
    assert api.gql(text, {"l": 100}).status == 200
    service.choices.max_cost = 500
    refused = api.gql(text, {"l": 100})
    assert refused.status == 200
    assert refused.json["data"] is None
    assert refused.error["name"] == "capacity_exceeded"
    assert api.gql(text, {"l": 40}).data["jobs"]["records"]
