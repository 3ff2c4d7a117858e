"""The verbs of `%job` that connect and look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jobwidgets
from jobwidgets._internal import sanitize
from jobwidgets.errors import AuthError, RefusedError, UsageError
from jobwidgets.magics.commands.filters import listed, named
from jobwidgets.magics.parsing.argparse_ext import flat
from jobwidgets.magics.session import InterruptedMessage
from jobwidgets.rendering import status_text

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from jobwidgets.archive import Archive
    from jobwidgets.magics.session import Session


class Status(str):
    """A status that shows itself with its job; otherwise a text like any other."""

    __slots__ = ("job_id",)
    job_id: str

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  the signature is IPython's
        printer.text("…" if cycle else f"{sanitize(self.job_id)}  {status_text(str(self))}")


def connect(session: Session, args: argparse.Namespace, _cell: str | None) -> None:
    """Connect, and look who the token belongs to, so that a wrong one is noticed here."""
    client = jobwidgets.connect(args.url, rest_url=args.rest_url, profile=args.profile, user=args.user)
    try:
        who = client.me()
    except AuthError:
        client.close()
        raise
    except RefusedError:
        session.use(client)
        session.say(f"Connected to {client.label}.")
    else:
        session.use(client)
        of = f" of {sanitize(who.organization)}" if who.organization else ""
        session.say(f"Connected to {client.label} as {sanitize(who.name or who.id)}{of}.")


def demo(session: Session, args: argparse.Namespace, _cell: str | None) -> None:
    """Start or join the embedded service."""
    client = jobwidgets.demo(jobs=args.jobs, seed=args.seed, speed=args.speed)
    session.use(client)
    session.say(
        f"Connected to a service of invented jobs at {client.label}: nothing here is real. Try: %job list --limit 20"
    )


def sync(session: Session, args: argparse.Namespace, _cell: str | None) -> Archive:
    """Bring a local copy of the jobs up to date."""
    archive = session.client().archive(args.file, since=args.since)
    try:
        done = archive.sync(whole=args.whole or None)
    except KeyboardInterrupt:
        raise InterruptedMessage("what was read is kept; %job sync goes on") from None
    session.say(f"{done}: {sanitize(str(archive.path))}")
    return archive


def list_jobs(session: Session, args: argparse.Namespace, _cell: str | None) -> pd.DataFrame:
    """List jobs."""
    return session.memory.take(listed(session, args, limit=args.limit, api=args.api))


def show(session: Session, args: argparse.Namespace, _cell: str | None) -> Any:
    """Show one job."""
    return session.client().job(args.id)


def status(session: Session, args: argparse.Namespace, cell: str | None) -> Any:
    """Say the status of one job, or of many."""
    client, found = session.client(), _some(session, args, cell)
    if found.one:
        said = Status(client.status(found.one, api=args.api))
        said.job_id = found.one
        return said
    if args.api == "rest":
        raise UsageError("--api rest tells the status of one job at a time", hint="give one id, or leave --api out")
    return session.memory.take(named(session, found))


def tasks(session: Session, args: argparse.Namespace, cell: str | None) -> pd.DataFrame:
    """List the tasks of jobs."""
    client = session.client()
    return client.tasks(_some(session, args, cell).all_ids())


def wait(session: Session, args: argparse.Namespace, cell: str | None) -> pd.DataFrame:
    """Wait until jobs have ended."""
    client, found = session.client(), _some(session, args, cell)
    try:
        frame = client.wait(found.all_ids(), timeout=args.timeout)
    except KeyboardInterrupt:
        raise InterruptedMessage("the waiting has ended; the jobs go on") from None
    if frame.attrs.get("waited_out"):
        session.say(f"Some have not ended after {args.timeout}; they go on. Wait again, or %job watch them.")
    return session.memory.take(frame)


def scheduled(session: Session, args: argparse.Namespace, _cell: str | None) -> pd.DataFrame | None:
    """List schedules, or switch one off."""
    client = session.client()
    if args.act == "list":
        if args.id:
            raise UsageError(
                "%job scheduled list takes no id", hint="%job list --scheduled-job ID lists what it launched"
            )
        frame = client.scheduled_jobs(active=None if args.all else True, name=args.name)
        return session.memory.take(frame)
    if not args.id:
        raise UsageError("%job scheduled cancel needs the id of a schedule", hint="%job scheduled lists them")
    session.say(sanitize(client.cancel_scheduled(args.id, api=args.api), 400))
    session.say(f"Its runs that are open can be cancelled as well: %job cancel --scheduled-job {sanitize(args.id)}")
    session.memory.schedules[args.id] = False
    return None


def panel(session: Session, args: argparse.Namespace, _cell: str | None) -> Any:
    """Show the live panel."""
    return jobwidgets.JobPanel(
        session.client(),
        status=flat(args.status),
        since=args.since,
        until=args.until,
        engine=args.engine,
        limit=args.limit,
        refresh=args.refresh,
    )


def _some(session: Session, args: argparse.Namespace, cell: str | None) -> Any:
    found = session.targets(args, cell)
    if not found:
        raise UsageError("no job is named", hint="give ids or a frame: %job list -o df, then $df")
    return found
