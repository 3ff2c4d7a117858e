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
from jobwidgets._model import CANCELLED, REASON_TEXT, Reason, Verdict, after_cancel
from jobwidgets._text import safe
from jobwidgets.client import _documents as documents
from jobwidgets.client._core import TOO_MANY, matched
from jobwidgets.client._flow import NOTHING_DONE, Envelope, graph_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from jobwidgets.bulk._receipt import AsyncReceipt, Line
    from jobwidgets.client import AsyncClient
    from jobwidgets.client._core import Found

Progress = Callable[[int, int, dict[str, int]], None]
SIDE_BY_SIDE = 4
FIRST_SIZE = 10
LARGEST_SIZE = 100
WANTED_SECONDS = 1.0
"""A batch is to last about this long: more aliases win nothing where the service works them off one by one."""
LAST_CHANCE = 2.0
"""Seconds that what is in flight gets after an interrupt."""
CONFIRM_AFTER = (0.0, 0.2, 0.5, 1.0, 2.0)
VERBS = {"cancel": "cancelJob", "retry": "retryJob"}


class _Answer(msgspec.Struct):
    id: str | None = None
    message: str | None = None


class Application:
    """One run over targets of a receipt.

    Before a batch leaves its targets are marked unknown, and only a definite answer marks them anything else: so
    whatever ends this run, the receipt never says less than what may have happened. (This is the place where a journal
    writes its line first.)
    """

    def __init__(self, client: AsyncClient, receipt: AsyncReceipt, progress: Progress | None) -> None:
        self._client, self._receipt, self._progress = client, receipt, progress
        self._core = client._core  # noqa: SLF001  bulk work stands on the client's own connection
        self._verb = VERBS[receipt.kind]
        self._waiting: deque[Line] = deque()
        self._size = FIRST_SIZE
        self._most = LARGEST_SIZE
        self._stopping = False

    async def run(self, targets: Sequence[Line], *, look_first: bool = True) -> None:
        """Bring every target to an outcome.

        An interrupt stops the sending: what is in flight gets two seconds, what was not sent stays `not_sent`, and no
        job is ever cancelled by it.
        """
        self._receipt.begun = self._receipt.begun or self._core.as_of()
        if look_first and targets:
            targets = await self._still_due(targets)
        self._waiting.extend(targets)
        try:
            await self._all_sent()
            await self._look_back(targets)
        finally:
            for line in self._unconfirmed(targets):
                if line.outcome == "done":
                    line.settle(
                        "unknown", f"the service said {line.message!r}, but the job was not seen to be cancelled"
                    )
            self._tell()

    async def _all_sent(self) -> None:
        """Let a few workers send until nothing waits; when they are interrupted give them a last chance."""
        workers = [asyncio.create_task(self._work()) for _ in range(SIDE_BY_SIDE)]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            self._stopping = True
            self._receipt.halted = self._receipt.halted or "stopped"
            await asyncio.wait(workers, timeout=LAST_CHANCE)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise

    # ------------------------------------------------------------------ before

    async def _still_due(self, targets: Sequence[Line]) -> list[Line]:
        """Read the targets again; what has moved since the plan was made is skipped with its reason."""
        frame = await self._client.jobs(ids=[line.id for line in targets])
        may = "can_cancel" if self._receipt.kind == "cancel" else "can_retry"
        seen = by_id(frame, may, "status", "why_not")
        due = []
        for line in targets:
            ok, status, why = seen.get(line.id, (False, None, "not_found"))
            if ok is True:
                line.status_before = line.status = status
                due.append(line)
            elif line.at is not None and self._receipt.kind == "cancel" and status in CANCELLED:
                line.settle("done", "found cancelled when asked", status=status, confirmed=True)
            else:
                self._receipt.drifted += 1
                code = "complete" if self._receipt.kind == "retry" and why != "not_found" else why
                line.settle("skipped", f"moved since the plan was made: {REASON_TEXT.get(code, code)}", status=status)
        self._tell()
        return due

    # ----------------------------------------------------------------- sending

    async def _work(self) -> None:
        while self._waiting and not self._stopping:
            batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
            began = time.monotonic()
            try:
                await self._send(batch)
                self._adapt(time.monotonic() - began, len(batch))
                with suppress(ServiceError, NotSentError):  # they are looked at once more when all is sent
                    await self._look(self._unconfirmed(batch))
            except JobError as error:
                self._halt(error)
            self._tell()

    def _adapt(self, seconds: float, size: int) -> None:
        if seconds > 2 * WANTED_SECONDS:
            self._size = max(1, self._size // 2)
        elif seconds < WANTED_SECONDS / 2 and size >= self._size:
            self._size = min(self._most, self._size * 2)

    def _halt(self, error: JobError) -> None:
        """Stop sending: the service is not there, or does not want us; the rest stays unsent."""
        self._stopping = True
        self._receipt.halted = self._receipt.halted or str(error)
        self._waiting.clear()

    async def _send(self, batch: Sequence[Line]) -> None:
        """Send one document for a batch, and take in what its answer says."""
        at = self._core.as_of()
        for line in batch:
            line.settle("unknown", "the answer was lost", at=line.at or at, until=at, confirmed=False)
        try:
            envelope = await self._core.graph(
                self._verb,
                documents.many(self._verb, len(batch)),
                {f"a{place}": line.id for place, line in enumerate(batch)},
                write=True,
            )
        except (UnknownOutcomeError, ServiceError) as error:
            for line in batch:
                line.reason = error.message
        except NotSentError as error:
            for line in batch:
                line.settle("not_sent", error.message)
            raise
        except RefusedError as error:
            self._rejected(batch, error)
        else:
            self._take_in(batch, envelope)
        finally:
            now = self._core.as_of()  # the wait for a busy service may have been long
            for line in batch:
                line.until = now

    def _take_in(self, batch: Sequence[Line], envelope: Envelope) -> None:
        """Bring each target of a batch to what the answer says of it, or leave it unknown."""
        errors = envelope.errors or []
        if envelope.has_data or not errors:
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
        for_size = error.name in TOO_MANY or (not error.name and not isinstance(error, NotFoundError))
        if for_size and len(batch) > 1:
            self._size = self._most = max(1, len(batch) // 2)
            for line in reversed(batch):
                line.settle("not_sent")
                self._waiting.appendleft(line)
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
            if self._receipt.kind == "retry":
                if told.id is None:
                    line.reason = "the answer does not tell the new job"
                    return
                line.settle("done", new_id=told.id)
            else:
                line.settle("done", message=safe(told.message))
        elif value is None and error is not None and error.name in NOTHING_DONE:
            line.settle("refused", safe(error.message) or str(error.name), message=safe(error.message))
        elif error is not None:
            line.reason = f"the service answered {safe(error.name or 'an error without a name')}"
        else:
            line.reason = "the answer says nothing of it"

    # ------------------------------------------------------------------- after

    async def _look_back(self, targets: Sequence[Line]) -> None:
        """Look at what is not clear yet, a few times: a cancel may take effect later."""
        left = self._unconfirmed(targets)
        for pause in CONFIRM_AFTER:
            if not left:
                return
            await asyncio.sleep(pause)
            try:
                left = await self._look(left)
            except JobError as error:
                self._receipt.halted = self._receipt.halted or f"it could not be looked at afterwards: {error.message}"
                return

    def _unconfirmed(self, lines: Sequence[Line]) -> list[Line]:
        if self._receipt.kind != "cancel":
            return []
        return [line for line in lines if line.outcome in ("done", "refused") and not line.confirmed]

    async def _look(self, lines: Sequence[Line]) -> list[Line]:
        """Read jobs back after their cancels, and say which it is too early to tell of."""
        if not lines:
            return []
        frame = await self._client.jobs(ids=[line.id for line in lines])
        seen = by_id(frame, "can_cancel", "status", "why_not")
        return [line for line in lines if line.id not in seen or self._unclear(line, *seen[line.id])]

    def _unclear(self, line: Line, ok: bool | None, status: str, why: str | None) -> bool:  # noqa: FBT001  a column's value
        """Take in what a job reads after its cancel; say whether it is too early to tell."""
        line.status = status
        if line.outcome == "refused":
            line.confirmed = True
            line.reason = REASON_TEXT.get(why, why) if why is not None else line.reason
            return False
        became = after_cancel(status, Verdict(ok=ok, reason=Reason(why) if why is not None else None))
        if became == "refused":
            line.settle("refused", f"the service said yes, but {REASON_TEXT.get(why or '', 'it went on')}")
        line.confirmed = became != "wait"
        return became == "wait"

    def _tell(self) -> None:
        if self._progress is not None:
            counts = self._receipt.counts
            total = self._receipt.total
            self._progress(total - counts.get("not_sent", 0), total, counts)  # what waits is not_sent as well


def by_id(frame: pd.DataFrame, *columns: str) -> dict[str, tuple[Any, ...]]:
    """Give each job's values of some columns, with None for what is missing."""
    plain = frame[list(columns)].astype(object).where(frame[list(columns)].notna(), None)
    return dict(zip(frame["id"].tolist(), plain.itertuples(index=False, name=None), strict=True))
