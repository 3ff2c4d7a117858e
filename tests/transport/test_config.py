"""Where settings come from, which source wins, and what is refused before anything is sent."""

import pickle
import stat

import pytest

import jobwidgets as jw
from jobwidgets._internal.secret import Secret
from jobwidgets.transport.config import checked_url, resolve_settings

CANARY = "canary-3f9a"
URL = "https://api.example.com/v3/graphql"


def settled(env=None, **given):
    asked = {"url": None, "rest_url": None, "secret": None, "user": None, "profile": None, "allow_http": False}
    return resolve_settings(**{**asked, **given}, env=env or {})


@pytest.fixture
def profiles(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "profiles.toml"
        path.write_text(text)
        path.chmod(mode)
        return {"JOBWIDGETS_PROFILES": str(path)}

    return write


def test_arguments_win_over_the_environment_and_that_over_the_profile(profiles):
    env = profiles('[default]\nurl = "https://profile.example/g"\ntoken = "from-profile"\n')
    assert settled(env).url == "https://profile.example/g"
    assert settled(env).secret.reveal() == "from-profile"
    env |= {"AIWARE_URL": URL, "AIWARE_TOKEN": "from-env", "AIWARE_REST_URL": "https://api.example.com/edge/v1/"}
    assert settled(env).url == URL
    assert settled(env).rest_url == "https://api.example.com/edge/v1"
    assert settled(env).secret.reveal() == "from-env"
    assert settled(env, url="https://given.example/g", secret=Secret("given")).secret.reveal() == "given"


def test_a_named_profile_wins_over_the_environment(profiles):
    env = profiles('[staging]\nurl = "https://staging.example/g"\ntoken_env = "STAGING"\n')
    env |= {"AIWARE_URL": URL, "AIWARE_TOKEN": "from-env", "STAGING": "s"}
    found = settled(env, profile="staging")
    assert (found.url, found.secret.reveal(), found.rest_url) == ("https://staging.example/g", "s", None)
    assert settled({**env, "AIWARE_PROFILE": "staging"}).url == "https://staging.example/g"


@pytest.mark.parametrize(
    ("text", "profile", "message"),
    [
        ("", "staging", "no profile 'staging'"),
        ("[stagin]\n", "staging", "did you mean 'stagin'"),
        ("[staging]\nurll = 'x'\n", "staging", "did you mean 'url'"),
        ("[staging]\nurl = 3\n", "staging", "not a text"),
        ("[staging", "staging", "cannot be read"),
        ('[staging]\nurl = "https://a.example"\ntoken_env = "NOT_SET"\n', "staging", "NOT_SET, which is not set"),
    ],
)
def test_a_wrong_profile_says_what_is_wrong(profiles, text, profile, message):
    with pytest.raises(jw.SettingsError, match=message):
        settled(profiles(text), profile=profile)


def test_a_token_that_others_can_read_is_refused(profiles):
    env = profiles('[default]\nurl = "https://a.example/g"\ntoken = "t"\n', mode=0o644)
    with pytest.raises(jw.SettingsError, match="chmod 600"):
        settled(env)
    assert stat.S_IMODE((__import__("pathlib").Path(env["JOBWIDGETS_PROFILES"])).stat().st_mode) == 0o644


def test_without_any_address_the_ways_are_named():
    with pytest.raises(jw.SettingsError, match="demo"):
        settled()


def test_without_a_token_and_nobody_to_ask_the_ways_are_named():
    with pytest.raises(jw.SettingsError, match="AIWARE_TOKEN"):
        settled(url=URL)


def test_the_token_is_asked_for_without_showing_it(monkeypatch):
    monkeypatch.setattr("jobwidgets.transport.config._can_ask", lambda: True)
    asked = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or " typed \n")
    assert settled(url=URL).secret.reveal() == "typed"
    assert asked == ["token for api.example.com: "]
    assert settled(url=URL, user="maren").user == "maren"
    assert "password of maren" in asked[1]
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    with pytest.raises(jw.SettingsError, match="was given"):
        settled(url=URL)


def test_keyring_is_asked_where_it_is_installed(monkeypatch):
    import sys
    import types

    fake = types.ModuleType("keyring")
    fake.errors = types.SimpleNamespace(KeyringError=RuntimeError)
    fake.get_password = lambda service, user: f"{service}/{user}"
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert settled(url=URL).secret.reveal() == f"jobwidgets/{URL}"

    def broken(*_):
        raise RuntimeError("locked")

    fake.get_password = broken
    with pytest.raises(jw.SettingsError, match="nobody can be asked"):
        settled(url=URL)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{CANARY}@api.example.com/g",
        f"https://api.example.com/g?token={CANARY}",
        f"https://api.example.com/g#{CANARY}",
        "http://api.example.com/g",
        "ftp://api.example.com/g",
        "api.example.com",
        "https://",
        "https://[::1/g",
        "http://127.0.0.1.example.com/g",
    ],
)
def test_an_address_that_may_not_be_used_is_refused_without_repeating_what_is_secret(url):
    with pytest.raises(jw.SettingsError) as refused:
        checked_url(url, allow_http=False)
    assert CANARY not in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:9000/g", "http://localhost:1/g", "http://[::1]:2/g"])
def test_https_and_plain_http_to_this_machine_are_taken(url):
    assert checked_url(url + "/", allow_http=False) == url


def test_plain_http_elsewhere_must_be_said():
    assert checked_url("http://lab.example/g", allow_http=True) == "http://lab.example/g"


@pytest.mark.parametrize("token", [f"{CANARY}\nX-Other: 1", f"a {CANARY}", f"{CANARY}é", "\x00"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_repeating_it(token):
    with pytest.raises(jw.SettingsError, match="copy it again") as refused:
        settled(url=URL, secret=Secret(token))
    assert CANARY not in str(refused.value)


def test_blanks_around_a_token_do_not_count():
    assert settled(url=URL, secret=Secret(f" {CANARY}\n")).secret.reveal() == CANARY
    assert settled(url=URL, secret=Secret(" a password "), user="maren").secret.reveal() == " a password "


def test_the_rest_address_of_the_environment_belongs_to_the_graphql_address_there():
    env = {"AIWARE_URL": URL, "AIWARE_TOKEN": "t", "AIWARE_REST_URL": "https://api.example.com/edge/v1"}
    assert settled(env, url="https://other.example/g").rest_url is None
    assert settled(env, url=URL).rest_url == "https://api.example.com/edge/v1"


@pytest.mark.parametrize("given", [{"token": "t", "user": "u"}, {"password": "p"}, {"token": "t", "password": "p"}])
def test_what_does_not_go_together_is_refused(given):
    with pytest.raises(jw.SettingsError, match="is given"):
        jw.connect(URL, **given)


def test_a_secret_never_shows_itself():
    import copy

    secret = Secret(CANARY)
    assert CANARY not in f"{secret!r} {secret!s} {secret:} {[secret]} {dir(secret)}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("api.staging.example.com", "staging"),
        ("aiware-stage.example", "staging"),
        ("api.prod.example.com", "production"),
        ("production.example", "production"),
        ("api.example.com", ""),
        ("non-prod.example", ""),
        ("staging.prod.example", ""),
        ("products.example", ""),
        ("127.0.0.1", ""),
    ],
)
def test_a_host_name_says_its_environment_only_where_it_plainly_does(host, environment):
    assert settled(url=f"https://{host}/v3/graphql", secret=Secret("x")).environment == environment


def test_the_environment_is_told_of_one_address_and_never_of_another(profiles):
    env = profiles(f'[default]\nurl = "{URL}"\ntoken = "t"\nenvironment = "production"\n')
    assert settled(env).environment == "production"
    assert settled(env, environment="staging").environment == "staging"
    env |= {"AIWARE_URL": "https://other.example/g", "AIWARE_TOKEN": "t"}
    assert settled(env).environment == ""
    env |= {"AIWARE_ENVIRONMENT": "staging"}
    assert settled(env).environment == "staging"
    assert settled(env, url="https://third.example/g").environment == ""
    named = profiles(f'[real]\nurl = "{URL}"\ntoken = "t"\n') | {"AIWARE_ENVIRONMENT": "staging"}
    assert settled(named, profile="real").environment == ""
    assert settled({"AIWARE_ENVIRONMENT": "production"}, url=URL, secret=Secret("t")).environment == "production"


def test_an_environment_that_is_not_known_is_refused():
    with pytest.raises(jw.SettingsError, match="'live' is no environment"):
        settled(url=URL, secret=Secret("t"), environment="live")


def test_both_clients_tell_their_environment(service, served):
    with jw.connect(served.graphql_url, token=service.token, environment="staging") as client:
        assert (client.environment, client.aio.environment) == ("staging", "staging")
    with jw.connect(served.graphql_url, token=service.token) as client:
        assert client.environment == ""
    with jw.demo(jobs=1) as client:
        assert client.environment == "demo"
