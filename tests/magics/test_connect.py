"""Which service `%job` talks to."""

import re

import jobwidgets as jw


def test_without_a_service_one_line_says_what_to_do(cells):
    line = cells.error("%job list")
    assert line.startswith("SettingsError: %job has no service to talk to")
    assert "%job demo starts one" in line
    assert cells.error("%job connect").startswith("SettingsError: ")


def test_connect_says_who_you_are_and_takes_the_token_from_the_environment(cells, served, service, monkeypatch):
    monkeypatch.setenv("AIWARE_TOKEN", service.token)
    cells(f"%job connect {served.graphql_url} --rest-url {served.rest_url}")
    assert re.match(r"Connected to 127\.0\.0\.1:\d+ as .+ of .+\.\n$", cells.printed)
    assert service.token not in cells.printed
    assert len(cells("%job list --limit 3")) == 3
    jw.current_client().close()


def test_a_wrong_token_is_noticed_at_once_and_nothing_is_kept(cells, served, monkeypatch):
    monkeypatch.setenv("AIWARE_TOKEN", "wrong-canary-token")
    line = cells.error(f"%job connect {served.graphql_url}")
    assert line.startswith("AuthError: ")
    assert "canary" not in line
    assert jw.current_client() is None


def test_the_settings_of_the_environment_connect_by_themselves(cells, served, service, monkeypatch):
    monkeypatch.setenv("AIWARE_URL", served.graphql_url)
    monkeypatch.setenv("AIWARE_TOKEN", service.token)
    assert len(cells("%job list --limit 2")) == 2
    assert "Connected to 127.0.0.1" in cells.printed
    cells("%job list --limit 2")
    assert "Connected" not in cells.printed
    jw.current_client().close()


def test_demo_starts_a_service_and_connects(cells):
    cells("%job demo --jobs 40 --seed 3 --speed 0")
    assert "nothing here is real" in cells.printed
    assert len(cells("%job list")) > 10
    jw.current_client().close()
