"""Where the address and the token come from: arguments, environment, a profile file, keyring, a hidden prompt."""

from __future__ import annotations

import getpass
import importlib
import os
import stat
import sys
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from jobwidgets._internal import Secret
from jobwidgets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KEYS = ("url", "rest_url", "token", "token_env", "user", "allow_http", "budget", "environment")
ENVIRONMENTS = ("demo", "staging", "production")
_SPOKEN = {"staging": "staging", "stage": "staging", "prod": "production", "production": "production"}
_TURNED = frozenset({"non", "not", "no", "pre"})
"""What a host name says of its environment, and the words that turn it into its opposite."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A complete set: `secret` is a token, or the password of `user` when that is given."""

    url: str
    rest_url: str | None
    secret: Secret = field(repr=False)
    user: str | None = None
    profile: str | None = None
    budget: int | None = None
    environment: str = ""


def profiles_path(env: Mapping[str, str]) -> Path:
    """Where the profile file is: `JOBWIDGETS_PROFILES`, or `profiles.toml` in the user's configuration directory."""
    if env.get("JOBWIDGETS_PROFILES"):
        return Path(env["JOBWIDGETS_PROFILES"])
    from platformdirs import user_config_path  # noqa: PLC0415  only when no other source is named

    return user_config_path("jobwidgets") / "profiles.toml"


def resolve_settings(
    *,
    url: str | None,
    rest_url: str | None,
    secret: Secret | None,
    user: str | None,
    profile: str | None,
    allow_http: bool,
    budget: int | None = None,
    environment: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Settings:
    """Find every setting, the first source that has it wins: argument, environment, profile, keyring, prompt.

    Raises
    ------
    SettingsError
        Something is missing or unusable; nothing was sent.
    """
    env = os.environ if env is None else env
    named = profile or (None if url else env.get("AIWARE_PROFILE"))  # a profile's token is for the profile's address
    stored = _profile(named, env) if url is None or named else {}
    found_url = url or (None if named else env.get("AIWARE_URL")) or _text(stored, "url")
    if not found_url:
        raise SettingsError(
            "no address of a service is known",
            hint='pass one: connect("https://…/v3/graphql"), set AIWARE_URL, write a profile, or use demo()',
        )
    http_too = allow_http or stored.get("allow_http") is True
    address = checked_url(found_url, allow_http=http_too)
    # the REST address of the environment belongs to the GraphQL address there: two services are never mixed
    of_environment = not named and found_url == env.get("AIWARE_URL")
    rest = rest_url or (env.get("AIWARE_REST_URL") if of_environment else None) or _text(stored, "rest_url")
    elsewhere = None if named or env.get("AIWARE_URL", found_url) != found_url else env.get("AIWARE_ENVIRONMENT")
    who = user or (None if secret else _text(stored, "user") or (None if named else env.get("AIWARE_USER")))
    found = secret or _stored_secret(stored, env, named=named, user=who) or _asked_secret(address, who)
    return Settings(
        url=address,
        rest_url=checked_url(rest, allow_http=http_too) if rest else None,
        secret=_usable(found, password=bool(who)),
        user=who,
        profile=named,
        budget=_budget(budget, stored, None if named else env.get("AIWARE_BUDGET")),
        environment=_environment(environment, address, stored if found_url == stored.get("url") else {}, elsewhere),
    )


def _budget(given: object, stored: Mapping[str, object], env: str | None) -> int | None:
    """Take the number of requests that the organisation may make in 10 seconds, where somebody knows it."""
    found = given if given is not None else stored.get("budget", int(env) if env and env.isdecimal() else env)
    if found in (None, ""):
        return None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise SettingsError(
            f"the budget {found!r} is no number of requests",
            hint="give a whole number: the requests that your organisation may make in 10 seconds",
        )
    return found


def _environment(given: str | None, address: str, stored: Mapping[str, object], env: str | None) -> str:
    """Take what the service is to its people, where somebody says it of this very address, or its host name does."""
    found = given or _text(stored, "environment") or env or _spoken(urlsplit(address).hostname or "")
    if found and found not in ENVIRONMENTS:
        raise SettingsError(
            f"{found!r} is no environment that is known", hint=f"say one of {', '.join(ENVIRONMENTS)}, or nothing"
        )
    return found


def _spoken(host: str) -> str:
    """Read the environment out of a host name, where that says it plainly: "api.staging.example.com"."""
    words = set(host.replace("-", ".").split("."))
    found = {_SPOKEN[word] for word in words & _SPOKEN.keys()}
    return found.pop() if len(found) == 1 and not words & _TURNED else ""


def _usable(secret: Secret, *, password: bool) -> Secret:
    """Take a token without the blanks around it; refuse what cannot stand in a header, without repeating it."""
    if password:
        return secret
    if not all(0x20 < ord(char) < 0x7F for char in secret.reveal().strip()):  # noqa: PLR2004  printable ASCII
        raise SettingsError("the token holds a space, a line break or a letter that no token has", hint="copy it again")
    return Secret(secret.reveal().strip())


def checked_url(url: str, *, allow_http: bool) -> str:
    """Return a URL that may be used: https, or http to this machine; no user, no query, no token in it.

    Raises
    ------
    SettingsError
        It may not be used; the message does not repeat what could be secret in it.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingsError("the address is no URL", hint='write it like "https://…/v3/graphql"') from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(
            f"the address of {host} holds a user, a query or a fragment",
            hint="leave them out: addresses are printed and logged; give the token by itself",
        )
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError("the address is no http or https URL", hint='write it like "https://…/v3/graphql"')
    if parts.scheme == "http" and host not in LOOPBACK and not allow_http:
        raise SettingsError(
            f"plain http to {host} would show the token to the network",
            hint="use https, or say allow_http=True if the network is yours",
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _profile(named: str | None, env: Mapping[str, str]) -> dict[str, object]:
    """Read one profile; without a name, the one called `default` if there is one."""
    path = profiles_path(env)
    if not path.exists():
        if named:
            raise SettingsError(f"there is no profile {named!r}: {path} does not exist", hint="write the file")
        return {}
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise SettingsError(f"{path} cannot be read ({kind})", hint="mend the file: one [table] a profile") from None
    stored = profiles.get(named or "default")
    if stored is None and named is None:
        return {}
    if not isinstance(stored, dict):
        near = get_close_matches(str(named), profiles, n=1)
        hint = (
            f"did you mean {near[0]!r}? It has {', '.join(sorted(profiles)) or 'none'}"
            if near
            else (f"it has {', '.join(sorted(profiles)) or 'none'}")
        )
        raise SettingsError(f"{path} has no profile {named!r}", hint=hint)
    for key in stored:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise SettingsError(f"{path} has the unknown key {key!r}", hint=f"{guess}known are {', '.join(_KEYS)}")
    if "token" in stored and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"{path} holds a token and others may read it", hint=f"run: chmod 600 {path}")
    return stored


def _text(stored: Mapping[str, object], key: str) -> str | None:
    value = stored.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{key} in the profile is not a text", hint="put it in quotes")
    return value


def _stored_secret(
    stored: Mapping[str, object], env: Mapping[str, str], *, named: str | None, user: str | None
) -> Secret | None:
    if user:
        return Secret(env["AIWARE_PASSWORD"]) if env.get("AIWARE_PASSWORD") else None
    if not named and env.get("AIWARE_TOKEN"):
        return Secret(env["AIWARE_TOKEN"])
    variable = _text(stored, "token_env")
    if variable:
        if not env.get(variable):
            raise SettingsError(f"the profile takes its token from {variable}, which is not set", hint="set it")
        return Secret(env[variable])
    return Secret(str(_text(stored, "token"))) if "token" in stored else None


def _asked_secret(url: str, user: str | None) -> Secret:
    """Take the token or password from keyring if that is installed, else ask for it without showing it."""
    what = f"password of {user}" if user else "token"
    try:
        keyring = importlib.import_module("keyring")
    except ModuleNotFoundError:
        keyring = None
    if keyring is not None:
        try:
            kept = keyring.get_password("jobwidgets", f"{user}@{url}" if user else url)
        except keyring.errors.KeyringError:
            kept = None  # no usable store on this machine: ask instead
        if kept:
            return Secret(kept)
    hint = "set AIWARE_TOKEN, write a profile, keep it in keyring, or pass token="
    if not _can_ask():
        raise SettingsError(f"no {what} for {urlsplit(url).hostname} is known, and nobody can be asked", hint=hint)
    try:
        typed = getpass.getpass(f"{what} for {urlsplit(url).hostname}: ").strip()
    except (EOFError, OSError, NotImplementedError, RuntimeError):
        typed = ""  # a front end without a prompt
    if not typed:
        raise SettingsError(f"no {what} for {urlsplit(url).hostname} was given", hint=hint)
    return Secret(typed)


def _can_ask() -> bool:
    if "ipykernel" in sys.modules:
        kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None) if "IPython" in sys.modules else None
        return bool(getattr(kernel, "_allow_stdin", False))
    return bool(sys.stdin and sys.stdin.isatty())
