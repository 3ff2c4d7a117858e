"""What callers can do with schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.emulator.api.errors import not_found
from jobwidgets.emulator.api.job_mutations import stop_schedule
from jobwidgets.emulator.api.job_queries import Page, read_moment, read_page
from jobwidgets.emulator.simulation.schedules import Schedule, read_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobwidgets.emulator.simulation.world import Caller, World

_DATES = {"startDateTime": "begin", "stopDateTime": "end"}
_PLAIN = {
    "name": "name",
    "description": "description",
    "runMode": "run_mode",
    "isActive": "is_active",
    "isPublic": "is_public",
}
_ORDER: dict[str, Callable[[Schedule], Any]] = {
    "id": lambda s: s.id,
    "createdDateTime": lambda s: s.created,
    "modifiedDateTime": lambda s: s.modified,
    "startDateTime": lambda s: s.begin,
    "stopDateTime": lambda s: s.end,
    "name": lambda s: s.name,
    "runMode": lambda s: s.run_mode,
    "isActive": lambda s: s.is_active,
}


def find(world: World, caller: Caller, ident: str | None) -> Schedule:
    """Return the caller's schedule with this id, or raise not_found."""
    schedule = None if ident is None else world.find_schedule(ident, caller)
    if schedule is None:
        raise not_found("ScheduledJob", ident)
    return schedule


def schedules_page(world: World, caller: Caller, args: Mapping[str, Any]) -> Page:
    """Return the page of `scheduledJobs` that these arguments ask for."""
    offset, limit = read_page(world, args.get("offset"), args.get("limit"))
    found = [s for s in world.schedules if s.org == caller.org and not s.deleted and _fits(world, s, args)]
    for part in reversed(args.get("orderBy") or [{"field": "modifiedDateTime", "direction": "desc"}]):
        found.sort(key=_ORDER[part["field"]], reverse=(part.get("direction") or "desc") == "desc")
    return Page(found[offset : offset + limit], offset, limit)


def _fits(world: World, schedule: Schedule, args: Mapping[str, Any]) -> bool:
    from jobwidgets.emulator.simulation.catalog import ENGINES  # noqa: PLC0415 - only this filter looks at engines

    plain = {"id": schedule.id, "runMode": schedule.run_mode, "isActive": schedule.is_active}
    engines = [ENGINES[number] for number in schedule.shape.engines]
    name, engine, category = args.get("name"), args.get("engineId"), args.get("engineCategoryId")
    return (
        all(args.get(key) is None or args[key] == value for key, value in plain.items())
        and (name is None or name.lower() in schedule.name.lower())
        and (engine is None or any(e.id == engine for e in engines))
        and (category is None or any(e.category.id == category for e in engines))
        and (args.get("hasJobTemplate") is None or bool(schedule.templates) == args["hasJobTemplate"])
        and (args.get("hasRunningJobs") is None or _has_running(world, schedule) == args["hasRunningJobs"])
        and not args.get("primarySourceId")
    )


def _has_running(world: World, schedule: Schedule) -> bool:
    store, number = world.store, world.schedules.index(schedule) + 1
    running = store.codes["running"]
    return any(store.schedule[row] == number and store.status[row] == running for row in store.timeline[schedule.org])


def create(world: World, caller: Caller, given: Mapping[str, Any], *, via: str = "graphql") -> Schedule:
    """Create a schedule, private until it is published."""
    now = world.now()
    schedule = Schedule.new(world.new_number(), caller.org, given["name"], now)
    schedule.run_mode = "Once"
    world.schedules.append(schedule)
    _set(world, schedule, {"isActive": True, **given})
    world.write("createScheduledJob", schedule.id, new=schedule.id, via=via)
    return schedule


def update(world: World, caller: Caller, given: Mapping[str, Any]) -> Schedule:
    """Set the given fields of a schedule. `isPublic` is always among them: left out by the caller, it is false."""
    schedule = find(world, caller, given.get("id"))
    was_active = schedule.is_active
    _set(world, schedule, given)
    world.write("updateScheduledJob", schedule.id, via="graphql")
    if was_active and not schedule.is_active:
        stop_schedule(world, schedule, "graphql")
    return schedule


def _set(world: World, schedule: Schedule, given: Mapping[str, Any]) -> None:
    dates = {
        attribute: read_moment(given[field], field)
        for field, attribute in _DATES.items()
        if given.get(field) is not None
    }
    for attribute, moment in dates.items():
        setattr(schedule, attribute, moment)
    for field, attribute in _PLAIN.items():
        if given.get(field) is not None:
            setattr(schedule, attribute, given[field])
    if given.get("jobTemplateIds") is not None:
        schedule.templates = list(given["jobTemplateIds"])
    if given.get("recurringScheduleParts") is not None or given.get("weeklyScheduleParts") is not None:
        schedule.parts, schedule.every = read_parts(
            given.get("recurringScheduleParts"), given.get("weeklyScheduleParts")
        )
    schedule.modified = world.now()
    schedule.turn += 1
    world.plan_launch(schedule, world.now())


def stop(world: World, caller: Caller, ident: str) -> Schedule:
    """Switch a schedule off, as REST does it: nothing else of it changes."""
    schedule = find(world, caller, ident)
    if schedule.is_active:
        schedule.is_active = False
        schedule.turn += 1
        schedule.modified = world.now()
        world.write("cancel_scheduled", ident, via="rest")
        stop_schedule(world, schedule, "rest")
    return schedule


def delete(world: World, caller: Caller, ident: str) -> None:
    """Delete a schedule; its runs stay."""
    schedule = find(world, caller, ident)
    schedule.deleted = True
    schedule.turn += 1
    world.write("deleteScheduledJob", ident, via="graphql")


def launch(world: World, caller: Caller, ident: str | None, payload: Any) -> list[int]:
    """Launch a run of a schedule now."""
    schedule = find(world, caller, ident)
    row = world.launch(schedule, world.now())
    if payload is not None:
        world.store.payloads[world.store.first[row]] = payload
    world.write("launchScheduledJobs", schedule.id, new=world.store.ids[row], via="graphql")
    return [row]
