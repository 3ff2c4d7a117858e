"""Bringing an archive up to date: what has changed is asked for, and what cannot have changed is not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from jobwidgets._internal import iso, parse_timestamp
from jobwidgets.archive import database as store
from jobwidgets.frames import JobTableBuilder, Rows, task_frame
from jobwidgets.listing import (
    BEGINNING,
    CREATED,
    FILTERABLE,
    MODIFIED,
    SECOND,
    SELDOM,
    fetch_by_aliases,
    read_changes,
    read_present,
)
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import duckdb

    from jobwidgets.frames import JobRow
    from jobwidgets.listing import JobReader

T = TypeVar("T")
OVERLAP = timedelta(seconds=5)
"""How far the Date header (whole seconds) and the service's own times may lie apart."""
WHOLE_EVERY = timedelta(days=1)
"""After so long it is looked up again which jobs there are at all: nothing else tells of those that were removed."""
BATCH = 20_000
"""Jobs that are written at once."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync brought.

    Attributes
    ----------
    as_of : datetime
        The service's clock, up to which the archive now knows everything.
    new, changed, gone : int
        Jobs that were not known before, that read another status, and that the service does not know any more.
    whole : bool
        Whether it was also looked up which jobs there are at all.
    """

    as_of: datetime
    new: int = 0
    changed: int = 0
    gone: int = 0
    whole: bool = False

    def __str__(self) -> str:
        return (
            f"{self.new:,} new, {self.changed:,} changed, {self.gone:,} gone as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC"
        )


class Sync:
    """One sync of one archive.

    Parameters
    ----------
    reader : JobReader
        The connection.
    connection : DuckDBPyConnection
        The open file; nobody else writes to it meanwhile.
    tell : callable
        Told how far it is, after each batch.
    """

    def __init__(
        self, reader: JobReader, connection: duckdb.DuckDBPyConnection, tell: Callable[[SyncResult], None] | None
    ) -> None:
        self._reader, self._database, self._tell = reader, connection, tell
        self._connection = reader.connection
        self._said = store.about(connection)
        self._seen: set[str] = set()
        self._done = SyncResult(datetime.now(UTC))

    async def run(self, *, whole: bool | None) -> SyncResult:
        """Ask for what has changed, and write it down; what was written before an end that came early stays."""
        begun = await self._reader.now()
        self._done = SyncResult(begun)
        since = parse_timestamp(self._said["since"]) if self._said.get("since") else BEGINNING
        known, resumed = self._said.get("watermark"), bool(self._said.get("down_to"))
        if known is None:
            begun = await self._first(since, begun)
        else:
            await self._changes(since, parse_timestamp(known))
        await self._open_ones(since)
        looked = self._said.get("whole_at")
        if whole or (whole is None and (looked is None or begun - parse_timestamp(looked) >= WHOLE_EVERY)):
            if known is not None or resumed:  # what was read before can be gone by now
                await self._whole(since, begun)
            self._said["whole_at"] = iso(begun)
            self._done = replace(self._done, whole=True)
        self._done = replace(self._done, as_of=self._connection.server_time())
        await apart(lambda: self._end(begun))
        return self._done

    def _end(self, begun: datetime) -> None:
        as_of = iso(self._done.as_of)
        self._database.begin()
        whole_at = self._said.get("whole_at", "")
        store.note(self._database, watermark=iso(begun - OVERLAP), as_of=as_of, whole_at=whole_at, first="", down_to="")
        row = {"begun": iso(begun), "as_of": as_of}
        row |= {name: str(getattr(self._done, name)) for name in ("new", "changed", "gone")}
        store.log_sync(self._database, {name: value.removesuffix("Z") for name, value in row.items()})
        self._database.commit()

    # ------------------------------------------------------------------------- steps

    async def _first(self, since: datetime, begun: datetime) -> datetime:
        """Read everything, newest first; where that was broken off it goes on, and asks for what changed meanwhile."""
        first, down_to = self._said.get("first"), self._said.get("down_to")
        until = begun + SELDOM
        if first and down_to:
            begun, until = parse_timestamp(first), parse_timestamp(down_to) + SECOND
        async for rows in self._batches(since, until, by=CREATED):
            await self._put(rows, first=iso(begun), down_to=min(row.created_date_time or iso(begun) for row in rows))
        if first and down_to:
            await self._changes(since, begun - OVERLAP)
        return begun

    async def _changes(self, since: datetime, known: datetime) -> None:
        async for rows in self._batches(known, self._connection.server_time() + SELDOM, by=MODIFIED):
            wanted = [
                row for row in rows if not row.created_date_time or parse_timestamp(row.created_date_time) >= since
            ]
            await self._put(wanted)

    async def _open_ones(self, since: datetime) -> None:
        """Ask what those read that can still change and were not seen: a service may forget to say when they did."""
        words = ", ".join(f"'{word}'" for word in sorted(TERMINAL))
        text = f"SELECT id, status FROM jobs WHERE gone IS NULL AND status NOT IN ({words})"  # noqa: S608  words of ours
        found = await apart(lambda: self._database.execute(text).fetchall())
        known = {job_id: status for job_id, status in found if job_id not in self._seen}
        if not known:
            return
        now = await self._listed_open(known, since)
        await self._gone([job_id for job_id in known if job_id not in now])
        await self._read([job_id for job_id, word in known.items() if now.get(job_id, word) != word])

    async def _listed_open(self, known: Mapping[str, str], since: datetime) -> dict[str, str]:
        """Say what open jobs read now: most of many are told by the list of those that are still open."""
        listed: dict[str, str] = {}
        if len(known) > self._connection.limits.aliases:
            until = self._connection.server_time() + SELDOM
            listed = await read_present(self._connection, since, until, sorted(FILTERABLE - TERMINAL))
        asked = await self._reader.statuses([job_id for job_id in known if job_id not in listed])
        return listed | {str(job_id): str(word) for job_id, word in asked.dropna().items()}

    async def _whole(self, since: datetime, begun: datetime) -> None:
        """Look up which jobs there are: one that is not listed is asked for by its id before it counts as gone."""
        text = "SELECT id, status FROM jobs WHERE gone IS NULL"
        known = dict(await apart(lambda: self._database.execute(text).fetchall()))
        present = await read_present(self._connection, since, begun + SELDOM)
        missing = [job_id for job_id in known if job_id not in present]
        if missing:
            await self._gone((await self._reader.statuses(missing)).attrs["missing"])
        await self._read([i for i, word in present.items() if known.get(i) != word and i not in self._seen])

    # ------------------------------------------------------------------------- parts

    async def _batches(self, since: datetime, until: datetime, *, by: str) -> AsyncIterator[list[JobRow]]:
        held: list[JobRow] = []
        async for rows in read_changes(self._connection, since, until, by=by):
            held += rows
            if len(held) >= BATCH:
                yield held
                held = []
        if held:
            yield held

    async def _read(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            rows, missing = await fetch_by_aliases(self._connection, "jobTasks", ids[start : start + BATCH])
            await self._put(list(rows.values()))
            await self._gone(missing)

    async def _put(self, rows: Sequence[JobRow], **said: str) -> None:
        as_of = self._connection.server_time()

        def write() -> tuple[int, int]:
            batch, builder = Rows(rows, None), JobTableBuilder()
            builder.add(batch)
            tasks = task_frame(batch, {}, as_of)
            return store.put(self._database, builder.frame({}, as_of), tasks, iso(as_of).removesuffix("Z"), said)

        if rows:
            new, changed = await apart(write)
            self._seen.update(row.id for row in rows)
            self._count(new=new, changed=changed)

    async def _gone(self, ids: Sequence[str]) -> None:
        if len(ids):
            seen = iso(self._connection.server_time()).removesuffix("Z")
            self._count(gone=await apart(lambda: store.mark_gone(self._database, ids, seen)))

    def _count(self, *, new: int = 0, changed: int = 0, gone: int = 0) -> None:
        done = self._done
        self._done = replace(done, new=done.new + new, changed=done.changed + changed, gone=done.gone + gone)
        if self._tell is not None:
            self._tell(self._done)


async def apart(work: Callable[[], T]) -> T:
    """Do work of the disk on a thread of its own; it is not left half done when the caller is interrupted."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise
