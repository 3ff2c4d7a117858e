"""A token that never prints, pickles or copies itself."""

from __future__ import annotations

import hmac
import secrets
from typing import NoReturn, Self


class Secret:
    """Hold a secret text; only `reveal` gives it back, and only the wire calls that."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Give the text; keep it out of variables that live longer than a line."""
        return self.__text

    def split(self) -> tuple[bytes, bytes]:
        """Give two halves; each is nothing but random bytes, and only `joined` makes the text of both."""
        text = self.__text.encode()
        noise = secrets.token_bytes(len(text))
        return noise, bytes(a ^ b for a, b in zip(text, noise, strict=True))

    @classmethod
    def joined(cls, one: bytes, other: bytes) -> Self:
        """Put two halves together again."""
        return cls(bytes(a ^ b for a, b in zip(one, other, strict=True)).decode())

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__text.encode(), other.__text.encode())

    def __hash__(self) -> int:
        return hash(self.__text)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __reduce__(self) -> NoReturn:
        msg = "a secret is not pickled or copied"
        raise TypeError(msg)
