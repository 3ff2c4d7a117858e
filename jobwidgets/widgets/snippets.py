"""Click to code: the exact line of Python, or of `%job`, that does what a control of the panel does."""

from __future__ import annotations

import keyword
import re
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from jobwidgets._internal import parse_age, parse_when
from jobwidgets.errors import UsageError
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED
from jobwidgets.widgets.callbacks import entry
from jobwidgets.widgets.parts import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jobwidgets.widgets.table.column_filters import Condition
    from jobwidgets.widgets.table.row_view import Filter

Line = str
FEW = 20
"""Above this many ids a line names the frame that holds them instead."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+][A-Za-z0-9_.:@/+-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_COMPARED = {"longer": ">=", "shorter": "<=", "least": ">=", "most": "<=", "after": ">=", "before": "<", "older": "<"}


def _shell() -> Any:
    ipython = sys.modules.get("IPython")  # not there: then no shell is, either
    return ipython.get_ipython() if ipython is not None else None


def magic_speaks_for(client: object) -> bool:
    """Say whether `%job` is loaded here and would talk to this client."""
    magics, shell = sys.modules.get("jobwidgets.magics"), _shell()
    return magics is not None and shell is not None and magics.client_of(shell) is client


def name_of(value: object, usual: str) -> str:
    """Find the variable of the person's namespace that holds this very thing; `usual` where none does."""
    shell = _shell()
    held = dict(shell.user_ns) if shell is not None else {}
    names = [
        name
        for name, each in held.items()
        if each is value and isinstance(name, str) and _PLAIN_NAME.fullmatch(name) and not keyword.iskeyword(name)
    ]
    return usual if usual in names or not names else min(names, key=lambda name: (len(name), name))


# ------------------------------------------------------------------------------ lists


def code_list(query: Mapping[str, Any], *, client: str = "client") -> Line:
    """List the jobs of a query: the keywords of `client.jobs`."""
    return f"df = {client}.jobs({_keywords(query)})"


def magic_list(query: Mapping[str, Any]) -> Line:
    """List them by `%job`; empty where it cannot say the same."""
    words = ["%job list"]
    for key, value in query.items():
        given = [value] if isinstance(value, str | int) else _value(value)
        parts = [str(part) for part in (given if isinstance(given, list) else [given])]
        if not parts or not all(map(_plain, parts)):
            return ""
        words += [f"--{key.replace('_', '-')}", *parts]
    return " ".join([*words, "-o df"])


def code_filter(rule: Filter, as_of: datetime | None = None, *, panel: str = "panel") -> list[Line]:
    """Keep of the frame `df` what a filter lets through; where no line says it, take it from the panel.

    Parameters
    ----------
    as_of : datetime, optional
        The moment that ages in the filter are counted from: when the list was read.
    """
    masks = [f"df['status'].isin({sorted(rule.statuses)!r})"] if rule.statuses else []
    masks += [_ids(rule.among)] if rule.among is not None and len(rule.among) <= FEW else []
    masks += [" | ".join(f"({_contains(key, rule.text)})" for key in ("name", "id", "engines"))] if rule.text else []
    told = [_condition(each, as_of or datetime.now(UTC)) for each in rule.columns]
    if (rule.among is not None and len(rule.among) > FEW) or "" in told:
        return [f"df = {panel}.visible"]
    lines = [f"df = df[{mask}]" for mask in [*masks, *told]]
    return lines + ([f"df = df.query({rule.where!r}, engine='python')"] if rule.where else [])


def _ids(ids: Iterable[str]) -> str:
    return f"df['id'].isin({sorted(ids)!r})"


def _contains(key: str, text: str) -> str:
    return f"df[{key!r}].astype('string').str.contains({text!r}, case=False, regex=False, na=False)"


def _condition(what: Condition, as_of: datetime) -> str:
    """Write a condition of one column as a mask; empty where that would be long-winded."""
    column = f"df[{what.column!r}]"
    if what.way == "contains":
        return _contains(what.column, what.text)
    if what.way == "any":
        if what.column == "engines" or len(what.values) > FEW:
            return ""
        missing = f" | {column}.isna()" if "" in what.values else ""
        return f"{column}.isin({sorted(what.values - {''})!r}){missing}"
    if what.way in ("after", "before", "older"):
        limit = as_of - parse_age(what.text) if what.way == "older" else parse_when(what.text, as_of)
        bound = repr(limit.isoformat())
    else:
        bound = repr(_span(parse_age(what.text))) if what.way in ("longer", "shorter") else repr(float(what.text))
    return f"{column} {_COMPARED[what.way]} {bound}"


def code_select(ids: Iterable[str] | str | None, *, panel: str = "panel") -> Line:
    """Select in the panel: these ids, or what an expression says; many ids are those selected now."""
    if ids is None or isinstance(ids, str):
        return f"{panel}.select({ids!r})"
    listed = list(ids)
    return f"{panel}.select({listed!r})" if len(listed) <= FEW else f"{panel}.select({panel}.selected)"


def code_selected(*, panel: str = "panel") -> Line:
    """Take what is selected as a frame."""
    return f"df = {panel}.selected"


# ------------------------------------------------------------------------ plan, apply


def code_plan(
    kind: str, jobs: Iterable[str] | str, *, reason: str = "", client: str = "client", panel: str = "panel"
) -> Line:
    """Plan to cancel or retry.

    Parameters
    ----------
    kind : {"cancel", "retry"}
    jobs : ids, or str
        Ids; more than a few are written as the panel's selection. A text is the name of the variable with the jobs.
    """
    if isinstance(jobs, str):
        if not _PLAIN_NAME.fullmatch(jobs) or keyword.iskeyword(jobs):
            raise ValueError(f"{jobs!r} is no name of a variable")
        what = jobs
    else:
        listed = list(jobs)
        what = repr(listed) if len(listed) <= FEW else f"{panel}.selected"
    why = f", reason={reason!r}" if reason else ""
    return f"plan = {client}.plan_{_kind(kind)}({what}{why})"


def magic_plan(kind: str, ids: Iterable[str], *, reason: str = "") -> Line:
    """Plan it by `%job`; empty where it cannot say the same."""
    listed = list(ids)
    if not 0 < len(listed) <= FEW or not all(map(_plain, listed)) or (reason and not _plain(reason)):
        return ""
    return " ".join(["%job plan", _kind(kind), *listed, *(["--reason", reason] if reason else [])])


def code_apply(count: int = 0) -> Line:
    """Send the plan: `count` jobs, which must be said above the cap."""
    return f"receipt = plan.apply({f'limit={int(count)}' if count > MAX_JOBS_UNCONFIRMED else ''})"


def magic_apply(count: int = 0) -> Line:
    """Send it by `%job`."""
    return "%job apply" + (f" --limit {int(count)}" if count > MAX_JOBS_UNCONFIRMED else "")


# --------------------------------------------------------------------------- receipts


def code_receipt(op: str, *, client: str = "client") -> Line:
    """Read what became of an operation."""
    return f"receipt = {client}.receipt({op!r})"


def magic_receipt(op: str) -> Line:
    """Show it by `%job`; empty where it cannot."""
    return f"%job receipts {op}" if _plain(op) else ""


def code_resume(op: str, *, client: str = "client") -> Line:
    """Go on with an operation."""
    return f"receipt = {client}.receipt({op!r}).resume()"


def magic_resume(op: str) -> Line:
    """Go on with it by `%job`; empty where it cannot."""
    return f"%job resume {op}" if _plain(op) else ""


def code_resolve(op: str, *, client: str = "client") -> Line:
    """Ask what became of the unknown ones of an operation."""
    return f"receipt = {client}.receipt({op!r}).resolve()"


def code_stop(op: str, *, client: str = "client") -> Line:
    """Stop an operation."""
    return f"{client}.stop({op!r})"


# ---------------------------------------------------------------------------- one job


def code_job(job_id: str, *, client: str = "client") -> Line:
    """Read one job with its tasks."""
    return f"{client}.job({job_id!r})"


def magic_job(job_id: str) -> Line:
    """Show it by `%job`; empty where it cannot."""
    return f"%job show {job_id}" if _plain(job_id) else ""


def code_detail(job_id: str, *, client: str = "client") -> Line:
    """Read one job with all that can be read of it."""
    return f"detail = {client}.detail({job_id!r})"


def code_tasks(job_id: str, *, client: str = "client") -> Line:
    """Read the tasks of one job as a frame."""
    return f"tasks = {client}.tasks([{job_id!r}])"


def code_retries(job_id: str, *, client: str = "client") -> Line:
    """Ask the receipts what a job is a retry of, and what it was retried as."""
    return f"retries = {client}.retries({job_id!r})"


def code_scheduled(scheduled_job_id: str, *, client: str = "client") -> Line:
    """Read one schedule."""
    return f"schedule = {client}.scheduled_job({scheduled_job_id!r})"


# ----------------------------------------------------------------------------- values


def _kind(kind: str) -> str:
    if kind not in ("cancel", "retry"):
        raise ValueError(f"{kind!r} is nothing that can be planned")
    return kind


def _plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None


def _keywords(query: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_value(value)!r}" for key, value in query.items() if value is not None)


def _value(value: object) -> object:
    """Give what a line can write of a keyword: texts, numbers, lists of texts."""
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [str(each) for each in (value if isinstance(value, list | tuple) else sorted(value))]
    return str(value)


def _span(age: timedelta) -> str:
    return f"{age.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


# ----------------------------------------------------------------------------- button


class Code(anywidget.AnyWidget):
    """Show the code of what stands beside it.

    Parameters
    ----------
    lines : callable or sequence of str
        The lines, or what gives them when they are asked for. Empty ones are left out; those of `%job` are offered by
        themselves, as another way to say the same.
    what : str
        What the code is for, for those who hear it read: "Code" alone says nothing.
    """

    _esm = source("code.js")
    _css = source("code.css")
    state = traitlets.Dict().tag(sync=True)  # for drawing only: nothing here is read back

    def __init__(self, lines: Callable[[], Sequence[Line]] | Sequence[Line] = (), *, what: str = "") -> None:
        self.lock = threading.RLock()
        self._lines = lines
        self._open, self._error = False, ""
        self._what = what
        super().__init__(state=self._told())
        self.on_msg(self._receive)

    def show(self, lines: Callable[[], Sequence[Line]] | Sequence[Line]) -> None:
        """Show these lines instead."""
        with self.lock:
            self._lines = lines
            self.draw()

    @entry
    def draw(self) -> None:
        """Show the lines as they are now, if they are looked at."""
        told = self._told()
        if told != self.state:
            self.state = told

    def show_error(self, line: str) -> None:
        """Show an error instead of the lines."""
        self._error = line
        self.state = {**self.state, "error": line, "blocks": []}

    def _told(self) -> dict[str, Any]:
        return {"what": self._what, "open": self._open, "error": self._error, "blocks": self._blocks()}

    def _blocks(self) -> list[dict[str, str]]:
        """Write the code, only while it is looked at."""
        if not self._open:
            return []
        lines = [line for line in (self._lines() if callable(self._lines) else self._lines) if line]
        parts = (
            ("Python", [line for line in lines if not line.startswith("%")]),
            ("%job", [line for line in lines if line.startswith("%")]),
        )
        return [{"name": name, "code": "\n".join(part)} for name, part in parts if part]

    @entry
    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("do") != "open" or type(content.get("open")) is not bool:
            raise UsageError("the page sent something that is not understood", hint="reload the page")
        self._open, self._error = content["open"], ""
        self.draw()
