"""The embedded service, asked raw: no client of ours takes part."""

import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from jobwidgets.emulator import Service, serve

START = datetime(2024, 3, 7, 13, 20, tzinfo=UTC)


class Answer(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        assert "errors" not in self.json, self.json
        return self.json["data"]

    @property
    def error(self):
        (error,) = self.json["errors"]
        return error


class Api:
    """Both APIs of a running service, over real HTTP."""

    def __init__(self, graphql, rest, token):
        self.graphql_url, self.rest_url, self.token = graphql, rest, token

    def send(self, method, url, body=None, *, token=None, headers=None):
        given = {
            "Authorization": f"Bearer {self.token if token is None else token}",
            "Content-Type": "application/json",
        }
        payload = json.dumps(body).encode() if isinstance(body, (dict, list, str)) else body
        request = urllib.request.Request(url, payload, {**given, **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def gql(self, query, variables=None, **options):
        return self.send("POST", self.graphql_url, {"query": query, "variables": variables}, **options)

    def get(self, path, **options):
        return self.send("GET", self.rest_url + path, **options)

    def post(self, path, body, **options):
        return self.send("POST", self.rest_url + path, body, **options)

    def both(self, job):
        """Return what GraphQL and REST say of a job's status."""
        graphql = self.gql("query($id: ID!) { job(id: $id) { status } }", {"id": job}).data["job"]["status"]
        return graphql, self.get(f"/proc/job/{job}/status").json["job"]["jobStatus"]


@pytest.fixture
def service():
    return Service(jobs=200, seed=3, speed=0, start=START)


@pytest.fixture
def running(service):
    with serve(service) as running:
        yield running


@pytest.fixture
def api(service, running):
    return Api(running.graphql_url, running.rest_url, service.token)


@pytest.fixture
def neighbour(service, running):
    """Give the other organisation's access to the same service."""
    return Api(running.graphql_url, running.rest_url, list(service.tokens.values())[1])


@pytest.fixture
def make_api():
    return Api
