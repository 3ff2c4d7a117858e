"""What stands in a shell while the extension is loaded: the magic, its completion, its `?` help, the look of frames."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.completer import context_matcher
from IPython.core.inputtransformer2 import make_tokens_by_line
from IPython.core.magic import no_var_expand

from jobwidgets.magics.verbs import overview

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobwidgets.magics.session import Command, Session

_FRAMES = (("pandas", "DataFrame"), ("pandas.core.frame", "DataFrame"))
"""Where pandas 3 and pandas 2 say their frames live."""
_ASKED = re.compile(
    r"(?P<indent>\s*)(?:\?{1,2}\s*%job\s+(?P<after>[\w-]+)\s*|%{1,2}job\s+(?P<before>[\w-]+)(?:\s[^'\"]*)?\?{1,2}\s*)"
)


def _commands() -> Mapping[str, Command]:
    """Load the commands; help needs none of them."""
    from jobwidgets.magics.commands import COMMANDS  # noqa: PLC0415  not while loading

    return COMMANDS


class Extension:
    """Everything that one shell was given, so that all of it can be taken back."""

    def __init__(self, ip: Any) -> None:
        self._ip = ip
        self._session: Session | None = None
        self._matcher = self._make_matcher()
        self._formats: list[tuple[Any, type | str, Any, Any]] = []
        ip.register_magic_function(self._make_magic(), magic_kind="line_cell", magic_name="job")
        ip.Completer.custom_matchers.append(self._matcher)
        ip.input_transformers_cleanup.append(ask_for_help)
        self._dress("text/html", _html)
        self._dress("text/plain", _text)

    def session(self) -> Session:
        """Load what does the work, when it is first needed."""
        if self._session is None:
            from jobwidgets.magics.session import Session  # noqa: PLC0415  not while loading

            self._session = Session(self._ip, _commands)
        return self._session

    def clear(self) -> None:
        """Take everything back; what others have put in its place since is left alone."""
        for table in self._ip.magics_manager.magics.values():
            if getattr(table.get("job"), "shelf", None) is self:
                del table["job"]
        for shared, ours in (
            (self._ip.Completer.custom_matchers, self._matcher),
            (self._ip.input_transformers_cleanup, ask_for_help),
        ):
            if ours in shared:
                shared.remove(ours)
        for formatter, kind, ours, before in reversed(self._formats):
            if _shown_by(formatter, kind) is not ours:
                continue
            formatter.pop(kind)
            if before is not None:
                formatter.for_type(kind, before)

    def _make_magic(self) -> Callable[..., Any]:
        @no_var_expand
        def job(line: str, cell: str | None = None) -> Any:
            return self.session().run(line, cell)

        job.__doc__ = overview()
        job.shelf = self  # type: ignore[attr-defined]  # how `clear` knows its own
        return job

    def _make_matcher(self) -> Any:
        @context_matcher(priority=110, identifier="jobwidgets.job")  # type: ignore[untyped-decorator]  # IPython has no types
        def job_matcher(context: Any) -> Any:
            if "%job" not in context.full_text:
                return {"completions": []}
            from jobwidgets.magics.completion import complete  # noqa: PLC0415  not while loading

            return complete(self.session(), context.full_text, context.cursor_line, context.cursor_position)

        return job_matcher

    def _dress(self, mime: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Show job frames our way and leave every other frame as it was, without importing pandas."""
        formatter = self._ip.display_formatter.formatters[mime]
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            before = formatter.for_type(pandas.DataFrame)
            ours = make(before)
            formatter.for_type(pandas.DataFrame, ours)
            self._formats.append((formatter, pandas.DataFrame, ours, before))
            return
        for module, name in _FRAMES:
            before = formatter.for_type_by_name(module, name)
            ours = make(before)
            formatter.for_type_by_name(module, name, ours)
            self._formats.append((formatter, f"{module}.{name}", ours, before))


def _shown_by(formatter: Any, kind: type | str) -> Any:
    try:
        return formatter.lookup_by_type(kind)
    except KeyError:
        return None


def _ours(frame: Any) -> bool:
    if "kind" not in frame.attrs:
        return False
    from jobwidgets.rendering import is_ours  # noqa: PLC0415  not while loading

    return is_ours(frame)


def _html(before: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def show(frame: Any) -> Any:
        if not _ours(frame):
            return before(frame) if before is not None else frame._repr_html_()  # what IPython calls itself
        if not sys.modules["pandas"].get_option("display.notebook_repr_html"):
            return None
        from jobwidgets.rendering import frame_html  # noqa: PLC0415  not while loading

        return frame_html(frame)

    return show


def _text(before: Callable[[Any, Any, bool], Any] | None) -> Callable[[Any, Any, bool], Any]:
    def show(frame: Any, printer: Any, cycle: bool) -> None:  # noqa: FBT001  the signature is IPython's
        if _ours(frame):
            from jobwidgets.rendering import frame_text  # noqa: PLC0415  not while loading

            lines = frame_text(frame).split("\n")
        elif before is not None:
            before(frame, printer, cycle)
            return
        else:
            lines = repr(frame).splitlines()
        with printer.group():
            for number, text in enumerate(lines):
                if number:
                    printer.break_()
                printer.text(text)

    return show


def ask_for_help(lines: list[str]) -> list[str]:
    """Read `%job cancel?` and `?%job cancel` as `%job help cancel`; IPython would look for an object named cancel."""
    found = {number: match for number, line in enumerate(lines) if "%job" in line and (match := _ASKED.fullmatch(line))}
    if not found:
        return lines
    starts = {tokens[0].start[0] - 1 for tokens in make_tokens_by_line(lines) if tokens}
    return [_help_line(found[n]) if n in found and n in starts else line for n, line in enumerate(lines)]


def _help_line(match: re.Match[str]) -> str:
    return f"{match['indent']}%job help {match['after'] or match['before']}\n"
