"""Carrying a plan out: batches of aliases, each target brought to exactly one outcome."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._errors import (
    AuthError,
    JobError,
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
)
from jobwidgets._model import CANCELLED, REASON_TEXT
from jobwidgets._text import safe
from jobwidgets.bulk._record import until
from jobwidgets.bulk._verify import by_id, look_along, look_back
from jobwidgets.client import _documents as documents
from jobwidgets.client._answers import Sending, matched
from jobwidgets.client._core import TOO_MANY
from jobwidgets.client._flow import BUSY, NOTHING_DONE, Envelope, graph_error
from jobwidgets.client._pace import MOST
from jobwidgets.client._statuses import read_statuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets.bulk._receipt import AsyncReceipt
    from jobwidgets.bulk._record import Line
    from jobwidgets.bulk._stop import Stop
    from jobwidgets.client import AsyncClient
    from jobwidgets.client._answers import Found

Progress = Callable[[int, int, dict[str, int]], None]
FIRST_SIZE = 10
LARGEST_SIZE = 100
WANTED_SECONDS = 1.0
"""A batch is to last about this long: more aliases win nothing where the service works them off one by one."""
LAST_CHANCE = 2.0
"""Seconds that what is in flight gets when the work is stopped."""
TOO_MUCH_DOUBT = 8
"""After so many lost answers in a row the service is taken to be gone: nothing more is sent into the dark."""
BUSY_FOR = 300.0
"""Seconds that a service may say "later" before the rest is left unsent."""
TELL_EVERY = 0.1
VERBS = {"cancel": "cancelJob", "retry": "retryJob"}


class _Answer(msgspec.Struct):
    id: str | None = None
    message: str | None = None


class Application:
    """One run over targets of a receipt.

    Before a batch leaves it is in the journal that its targets are under way, which reads as unknown, and only a
    definite answer makes them anything else: so whatever ends this run, or this process, the receipt never says less
    than what may have happened.
    """

    def __init__(self, client: AsyncClient, receipt: AsyncReceipt, progress: Progress | None, stop: Stop) -> None:
        self._client, self._receipt, self._progress, self._stop = client, receipt, progress, stop
        self._core = client._core  # noqa: SLF001  bulk work stands on the client's own connection
        self._pace = self._core.pace
        self._verb = VERBS[receipt.kind]
        self._waiting: deque[Line] = deque()
        self._workers: list[asyncio.Task[None]] = []
        self._answered = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Sending] = {}
        self._size = FIRST_SIZE
        self._most = LARGEST_SIZE
        self._halted = False
        self._doubts = 0
        self._busy_since: float | None = None
        self._told_at = 0.0

    async def run(self, targets: Sequence[Line], *, unseen: Sequence[Line] = ()) -> None:
        """Bring every target to an outcome, and read back what was cancelled.

        A stop ends the sending: what is in flight gets two seconds, what was not sent stays `not_sent`, and no job is
        ever cancelled by it.

        Parameters
        ----------
        targets : sequence of Line
            What is to be sent.
        unseen : sequence of Line
            What was cancelled by an earlier run and has not been read back.
        """
        self._waiting.extend(targets)
        looking = asyncio.create_task(self._look_along(targets))
        try:
            await self._all_sent()
            await _ended(looking)
            if not self._stop.asked and self._receipt.kind == "cancel":
                await look_back(self._client, self._receipt, [*targets, *unseen], self._stop)
        finally:
            looking.cancel()
            self._tell(last=True)

    async def _look_along(self, targets: Sequence[Line]) -> None:
        if self._receipt.kind == "cancel":
            with suppress(JobError):  # what cannot be read just now is looked at in the end, and that tells why
                await look_along(self._client, self._receipt, targets, self._answered)

    async def _all_sent(self) -> None:
        """Let a few workers send until nothing waits; a stop gives what is in flight a last chance."""
        workers = self._workers = [asyncio.create_task(self._work()) for _ in range(MOST)]
        stopped = asyncio.create_task(self._stop.wait())
        running: set[asyncio.Task[None]] = set(workers)
        try:
            while running and not stopped.done() and not any(_failed(worker) for worker in workers):
                await asyncio.wait([*running, stopped], return_when=asyncio.FIRST_COMPLETED)
                running = {worker for worker in workers if not worker.done()}
            if running and stopped.done():
                self._receipt.halt("stopped")
                for worker in workers:
                    if not (sending := self._under_way.get(worker)) or not sending.out:
                        worker.cancel()
                await asyncio.wait(workers, timeout=LAST_CHANCE)
        finally:
            stopped.cancel()
            for worker in workers:
                worker.cancel()
            ended = await asyncio.gather(*workers, stopped, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end

    # ------------------------------------------------------------------ before

    async def still_due(self, targets: Sequence[Line]) -> list[Line]:
        """Read the targets again; what has moved since the plan was made is skipped with its reason."""
        seen = await self._stop.race(self._moved(targets))
        gone = [line for line in targets if line.id in seen and seen[line.id][0] is not True]
        for line in gone:
            _, status, why = seen[line.id]
            if line.at is not None and self._receipt.kind == "cancel" and status in CANCELLED:
                line.settle("done", "found cancelled when asked", status=status, looked=True, verified="confirmed")
                continue
            self._receipt.note(drifted=1)
            code = "complete" if self._receipt.kind == "retry" and why != "not_found" else why
            line.settle("skipped", f"moved since the plan was made: {REASON_TEXT.get(code, code)}", status=status)
        self._receipt.write(gone)
        self._tell(last=False)
        left = set(map(id, gone))
        return [line for line in targets if id(line) not in left]

    async def _moved(self, targets: Sequence[Line]) -> dict[str, tuple[Any, ...]]:
        """Read the jobs whose status is another than when the plan was made, or hides whether a task has started."""
        created = {line.id: line.created for line in targets}
        statuses = await read_statuses(self._core, [line.id for line in targets], created)
        unsure = [
            line.id
            for line in targets
            if line.status_before in (None, "running") or statuses.get(line.id) != line.status_before
        ]
        if not unsure:
            return {}
        may = "can_cancel" if self._receipt.kind == "cancel" else "can_retry"
        known = by_id(await self._client.jobs(ids=unsure), may, "status", "why_not")
        return {job_id: known.get(job_id, (False, None, "not_found")) for job_id in unsure}

    # ----------------------------------------------------------------- sending

    async def _work(self) -> None:
        while not self._stop.asked and not self._halted:
            async with self._pace.place():
                if not self._waiting or self._stop.asked or self._halted:
                    return
                batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                try:
                    self._adapt(await self._send(batch), len(batch))
                except NotSentError as error:
                    self._not_now(batch, error)
                except JobError as error:
                    self._halt(error)
                self._tell()

    def _adapt(self, seconds: float, size: int) -> None:
        self._busy_since = None
        if self._doubts:
            self._size = max(1, self._size // 2)  # the less is in one request, the less is in doubt when it is lost
            if self._doubts >= TOO_MUCH_DOUBT:
                self._halt(ServiceError(f"{self._doubts} answers in a row were lost", hint="resume when it is back"))
            return
        self._pace.went_well()
        if seconds > 2 * WANTED_SECONDS:
            self._size = max(1, self._size // 2)
        elif seconds * 2 * self._size < WANTED_SECONDS * size:  # twice as many would be done in time at this pace too
            self._size = min(self._most, self._size * 2)

    def _not_now(self, batch: Sequence[Line], error: NotSentError) -> None:
        """Put a batch back that certainly did not arrive: a busy service is asked again, one that is away is not."""
        self._busy_since = self._busy_since or time.monotonic()
        too_long = time.monotonic() + self._pace.closed_for - self._busy_since > BUSY_FOR
        if error.name != BUSY or too_long:
            self._halt(error)
            return
        self._waiting.extendleft(reversed(batch))

    def _halt(self, error: JobError) -> None:
        """Stop sending: the service is not there, or does not want us; the rest stays unsent."""
        self._halted = True
        self._receipt.halt(str(error))
        for worker in self._workers:  # who waits for a place would find out only when the service is open again
            if worker is not _this_task() and worker not in self._under_way:
                worker.cancel()

    async def _send(self, batch: Sequence[Line]) -> float:
        """Send one document for a batch, and take in what its answer says; tell how many seconds the service took."""
        before = [line.at for line in batch]
        sending = Sending()
        self._under_way[_this_task()] = sending
        try:
            await self._receipt.intend(batch, self._core.earliest())
            await self._sent(batch, sending)
        except JobError as error:
            for line in batch if isinstance(error, NotSentError) or not sending.out else ():
                line.settle("not_sent", error.message)
            raise
        except asyncio.CancelledError:
            for line in batch if not sending.out else ():
                line.settle("not_sent")
            raise
        finally:
            del self._under_way[_this_task()]
            now = until(self._core)  # the wait for a busy service may have been long
            for line, at in zip(batch, before, strict=True):
                line.until = now if line.outcome == "unknown" else None
                line.at = at if line.outcome == "not_sent" else line.at
            self._receipt.write(batch)
            self._answered.set()
        return sending.took

    async def _sent(self, batch: Sequence[Line], sending: Sending) -> None:
        try:
            envelope = await self._core.graph(
                self._verb,
                documents.many(self._verb, len(batch)),
                {f"a{place}": line.id for place, line in enumerate(batch)},
                write=True,
                sending=sending,
            )
        except (UnknownOutcomeError, ServiceError) as error:
            self._doubts += 1
            for line in batch:
                line.reason = error.message
        except RefusedError as error:
            self._rejected(batch, error)
        else:
            self._doubts = 0
            self._take_in(batch, envelope)

    def _take_in(self, batch: Sequence[Line], envelope: Envelope) -> None:
        """Bring each target of a batch to what the answer says of it, or leave it unknown."""
        errors = envelope.errors or []
        if not errors and (said := _all_said(envelope, len(batch))) is not None:
            for line, told in zip(batch, said, strict=True):
                self._done(line, told)
        elif envelope.has_data or not errors:
            answers = matched(envelope, [line.id for line in batch])
            for line in batch:
                self._read(line, answers[line.id])
        elif all(error.name in NOTHING_DONE and error.path is None for error in errors):
            self._rejected(batch, graph_error(errors[0], self._verb))
        else:
            for line in batch:
                line.reason = f"the service answered {safe(errors[0].name or 'an error without a name')}"

    def _rejected(self, batch: Sequence[Line], error: JobError) -> None:
        """Take a rejection of a whole document: nothing of it was done.

        For its size the halves may be sent. Anything else would be said of the next document too: the rest stays
        unsent.
        """
        for_size = error.name in TOO_MANY or (not error.name and not isinstance(error, NotFoundError | AuthError))
        if for_size and len(batch) > 1:
            self._size = self._most = max(1, len(batch) // 2)
            for line in batch:
                line.settle("not_sent")
            self._waiting.extendleft(reversed(batch))
            return
        for line in batch:
            alone = len(batch) == 1 and not isinstance(error, AuthError)
            line.settle("refused" if alone else "not_sent", error.message, message=error.message)
        if not for_size:
            raise error

    def _read(self, line: Line, answer: Found) -> None:
        """Read one alias: only a value alone means done, only an error that names a refusal means refused."""
        error, value = answer.error, answer.value
        if value is not None and error is None:
            try:
                told = msgspec.json.decode(value, type=_Answer)
            except (msgspec.MsgspecError, RecursionError):
                line.reason = "the answer has another shape"
                return
            self._done(line, told)
        elif value is None and error is not None and error.name in NOTHING_DONE:
            line.settle("refused", safe(error.message) or str(error.name), message=safe(error.message))
        elif error is not None:
            line.reason = f"the service answered {safe(error.name or 'an error without a name')}"
        else:
            line.reason = "the answer says nothing of it"

    def _done(self, line: Line, told: _Answer) -> None:
        """Take in the answer to one alias that was done."""
        if self._receipt.kind == "cancel":
            line.settle("done", message=safe(told.message))
        elif told.id is None:
            line.reason = "the answer does not tell the new job"
        else:
            line.settle("done", new_id=told.id)

    def _tell(self, *, last: bool = False) -> None:
        """Tell how far it is, but not more often than anybody can read."""
        if self._progress is None or not (last or time.monotonic() - self._told_at > TELL_EVERY):
            return
        self._told_at = time.monotonic()
        counts = self._receipt.counts
        total = self._receipt.total
        self._progress(total - counts.get("not_sent", 0), total, counts)  # what waits is not_sent as well


def _all_said(envelope: Envelope, size: int) -> list[_Answer] | None:
    """Read an answer in which every alias has a value, all in one go; None where it is not that simple."""
    try:
        fields = msgspec.json.decode(envelope.data, type=dict[str, _Answer])
        return [fields[f"a{place}"] for place in range(size)]
    except (msgspec.MsgspecError, RecursionError, KeyError):
        return None


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that is not needed any more, and raise what went wrong in it."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _this_task() -> Any:
    return asyncio.current_task()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
