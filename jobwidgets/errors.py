"""The errors, ordered by what they mean for the jobs: what happened, what did not, and what to do next."""

from __future__ import annotations

from typing import Any


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
    """

    def __init__(self, message: str, *, hint: str = "", name: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.name = name
        self.partial: Any = None
        """The frame of what a list had read before it ended with this error."""

    @property
    def message(self) -> str:
        """What happened, without the hint."""
        return str(self.args[0])

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
