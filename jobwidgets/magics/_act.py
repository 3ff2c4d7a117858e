"""The verbs of `%job` that act: one id at once, many by a plan that is shown before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets._errors import UsageError
from jobwidgets._text import safe
from jobwidgets.bulk._plan import CAP
from jobwidgets.magics._lists import filters, listed, named
from jobwidgets.magics._session import Quiet, Stopped
from jobwidgets.magics._where import where

if TYPE_CHECKING:
    import argparse

    from jobwidgets.bulk import Plan, Receipt
    from jobwidgets.magics._session import Session
    from jobwidgets.magics._words import Targets

_DID = {"cancel": "cancelled", "retry": "retried"}


def cancel(session: Session, args: argparse.Namespace, cell: str | None) -> Any:
    """Cancel one job at once, or plan many."""
    return _act(session, args, cell, "cancel")


def retry(session: Session, args: argparse.Namespace, cell: str | None) -> Any:
    """Retry one job at once, or plan many."""
    return _act(session, args, cell, "retry")


def plan(session: Session, args: argparse.Namespace, cell: str | None) -> Plan:
    """Make a plan and send nothing; without a kind, show the last one."""
    if args.kind is not None:
        return _planned(session, args, cell, args.kind)
    if args.ids or cell or args.where or filters(args):
        raise UsageError("%job plan: to cancel, or to retry?", hint="%job plan cancel …, or %job plan retry …")
    return session.plan(None)


def apply(session: Session, args: argparse.Namespace, _cell: str | None) -> Receipt:
    """Send a plan."""
    return _send(session.plan(args.op), args.limit)


def resume(session: Session, args: argparse.Namespace, _cell: str | None) -> Receipt:
    """Go on with what was not sent."""
    receipt = _receipt(session, args.op)
    if not {"unknown", "not_sent"} & set(receipt.counts):
        session.say("Nothing is left to send.")
        return receipt
    try:
        receipt.resume()
    except KeyboardInterrupt:
        raise _stopped(receipt.op) from None
    return receipt


def stop(session: Session, _args: argparse.Namespace, _cell: str | None) -> None:
    """Say how to stop: while a cell sends, no other cell can run."""
    session.say(
        "Nothing is being sent by %job now: it sends only while its cell runs.\n"
        "To stop such a cell, interrupt the kernel (■); %job resume goes on with what was not sent."
    )


def receipts(session: Session, args: argparse.Namespace, _cell: str | None) -> Any:
    """List what was done here, or show one receipt."""
    return session.client().receipt(args.op) if args.op else session.client().receipts()


def _act(session: Session, args: argparse.Namespace, cell: str | None, kind: str) -> Any:
    found = session.targets(args, cell)
    if found.one and not filters(args) and args.where is None and not args.reason:
        return _act_on_one(session, args, kind, found.one)
    if getattr(args, "api", None):
        raise UsageError("--api is for one id; a plan chooses for itself", hint="leave --api out")
    made = _planned(session, args, cell, kind)
    if not args.yes and not found.one:
        return made
    return _send(made, args.limit)


def _act_on_one(session: Session, args: argparse.Namespace, kind: str, job_id: str) -> Quiet:
    client = session.client()
    try:
        if kind == "cancel":
            said = client.cancel(job_id, api=args.api or "graphql")
            session.say(f"{safe(job_id)}: {safe(said)}")
        else:
            said = client.retry(job_id)
            session.say(f"{safe(job_id)}: submitted again as the new job {safe(said)}; the old one stays as it is")
    except KeyboardInterrupt:
        raise Stopped(
            f"the waiting has ended; job {safe(job_id)} may have been {_DID[kind]} → %job status {safe(job_id)}"
        ) from None
    return Quiet(said)


def _planned(session: Session, args: argparse.Namespace, cell: str | None, kind: str) -> Plan:
    found, asked = session.targets(args, cell), filters(args)
    if found and asked:
        raise UsageError(
            f"jobs are named, and also --{next(iter(asked)).replace('_', '-')}", hint="give jobs, or filters, not both"
        )
    if not found and not asked and args.where is None:
        raise UsageError(
            f"%job {kind}: no job is named",
            hint=f"%job {kind} ID, %job {kind} $df, or a filter such as --status queued --since 2d",
        )
    client = session.client()
    make = client.plan_cancel if kind == "cancel" else client.plan_retry
    if args.where is None and not found:
        made = make(reason=args.reason, **asked)
    else:
        made = make(_jobs(session, args, found), reason=args.reason)
    session.plans.pop(made.op, None)
    session.plans[made.op] = made
    return made


def _jobs(session: Session, args: argparse.Namespace, found: Targets) -> Any:
    """Give the jobs to plan for: the frame as it is, so that what was seen is kept, or ids."""
    alone = found.frames[0] if len(found.frames) == 1 and not found.ids and not found.lists else None
    if args.where is None:
        return found.all_ids() if alone is None else alone
    if not found:
        return listed(session, args, limit=None)
    frame = named(session, found) if alone is None else alone
    return where(frame, args.where, session.client().now())


def _send(made: Plan, limit: int | None) -> Receipt:
    sent = made.counts.get(made.kind, 0)
    most = CAP if limit is None else limit
    if sent > most and not made.applied:
        raise UsageError(
            f"the plan would {made.kind} {sent:,} jobs, more than {most:,}",
            hint=f"if that is what you want, say the number: %job apply {made.op} --limit {sent}",
        )
    try:
        return made.apply(limit=limit)
    except KeyboardInterrupt:
        raise _stopped(made.op) from None


def _stopped(op: str) -> Stopped:
    return Stopped(f"no more is sent; what was sent stays → %job receipts {op} shows it, %job resume {op} goes on")


def _receipt(session: Session, op: str | None) -> Receipt:
    client = session.client()
    if op is None:
        done = client.receipts()
        if len(done) == 0:
            raise UsageError("nothing was applied in this kernel", hint="%job plan cancel $df, then %job apply")
        op = str(done["op"].iloc[0])
    return client.receipt(op)
