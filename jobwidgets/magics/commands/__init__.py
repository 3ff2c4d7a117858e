"""The commands of the `%job` magic, by verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jobwidgets.magics.commands import bulk, jobs, receipts, watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.magics.session import Command

COMMANDS: Final[Mapping[str, Command]] = {
    "connect": jobs.connect,
    "demo": jobs.demo,
    "list": jobs.list_jobs,
    "show": jobs.show,
    "status": jobs.status,
    "tasks": jobs.tasks,
    "watch": watch.watch,
    "wait": jobs.wait,
    "cancel": bulk.cancel,
    "retry": bulk.retry,
    "plan": bulk.plan,
    "apply": bulk.apply,
    "resume": receipts.resume,
    "stop": receipts.stop,
    "receipts": receipts.receipts,
    "verify": receipts.verify,
    "scheduled": jobs.scheduled,
    "sync": jobs.sync,
    "panel": jobs.panel,
}
