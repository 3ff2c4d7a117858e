"""Who may ask, and how often: tokens, sessions, the rate limit."""

from __future__ import annotations

import hmac
import random
import secrets
import time
from typing import TYPE_CHECKING

from jobwidgets.emulator.api.errors import Refusal
from jobwidgets.emulator.simulation.catalog import ORGANIZATIONS
from jobwidgets.emulator.simulation.clock import HOUR
from jobwidgets.emulator.simulation.world import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobwidgets.emulator.simulation.world import World

WINDOW = 10.0


class Access:
    """The tokens of the service: an API key for each organisation, and what `userLogin` gave out."""

    def __init__(self, world: World, *, seed: int, token: str | None) -> None:
        self._world = world
        self._sessions: dict[str, tuple[Caller, int]] = {}
        self.nobody = Caller(0, ORGANIZATIONS[0].people[0])
        self.tokens = {org.id: secrets.token_urlsafe(24) for org in ORGANIZATIONS}
        if token is not None:
            self.tokens[ORGANIZATIONS[0].id] = token
        words = random.Random(f"password {seed}")  # noqa: S311 - reproducible on purpose: it opens a world of made-up jobs only
        self.passwords = {org.people[0].name: f"{words.getrandbits(48):012x}" for org in ORGANIZATIONS}

    def caller(self, authorization: str | None) -> tuple[str, Caller] | None:
        """Return the token and its owner, or None for one that is missing, wrong or expired."""
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            return None
        given = given.strip()
        sent = given.encode("utf-8", "surrogateescape")
        found: Caller | None = None
        for number, org in enumerate(ORGANIZATIONS):
            if hmac.compare_digest(sent, self.tokens[org.id].encode()):
                found = Caller(number, org.people[0])
        for token, (caller, until) in self._sessions.items():
            if hmac.compare_digest(sent, token.encode()) and until > self._world.now():
                found = caller
        return None if found is None else (given, found)

    def login(self, name: str, password: str) -> str:
        """Return a new session token, or refuse."""
        wanted = self.passwords.get(name)
        if wanted is None or not hmac.compare_digest(wanted.encode(), password.encode()):
            raise Refusal("authentication_error", "User name or password is wrong")
        number = next(n for n, org in enumerate(ORGANIZATIONS) if org.people[0].name == name)
        token = secrets.token_urlsafe(24)
        until = self._world.now() + round(self._world.choices.session_hours * HOUR)
        self._sessions[token] = (Caller(number, ORGANIZATIONS[number].people[0]), until)
        return token


class RateLimit:
    """Counts requests in windows of 10 s of real time, for each token and for each organisation."""

    def __init__(self, real: Callable[[], float] = time.monotonic) -> None:
        self._real = real
        self._windows: dict[str, tuple[float, int]] = {}

    def wait(self, keys: tuple[str, ...], most: int | None) -> float:
        """Count a request and return 0, or the seconds until it may be asked again."""
        if most is None:
            return 0.0
        now = self._real()
        longest = 0.0
        for key in keys:
            begin, count = self._windows.get(key, (now, 0))
            if now - begin >= WINDOW:
                begin, count = now, 0
            self._windows[key] = (begin, count + 1)
            if count >= most:
                longest = max(longest, begin + WINDOW - now)
        return longest
