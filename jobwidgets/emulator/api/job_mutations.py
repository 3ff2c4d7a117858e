"""What callers can do: each act checks, does, and enters in the ledger what took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jobwidgets.emulator.api.errors import Refusal, invalid, not_found
from jobwidgets.emulator.api.job_queries import EVERYTHING, JobQuery, Span
from jobwidgets.emulator.simulation.catalog import CLUSTERS, ENGINES, Shape
from jobwidgets.emulator.simulation.engine import PENDING, QUEUED
from jobwidgets.emulator.simulation.rules import retry_refusal
from jobwidgets.emulator.simulation.world import Caller, World, engine_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobwidgets.emulator.simulation.schedules import Schedule

CANCELLED_MESSAGE = "Job cancelled"
_MOST_TASKS = 500


def cancel(world: World, caller: Caller, ident: str, *, operation: str = "cancelJob", via: str = "graphql") -> str:
    """Cancel a job and return the message; a refusal is raised, or a message as well: the choice `refused_cancel`."""
    row = world.find_job(ident, caller)
    if row is None:
        raise not_found("Job", ident)
    why = world.why_not_cancel(row)
    if why is None:
        _accept_cancel(world, row, operation, via)
        return CANCELLED_MESSAGE
    name = world.choices.refused_cancel
    if name == "message" and via == "graphql":
        return f"Job not cancelled: {why}"
    raise Refusal(
        "invalid_input" if name == "message" else name,
        f"Job {ident} cannot be cancelled: {why}",
        objectId=ident,
        objectType="Job",
    )


def _accept_cancel(world: World, row: int, operation: str, via: str) -> None:
    choices, life = world.choices, world.life
    tasks = world.store.tasks(row)
    if tasks and choices.cancel_race and world.chance.random() < choices.cancel_race:
        task = tasks[0]
        if world.store.task_status[task] == QUEUED:
            life.leave_queue(task)
        life.start(task, world.now())
    elif choices.cancel_delay:
        life.at(world.now() + round(choices.cancel_delay * 1000), "cancel", (row, operation, via))
    else:
        world.cancel(row, operation, via)


def cancel_range(world: World, caller: Caller, span: Span) -> tuple[list[str], list[tuple[str, str]]]:
    """Cancel what can be cancelled of all the organisation's jobs created in `span`.

    Return the ids of those cancelled, and of those still in work that were refused, with the reason. Finished jobs are
    in neither.
    """
    store = world.store
    query = JobQuery(world, caller.org)
    query.during("createdDateTime", span)
    done, refused = [], []
    for row in sorted(query.rows()):
        why = world.why_not_cancel(row)
        if why is None:
            _accept_cancel(world, row, "cancel_range", "rest")
            done.append(store.ids[row])
        elif store.words[store.status[row]] not in {"complete", "failed", "aborted", "cancelled"}:
            refused.append((store.ids[row], why))
    return done, refused


def retry(world: World, caller: Caller, ident: str) -> int:
    """Submit a job again as a new one, and return the new row; the old job stays as it is."""
    row = world.find_job(ident, caller)
    if row is None:
        raise not_found("Job", ident)
    store = world.store
    why = retry_refusal(store.words[store.status[row]], world.choices.retry_allowed)
    if why is not None:
        name = world.choices.refused_cancel
        raise Refusal(
            "invalid_input" if name == "message" else name, f"Job {ident}: {why}", objectId=ident, objectType="Job"
        )
    new = world.new_job(
        store.shapes[store.shape[row]],
        org=caller.org,
        app=store.app[row],
        name=store.names[row],
        target=store.targets[row],
        person=_person(caller),
    )
    for old_task, new_task in zip(store.tasks(row), store.tasks(new), strict=True):
        store.payloads[new_task] = payload(world, old_task)
    if row in store.extras:
        store.extras[new] = dict(store.extras[row])
    world.write("retryJob", ident, new=store.ids[new], via="graphql")
    return new


def payload(world: World, task: int) -> Any:
    """Return the payload of a task: the one it was created with, or its engine's usual one."""
    store = world.store
    if task in store.payloads:
        return store.payloads[task]
    row = store.task_job[task]
    engine = store.engine[task]
    made: dict[str, Any] = {"targetId": store.targets[row], "mode": ENGINES[engine].category.name.split()[0].lower()}
    if task == store.first[row]:
        made["url"] = f"https://media.example/in/{store.ids[row][:6]}/{store.targets[row]}.mp4"
    return made


def _person(caller: Caller) -> int:
    people = caller.organization.people
    return people.index(caller.person) if caller.person in people else 0


class Draft(NamedTuple):
    """A job that was asked for and can be made."""

    given: Mapping[str, Any]
    shape: Shape
    payloads: list[Any]
    schedule: int


def draft(world: World, caller: Caller, given: Mapping[str, Any]) -> Draft:
    """Check a job that is to be created."""
    tasks = given.get("tasks")
    if not isinstance(tasks, list) or not 0 < len(tasks) <= _MOST_TASKS or not all(isinstance(t, dict) for t in tasks):
        raise invalid(f"a job needs a list of 1 to {_MOST_TASKS} tasks")
    for field in ("name", "targetId"):
        if not isinstance(given.get(field), (str, type(None))):
            raise invalid(f"{field} must be text")
    shape = Shape.of(tuple(_engine(task) for task in tasks), _parents(tasks, given.get("routes")))
    schedule = 0
    if (schedule_id := given.get("scheduledJobId")) is not None:
        found = world.find_schedule(str(schedule_id), caller)
        if found is None:
            raise not_found("ScheduledJob", schedule_id)
        schedule = world.schedules.index(found) + 1
    return Draft(given, shape, [_given_payload(task) for task in tasks], schedule)


def create(world: World, caller: Caller, job: Draft, *, operation: str = "createJob", via: str = "graphql") -> int:
    """Create a job and return its row."""
    given = job.given
    row = world.new_job(
        job.shape,
        org=caller.org,
        app=caller.app,
        name=given.get("name"),
        target=given.get("targetId") or (world.new_number() if given.get("target") else None),
        schedule=job.schedule,
        person=_person(caller),
    )
    for task, body in zip(world.store.tasks(row), job.payloads, strict=True):
        if body is not None:
            world.store.payloads[task] = body
    if (cluster := given.get("clusterId")) in CLUSTERS:
        world.store.cluster[row] = CLUSTERS.index(cluster)
    if given.get("jobConfig") is not None:
        world.store.extras[row] = {"jobConfig": given["jobConfig"]}
    world.write(operation, world.store.ids[row], new=world.store.ids[row], via=via)
    return row


def _engine(task: Mapping[str, Any]) -> int:
    ident = task.get("engineId")
    if ident is None:
        raise invalid("a task needs an engineId")
    number = engine_number(str(ident))
    if number is None:
        raise not_found("Engine", ident)
    return number


def _given_payload(task: Mapping[str, Any]) -> Any:
    if task.get("payload") is not None or task.get("payloadString") is None:
        return task.get("payload")
    try:
        return msgspec.json.decode(task["payloadString"])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise invalid("payloadString is not JSON") from None


def _parents(tasks: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]] | None) -> tuple[int, ...] | None:
    """Return the parent of each task as the routes between their folders say; without routes one follows the other."""
    if not routes:
        return None
    sides: dict[str, dict[str, int]] = {"input": {}, "output": {}}
    for number, task in enumerate(tasks):
        for folder in task.get("ioFolders") or ():
            sides[folder.get("type") or "input"][folder["referenceId"]] = number
    parents = [-1] * len(tasks)
    for route in routes:
        parent = sides["output"].get(route.get("parentIoFolderReferenceId") or "", -1)
        child = sides["input"].get(route.get("childIoFolderReferenceId") or "")
        if child is None:
            raise invalid("a route leads to a folder that no task reads")
        if parent >= child:
            raise invalid("a task must come after the task whose output it reads")
        parents[child] = parent
    return tuple(parents)


def update_jobs(world: World, caller: Caller, ids: Sequence[str] | None, status: str | None) -> list[int]:
    """Put pending jobs into their queues; refuse the whole when one of them cannot be."""
    store, rows = world.store, []
    for ident in ids or ():
        row = world.find_job(ident, caller)
        if row is None:
            raise not_found("Job", ident)
        if store.status[row] not in (PENDING, QUEUED):
            raise invalid(f"Job {ident} is {store.words[store.status[row]]}", objectId=ident, objectType="Job")
        rows.append(row)
    for row in rows if status == "queued" else ():
        if store.status[row] == PENDING:
            world.life.admit(row, world.now())
            world.write("updateJobs", store.ids[row], via="graphql")
    return rows


def stop_schedule(world: World, schedule: Schedule, via: str) -> None:
    """Do what the choice `schedule_cancel_stops_runs` says with the runs of a schedule that was stopped."""
    if not world.choices.schedule_cancel_stops_runs:
        return
    number = world.schedules.index(schedule) + 1
    query = JobQuery(world, schedule.org)
    query.during("createdDateTime", EVERYTHING)
    query.among(world.store.schedule, {number})
    for row in sorted(query.rows()):
        if world.why_not_cancel(row) is None:
            _accept_cancel(world, row, "cancel_scheduled" if via == "rest" else "updateScheduledJob", via)
