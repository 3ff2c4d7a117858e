"""What each field of the schema reads: one table, for the compiled projection and for `graphql.execute` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _acts as acts
from . import _schedule_acts as schedule_acts
from ._catalogue import ENGINES, ORGANIZATIONS, Person, uuid_of
from ._errors import invalid, not_found
from ._lists import Page, jobs_page, runs_page, target_page, tasks_page
from ._projection import Field, Fields
from ._schedules import MONTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._schedules import Schedule
    from ._world import Caller, World

SHARED = frozenset({"Engine", "EngineCategory", "Organization", "User"})
RIGHTS = (
    "asset:create", "asset:read", "job:create", "job:delete", "job:read", "job:update", "recording:read", "task:read", "task:update",
)  # fmt: skip
_RUNS_REACH = 3 * MONTH


class Iso:
    """Writes milliseconds as GraphQL date-times: 2022-03-03T19:36:41.000Z; 0 is null."""

    def __init__(self) -> None:
        self._days: dict[int, str] = {}

    def __call__(self, ms: int) -> str | None:
        """Return the text of a moment."""
        if not ms:
            return None
        day, rest = divmod(ms, 86_400_000)
        text = self._days.get(day)
        if text is None:
            from ._clock import from_ms  # noqa: PLC0415 - once a day

            text = self._days[day] = from_ms(day * 86_400_000).strftime("%Y-%m-%dT")
        second, ms = divmod(rest, 1000)
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        return f"{text}{hour:02d}:{minute:02d}:{second:02d}.{ms:03d}Z"


def build_fields(world: World, login: Callable[[str, str], str]) -> Fields:
    """Return the table of all fields of the schema over one world; `login` turns name and password into a token."""
    iso = Iso()
    page = {
        "offset": Field(lambda p: p.offset),
        "limit": Field(lambda p: p.limit),
        "count": Field(lambda p: len(p.records)),
    }
    records = {**page, "records": Field(lambda p: p.records)}
    return {
        "Query": _query(world),
        "Mutation": _mutation(world, login),
        "Job": _job(world, iso),
        "Task": _task(world, iso),
        "ScheduledJob": _schedule(world, iso),
        "JobList": records,
        "TaskList": records,
        "ScheduledJobList": records,
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
        **{
            name: {field: Field(_item(field)) for field in names.split()}
            for name, names in {
                "DeletePayload": "id message",
                "LoginInfo": "token",
                "TaskLog": "uri text jsondata",
                "IoFolder": "referenceId mode type",
                "Route": "parentIoFolderReferenceId childIoFolderReferenceId",
                "RightsListing": "operations resources",
                "SchedulePart": "scheduleType scheduledDay scheduledDayLocal startTime stopTime repeatIntervalUnit repeatInterval durationSeconds",  # noqa: E501 - one type, one line
            }.items()
        },
    }


def _item(key: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda source: source.get(key)


def _home(person: Person) -> int:
    return next(number for number, org in enumerate(ORGANIZATIONS) if person in org.people)


def _called(function: Callable[..., Any], *, nothing: bool = False) -> Field:
    """Return a root field: `function(caller, args)`, or of the caller alone."""
    if nothing:
        return Field(lambda caller, _, __: function(caller), takes_arguments=True)
    return Field(lambda caller, _, args: function(caller, args), takes_arguments=True)


def _query(world: World) -> dict[str, Field]:
    store = world.store

    def job(caller: Caller, args: Mapping[str, Any]) -> int:
        row = world.find_job(args["id"], caller)
        if row is None:
            raise not_found("Job", args["id"])
        return row

    def task(caller: Caller, args: Mapping[str, Any]) -> int:
        row = store.task_row(args["id"])
        if row is None or store.org[store.task_job[row]] != caller.org:
            raise not_found("Task", args["id"])
        return row

    def tasks(caller: Caller, args: Mapping[str, Any]) -> Page:
        rows = [task(caller, args)] if args.get("id") is not None else []
        return Page(rows, 0, max(1, len(rows)))

    def target(caller: Caller, args: Mapping[str, Any]) -> str:
        ident: str = args["id"]
        if not any(store.targets[row] == ident for row in store.timeline[caller.org]):
            raise not_found("TemporalDataObject", ident)
        return ident

    def engine(_: Caller, args: Mapping[str, Any]) -> int:
        number = next((number for number, engine in enumerate(ENGINES) if engine.id == args["id"]), None)
        if number is None:
            raise not_found("Engine", args["id"])
        return number

    def organization(caller: Caller, args: Mapping[str, Any]) -> int:
        if args["id"] != caller.organization.id:
            raise not_found("Organization", args["id"])
        return caller.org

    return {
        "jobs": _called(lambda caller, args: jobs_page(world, caller, args)),
        "job": _called(job),
        "task": _called(task),
        "tasks": _called(tasks),
        "scheduledJob": _called(lambda caller, args: schedule_acts.find(world, caller, args["id"])),
        "scheduledJobs": _called(lambda caller, args: schedule_acts.schedules_page(world, caller, args)),
        "temporalDataObject": _called(target),
        "engine": _called(engine),
        "me": _called(lambda caller: caller.person, nothing=True),
        "myRights": _called(lambda _: {"operations": list(RIGHTS), "resources": {}}, nothing=True),
        "organization": _called(organization),
    }


def _mutation(world: World, login: Callable[[str, str], str]) -> dict[str, Field]:
    def given(args: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = args.get("input")
        if found is None:
            raise invalid("input is missing")
        return found

    def update_jobs(caller: Caller, args: Mapping[str, Any]) -> Page:
        rows = acts.update_jobs(world, caller, given(args).get("ids"), given(args).get("status"))
        return Page(rows, 0, max(1, len(rows)))

    def single(caller: Caller, args: Mapping[str, Any]) -> int:
        wanted = given(args)
        payload = {field["fieldName"]: field.get("fieldValue") for field in wanted.get("fields") or ()}
        if wanted.get("uploadUrl"):
            payload["url"] = wanted["uploadUrl"]
        job = {"targetId": wanted.get("targetId"), "tasks": [{"engineId": wanted["engineId"], "payload": payload}]}
        return acts.create(world, caller, job, operation="launchSingleEngineJob")

    def delete(caller: Caller, args: Mapping[str, Any]) -> dict[str, str]:
        schedule_acts.delete(world, caller, args["id"])
        return {"id": args["id"], "message": "Scheduled job deleted"}

    return {
        "createJob": _called(lambda caller, args: acts.create(world, caller, given(args))),
        "cancelJob": _called(
            lambda caller, args: {"id": args["id"], "message": acts.cancel(world, caller, args["id"])}
        ),
        "retryJob": _called(lambda caller, args: acts.retry(world, caller, args["id"])),
        "updateJobs": _called(update_jobs),
        "launchSingleEngineJob": _called(single),
        "createScheduledJob": _called(lambda caller, args: schedule_acts.create(world, caller, given(args))),
        "updateScheduledJob": _called(lambda caller, args: schedule_acts.update(world, caller, given(args))),
        "deleteScheduledJob": _called(delete),
        "launchScheduledJobs": _called(
            lambda caller, args: schedule_acts.launch(
                world, caller, given(args).get("scheduledJobId"), given(args).get("payload")
            )
        ),
        "userLogin": _called(lambda _, args: {"token": login(given(args)["userName"], given(args)["password"])}),
    }


def _job(world: World, iso: Iso) -> dict[str, Field]:
    store = world.store
    people = [[person.id for person in org.people] for org in ORGANIZATIONS]
    clusters = _clusters()

    def schedule(row: int) -> Schedule | None:
        number = store.schedule[row]
        found = world.schedules[number - 1] if number else None
        return None if found is None or found.deleted else found

    def person(row: int) -> str:
        return people[store.org[row]][store.person[row]]

    def routes(row: int) -> list[dict[str, str]]:
        shape = store.shapes[store.shape[row]]
        return [
            {"parentIoFolderReferenceId": f"out-{parent}", "childIoFolderReferenceId": f"in-{child}"}
            for child, parent in enumerate(shape.parents)
            if parent >= 0
        ]

    return {
        "id": Field(store.ids.__getitem__),
        "name": Field(store.names.__getitem__),
        "description": Field(lambda _: None),
        "createdDateTime": Field(lambda row: iso(store.created[row])),
        "modifiedDateTime": Field(lambda row: iso(store.modified[row])),
        "createdBy": Field(person),
        "modifiedBy": Field(person),
        "targetId": Field(store.targets.__getitem__),
        "target": Field(store.targets.__getitem__),
        "sourceAssetId": Field(lambda _: None),
        "status": Field(lambda row: store.words[store.status[row]]),
        "tasks": Field(lambda _, row, args: tasks_page(world, row, args), takes_arguments=True),
        "applicationId": Field(lambda row: ORGANIZATIONS[store.org[row]].applications[store.app[row]]),
        "clusterId": Field(lambda row: clusters[store.cluster[row]]),
        "jobConfig": Field(lambda row: store.extras.get(row, {}).get("jobConfig")),
        "templateId": Field(lambda row: next(iter(found.templates), None) if (found := schedule(row)) else None),
        "scheduledJobId": Field(
            lambda row: world.schedules[store.schedule[row] - 1].id if store.schedule[row] else None
        ),
        "scheduledJob": Field(schedule),
        "routes": Field(routes),
    }


def _clusters() -> tuple[str, ...]:
    from ._catalogue import CLUSTERS  # noqa: PLC0415 - a table for one field

    return CLUSTERS


def _task(world: World, iso: Iso) -> dict[str, Field]:
    store = world.store
    job = store.task_job.__getitem__
    of_job = _job(world, iso)
    builds = [uuid_of(f"build {engine.name}") for engine in ENGINES]
    ended = {store.codes[word] for word in ("complete",)}

    engine = store.engine.__getitem__

    def order(task: int) -> int:
        return task - store.first[store.task_job[task]]

    def parent(task: int) -> str | None:
        row = store.task_job[task]
        number = store.shapes[store.shape[row]].parents[task - store.first[row]]
        return None if number < 0 else store.task_id(store.first[row] + number)

    def children(task: int) -> list[str]:
        row = store.task_job[task]
        first = store.first[row]
        return [store.task_id(first + number) for number in store.shapes[store.shape[row]].children[task - first]]

    def output(task: int) -> Any:
        return {"assets": 1 + order(task) % 3} if store.task_status[task] in ended else None

    def log(task: int) -> dict[str, Any] | None:
        if not store.started[task]:
            return None
        message = store.failures.get(task, (None, None))[1]
        return {
            "uri": f"https://logs.example/{store.task_id(task)}",
            "text": message or "ok",
            "jsondata": {"warnings": 0},
        }

    def folders(task: int) -> list[dict[str, str]]:
        number = order(task)
        return [{"referenceId": f"{side}-{number}", "mode": "chunk", "type": f"{side}put"} for side in ("in", "out")]

    def modified(task: int) -> str | None:
        return iso(max(store.created[job(task)], store.queued[task], store.started[task], store.completed[task]))

    def same(name: str) -> Field:
        get = of_job[name].get
        return Field(lambda task: get(job(task)))

    return {
        "id": Field(store.task_id),
        "name": Field(lambda task: ENGINES[engine(task)].category.name),
        "description": Field(lambda _: None),
        "status": Field(lambda task: store.words[store.task_status[task]]),
        "order": Field(order),
        "modifiedDateTime": Field(modified),
        "queuedDateTime": Field(lambda task: iso(store.queued[task])),
        "startedDateTime": Field(lambda task: iso(store.started[task])),
        "completedDateTime": Field(lambda task: iso(store.completed[task])),
        **{
            name: same(name)
            for name in ("createdDateTime", "createdBy", "modifiedBy", "applicationId", "targetId", "target")
        },
        "jobId": same("id"),
        "job": Field(job),
        "engineId": Field(lambda task: ENGINES[engine(task)].id),
        "engine": Field(engine),
        "buildId": Field(lambda task: builds[engine(task)]),
        "payload": Field(lambda task: acts.payload(world, task)),
        "taskPayload": Field(lambda task: acts.payload(world, task)),
        "output": Field(output),
        "taskOutput": Field(output),
        "log": Field(log),
        "failureReason": Field(lambda task: store.failures.get(task, (None, None))[0]),
        "failureMessage": Field(lambda task: store.failures.get(task, (None, None))[1]),
        "parentTaskId": Field(parent),
        "childTaskIds": Field(children),
        "ioFolders": Field(folders),
    }


def _schedule(world: World, iso: Iso) -> dict[str, Field]:
    def runs(caller: Caller, schedule: Schedule, args: Mapping[str, Any]) -> Page:
        return runs_page(world, caller, world.schedules.index(schedule) + 1, args, default_reach=_RUNS_REACH)

    return {
        "id": Field(lambda s: s.id),
        "name": Field(lambda s: s.name),
        "description": Field(lambda s: s.description),
        "isActive": Field(lambda s: s.is_active),
        "runMode": Field(lambda s: s.run_mode),
        "startDateTime": Field(lambda s: iso(s.begin)),
        "stopDateTime": Field(lambda s: iso(s.end)),
        "createdDateTime": Field(lambda s: iso(s.created)),
        "modifiedDateTime": Field(lambda s: iso(s.modified)),
        "organizationId": Field(lambda s: ORGANIZATIONS[s.org].id),
        "parts": Field(lambda s: s.parts),
        "jobTemplateIds": Field(lambda s: s.templates),
        "primarySourceId": Field(lambda _: None),
        "permission": Field(lambda _: "owner"),
        "isPublic": Field(lambda s: s.is_public),
        "details": Field(lambda _: {}),
        "jobs": Field(runs, takes_arguments=True),
    }
