"""The requests of the user's document, letter for letter, sent with curl to a service of its own process."""

import json
import subprocess
import sys

import pytest

TOKEN = "a-token-for-this-test"

LIST = "query { jobs(limit: 1000) { records { id status tasks(limit: 100) { records { status } } } } }"


@pytest.fixture(scope="module")
def served():
    command = [sys.executable, "-m", "jobwidgets.emulator", "--port", "0", "--jobs", "2000"]
    command += ["--speed", "0", "--token", TOKEN, "--json", "--owned"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        urls = json.loads(process.stdout.readline())
        assert urls["token"] == TOKEN
        yield urls
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.fixture
def curl():
    def run(method, url, data=None):
        command = ["curl", "--silent", "--show-error", "--request", method, "--url", url]
        command += ["--header", f"Authorization: Bearer {TOKEN}", "--header", "Content-Type: application/json"]
        command += ["--write-out", "\n%{http_code}"]
        if data is not None:
            command += ["--data", data]
        body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        return int(status), json.loads(body) if body else None

    return run


@pytest.fixture
def ask(served, curl):
    """Send a GraphQL text."""

    def run(text):
        status, answer = curl("POST", served["graphql"], json.dumps({"query": text}))
        assert status == 200
        return answer

    return run


@pytest.fixture
def jobs(ask):
    return [
        (job["id"], job["status"], {task["status"] for task in job["tasks"]["records"]})
        for job in ask(LIST)["data"]["jobs"]["records"]
    ]


@pytest.fixture
def read_both(served, ask, curl):
    def run(job):
        rest = curl("GET", f"{served['rest']}/proc/job/{job}/status")[1]["job"]
        assert rest["internalJobID"] == job
        return ask(f'query {{ job(id: "{job}") {{ status }} }}')["data"]["job"]["status"], rest["jobStatus"]

    return run


def pick(jobs, status, tasks):
    return next(ident for ident, word, words in jobs if word == status and words <= tasks)


@pytest.mark.parametrize(("status", "tasks"), [("pending", {"pending"}), ("queued", {"queued", "pending"})])
def test_cancel_job_answers_as_printed_and_the_job_reads_aborted_in_both_apis(ask, jobs, read_both, status, tasks):
    job = pick(jobs, status, tasks)
    answer = ask(f'mutation cancelJob {{\ncancelJob(id: "{job}") {{\nid\nmessage\n}}\n}}')
    assert answer == {"data": {"cancelJob": {"id": job, "message": "Job cancelled"}}}
    assert read_both(job) == ("aborted", "aborted")
    tasks = ask(f'{{ job(id: "{job}") {{ tasks(limit: 100) {{ records {{ status }} }} }} }}')["data"]["job"]["tasks"][
        "records"
    ]
    assert {task["status"] for task in tasks} == {"aborted"}


def test_a_job_that_runs_in_name_only_is_cancelled(ask, jobs, read_both):
    job = pick(jobs, "running", {"pending", "queued"})
    assert ask(f'mutation cancelJob {{ cancelJob(id: "{job}") {{ id message }} }}')["data"]["cancelJob"]["id"] == job
    assert read_both(job) == ("aborted", "aborted")


def test_a_running_job_with_a_started_task_is_refused_and_unchanged(served, ask, curl, jobs, read_both):
    job = next(ident for ident, word, words in jobs if word == "running" and not words <= {"pending", "queued"})
    whole = f'{{ job(id: "{job}") {{ status modifiedDateTime tasks(limit: 100) {{ records {{ id status }} }} }} }}'
    before = ask(whole)
    answer = ask(f'mutation cancelJob {{ cancelJob(id: "{job}") {{ id message }} }}')
    assert answer["data"] == {"cancelJob": None}
    assert [error["name"] for error in answer["errors"]] == ["invalid_input"]
    status, body = curl("POST", f"{served['rest']}/proc/jobs/cancel", f'{{\n"jobID": "{job}"\n}}')
    assert status == 400
    assert set(body) == {"id", "description", "detail"}
    assert ask(whole) == before
    assert read_both(job) == ("running", "running")


def test_the_scheduled_job_of_the_document_is_switched_off_by_its_unquoted_id(ask):
    text = """mutation updateScheduledJob {
updateScheduledJob(
input: {
id: 123456
isActive: false
isPublic: false
runMode: Once
}
) {
id
name
}
}"""
    assert ask(text) == {"data": {"updateScheduledJob": {"id": "123456", "name": "qv3TestEverye5Minute"}}}
    after = ask("{ scheduledJob(id: 123456) { isActive isPublic runMode } }")["data"]["scheduledJob"]
    assert after == {"isActive": False, "isPublic": False, "runMode": "Once"}


def test_rest_cancels_an_ad_hoc_job(served, curl, jobs, read_both):
    job = [ident for ident, word, _ in jobs if word == "pending"][-1]
    status, body = curl("POST", f"{served['rest']}/proc/jobs/cancel", f'{{\n"jobID": "{job}"\n}}')
    assert (status, body) == (200, {"cancelled": [job], "refused": []})
    assert read_both(job) == ("aborted", "aborted")


def test_rest_switches_a_scheduled_job_off_and_leaves_the_rest_of_it(served, ask, curl):
    schedules = "{ scheduledJobs(isActive: true, limit: 100) { records { id isActive isPublic runMode name } } }"
    schedule = next(s for s in ask(schedules)["data"]["scheduledJobs"]["records"] if s["isPublic"])
    body = f'{{\n"scheduledJobID": "{schedule["id"]}"\n}}'
    assert curl("POST", f"{served['rest']}/proc/jobs/cancel", body)[0] == 200
    after = ask(f'{{ scheduledJob(id: "{schedule["id"]}") {{ id isActive isPublic runMode name }} }}')
    assert after["data"]["scheduledJob"] == {**schedule, "isActive": False}


def test_retry_makes_a_new_job_with_the_same_engines_and_payloads(ask, jobs):
    job = next(ident for ident, word, _ in jobs if word == "failed")
    parts = "status tasks(limit: 100) { records { engine { id } payload } }"
    old = ask(f'{{ job(id: "{job}") {{ {parts} }} }}')["data"]["job"]
    new = ask(f'mutation retryJob {{\nretryJob(id: "{job}") {{\nid\n}}\n}}')["data"]["retryJob"]["id"]
    assert new != job
    made = ask(f'{{ job(id: "{new}") {{ {parts} }} }}')["data"]["job"]
    assert made["status"] == "pending"
    assert made["tasks"] == old["tasks"]
    assert ask(f'{{ job(id: "{job}") {{ {parts} }} }}')["data"]["job"] == old


def test_a_range_of_an_organization_is_cancelled_by_the_server_over_everything_in_it(served, ask, curl):
    made = [
        ask(
            'mutation { createJob(input: {name: "in range", tasks: [{engineId: "Clearspeech English (Broadcast)"}]})'
            " { id createdDateTime } }"
        )
        for _ in range(3)
    ]
    created = made[0]["data"]["createJob"]["createdDateTime"].replace(".000Z", "+00:00")
    organization = ask("{ me { organizationId } }")["data"]["me"]["organizationId"]
    body = json.dumps(
        {"organizationID": organization, "createdBeforeDateTime": created, "createdAfterDateTime": created}
    )
    status, answer = curl("POST", f"{served['rest']}/proc/jobs/cancel", body)
    assert status == 200
    assert {job["data"]["createJob"]["id"] for job in made} <= set(answer["cancelled"])
    assert all(
        ask(f'{{ job(id: "{job}") {{ status }} }}')["data"]["job"]["status"] == "aborted" for job in answer["cancelled"]
    )
