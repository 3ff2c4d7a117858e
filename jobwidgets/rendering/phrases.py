"""What the panel says: counts, reasons and outcomes in words that people use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobwidgets._internal import sanitize
from jobwidgets.vocabulary import OUTCOMES, REASON_TEXT, STATUSES, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

VERBS = {"cancel": "Cancel", "retry": "Retry", "range": "Cancel of a range"}
DOING = {"cancel": "Cancelling", "retry": "Retrying", "resume": "Resuming with", "resolve": "Asking what became of"}
DONE = {"cancel": "cancelled", "retry": "retried"}
OUTCOME_WORDS = {"not_sent": "not sent"}
MEANWHILE = {"not_sent": "waiting", "unknown": "no answer yet"}
"""Two outcomes as they are called while the work goes on."""
VERIFIED = {"confirmed": "confirmed", "finished_first": "finished first", "still_running": "still running"}
FACES = frozenset({*STATUSES, *OUTCOMES, *TERMINAL, "yes", "no", "bad", "quiet", "other"})
"""The looks that the style sheet knows; nothing else becomes part of a class name."""
_LOOKS = {"no answer yet": "running", "confirmed": "done", "finished_first": "skipped", "still_running": "running"}

_SHORT = {
    "complete": "complete",
    "failed": "failed already",
    "aborted": "cancelled already",
    "job_status": "neither pending nor queued",
    "tasks_unread": "tasks not read yet",
    "unknown_status": "status not known here",
    "already_retried": "retried already",
}
_MANY = {
    "complete": "are complete",
    "failed": "have failed already",
    "aborted": "are cancelled already",
    "task_started": "have a task that started",
    "task_status": "have a task that is neither pending nor queued",
    "job_status": "are neither pending nor queued",
    "tasks_unread": "have tasks that are not read yet",
    "unknown_status": "have a status that is not known here",
    "already_retried": "were retried by an earlier operation",
}
_ONE = {
    "complete": "is complete",
    "failed": "has failed already",
    "aborted": "is cancelled already",
    "task_started": "has a task that started",
    "task_status": "has a task that is neither pending nor queued",
    "job_status": "is neither pending nor queued",
    "tasks_unread": "has tasks that are not read yet",
    "unknown_status": "has a status that is not known here",
    "already_retried": "was retried by an earlier operation",
}


def number(count: int) -> str:
    """Write a count: 12,345."""
    return f"{count:,}"


def jobs(count: int) -> str:
    """Write a count of jobs: "1 job", "12,345 jobs"."""
    return f"{count:,} job{'' if count == 1 else 's'}"


def face(word: str) -> str:
    """Give the look of a status or outcome; a word that is not known here looks like no other."""
    word = _LOOKS.get(word, word)
    return word if word in FACES else "other"


def reason(code: str) -> str:
    """Say one job's reason; a code that is not known here is shown as it is."""
    return REASON_TEXT.get(code, sanitize(code))


def short(code: str) -> str:
    """Say one job's reason in a narrow column."""
    return _SHORT.get(code) or reason(code)


def grouped(reasons: Mapping[str, int]) -> str:
    """Say why some are left out: "20 have a task that started, 8 are complete"."""
    parts = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number(count)} {_group(code, count)}" for code, count in parts if count)


def _group(code: str, count: int) -> str:
    return (_ONE if count == 1 else _MANY).get(
        code
    ) or f"{'is' if count == 1 else 'are'} left out because {reason(code)}"


def left_out(reasons: Mapping[str, int]) -> str:
    """Say how many are left out and why: "28 left out: 20 have a task that started, 8 are complete"."""
    found = {code: count for code, count in reasons.items() if count}
    if len(found) == 1:
        ((code, count),) = found.items()
        return f"{number(count)} left out, which {_group(code, count)}"
    return f"{number(sum(found.values()))} left out: {grouped(found)}" if found else ""


def act(kind: str, able: int, chosen: int) -> str:
    """Name a button for what it would do: "Cancel", "Cancel 312", "Cancel 312 of 340"."""
    if not chosen:
        return VERBS[kind]
    return f"{VERBS[kind]} {number(able)}" if able == chosen else f"{VERBS[kind]} {number(able)} of {number(chosen)}"


def requests(count: int) -> str:
    """Write how many requests: "1 request", "21 requests to the service"."""
    return f"{count:,} request{'' if count == 1 else 's'}"


def where(environment: str) -> str:
    """Name the place of an act where that matters: " in production"."""
    return " in production" if environment == "production" else ""


def moved(out: int, gone: int, total: int, at: str) -> str:
    """Say how many jobs of a plan have moved out of reach since it was made, and what comes of it."""
    if not out and not gone:
        return f"None of them has moved since the list was read; looked again at {at}."
    of = f"{number(out)} of {number(total)} {'has' if out == 1 else 'have'} moved since" if out else ""
    away = f"{number(gone)} {'is' if gone == 1 else 'are'} no longer in the list" if gone else ""
    return f"{', '.join(filter(None, (of, away)))}: the apply looks again and leaves out what has moved."


def again(kind: str, count: int) -> str:
    """Name the button that plans an act once more: "Retry 4", "Cancel 4 again"."""
    return f"Retry {number(count)}" if kind == "retry" else f"Cancel {number(count)} again"


def outcome(word: str) -> str:
    """Say an outcome: "not sent" for `not_sent`."""
    return OUTCOME_WORDS.get(word) or VERIFIED.get(word, word)


def outcomes(counts: Mapping[str, int]) -> str:
    """Say how an operation ended: "309 done, 2 refused, 1 unknown"."""
    known = [word for word in OUTCOMES if counts.get(word)]
    others = sorted(word for word, count in counts.items() if count and word not in OUTCOMES)
    return ", ".join(f"{number(counts[word])} {outcome(word)}" for word in [*known, *others]) or "nothing to do"


def doubt(unknown: int) -> str:
    """Say what unknown means, and what can be done about it."""
    if not unknown:
        return ""
    its, them = ("its answer was", "it") if unknown == 1 else ("their answers were", "them")
    return f"{number(unknown)} unknown: {its} lost, so it may have happened. Resolve asks the service about {them}."


def why_halted(halted: str) -> str:
    """Say why the rest was not sent."""
    if halted == "stopped":
        return "Stopped: nothing more was sent."
    return f"Halted: {halted}" if halted else ""


def unsent(count: int) -> str:
    """Say what can be done about what was not sent."""
    return f"{number(count)} not sent: Resume goes on with {'it' if count == 1 else 'them'}." if count else ""


def drift(moved: int, total: int) -> str:
    """Say how many had moved on between the plan and the work."""
    return f"{number(moved)} of {number(total)} had moved since the plan was made." if moved else ""
