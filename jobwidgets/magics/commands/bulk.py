"""The verbs of `%job` that act: one id at once, many by a plan that is shown before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.magics.commands.filters import filters, listed, named
from jobwidgets.magics.commands.receipts import stopped
from jobwidgets.magics.parsing.where_expr import where
from jobwidgets.magics.session import InterruptedMessage, SilentResult
from jobwidgets.vocabulary import MAX_JOBS_UNCONFIRMED

if TYPE_CHECKING:
    import argparse

    from jobwidgets.bulk import Plan, Receipt
    from jobwidgets.magics.parsing.tokens import Targets
    from jobwidgets.magics.session import Session

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
        made = _planned(session, args, cell, args.kind)
    elif args.ids or cell or args.where or filters(args) or _range(args):
        raise UsageError("%job plan: to cancel, or to retry?", hint="%job plan cancel …, or %job plan retry …")
    else:
        made = session.plan(None)
    if args.save is not None:
        path = made.save(args.save)
        session.say(f"Saved to {sanitize(path)}, to be read and made smaller. To send it: %job apply {sanitize(path)}")
    return made


def apply(session: Session, args: argparse.Namespace, _cell: str | None) -> Receipt:
    """Send a plan: of this kernel, or of a file. One that was begun before gives its receipt."""
    begun = session.begun(args.op)
    if begun is not None:
        session.say(f"{begun.op} was begun before, and nothing more is sent: this is its receipt.")
        return begun
    made = session.loaded(args.op) if session.is_file(args.op) else session.plan(args.op)
    how = {"max_drift": args.max_drift, "canary": args.canary, "widen": args.widen, "ok": args.ok}
    if args.canary is None and (args.widen or args.ok is not None):
        raise UsageError(
            "--widen and --ok go with --canary", hint=f"%job apply {made.op} --canary 5 --widen 5 --ok 0.8"
        )
    return _send(made, args.limit, **how)


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


def _act_on_one(session: Session, args: argparse.Namespace, kind: str, job_id: str) -> SilentResult:
    client = session.client()
    try:
        if kind == "cancel":
            said = client.cancel(job_id, api=args.api or "graphql")
            session.say(f"{sanitize(job_id)}: {sanitize(said)}")
        else:
            said = client.retry(job_id)
            session.say(
                f"{sanitize(job_id)}: submitted again as the new job {sanitize(said)}; the old one stays as it is"
            )
    except KeyboardInterrupt:
        raise InterruptedMessage(
            f"the waiting has ended; job {sanitize(job_id)} may have been {_DID[kind]} → %job status {sanitize(job_id)}"
        ) from None
    return SilentResult(said)


def _planned(session: Session, args: argparse.Namespace, cell: str | None, kind: str) -> Plan:
    made = _range_plan(session, args, cell, kind) if _range(args) else _plan_of_jobs(session, args, cell, kind)
    session.plans.pop(made.op, None)
    session.plans[made.op] = made
    return made


def _range(args: argparse.Namespace) -> dict[str, str]:
    """Give the options that say a range, which only `%job plan` has."""
    given = {name: getattr(args, name, None) for name in ("org", "after", "before")}
    return {name: value for name, value in given.items() if value is not None}


def _range_plan(session: Session, args: argparse.Namespace, cell: str | None, kind: str) -> Plan:
    told, how = _range(args), "%job plan cancel --org ORG --after WHEN --before WHEN"
    if kind != "cancel":
        raise UsageError("only cancelling goes by a range", hint=how)
    if args.ids or cell or args.where is not None or filters(args) or args.again or args.limit is not None:
        raise UsageError("a range goes with no jobs and no filter: the service decides over all in it", hint=how)
    missing = [name for name in ("org", "after", "before") if name not in told]
    if missing:
        raise UsageError(f"a range needs --{missing[0]} as well", hint=how)
    client = session.client()
    return client.plan_cancel_range(args.org, after=args.after, before=args.before, reason=args.reason)


def _plan_of_jobs(session: Session, args: argparse.Namespace, cell: str | None, kind: str) -> Plan:
    found, asked = session.targets(args, cell), filters(args)
    again = getattr(args, "again", False)
    if again and kind != "retry":
        raise UsageError("--again is for retries", hint="a job that is cancelled stays cancelled")
    if found and asked:
        raise UsageError(
            f"jobs are named, and also --{next(iter(asked)).replace('_', '-')}", hint="give jobs, or filters, not both"
        )
    if not found and not asked and args.where is None:
        raise UsageError(
            f"%job {kind}: no job is named",
            hint=f"%job {kind} ID, %job {kind} $df, or a filter such as --status queued --since 2d",
        )
    jobs = None if args.where is None and not found else _jobs(session, args, found)
    asked = asked if jobs is None else {}
    if kind == "cancel":
        return session.client().plan_cancel(jobs, reason=args.reason, **asked)
    return session.client().plan_retry(jobs, reason=args.reason, again=again, **asked)


def _jobs(session: Session, args: argparse.Namespace, found: Targets) -> Any:
    """Give the jobs to plan for: the frame as it is, so that what was seen is kept, or ids."""
    alone = found.frames[0] if len(found.frames) == 1 and not found.ids and not found.lists else None
    if args.where is None:
        return found.all_ids() if alone is None else alone
    if not found:
        return listed(session, args, limit=None)
    frame = named(session, found) if alone is None else alone
    return where(frame, args.where, session.client().now())


def _send(made: Plan, limit: int | None, **how: Any) -> Receipt:
    sent = made.counts.get(made.act, 0)
    most = MAX_JOBS_UNCONFIRMED if limit is None else limit
    if sent > most and not made.applied:
        raise UsageError(
            f"the plan would {made.act} {sent:,} jobs, more than {most:,}",
            hint=f"if that is what you want, say the number: %job apply {made.op} --limit {sent}",
        )
    try:
        return made.apply(limit=limit, **{name: value for name, value in how.items() if value is not None})
    except KeyboardInterrupt:
        if not made.applied:
            raise InterruptedMessage(f"nothing was sent → %job apply {made.op} sends it") from None
        raise stopped(made.op) from None
