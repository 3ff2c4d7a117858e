"""From filters and names to frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.magics.parsing.argparse_ext import flat
from jobwidgets.magics.parsing.where_expr import where

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from jobwidgets.magics.parsing.tokens import Targets
    from jobwidgets.magics.session import Session


def filters(args: argparse.Namespace) -> dict[str, Any]:
    """Give the filters that the service answers; --where is ours."""
    given = {
        "status": flat(args.status),
        "since": args.since,
        "until": args.until,
        "engine": args.engine,
        "target": args.target,
        "scheduled_job": args.scheduled_job,
    }
    return {name: value for name, value in given.items() if value is not None}


def listed(session: Session, args: argparse.Namespace, *, limit: int | None, api: str = "graphql") -> pd.DataFrame:
    """List what the filters and --where ask for; the limit counts what is left after both."""
    client = session.client()
    if args.where is None:
        return client.jobs(**filters(args), limit=limit, api=api)
    frame = where(client.jobs(**filters(args), api=api), args.where, client.now())
    frame.attrs["query"] = {**frame.attrs.get("query", {}), "where": args.where}
    if limit is not None and len(frame) > limit:
        frame = frame.head(limit)
        frame.attrs["truncated"] = True
    return frame


def named(session: Session, found: Targets) -> pd.DataFrame:
    """Read the named jobs as they are now."""
    return session.client().jobs(ids=found.all_ids())
