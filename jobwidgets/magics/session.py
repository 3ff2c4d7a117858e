"""What one shell's `%job` remembers: the client, the plans, the ids it has seen."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jobwidgets
from jobwidgets._internal import sanitize
from jobwidgets.errors import SettingsError, UsageError
from jobwidgets.magics.completion_cache import Memory
from jobwidgets.magics.parsing.argparse_ext import HelpAsked, nearest
from jobwidgets.magics.parsing.parsers import parser_of, read, verb_named
from jobwidgets.magics.parsing.tokens import expand_variables, split, targets, validate_name, variable
from jobwidgets.magics.verbs import TAKES_CELL, overview

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from jobwidgets.bulk import Plan, Receipt
    from jobwidgets.client import Client
    from jobwidgets.magics.parsing.tokens import Targets

    Command = Callable[["Session", argparse.Namespace, str | None], Any]

_LONGEST_NAME = 250


@dataclass(frozen=True, slots=True)
class SilentResult:
    """A result that was said already: -o keeps it, the cell does not show it again."""

    value: Any


class InterruptedMessage(KeyboardInterrupt):
    """An interrupt, with one line that says what it did and did not stop."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook instead of a traceback (a hook of IPython)."""
        return [f"Stopped: {self}"]


class Session:
    """The state behind `%job` in one shell.

    Parameters
    ----------
    ip : InteractiveShell
        The shell.
    commands : callable
        Loads the function of each verb, when one is first needed.
    """

    def __init__(self, ip: Any, commands: Callable[[], Mapping[str, Command]]) -> None:
        self.ip = ip
        self._commands = commands
        self.plans: dict[str, Plan] = {}
        self.memory = Memory()
        self._client: Client | None = None

    @property
    def names(self) -> Mapping[str, Any]:
        """The variables that `$name` can take."""
        found: Mapping[str, Any] = self.ip.user_ns
        return found

    def run(self, line: str, cell: str | None) -> Any:
        """Do what a line says, and give what the cell shows."""
        words, silent = split(line)
        if not words or words[0] in {"-h", "--help"}:
            self.say(overview())
            return None
        verb = verb_named(words[0])
        if cell is not None and verb.name not in TAKES_CELL:
            hint = f"write it in one line: %job {verb.name} {verb.usage}".rstrip()
            raise UsageError(f"%%job {verb.name} takes no cell", hint=hint)
        try:
            args = read(verb.name, expand_variables(words[1:], self.names))
        except HelpAsked as asked:
            self.say(str(asked))
            return None
        if verb.name == "help":
            self.say(parser_of(verb_named(args.verb).name).format_help() if args.verb else overview())
            return None
        value = self._done(verb.name, args, cell)
        return None if silent else value

    def _done(self, verb: str, args: argparse.Namespace, cell: str | None) -> Any:
        """Do it, store the result where -o says, and give what is still to be shown."""
        out = validate_name(args.out) if getattr(args, "out", None) else None
        try:
            result = self._commands()[verb](self, args, cell)
        except InterruptedMessage:
            raise
        except KeyboardInterrupt:
            raise InterruptedMessage("the waiting has ended; nothing was changed") from None
        value = result.value if isinstance(result, SilentResult) else result
        if out is not None:
            self.ip.user_ns[out] = value
        return None if isinstance(result, SilentResult) else value

    def say(self, text: str) -> None:
        """Print into the cell."""
        print(text)  # noqa: T201  a magic speaks by printing

    @property
    def here(self) -> Client | None:
        """The client that stands now, if any; connects to nothing."""
        if self._client is not None and not self._client.closed:
            return self._client
        return jobwidgets.current_client() if "jobwidgets.client" in sys.modules else None

    def client(self) -> Client:
        """Give the client: of `%job connect` or `%job demo`, else the newest one, else one by the settings."""
        found = self.here
        if found is None:
            try:
                found = self._client = jobwidgets.connect()
            except SettingsError as error:
                raise SettingsError(
                    f"%job has no service to talk to: {error.message}",
                    hint="%job demo starts one with invented jobs; %job connect URL goes to a real one",
                ) from None
            self.say(f"Connected to {found.label}.")
        return found

    def use(self, client: Client) -> None:
        """Talk to this client from now on."""
        self._client = client

    def targets(self, args: argparse.Namespace, cell: str | None) -> Targets:
        """Read the jobs that were named, and refuse frames of another service."""
        found = targets(args.ids, cell, self.names)
        for frame in found.frames:
            here = self.client().service_url
            there = frame.attrs.get("service", here)
            if there != here:
                raise UsageError(
                    f"the frame lists jobs of {sanitize(there)}, and %job talks to {sanitize(here)}",
                    hint="list them again here, or %job connect to the frame's service",
                )
        return found

    def plan(self, op: str | None) -> Plan:
        """Find a plan: by its name, in a variable, or the last one."""
        if op is None:
            if not self.plans:
                raise UsageError("there is no plan yet", hint="make one: %job plan cancel $df")
            return self.plans[next(reversed(self.plans))]
        if op.startswith("$"):
            value = variable(op, self.names)
            if not (hasattr(value, "apply") and hasattr(value, "op")):
                raise UsageError(f"{op} is no plan", hint="make one: %job plan cancel $df")
            found: Plan = value
            return found
        if op not in self.plans:
            known = ", ".join(self.plans) or "none yet"
            raise UsageError(f"no plan {sanitize(op)!r}{nearest(op, self.plans)}", hint=f"plans made here: {known}")
        return self.plans[op]

    def begun(self, op: str | None) -> Receipt | None:
        """Give the receipt of a plan that was made, and begun, by another kernel."""
        if op is None or op.startswith("$") or op in self.plans or self.is_file(op):
            return None
        with contextlib.suppress(UsageError):  # there is no such operation
            return self.client().receipt(op)
        return None

    def is_file(self, op: str | None) -> bool:
        """Say whether a word names a file rather than a plan."""
        if op is None or op.startswith("$") or op in self.plans or len(op) > _LONGEST_NAME:
            return False
        return Path(op).suffix in {".yaml", ".yml"} or os.sep in op or "/" in op or Path(op).is_file()

    def loaded(self, path: str) -> Plan:
        """Load a plan that was saved to a file; what the file says counts, also where the plan was made here."""
        found = self.client().load_plan(path)
        self.plans.pop(found.op, None)
        self.plans[found.op] = found
        return found

    def live(self) -> bool:
        """Say whether displays can be updated in place: in a kernel, not in a terminal."""
        return hasattr(self.ip, "kernel")
