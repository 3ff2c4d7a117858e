"""The service is for this machine, for those with the token, and within bounds."""

import http.client
import json
import socket

import pytest

from jobwidgets.emulator import Service, serve
from tests.support.ports import held_port


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "192.168.0.1", ""])
def test_it_listens_on_loopback_only(service, host):
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        serve(service, host=host)


def test_the_socket_is_bound_to_loopback(running):
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "localhost@evil"])
def test_a_strange_host_header_is_refused(api, running, host):
    for path, method in (("/v3/graphql", "POST"), ("/edge/v1/proc/jobs", "GET")):
        connection = http.client.HTTPConnection("127.0.0.1", running.port)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.putheader("Authorization", f"Bearer {api.token}")
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        assert connection.getresponse().status == 421
        connection.close()


def test_localhost_is_a_name_of_it(api, running):
    assert api.send("POST", f"http://localhost:{running.port}/v3/graphql", {"query": "{ me { id } }"}).status == 200


@pytest.mark.parametrize("token", ["", "wrong", "ü", "x" * 5000])
def test_without_the_token_nothing_is_read_or_done(api, service, token):
    job = service.a_pending_job()
    header = {"Authorization": f"Bearer {token}".encode()}
    for answer in (
        api.gql("mutation($id: ID!) { cancelJob(id: $id) { id } }", {"id": job}, headers=header),
        api.post("/proc/jobs/cancel", {"jobID": job}, headers=header),
        api.get("/proc/jobs", headers=header),
        api.gql(
            'mutation { userLogin(input: {userName: "a", password: "b"}) { token } cancelJob(id: "x") { id } }',
            headers=header,
        ),
        api.gql("{ __schema { queryType { name } } }", headers=header),
    ):
        assert answer.status == 401
        assert api.token not in answer.body.decode()
    assert service.ledger == []


def test_a_body_over_the_limit_is_refused_with_its_size(api, service):
    limit = service.choices.max_body
    assert limit == 10 * 1024 * 1024
    service.choices.max_body = 10_000
    for answer in (
        api.gql("{ me { id } }" + " " * 20_000),
        api.send("POST", api.graphql_url, iter([b"x" * 8_000] * 3), headers={"Transfer-Encoding": "chunked"}),
    ):
        assert answer.status == 413
        assert answer.error["name"] == "invalid_input"
        assert answer.error["data"]["limitInBytes"] == 10_000
        assert answer.error["data"]["requestSize"] > 10_000
        assert answer.error["data"]["errorId"]


def test_a_query_that_nests_too_deeply_is_refused_also_through_fragments(api):
    deep = "{ jobs { records { " + "target { jobs { records { " * 8 + "id" + " } } }" * 8 + " } } }"
    assert api.gql(deep).status == 400
    inner = "target { jobs { records { ...F%d } } }"
    fragments = (
        "".join(f"fragment F{n} on Job {{ {inner % (n + 1)} }} " for n in range(9)) + "fragment F9 on Job { id }"
    )
    assert api.gql("{ jobs { records { ...F0 } } } " + fragments).status == 400
    assert api.gql("{" * 40_000).status == 400
    assert api.gql("{ jobs { records { " + "... on Job { " * 5_000 + "id" + " }" * 5_000 + " } } }").status == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"query": 1}', b'{"query": "{"}', b'{"query": "{ nothing }"}',
     b"[" * 100_000,
     b'{"query": "{ me { id } }", "variables": []}', b'{"query": "query A { me { id } } query B { me { id } }"}',
     b'{"query": "query($id: ID!) { job(id: $id) { id } }"}', b'{"query": "{ me { id } }", "operationName": "Z"}',
     b'[{"query": "{ me { id } }"}]', b'{"query": "subscription { me { id } }"}'],
)  # fmt: skip
def test_a_malformed_request_is_400_and_shows_no_inside(api, body):
    answer = api.send("POST", api.graphql_url, body)
    assert answer.status == 400
    assert answer.json["errors"][0]["name"] == "invalid_input"
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body


def test_only_json_is_taken(api):
    assert api.send("POST", api.graphql_url, b"query=1", headers={"Content-Type": "text/plain"}).status == 400
    assert (
        api.send("POST", f"{api.rest_url}/proc/jobs/cancel", b"jobID=1", headers={"Content-Type": "text/plain"}).status
        == 400
    )


def test_wrong_paths_and_methods(api):
    assert api.send("GET", api.graphql_url).status == 405
    assert api.send("GET", api.graphql_url).headers["Allow"] == "POST"
    assert api.send("OPTIONS", api.graphql_url).status == 405
    assert api.send("GET", f"{api.rest_url}/proc/jobs/cancel").status == 405
    assert api.send("DELETE", f"{api.rest_url}/proc/jobs").status == 405
    for path in ("/", "/v3/graphql/", "/v3", "/edge/v1/proc", "/edge/v1/proc/job//status", "/docs"):
        root = api.graphql_url.removesuffix("/v3/graphql")
        assert api.send("GET", root + path).status == 404
    assert api.get("/proc/jobs?limit=abc").status == 400
    assert api.get("/proc/jobs?status=dancing").status == 400
    assert api.get("/proc/jobs?orderBy=name").status == 400
    assert api.get("/proc/job/%2e%2e%2fx/status").status == 404


def test_the_schema_can_be_asked_for_and_has_no_subscription(api):
    from graphql import build_client_schema, get_introspection_query

    schema = build_client_schema(api.gql(get_introspection_query()).data)
    assert schema.subscription_type is None
    assert "Subscription" not in schema.type_map
    assert {"cancelJob", "retryJob", "updateScheduledJob"} <= set(schema.mutation_type.fields)


def test_the_date_of_an_answer_is_the_worlds(api, service):
    assert api.gql("{ me { id } }").headers["Date"] == "Thu, 07 Mar 2024 13:20:00 GMT"
    service.clock.advance("1h")
    answer = api.get("/proc/jobs")
    assert answer.headers.get_all("Date") == ["Thu, 07 Mar 2024 14:20:00 GMT"]
    assert answer.headers["Server"] is None


def test_answers_are_packed_when_asked_for(api):
    import gzip

    text = "{ jobs(limit: 100) { records { id name status } } }"
    plain, packed = api.gql(text), api.gql(text, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert len(json.loads(gzip.decompress(packed.body))["data"]["jobs"]["records"]) == 100
    assert api.gql("{ me { id } }", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] is None


def test_closing_ends_the_thread_and_frees_the_port(service):
    import threading

    before = threading.active_count()
    with held_port() as port:
        with serve(service, port=port) as running:
            assert threading.active_count() == before + 1
        running.close()
        assert threading.active_count() == before
        with serve(Service(jobs=0), port=port) as again:
            assert again.port == port
            with pytest.raises(OSError, match="in use"):
                serve(service, port=port)
