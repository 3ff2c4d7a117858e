"""Carrying a plan out: batches of aliases, each target brought to exactly one outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import sanitize
from jobwidgets.bulk.execution.batch_results import take_in
from jobwidgets.bulk.execution.preflight import recheck_targets
from jobwidgets.bulk.execution.readback import verify_concurrently, verify_remaining
from jobwidgets.bulk.journal.state import until
from jobwidgets.errors import (
    AuthError,
    JobError,
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
)
from jobwidgets.listing import estimated_page_size
from jobwidgets.transport import (
    MAX_BULK_IN_FLIGHT,
    NO_EFFECT_ERRORS,
    RATE_LIMITED_TAG,
    TOO_MANY,
    Envelope,
    InFlightWrite,
    graph_error,
)
from jobwidgets.transport import queries as documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobwidgets._internal import ProgressCallback
    from jobwidgets.bulk.execution.cancellation import CancelToken
    from jobwidgets.bulk.journal.operation import Operation
    from jobwidgets.bulk.journal.state import TargetState
    from jobwidgets.bulk.operation_registry import OperationRegistry

log = logging.getLogger("jobwidgets.bulk")
log.addHandler(logging.NullHandler())  # nothing is printed into a notebook that has set up no logging
INITIAL_BATCH_SIZE = 10
MAX_BATCH_SIZE = 100
TARGET_BATCH_S = 1.0
"""A batch is to last about this long: more aliases win nothing where the service works them off one by one."""
STOP_GRACE_S = 2.0
"""Seconds that what is in flight gets when the work is stopped."""
MAX_CONSECUTIVE_UNKNOWN = 8
"""After so many lost answers in a row the service is taken to be gone: nothing more is sent into the dark."""
MAX_THROTTLED_S = 300.0
"""Seconds that a service may say "later" before the rest is left unsent."""
TELL_EVERY = 0.1
PREFETCH_PAGES = 2
"""Pages of a list that are read side by side for what is to be sent next, while others are sent."""
VERBS = {"cancel": "cancelJob", "retry": "retryJob"}


class BatchExecutor:
    """One run over targets of a receipt.

    Before a batch leaves it is in the journal that its targets are under way, which reads as unknown, and only a
    definite answer makes them anything else: so whatever ends this run, or this process, the receipt never says less
    than what may have happened.
    """

    def __init__(
        self, operations: OperationRegistry, receipt: Operation, progress: ProgressCallback | None, stop: CancelToken
    ) -> None:
        self._operations, self._receipt, self._progress, self._stop = operations, receipt, progress, stop
        self._connection = operations.connection
        self._pace = self._connection.throttle
        self._verb = VERBS[receipt.kind]
        self._waiting: deque[TargetState] = deque()
        self._workers: list[asyncio.Task[None]] = []
        self._more, self._fed = asyncio.Event(), False
        self._answered = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], InFlightWrite] = {}
        self._size = INITIAL_BATCH_SIZE
        self._most = MAX_BATCH_SIZE
        self._halted = False
        self._doubts = 0
        self._busy_since: float | None = None
        self._told_at = 0.0

    async def run(
        self, targets: Sequence[TargetState], *, look_first: bool = False, unseen: Sequence[TargetState] = ()
    ) -> None:
        """Bring every target to an outcome, and read back what was cancelled.

        A stop ends the sending: what is in flight gets two seconds, what was not sent stays `not_sent`, and no job is
        ever cancelled by it.

        Parameters
        ----------
        targets : sequence of TargetState
            What is to be sent.
        look_first : bool, default False
            Whether each of them is to be read again before it is sent.
        unseen : sequence of TargetState
            What was cancelled by an earlier run and has not been read back.
        """
        self._fed = False
        beside = [asyncio.create_task(work) for work in (self._feed(targets, look_first), self._look_along(targets))]
        try:
            try:
                await self._all_sent()
            finally:
                ended = await _ended(beside)
            _raise_first(ended)
            if not self._stop.asked and self._receipt.kind == "cancel":
                await verify_remaining(self._operations, self._receipt, [*targets, *unseen], self._stop)
        finally:
            self._tell(last=True)

    async def _feed(self, targets: Sequence[TargetState], look_first: bool) -> None:  # noqa: FBT001  as it was given
        """Hand targets to those who send, where that is wanted each just after it was read again."""
        step = (
            PREFETCH_PAGES * estimated_page_size(self._connection, [line.created for line in targets])
            if look_first
            else 0
        )
        try:
            for start in range(0, len(targets), step or len(targets) or 1):
                part = targets[start : start + (step or len(targets))]
                if look_first:
                    part = await recheck_targets(self._operations, self._receipt, part, self._stop)
                    self._tell()
                self._waiting.extend(part)
                self._more.set()
        except JobError as error:
            if not self._receipt.sent:
                raise
            self._halt(error)
        finally:
            self._fed = True
            self._more.set()

    async def _look_along(self, targets: Sequence[TargetState]) -> None:
        if self._receipt.kind == "cancel":
            with suppress(JobError):  # what cannot be read just now is looked at in the end, and that tells why
                await verify_concurrently(self._operations, self._receipt, targets, self._answered)

    async def _all_sent(self) -> None:
        """Let a few workers send until nothing waits; a stop gives what is in flight a last chance."""
        workers = self._workers = [asyncio.create_task(self._work()) for _ in range(MAX_BULK_IN_FLIGHT)]
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
                await asyncio.wait(workers, timeout=STOP_GRACE_S)
        finally:
            ended = await _ended([*workers, stopped])
        _raise_first(ended)

    # ----------------------------------------------------------------- sending

    async def _work(self) -> None:
        while await self._left():
            async with self._pace.place():
                if not self._waiting or self._stop.asked or self._halted:
                    continue
                batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                try:
                    self._adapt(await self._send(batch), len(batch))
                except NotSentError as error:
                    self._not_now(batch, error)
                except JobError as error:
                    self._halt(error)
                self._tell()

    async def _left(self) -> bool:
        """Wait until there is something to send; False: there is nothing more, or it is not to be sent."""
        while not (self._waiting or self._fed or self._stop.asked or self._halted):
            self._more.clear()
            await self._more.wait()
        return bool(self._waiting) and not self._stop.asked and not self._halted

    def _adapt(self, seconds: float, size: int) -> None:
        self._busy_since = None
        if self._doubts:
            self._size = max(1, self._size // 2)  # the less is in one request, the less is in doubt when it is lost
            if self._doubts >= MAX_CONSECUTIVE_UNKNOWN:
                self._halt(ServiceError(f"{self._doubts} answers in a row were lost", hint="resume when it is back"))
            return
        self._pace.went_well()
        if seconds > 2 * TARGET_BATCH_S:
            self._size = max(1, self._size // 2)
        elif seconds * 2 * self._size < TARGET_BATCH_S * size:  # twice as many would be done in time at this pace too
            self._size = min(self._most, self._size * 2)

    def _not_now(self, batch: Sequence[TargetState], error: NotSentError) -> None:
        """Put a batch back that certainly did not arrive: a busy service is asked again, one that is away is not."""
        self._busy_since = self._busy_since or time.monotonic()
        too_long = time.monotonic() + self._pace.closed_for - self._busy_since > MAX_THROTTLED_S
        if error.name != RATE_LIMITED_TAG or too_long:
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

    async def _send(self, batch: Sequence[TargetState]) -> float:
        """Send one document for a batch, and take in what its answer says; tell how many seconds the service took."""
        before = [line.at for line in batch]
        sending = InFlightWrite()
        self._under_way[_this_task()] = sending
        try:
            await self._receipt.intend(batch, self._connection.server_time_floor())
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
            now = until(self._connection)  # the wait for a busy service may have been long
            for line, at in zip(batch, before, strict=True):
                line.until = now if line.outcome == "unknown" else None
                line.at = at if line.outcome == "not_sent" else line.at
            self._receipt.write(batch)
            self._answered.set()
            _log_batch(self._verb, self._receipt.op, batch, sending.took)
        return sending.took

    async def _sent(self, batch: Sequence[TargetState], sending: InFlightWrite) -> None:
        try:
            envelope = await self._connection.query(
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

    def _take_in(self, batch: Sequence[TargetState], envelope: Envelope) -> None:
        """Bring each target of a batch to what the answer says of it, or leave it unknown."""
        errors = envelope.errors or []
        if envelope.has_data or not errors:
            take_in(self._receipt.kind, batch, envelope)
        elif all(error.name in NO_EFFECT_ERRORS and error.path is None for error in errors):
            self._rejected(batch, graph_error(errors[0], self._verb))
        else:
            for line in batch:
                line.reason = f"the service answered {sanitize(errors[0].name or 'an error without a name')}"

    def _rejected(self, batch: Sequence[TargetState], error: JobError) -> None:
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

    def _tell(self, *, last: bool = False) -> None:
        """Tell how far it is, but not more often than anybody can read."""
        if self._progress is None or not (last or time.monotonic() - self._told_at > TELL_EVERY):
            return
        self._told_at = time.monotonic()
        counts = self._receipt.counts
        total = self._receipt.total
        self._progress(total - counts.get("not_sent", 0), total, counts)  # what waits is not_sent as well


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    """End tasks, and give what each of them ended with."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


def _raise_first(ended: Sequence[BaseException | None]) -> None:
    for end in ended:
        if isinstance(end, Exception):
            raise end


def _this_task() -> Any:
    return asyncio.current_task()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _log_batch(verb: str, op: str, batch: Sequence[TargetState], seconds: float) -> None:
    """Log one batch with its outcomes; WARNING where the service's answer does not tell them."""
    outcomes = Counter(line.outcome for line in batch)
    log.log(
        logging.WARNING if outcomes["unknown"] else logging.DEBUG,
        "%s of %s: %d jobs in %.3f s: %s",
        verb, op, len(batch), seconds, ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items()),
    )  # fmt: skip
