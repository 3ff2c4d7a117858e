"""The verbs of `%job` for what was begun: go on, stop, read back, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.errors import UsageError
from jobwidgets.magics.session import InterruptedMessage

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from jobwidgets.bulk import Receipt
    from jobwidgets.magics.session import Session

_LEFT = ("unknown", "not_sent")


def resume(session: Session, args: argparse.Namespace, _cell: str | None) -> Receipt:
    """Go on with what was not sent: of the newest operation, or of the one that is named."""
    client = session.client()
    done = client.receipts() if args.op is None else None
    receipt = client.receipt(args.op or _newest(done))
    if not set(_LEFT) & set(receipt.counts):
        session.say("Nothing is left to send.")
        if done is not None:
            _say_unfinished(session, done)
        return receipt
    if args.op is None:
        session.say(f"Resuming {receipt.op}: {_left(receipt.counts)}.")
    try:
        receipt.resume(ok=args.ok)
    except KeyboardInterrupt:
        raise stopped(receipt.op) from None
    return receipt


def stop(session: Session, args: argparse.Namespace, _cell: str | None) -> None:
    """Ask what is at work to stop: in a panel, on a thread, or, by its name, in another kernel."""
    client = session.client()
    asked = client.stop(args.op)
    for op in asked:
        session.say(
            f"Asked {op} to stop: nothing more is sent, what is on its way gets two seconds, and no job is cancelled "
            f"by it. %job receipts {op} shows how far it came, %job resume {op} goes on."
        )
    if asked:
        return
    if args.op is not None:
        session.say(
            f"{sanitize(args.op)} is not at work: nothing was stopped. %job receipts {sanitize(args.op)} shows it."
        )
        return
    session.say("Nothing is at work in this kernel. (A cell that sends is stopped by interrupting the kernel, ■.)")
    done = client.receipts()
    for op in done.loc[done["state"] == "at work", "op"]:
        session.say(f"Another kernel is at work on {op}: %job stop {op} asks it to stop.")


def receipts(session: Session, args: argparse.Namespace, _cell: str | None) -> Any:
    """List what was done at this service, or show one receipt."""
    return session.client().receipt(args.op) if args.op else session.client().receipts()


def verify(session: Session, args: argparse.Namespace, _cell: str | None) -> Receipt:
    """Read back what was done until it is final, or the time is over."""
    client = session.client()
    receipt = client.receipt(args.op or _newest(client.receipts()))
    try:
        receipt.verify(timeout=args.timeout)
    except KeyboardInterrupt:
        raise InterruptedMessage("the looking has ended; nothing was changed") from None
    return receipt


def stopped(op: str) -> InterruptedMessage:
    """Say what an interrupt did to work that had begun, and how to go on."""
    return InterruptedMessage(
        f"no more is sent; what was sent stays → %job receipts {op} shows it, %job resume {op} goes on"
    )


def _newest(done: pd.DataFrame | None) -> str:
    if done is None or len(done) == 0:
        raise UsageError("nothing was applied at this service", hint="%job plan cancel $df, then %job apply")
    return str(done["op"].iloc[0])


def _say_unfinished(session: Session, done: pd.DataFrame) -> None:
    """Name older operations with something left: they are resumed by their name alone."""
    for row in done.loc[done["state"] == "open", ["op", *_LEFT]].to_dict("records"):
        session.say(f"Unfinished: {row['op']}, {_left({name: row[name] for name in _LEFT})}: %job resume {row['op']}")


def _left(counts: dict[str, Any]) -> str:
    return ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in _LEFT if counts.get(name))
