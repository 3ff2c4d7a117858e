"""What the service answers when it does not do what it was asked."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the service, not a fault of it
    """A refusal with one of the service's error names."""

    def __init__(self, name: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.data = data


def not_found(kind: str, object_id: object) -> Refusal:
    """Return the refusal for something that is not there, or not the caller's."""
    return Refusal(
        "not_found",
        "The requested object was not found",
        objectId=None if object_id is None else str(object_id),
        objectType=kind,
    )


def invalid(message: str, **data: Any) -> Refusal:
    """Return the refusal for an argument the service does not take."""
    return Refusal("invalid_input", message, **data)
