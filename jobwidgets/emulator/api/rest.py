"""The REST paths of AI Processing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jobwidgets.emulator.api import job_mutations as acts
from jobwidgets.emulator.api import schedule_mutations as schedule_acts
from jobwidgets.emulator.api.errors import Refusal, invalid, not_found
from jobwidgets.emulator.api.job_queries import EVERYTHING, JobQuery, read_page, read_span
from jobwidgets.emulator.simulation.clock import from_ms
from jobwidgets.emulator.simulation.rules import REST_STATUSES, rest_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobwidgets.emulator.simulation.world import Caller, World

BASE = "/edge/v1"
_STATUS_PATH = re.compile(r"/proc/job/([^/]+)/status")
_HTTP = {
    "not_found": 404, "invalid_input": 400, "not_allowed": 400, "forbidden": 403, "authentication_error": 401,
    "rate_limited": 429, "method": 405, "service_unavailable": 503, "not_implemented": 501,
}  # fmt: skip
_FIELDS = {"createdDateTime", "modifiedDateTime"}


class Route:
    """What a path and a method lead to: the name of the operation, the methods the path takes, and who answers."""

    def __init__(
        self, name: str, methods: frozenset[str], answer: Callable[..., tuple[int, Any]] | None, *parts: str
    ) -> None:
        self.name = name
        self.methods = methods
        self.answer = answer
        self.parts = parts


def http_status(refusal: Refusal) -> int:
    """Return the HTTP status REST gives a refusal."""
    return _HTTP.get(refusal.name, 500)


class Rest:
    """Answers REST requests from a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def route(self, method: str, path: str) -> Route | None:
        """Return where a request goes, or None for a path that does not exist."""
        plain = {
            "/proc/jobs": ("GET", self._jobs),
            "/proc/jobs/cancel": ("POST", self._cancel),
            "/proc/job/create": ("POST", self._create),
        }
        if path in plain:
            wanted, answer = plain[path]
            return Route(f"{wanted} {path}", frozenset({wanted}), answer if method == wanted else None)
        match = _STATUS_PATH.fullmatch(path)
        if match is None:
            return None
        return Route(
            "GET /proc/job/{id}/status", frozenset({"GET"}), self._status if method == "GET" else None, match[1]
        )

    def _status(self, caller: Caller, ident: str, *, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        del query, body
        row = self._world.find_job(ident, caller)
        if row is None:
            raise not_found("Job", ident)
        return 200, {"job": {"internalJobID": ident, "jobStatus": self._word(row)}}

    def _word(self, row: int) -> str:
        store = self._world.store
        return rest_word(store.words[store.status[row]])

    def _jobs(self, caller: Caller, *, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        del body
        world, store = self._world, self._world.store
        offset, limit = read_page(world, _whole(query, "offset"), _whole(query, "limit"))
        if query.get("organizationID", caller.organization.id) != caller.organization.id:
            raise Refusal("forbidden", "The organization is not yours")
        wanted = JobQuery(world, caller.org)
        wanted.during(
            "createdDateTime",
            read_span(world, query.get("createdAfter"), query.get("createdBefore"), "createdBefore/After"),
        )
        if (status := query.get("status")) is not None:
            if status not in REST_STATUSES:
                raise invalid(f"status is one of {', '.join(REST_STATUSES)}")
            wanted.of_status(word for word in store.words if rest_word(word) == status)
        wanted.among(store.app, {caller.app})
        field, direction = query.get("orderBy", "createdDateTime"), query.get("direction", "desc")
        if field not in _FIELDS or direction not in {"asc", "desc"}:
            raise invalid("orderBy is createdDateTime or modifiedDateTime, direction asc or desc")
        wanted.order(field, direction)
        page, total = wanted.page_and_total(offset, limit)
        details = [self._detail(row) for row in page.records]
        return 200, {"count": total, "limit": limit, "offset": offset, "result": details, "success": True}

    def _detail(self, row: int) -> dict[str, Any]:
        world, store = self._world, self._world.store
        schedule = store.schedule[row]
        from jobwidgets.emulator.simulation.catalog import ORGANIZATIONS  # noqa: PLC0415 - one field

        return {
            "internalJobID": store.ids[row],
            "jobStatus": self._word(row),
            "organizationID": ORGANIZATIONS[store.org[row]].id,
            "name": store.names[row],
            "createdDateTime": _rest_time(store.created[row]),
            "modifiedDateTime": _rest_time(store.modified[row]),
            "scheduledJobID": world.schedules[schedule - 1].id if schedule else None,
        }

    def _cancel(self, caller: Caller, *, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        del query
        given = _object(body)
        ways = [key for key in ("jobID", "scheduledJobID", "organizationID") if given.get(key) is not None]
        if len(ways) != 1 or not isinstance(given[ways[0]], (str, int)):
            raise invalid("give one of jobID, scheduledJobID, or organizationID with a time range")
        ident = str(given[ways[0]])
        refused: list[tuple[str, str]] = []
        if ways == ["jobID"]:
            acts.cancel(self._world, caller, ident, operation="cancel", via="rest")
            done = [ident]
        elif ways == ["scheduledJobID"]:
            done = [schedule_acts.stop(self._world, caller, ident).id]
        else:
            done, refused = self._cancel_range(caller, ident, given)
        if self._world.choices.rest_cancel_answer == "none":
            return 204, None
        return 200, {"cancelled": done, "refused": [{"id": ident, "reason": why} for ident, why in refused]}

    def _cancel_range(
        self, caller: Caller, ident: str, given: Mapping[str, Any]
    ) -> tuple[list[str], list[tuple[str, str]]]:
        if ident != caller.organization.id:
            raise Refusal("forbidden", "The organization is not yours")
        after, before = given.get("createdAfterDateTime"), given.get("createdBeforeDateTime")
        span = read_span(self._world, after, before, "createdAfterDateTime/createdBeforeDateTime")
        if span == EVERYTHING:
            raise invalid("give createdAfterDateTime and createdBeforeDateTime")
        return acts.cancel_range(self._world, caller, span)

    def _create(self, caller: Caller, *, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        del query
        given = _object(body)
        jobs = given.get("jobs", [given])
        if not isinstance(jobs, list) or not jobs:
            raise invalid("jobs is a list of jobs")
        drafts = [acts.draft(self._world, caller, _object(job)) for job in jobs]
        rows = [acts.create(self._world, caller, draft, operation="create", via="rest") for draft in drafts]
        return 200, {"internalJobIds": [self._world.store.ids[row] for row in rows]}


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    return body


def _whole(query: Mapping[str, str], key: str) -> int | None:
    text = query.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"-?\d{1,12}", text):
        raise invalid(f"{key} must be a whole number")
    return int(text)


def _rest_time(ms: int) -> str:
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%SZ")
