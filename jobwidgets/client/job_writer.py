"""Writing: cancel, retry, create, switch off. Nothing here is ever sent twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._internal import Secret, sanitize
from jobwidgets.client.range_cancel import cancel_range
from jobwidgets.eligibility import READBACK_DELAYS_S, after_cancel
from jobwidgets.errors import (
    AuthError,
    JobError,
    NotFoundError,
    RefusedError,
    UnknownOutcomeError,
    UsageError,
)
from jobwidgets.listing import APIS, TimeRange, check_choice, read_schedule, switch_off, validate_id
from jobwidgets.models import Job
from jobwidgets.transport import UNKNOWN_OUTCOME_HINT, UnresolvedRetry, error_context, readback_context
from jobwidgets.transport import queries as documents
from jobwidgets.vocabulary import REASON_TEXT, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from jobwidgets.listing import JobReader

ONLY_IDLE = "only jobs whose tasks are all pending or queued can be cancelled"


class _Message(msgspec.Struct):
    id: str | None = None
    message: str | None = None


class _Id(msgspec.Struct):
    id: str


class _Created(msgspec.Struct):
    ids: list[str] = msgspec.field(name="internalJobIds")


class JobWriter:
    """What can be done to the jobs of a service, one at a time.

    Parameters
    ----------
    reader : JobReader
        Reads what became of a job, through the same connection.
    """

    def __init__(self, reader: JobReader) -> None:
        self._reader, self._connection = reader, reader.connection

    async def cancel(self, job_id: str, /, *, api: str = "graphql") -> str:
        """Cancel one job that has not started, and look whether it happened.

        Parameters
        ----------
        job_id : str
            The job's id.
        api : {"graphql", "rest"}
            Which API to ask.

        Returns
        -------
        str
            The service's message.

        Raises
        ------
        RefusedError
            The service said no, or the job went on; nothing changed.
        UnknownOutcomeError
            The answer was lost, or the job still waits after the service said yes: it may happen yet.
        """
        check_choice(api, "api", APIS)
        validate_id(job_id)
        try:
            with error_context("job", job_id):
                said = await self._told_to_cancel(job_id, api)
        except (NotFoundError, AuthError):
            raise
        except RefusedError as refusal:
            raise await self._explained(job_id, refusal) from None
        await self._confirm(job_id, said, api)
        return said

    async def _told_to_cancel(self, job_id: str, api: str) -> str:
        if api == "rest":
            reply = await self._connection.rest("POST", "/proc/jobs/cancel", json={"jobID": job_id}, write=True)
            return _rest_message(reply.body)
        answer: _Message = await self._connection.query_one(
            "cancelJob", documents.CANCEL, {"id": job_id}, _Message, write=True
        )
        return answer.message or "cancelled"

    async def _explained(self, job_id: str, refusal: RefusedError) -> RefusedError:
        """Say why a cancel was refused: by what the job reads now, never by the text of the refusal."""
        try:
            return _refused(await self._reader.job(job_id), refusal.message, refusal.name).of_request(refusal)
        except JobError:
            return refusal  # the refusal is certain, only its reason cannot be read

    async def _confirm(self, job_id: str, said: str, api: str) -> None:
        """Look at a job after its cancel was accepted: it may have gone on all the same, or need a moment."""
        for pause in READBACK_DELAYS_S:
            await asyncio.sleep(pause)
            with readback_context(f"the service said {sanitize(said)!r}"):
                job = await self._looked_at(job_id, api)
            became = after_cancel(job.status, job.can_cancel)
            if became == "done":
                return
            if became == "refused":
                raise _refused(job, said)
        raise UnknownOutcomeError(
            f"the service said {sanitize(said)!r}, but job {sanitize(job_id)} still reads {job.status}",
            hint=UNKNOWN_OUTCOME_HINT,
        )

    async def _looked_at(self, job_id: str, api: str) -> Job:
        try:
            return await self._reader.job(job_id)
        except NotFoundError:
            if api != "rest":
                raise
            return Job(id=job_id, status=await self._reader.status(job_id, api="rest"))  # GraphQL has another id for it

    async def retry(self, job_id: str, /) -> str:
        """Submit a job again as a new one, with the same engines and payloads; the old job stays as it is.

        Never sent twice by this package: each retry that takes effect is a new job.

        Returns
        -------
        str
            The id of the new job.

        Raises
        ------
        RefusedError
            The service said no; nothing changed.
        UnknownOutcomeError
            The answer was lost: a new job may exist.
        """
        began = self._connection.server_time_floor() if self._connection.server_time_estimate() else None
        try:
            with error_context("job", job_id):
                given = {"id": validate_id(job_id)}
                answer: _Id = await self._connection.query_one("retryJob", documents.RETRY, given, _Id, write=True)
        except (NotFoundError, AuthError):
            raise
        except (UnknownOutcomeError, asyncio.CancelledError):
            self._connection.unknown_retries.append(
                UnresolvedRetry(job_id, began, self._connection.server_time_estimate())
            )
            raise
        except RefusedError as refusal:
            try:
                status = await self._reader.status(job_id)
            except JobError:
                raise refusal from None  # the refusal is certain, only its reason cannot be read
            hint = "a complete job is not retried" if status == "complete" else "this service retries fewer jobs"
            said = f"job {sanitize(job_id)} is {status}: {refusal.message}"
            raise RefusedError(said, hint=hint, name=refusal.name).of_request(refusal) from None
        self._connection.created_job_ids.add(answer.id)
        return answer.id

    async def cancel_scheduled(self, scheduled_job_id: str, /, *, api: str = "graphql") -> str:
        """Switch a schedule off: it launches nothing more.

        The schedule is read first and keeps its own `isPublic` and `runMode`; only `isActive` changes. What becomes of
        jobs it has launched already is not said by the service: the message tells how many are still open.

        Parameters
        ----------
        scheduled_job_id : str
            The schedule's id.
        api : {"graphql", "rest"}
            Which API to ask.

        Returns
        -------
        str
            What was done, and what is still open.

        Raises
        ------
        NotFoundError
            No such schedule, or it is not yours.
        UnknownOutcomeError
            The answer was lost: read the schedule before you try again.
        """
        check_choice(api, "api", APIS)
        before = await read_schedule(self._connection, validate_id(scheduled_job_id))
        if before.is_active:
            await switch_off(self._connection, before, api=api)
        try:
            launched = await self._reader.jobs(scheduled_job=scheduled_job_id, status=["pending", "queued", "running"])
        except JobError as error:
            return f"schedule {sanitize(before.id)} is off; what it launched could not be listed: {error.message}"
        done = "is off: it launches nothing more" if before.is_active else "was off already"
        message = f"schedule {sanitize(before.name)!r} ({sanitize(before.id)}) {done}"
        if launched.empty:
            return message
        return f"{message}; {len(launched)} jobs it launched are still open: plan_cancel(scheduled_job={before.id!r})"

    async def cancel_range(self, organization_id: str, /, *, after: object, before: object) -> pd.DataFrame:
        """Let the service cancel every job of an organisation that was created in a range.

        The service decides over everything in the range, seen or not. What can be listed is listed first, and what
        really changed is read back afterwards.

        Parameters
        ----------
        organization_id : str
            Whose jobs.
        after, before : datetime, date, timedelta or str
            The range of creation times; an age such as "2d" is counted back from the service's clock.

        Returns
        -------
        DataFrame
            One row a job of the range: `id`, `name`, `status_before`, `status`, `outcome` ("done" if it reads aborted
            now and did not before, else "unchanged", "changed", or "gone" when it is not listed any more).
            `df.attrs["seen_before"]` counts what was listed before.

        Raises
        ------
        UsageError
            The range is empty; nothing was sent.
        UnknownOutcomeError
            The answer was lost: some or all may be cancelled.
        """
        validate_id(organization_id)
        now = await self._reader.clock_for(after, before)
        return await cancel_range(
            self._connection, TimeRange.checked(organization_id, after=after, before=before, now=now)
        )

    async def log_in(self, user: str, password: Secret) -> None:
        """Take a session token for a user and password; it lasts about a day.

        Raises
        ------
        AuthError
            They are not accepted.
        """
        wire, self._connection.http = self._connection.http, self._connection.http.with_token(Secret(""))
        try:
            variables = {"user": user, "password": password.reveal()}
            answer: dict[str, str] = await self._connection.query_one(
                "userLogin", documents.LOGIN, variables, dict[str, str]
            )
        finally:
            await self._connection.http.close()
            self._connection.http = wire
            variables = {}
        self._connection.http = wire.with_token(Secret(answer.pop("token", "")))

    async def create_job(
        self,
        *,
        tasks: Sequence[str | Mapping[str, Any]],
        target_id: str | None = None,
        name: str | None = None,
        api: str = "graphql",
    ) -> str:
        """Create a job (for demos and tests).

        Parameters
        ----------
        tasks : sequence of str or mapping
            Engine ids, or tasks as the service takes them: `{"engineId": …, "payload": …}`.
        target_id, name : str, optional
            The object to work on, and the job's name.
        api : {"graphql", "rest"}
            Which API to ask.

        Returns
        -------
        str
            The id of the new job.
        """
        check_choice(api, "api", APIS)
        full = [{"engineId": task} if isinstance(task, str) else dict(task) for task in tasks]
        if not full:
            raise UsageError("a job needs at least one task", hint="give engine ids: tasks=[…]")
        given = {"name": name, "targetId": target_id, "tasks": full}
        job = {key: value for key, value in given.items() if value is not None}
        if api == "rest":
            reply = await self._connection.rest("POST", "/proc/job/create", json=job, write=True)
            try:
                new_id = msgspec.json.decode(reply.body, type=_Created).ids[0]
            except (msgspec.MsgspecError, IndexError, RecursionError):
                raise UnknownOutcomeError(
                    "the service made a job without telling its id", hint=UNKNOWN_OUTCOME_HINT
                ) from None
        else:
            made: _Id = await self._connection.query_one("createJob", documents.CREATE, {"input": job}, _Id, write=True)
            new_id = made.id
        self._connection.created_job_ids.add(new_id)
        return new_id


def _refused(job: Job, said: str, name: str = "") -> RefusedError:
    """Say that a cancel did not happen, and why, by what the job reads."""
    reason = job.can_cancel.reason
    if reason is None:
        return RefusedError(
            f"job {sanitize(job.id)} is {job.status}", hint=f"the service says: {sanitize(said)}", name=name
        )
    state = job.status if job.status in TERMINAL else f"{job.status} and {REASON_TEXT[reason]}"
    return RefusedError(f"job {sanitize(job.id)} is {state}", hint=ONLY_IDLE, name=name)


def _rest_message(body: bytes) -> str:
    """Take the message of a REST cancel if there is one: its body is not documented, and may be empty."""
    try:
        answer = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return "Job cancelled"
    said = answer.get("message") if isinstance(answer, dict) else None
    return said if isinstance(said, str) else "Job cancelled"
