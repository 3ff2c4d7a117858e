"""The errors, ordered by what they mean for the jobs: what happened, what did not, and what to do next."""

from __future__ import annotations

from typing import Any, Self


class JobError(Exception):
    """Base of every error that this package raises on purpose.

    Parameters
    ----------
    message : str
        What happened, in one line.
    hint : str, optional
        What to do next, in one line.
    name : str, optional
        The name that the service gave the error, such as "invalid_input"; empty when it gave none.

    Attributes
    ----------
    operation : str or None
        The operation of the API that was asked for, such as "cancelJob"; None where nothing was sent.
    status_code : int or None
        The HTTP status of the last answer; None where none came.
    request_id : str or None
        The id by which the service's administrator finds the request in its logs; None where the service gave none.
    """

    def __init__(self, message: str, *, hint: str = "", name: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.name = name
        self.operation: str | None = None
        self.status_code: int | None = None
        self.request_id: str | None = None
        self.partial: Any = None
        """The frame of what a list had read before it ended with this error."""

    @property
    def message(self) -> str:
        """What happened, without the hint."""
        return str(self.args[0])

    def of_request(self, other: JobError) -> Self:
        """Take over of which request another error tells, and return this one."""
        self.operation, self.status_code, self.request_id = other.operation, other.status_code, other.request_id
        return self

    def __str__(self) -> str:
        return f"{self.message} → {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook instead of a traceback (a hook of IPython)."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(JobError, ValueError):
    """The call itself is wrong; nothing was sent."""


class SettingsError(JobError):
    """An address, a token or an installed package is missing or unusable; nothing was sent."""


class NotSentError(JobError):
    """The request did not reach the service; nothing changed."""


class RefusedError(JobError):
    """The service said no; nothing changed."""


class AuthError(RefusedError):
    """The service does not accept the token, or the token lacks the right; nothing changed."""


class NotFoundError(RefusedError):
    """The service knows no such object, or it is not yours; nothing changed."""


class UnknownOutcomeError(JobError):
    """A write was sent and its answer was lost: it may have happened. It is never sent again by itself."""


class ServiceError(JobError):
    """A read could not be had; nothing changed."""
