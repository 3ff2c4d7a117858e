"""What each field of the schema reads: one table, for the compiled projection and for `graphql.execute` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.emulator.api import job_mutations as acts
from jobwidgets.emulator.api import schedule_mutations as schedule_acts
from jobwidgets.emulator.api.column_executor import Field, Fields
from jobwidgets.emulator.api.errors import invalid, not_found
from jobwidgets.emulator.api.job_queries import Page, jobs_page, target_page
from jobwidgets.emulator.api.resolvers import Iso, JobColumns, ScheduleColumns, TaskColumns
from jobwidgets.emulator.simulation.catalog import ENGINES, ORGANIZATIONS, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobwidgets.emulator.simulation.world import Caller, World

    Args = Mapping[str, Any]

SHARED = frozenset({"Engine", "EngineCategory", "Organization", "User"})
RIGHTS = (
    "asset:create", "asset:read", "job:create", "job:delete", "job:read", "job:update", "recording:read", "task:read",
    "task:update",
)  # fmt: skip
_PLAIN_TYPES = {  # types whose sources are dicts with just these keys
    "DeletePayload": "id message",
    "LoginInfo": "token",
    "TaskLog": "uri text jsondata",
    "IoFolder": "referenceId mode type",
    "Route": "parentIoFolderReferenceId childIoFolderReferenceId",
    "RightsListing": "operations resources",
    "SchedulePart": "scheduleType scheduledDay scheduledDayLocal startTime stopTime repeatIntervalUnit repeatInterval"
    " durationSeconds",
}


def build_fields(world: World, login: Callable[[str, str], str]) -> Fields:
    """Return the table of all fields of the schema over one world; `login` turns name and password into a token."""
    iso = Iso()
    jobs = JobColumns(world, iso).table()
    page = {
        "offset": Field(lambda p: p.offset),
        "limit": Field(lambda p: p.limit),
        "count": Field(lambda p: len(p.records)),
        "records": Field(lambda p: p.records),
    }
    return {
        "Query": Queries(world).table(),
        "Mutation": Mutations(world, login).table(),
        "Job": jobs,
        "Task": TaskColumns(world, iso, jobs).table(),
        "ScheduledJob": ScheduleColumns(world, iso).table(),
        "JobList": page,
        "TaskList": page,
        "ScheduledJobList": page,
        **_small_types(world),
        **{name: {key: Field(_item(key)) for key in keys.split()} for name, keys in _PLAIN_TYPES.items()},
    }


def _item(key: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda source: source.get(key)


def _home(person: Person) -> int:
    return next(number for number, org in enumerate(ORGANIZATIONS) if person in org.people)


def _small_types(world: World) -> Fields:
    return {
        "Engine": {
            "id": Field(lambda e: ENGINES[e].id),
            "name": Field(lambda e: ENGINES[e].name),
            "displayName": Field(lambda e: ENGINES[e].name),
            "category": Field(lambda e: ENGINES[e].category),
        },
        "EngineCategory": {"id": Field(lambda c: c.id), "name": Field(lambda c: c.name)},
        "TemporalDataObject": {
            "id": Field(lambda t: t),
            "name": Field(lambda t: f"Recording {t}"),
            "status": Field(lambda _: "recorded"),
            "jobs": Field(lambda caller, t, args: target_page(world, caller, t, args), takes_arguments=True),
        },
        "Organization": {"id": Field(lambda o: ORGANIZATIONS[o].id), "name": Field(lambda o: ORGANIZATIONS[o].name)},
        "User": {
            "id": Field(lambda u: u.id),
            "name": Field(lambda u: u.name),
            "email": Field(lambda u: u.email),
            "organizationId": Field(lambda u: ORGANIZATIONS[_home(u)].id),
            "organization": Field(_home),
        },
    }


class _Roots:
    """Root fields: the methods named here, each called with the caller and the arguments."""

    names: tuple[str, ...] = ()

    def table(self) -> dict[str, Field]:
        """Return all of them."""
        return {name: self._field(getattr(self, f"do_{name}")) for name in self.names}

    @staticmethod
    def _field(function: Callable[[Caller, Args], Any]) -> Field:
        return Field(lambda caller, _, args: function(caller, args), takes_arguments=True)


class Queries(_Roots):
    """The root fields of queries."""

    names = (
        "jobs", "job", "task", "tasks", "scheduledJob", "scheduledJobs", "temporalDataObject", "engine", "me",
        "myRights", "organization",
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        self._world = world

    def do_jobs(self, caller: Caller, args: Args) -> Page:
        return jobs_page(self._world, caller, args)

    def do_job(self, caller: Caller, args: Args) -> int:
        row = self._world.find_job(args["id"], caller)
        if row is None:
            raise not_found("Job", args["id"])
        return row

    def do_task(self, caller: Caller, args: Args) -> int:
        store = self._world.store
        row = store.task_row(args["id"])
        if row is None or store.org[store.task_job[row]] != caller.org:
            raise not_found("Task", args["id"])
        return row

    def do_tasks(self, caller: Caller, args: Args) -> Page:
        rows = [self.do_task(caller, args)] if args.get("id") is not None else []
        return Page(rows, 0, max(1, len(rows)))

    def do_scheduledJob(self, caller: Caller, args: Args) -> Any:  # noqa: N802 - named as the field
        return schedule_acts.find(self._world, caller, args["id"])

    def do_scheduledJobs(self, caller: Caller, args: Args) -> Page:  # noqa: N802 - named as the field
        return schedule_acts.schedules_page(self._world, caller, args)

    def do_temporalDataObject(self, caller: Caller, args: Args) -> str:  # noqa: N802 - named as the field
        store, ident = self._world.store, str(args["id"])
        if not any(map(store.targets.same(ident), store.timeline[caller.org])):
            raise not_found("TemporalDataObject", ident)
        return ident

    def do_engine(self, _: Caller, args: Args) -> int:
        number = next((number for number, engine in enumerate(ENGINES) if engine.id == args["id"]), None)
        if number is None:
            raise not_found("Engine", args["id"])
        return number

    def do_me(self, caller: Caller, _: Args) -> Person:
        return caller.person

    def do_myRights(self, _: Caller, __: Args) -> dict[str, Any]:  # noqa: N802 - named as the field
        return {"operations": list(RIGHTS), "resources": {}}

    def do_organization(self, caller: Caller, args: Args) -> int:
        if args["id"] != caller.organization.id:
            raise not_found("Organization", args["id"])
        return caller.org


class Mutations(_Roots):
    """The root fields of mutations."""

    names = (
        "createJob", "cancelJob", "retryJob", "updateJobs", "launchSingleEngineJob", "createScheduledJob",
        "updateScheduledJob", "deleteScheduledJob", "launchScheduledJobs", "userLogin",
    )  # fmt: skip

    def __init__(self, world: World, login: Callable[[str, str], str]) -> None:
        self._world = world
        self._login = login

    def do_createJob(self, caller: Caller, args: Args) -> int:  # noqa: N802 - named as the field
        return acts.create(self._world, caller, acts.draft(self._world, caller, _input(args)))

    def do_cancelJob(self, caller: Caller, args: Args) -> dict[str, str]:  # noqa: N802 - named as the field
        return {"id": args["id"], "message": acts.cancel(self._world, caller, args["id"])}

    def do_retryJob(self, caller: Caller, args: Args) -> int:  # noqa: N802 - named as the field
        return acts.retry(self._world, caller, args["id"])

    def do_updateJobs(self, caller: Caller, args: Args) -> Page:  # noqa: N802 - named as the field
        rows = acts.update_jobs(self._world, caller, _input(args).get("ids"), _input(args).get("status"))
        return Page(rows, 0, max(1, len(rows)))

    def do_launchSingleEngineJob(self, caller: Caller, args: Args) -> int:  # noqa: N802 - named as the field
        wanted = _input(args)
        payload = {field["fieldName"]: field.get("fieldValue") for field in wanted.get("fields") or ()}
        if wanted.get("uploadUrl"):
            payload["url"] = wanted["uploadUrl"]
        job = {"targetId": wanted.get("targetId"), "tasks": [{"engineId": wanted["engineId"], "payload": payload}]}
        draft = acts.draft(self._world, caller, job)
        return acts.create(self._world, caller, draft, operation="launchSingleEngineJob")

    def do_createScheduledJob(self, caller: Caller, args: Args) -> Any:  # noqa: N802 - named as the field
        return schedule_acts.create(self._world, caller, _input(args))

    def do_updateScheduledJob(self, caller: Caller, args: Args) -> Any:  # noqa: N802 - named as the field
        return schedule_acts.update(self._world, caller, _input(args))

    def do_deleteScheduledJob(self, caller: Caller, args: Args) -> dict[str, str]:  # noqa: N802 - named as the field
        schedule_acts.delete(self._world, caller, args["id"])
        return {"id": args["id"], "message": "Scheduled job deleted"}

    def do_launchScheduledJobs(self, caller: Caller, args: Args) -> list[int]:  # noqa: N802 - named as the field
        wanted = _input(args)
        return schedule_acts.launch(self._world, caller, wanted.get("scheduledJobId"), wanted.get("payload"))

    def do_userLogin(self, _: Caller, args: Args) -> dict[str, str]:  # noqa: N802 - named as the field
        return {"token": self._login(_input(args)["userName"], _input(args)["password"])}


def _input(args: Args) -> Args:
    found: Args | None = args.get("input")
    if found is None:
        raise invalid("input is missing")
    return found
