"""`jw.demo()`: whose service it is, how long that lives, and what happens when it cannot be had."""

import asyncio
import importlib.util
import json
import socket
import threading
from urllib.parse import urlsplit

import pytest

import jobwidgets as jw
from jobwidgets.emulator import Service, serve

FEW = {"jobs": 50, "seed": 3, "speed": 0}


@pytest.fixture(autouse=True)
def _no_service_to_join(monkeypatch):
    monkeypatch.delenv("JOBWIDGETS_DEMO", raising=False)


@pytest.fixture
def joined(monkeypatch):
    with serve(Service(jobs=50, seed=5, speed=0)) as running:
        address = {"graphql": running.graphql_url, "rest": running.rest_url, "token": running.service.token}
        monkeypatch.setenv("JOBWIDGETS_DEMO", json.dumps(address))
        yield running


def answers(url):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port)) == 0


def test_a_demo_serves_the_jobs_it_was_asked_for_and_ends_with_its_client():
    before = threading.active_count()
    with jw.demo(**FEW) as client:
        assert len(client.jobs()) == 50
        assert client.service.clock.speed == 0
        assert answers(client.service_url)
    assert not answers(client.service_url)
    assert threading.active_count() == before


def test_asking_again_with_the_same_arguments_goes_on_with_the_same_jobs():
    with jw.demo(**FEW) as client:
        client.cancel(client.service.a_pending_job())
        assert jw.demo(**FEW) is client
        assert jw.demo(jobs=50, seed=3, speed=0.0) is client
        with jw.demo(**{**FEW, "seed": 4}) as other:
            assert other is not client
            assert len(other.service.ledger) == 0
        assert len(client.service.ledger) == 1


def test_a_demo_with_a_state_file_goes_on_where_the_last_one_stopped(tmp_path):
    kept = {"state": tmp_path / "world", "speed": 0}
    with jw.demo(**FEW, state=kept["state"]) as client:
        new = client.retry(client.service.a_pending_job())
        assert jw.demo(**FEW, state=kept["state"]) is client
    with jw.demo(**kept) as client:
        assert client.status(new) == "pending"
    with pytest.warns(UserWarning, match="seed 3"), jw.demo(**kept, seed=4) as client:
        assert client.status(new) == "pending"


def test_a_state_file_that_cannot_be_used_is_a_settings_error_and_stays_as_it_is(tmp_path):
    path = tmp_path / "world"
    path.write_bytes(b"precious")
    with pytest.raises(jw.SettingsError, match="no state file of the embedded service → name another file"):
        jw.demo(**FEW, state=path)
    assert path.read_bytes() == b"precious"


def test_a_world_that_cannot_be_saved_at_the_end_is_an_error_that_says_so(tmp_path):
    path = tmp_path / "world"
    client = jw.demo(**FEW, state=path)
    while not path.exists():
        pass
    path.write_bytes(b"precious")
    with pytest.raises(jw.SettingsError, match="could not be saved"):
        client.close()
    assert not answers(client.service_url)
    assert path.read_bytes() == b"precious"


def test_after_a_close_a_new_demo_begins():
    first = jw.demo(**FEW)
    first.close()
    with jw.demo(**FEW) as second:
        assert second is not first
        assert len(second.jobs()) == 50


def test_awaiting_callers_share_the_service_and_the_last_to_close_ends_it():
    async def look():
        client = await jw.demo_async(**FEW)
        assert client.service is blocking.service
        found = len(await client.jobs())
        await client.close()
        return found

    with jw.demo(**FEW) as blocking:
        assert asyncio.run(look()) == 50
        assert answers(blocking.service_url)
    assert not answers(blocking.service_url)


def test_a_demo_that_ends_while_somebody_knocks_leaves_no_socket_behind():
    for _ in range(5):
        client = jw.demo(**FEW)
        assert answers(client.service_url)
        client.close()  # a socket left open would be a warning, and warnings are errors here


def test_under_jobwidgets_demo_every_kernel_joins_the_running_service(joined):
    with jw.demo() as client:
        assert client.service_url == joined.graphql_url
        assert client.service is None
        assert client.status(joined.service.a_pending_job(), api="rest") == "pending"
    assert answers(joined.graphql_url)


def test_whoever_names_the_jobs_gets_a_service_of_their_own_also_there(joined):
    with jw.demo(**FEW) as client:
        assert client.service_url != joined.graphql_url
        assert client.service is not joined.service


def test_the_settings_of_a_real_service_do_not_reach_the_demo(monkeypatch, tmp_path):
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('[work]\nurl = "https://api.example.org/v3/graphql"\nuser = "maren"\n')
    monkeypatch.setenv("JOBWIDGETS_PROFILES", str(profiles))
    for name, value in {"PROFILE": "work", "URL": "https://api.example.org", "TOKEN": "real", "USER": "maren"}.items():
        monkeypatch.setenv(f"AIWARE_{name}", value)
    with jw.demo(**FEW) as client:
        assert client.service_url.startswith("http://127.0.0.1:")
        assert len(client.jobs()) == 50


@pytest.mark.parametrize("text", ["no json", "[]", '{"graphql": "http://127.0.0.1/v3/graphql"}'])
def test_a_variable_that_says_nothing_useful_is_a_settings_error(monkeypatch, text):
    monkeypatch.setenv("JOBWIDGETS_DEMO", text)
    with pytest.raises(jw.SettingsError, match="JOBWIDGETS_DEMO does not say where the service is → unset it"):
        jw.demo()


def test_without_a_server_it_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "uvicorn" else found(name, *rest)
    )
    with pytest.raises(jw.SettingsError, match=r'pip install "jobwidgets\[demo\]"'):
        jw.demo(**FEW)
