"""The token on its way to the workers, in two halves that are nothing but noise each by itself."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobwidgets._internal import Secret
from jobwidgets.errors import SettingsError

if TYPE_CHECKING:
    from jobwidgets.client import Client

_OTHERS: dict[str, bytes] = {}
"""The other halves that this process was given, by name."""
_split: weakref.WeakKeyDictionary[Any, TokenShare] = weakref.WeakKeyDictionary()
"""What was split already, by the wire that holds the token."""


@dataclass(frozen=True, slots=True)
class TokenShare:
    """The half of a token that goes with a graph.

    Attributes
    ----------
    name : str
        Under which the workers know the other half.
    noise : bytes
        Says nothing without that.
    """

    name: str
    noise: bytes = field(repr=False)

    def joined(self) -> Secret:
        """Give the token.

        Raises
        ------
        SettingsError
            This process was never given the other half.
        """
        other = _OTHERS.get(self.name)
        if other is None:
            raise SettingsError(
                "this worker was not given its half of the token",
                hint="call read_jobs() again while the cluster's client is open, or with token_from='workers'",
            )
        return Secret.joined(self.noise, other)


def share_of_token(client: Client) -> TokenShare:
    """Split the token of a client, once; the other half stays in this process until it is handed over."""
    wire = client.aio._connection.http  # noqa: SLF001  the only place that has the token
    if wire not in _split:
        noise, other = wire.token.split()
        half = _split[wire] = TokenShare(uuid4().hex, noise)
        _OTHERS[half.name] = other
    return _split[wire]


def keep_share(name: str, other: bytes) -> None:
    """Keep a half that was handed over."""
    _OTHERS[name] = other


def other_share_of(half: TokenShare) -> bytes:
    """Give what the workers have to be handed."""
    return _OTHERS[half.name]
