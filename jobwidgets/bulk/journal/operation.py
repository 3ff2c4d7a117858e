"""One operation under its lease: whatever is going to leave, and whatever became of it, is written down here first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from jobwidgets.bulk.execution.cancellation import CancelToken, StoppedError
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.state import (
    OperationState,
    TargetState,
    fold_events,
    intent_record,
    lines_record,
    note_record,
    plan_records,
    target_records,
    until,
    whole,
)
from jobwidgets.errors import JobError, NotSentError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from jobwidgets.bulk.operation_registry import OperationRegistry

LOOK_FOR_STOP = 0.2
"""Seconds between two looks whether somebody, perhaps in another kernel, asked to stop."""
AT_ONCE = 0.3
"""Seconds that an interrupt waits for the work to come to its end; what is in flight may end behind it."""


class Operation:
    """What is known of an operation, and the one place where it changes.

    Attributes
    ----------
    account : OperationState
        What is known. It is read anew from the journal whenever work begins: another kernel may have worked meanwhile.
    """

    def __init__(self, operations: OperationRegistry, account: OperationState) -> None:
        self.account = account
        self._operations = operations
        self._journal: Journal | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = CancelToken()

    @property
    def op(self) -> str:
        """The operation's own id."""
        return self.account.op

    @property
    def kind(self) -> str:
        """What is done: "cancel", "retry" or "range"."""
        return self.account.kind

    @property
    def why(self) -> str:
        """The reason that was given with the plan."""
        return self.account.why

    @property
    def halted(self) -> str:
        """Why the rest was not sent; empty when nothing stopped it."""
        return self.account.halted

    @property
    def drifted(self) -> int:
        """How many targets had moved since the plan was made."""
        return self.account.drifted

    @property
    def begun(self) -> datetime | None:
        """When it was begun, by the service's clock."""
        return self.account.begun

    @property
    def more(self) -> dict[str, Any]:
        """What else belongs to the plan: the range, the waves."""
        return self.account.more

    @property
    def lines(self) -> dict[str, TargetState]:
        """The targets by their ids."""
        return self.account.lines

    @property
    def total(self) -> int:
        """How many targets the plan had."""
        return len(self.account.numbered)

    @property
    def counts(self) -> dict[str, int]:
        """How many targets came to each outcome that occurs; they sum to `total`."""
        return self.account.counts

    @property
    def sent(self) -> bool:
        """Whether anything has left."""
        return any(line.at is not None for line in self.account.numbered)

    def of(self, outcome: str) -> list[TargetState]:
        """Return the lines of one outcome."""
        return [line for line in self.account.numbered if line.outcome == outcome]

    @classmethod
    async def begin(
        cls,
        operations: OperationRegistry,
        *,
        op: str,
        kind: str,
        why: str,
        made: str,
        lines: Sequence[TargetState],
        more: dict[str, Any] | None = None,
    ) -> Self:
        """Write a plan down, before anything of it is sent, and be the one who carries it out.

        Raises
        ------
        SettingsError
            It cannot be written down; nothing was sent.
        UsageError
            The operation was begun before; nothing was sent.
        """
        account = OperationState(op, kind, operations.service_url, why, made, more or {})
        account.add(lines)
        receipt = cls(operations, account)
        receipt._journal = await _opened(lambda: Journal.create(op), undo=Journal.discard)
        try:
            receipt._journal.append(*plan_records(account))
            await receipt._journal.synced()
        except BaseException:
            receipt._journal.discard()
            receipt._journal = None
            raise
        account.ready = True
        return receipt

    @property
    def at_work(self) -> bool:
        """Whether it is being worked on in this kernel."""
        return self._task is not None and not self._task.done()

    def stop(self) -> None:
        """Ask the work to stop, from any thread: nothing more is sent, and what is in flight gets two seconds."""
        self._stop.ask()

    async def _at_work(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` as the only one, here and in every other kernel.

        It runs as a task of its own: a caller who is interrupted asks it to stop and leaves, and what is in flight can
        still be written down.
        """
        while self._task is not None and self.at_work and self._stop.asked:
            await asyncio.wait([self._task])
        if self.at_work:
            raise UsageError(f"operation {self.account.op} is at work", hint="wait for it to end, or stop it")
        self._stop = CancelToken()
        task = self._task = asyncio.create_task(self._held(work))
        task.add_done_callback(_looked_at)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                self._stop.ask()
                await asyncio.wait([task], timeout=AT_ONCE)
            raise

    async def _held(self, work: Callable[[], Awaitable[None]]) -> None:
        known = self._journal is not None
        journal = self._journal = self._journal or await _opened(lambda: Journal.reopen(self.account.op))
        watch = asyncio.create_task(self._watch())
        try:
            with suppress(StoppedError):
                if not known:
                    self.account = fold_events(journal.records)
                    await self._know_how_far()
                await work()
        finally:
            watch.cancel()
            self.write()
            with suppress(JobError):  # where that fails it was said by `write`, or what is in doubt is asked about
                await journal.synced()
            journal.close()
            self._journal = None

    async def _know_how_far(self) -> None:
        """Say of what a dead kernel had sent that it was under way until now at most: its sender is gone."""
        connection = self._operations.connection
        known = connection.server_time()
        open_ended = [
            line
            for line in self.account.numbered
            if line.outcome == "unknown" and (line.until is None or line.until > known)
        ]
        if open_ended:
            await self._operations.reader.now()
            for line in open_ended:
                line.until = until(connection)
            self.write(open_ended)

    async def _watch(self) -> None:
        """Look now and then whether somebody asked to stop, or took the operation over."""
        while self._journal is not None:
            await asyncio.sleep(LOOK_FOR_STOP)
            try:
                if self._journal.stop_asked():
                    self._stop.ask()
            except JobError as error:
                self.halt(error.message)
                self._stop.ask()
                return

    async def intend(self, lines: Sequence[TargetState], at: datetime) -> None:
        """Write down that these are about to leave; when this returns it is on disk.

        Raises
        ------
        NotSentError
            It cannot be written down: nothing may be sent.
        """
        if self._journal is None:
            raise NotSentError(f"operation {self.account.op} is not held here", hint="resume it")
        moment = whole(at)
        self._journal.append(intent_record(lines, moment))
        await self._journal.synced()
        for line in lines:
            line.doubt(moment)

    def write(self, lines: Sequence[TargetState] = ()) -> None:
        """Write down what is known of some lines, and of the operation.

        Where that fails the sending stops: what is known here and not there is unknown there, and can be asked for.
        """
        if self._journal is None:
            return
        try:
            self._journal.append(*([lines_record(lines)] if lines else []), note_record(self.account))
        except JobError as error:
            self.account.halted = self.account.halted or str(error)
            self._stop.ask()

    def add(self, lines: Iterable[TargetState]) -> None:
        """Add targets that nobody knew of when the plan was made."""
        new = self.account.add(lines)
        if new and self._journal is not None:
            self._journal.append(*target_records(new))

    def halt(self, why: str) -> None:
        """Say why the rest was not sent; the first reason stands."""
        self.account.halted = self.account.halted or why

    def note(self, *, begun: datetime | None = None, drifted: int = 0) -> None:
        """Say when it began, or that more targets have moved since the plan was made."""
        self.account.begun = self.account.begun or (whole(begun) if begun else None)
        self.account.drifted += drifted

    async def discard(self) -> None:
        """Forget an operation of which nothing was sent: its plan can be used again.

        Raises
        ------
        UsageError
            Something of it was sent.
        """
        if self._task is not None and not self._task.done():
            self._stop.ask()
            await asyncio.wait([self._task])
        if any(line.at is not None for line in self.account.numbered):  # what was under way has left after all
            raise UsageError(f"operation {self.account.op} has begun", hint="its receipt says how far it came")
        self._operations.forget(self.account.op)
        journal = await _opened(lambda: Journal.reopen(self.account.op))
        journal.discard()


async def _opened(make: Callable[[], Journal], undo: Callable[[Journal], None] = Journal.close) -> Journal:
    """Open a journal on another thread, since a disk can be slow; who is interrupted meanwhile leaves none open."""
    task = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: None if done.cancelled() or done.exception() else undo(done.result()))
        raise


def _looked_at(task: asyncio.Task[None]) -> None:
    """Take the error of a task whose caller has left: what it means is in the journal."""
    if not task.cancelled():
        task.exception()
