"""Which zone stands below the table at which stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobwidgets.widgets.panel.confirm_view import Confirm
from jobwidgets.widgets.panel.controller import Stage
from jobwidgets.widgets.panel.countdown_view import Grace
from jobwidgets.widgets.panel.receipt_view import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobwidgets.widgets.panel.controller import Controller

Zone = Confirm | Grace | Outcome


@dataclass(frozen=True, slots=True)
class Calls:
    """What the controls of the zones call; what acts is given the operation that its zone shows."""

    go: Callable[[str, str, str], None]
    back: Callable[[], None]
    reason: Callable[[object], None]
    undo: Callable[[str], None]
    start_now: Callable[[str], None]
    stop: Callable[[], None]
    filtered: Callable[[object], None]
    resume: Callable[[str], None]
    resolve: Callable[[str], None]
    again: Callable[[str], None]
    plan_code: Callable[[str], Sequence[str]]
    receipt_code: Callable[[], Sequence[str]]


def key_of(work: Controller) -> tuple[str, object]:
    """Name what stands there: while this is the same the zone is drawn anew, and not made anew."""
    if work.stage is Stage.CONFIRM:
        return ("confirm", work.plan)
    if work.stage is Stage.GRACE:
        return ("grace", work.act)
    if work.stage in (Stage.WORKING, Stage.DONE):
        return ("outcome", work.op)
    return ("bulk", None)


def zone_of(work: Controller, calls: Calls) -> Zone | None:
    """Make the zone of a stage; None where the bulk bar stands."""
    if work.stage is Stage.CONFIRM and work.plan is not None:
        return Confirm(
            work.plan,
            environment=work.client.environment,
            listed=work.listed,
            undone=work.undone,
            go=calls.go,
            back=calls.back,
            reason=calls.reason,
            code=calls.plan_code,
        )
    if work.stage is Stage.GRACE and work.act is not None:
        return Grace(work.act, environment=work.client.environment, undo=calls.undo, now=calls.start_now)
    if work.stage in (Stage.WORKING, Stage.DONE):
        return Outcome(
            work.op,
            filtered=calls.filtered,
            stop=calls.stop,
            resume=calls.resume,
            resolve=calls.resolve,
            again=calls.again,
            code=calls.receipt_code,
            close=calls.back,
        )
    return None
