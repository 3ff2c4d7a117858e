"""What the fields of jobs, tasks and schedules read, by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobwidgets.emulator.api import job_mutations as acts
from jobwidgets.emulator.api.column_executor import Field
from jobwidgets.emulator.api.job_queries import Page, runs_page, tasks_page
from jobwidgets.emulator.simulation.catalog import CLUSTERS, ENGINES, ORGANIZATIONS, uuid_of
from jobwidgets.emulator.simulation.clock import from_ms
from jobwidgets.emulator.simulation.schedules import MONTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobwidgets.emulator.simulation.schedules import Schedule
    from jobwidgets.emulator.simulation.world import Caller, World

_RUNS_REACH = 3 * MONTH
_NO_FAILURE = (None, None)
_SECONDS = [f"{second:02d}" for second in range(60)]
_MILLISECONDS = [f".{ms:03d}Z" for ms in range(1000)]


class Iso:
    """Writes milliseconds as GraphQL date-times: 2022-03-03T19:36:41.000Z; 0 is null."""

    def __init__(self) -> None:
        self._minutes: dict[int, str] = {}

    def __call__(self, ms: int) -> str | None:
        """Return the text of a moment."""
        if not ms:
            return None
        minute, rest = divmod(ms, 60_000)
        text = self._minutes.get(minute)
        if text is None:
            text = self._minutes[minute] = from_ms(minute * 60_000).strftime("%Y-%m-%dT%H:%M:")
        second, ms = divmod(rest, 1000)
        return text + _SECONDS[second] + _MILLISECONDS[ms]


class JobColumns:
    """The fields of jobs; a source is a job's row."""

    def __init__(self, world: World, iso: Iso) -> None:
        self._world = world
        self._store = world.store
        self._iso = iso
        self._people = [[person.id for person in org.people] for org in ORGANIZATIONS]

    def table(self) -> dict[str, Field]:
        """Return all of them."""
        store, iso = self._store, self._iso
        return {
            "id": Field(store.ids.__getitem__),
            "name": Field(store.names.__getitem__),
            "description": Field(lambda _: None),
            "createdDateTime": Field(lambda row: iso(store.created[row])),
            "modifiedDateTime": Field(lambda row: iso(store.modified[row])),
            "createdBy": Field(self._person),
            "modifiedBy": Field(self._person),
            "targetId": Field(store.targets.__getitem__),
            "target": Field(store.targets.__getitem__),
            "sourceAssetId": Field(lambda _: None),
            "status": Field(lambda row: store.words[store.status[row]]),
            "tasks": Field(lambda _, row, args: tasks_page(self._world, row, args), takes_arguments=True),
            "applicationId": Field(lambda row: ORGANIZATIONS[store.org[row]].applications[store.app[row]]),
            "clusterId": Field(lambda row: CLUSTERS[store.cluster[row]]),
            "jobConfig": Field(lambda row: store.extras.get(row, {}).get("jobConfig")),
            "templateId": Field(self._template),
            "scheduledJobId": Field(self._schedule_id),
            "scheduledJob": Field(self._schedule),
            "routes": Field(self._routes),
        }

    def _person(self, row: int) -> str:
        return self._people[self._store.org[row]][self._store.person[row]]

    def _schedule_id(self, row: int) -> str | None:
        number = self._store.schedule[row]
        return self._world.schedules[number - 1].id if number else None

    def _schedule(self, row: int) -> Schedule | None:
        number = self._store.schedule[row]
        found = self._world.schedules[number - 1] if number else None
        return None if found is None or found.deleted else found

    def _template(self, row: int) -> str | None:
        found = self._schedule(row)
        return found.templates[0] if found is not None and found.templates else None

    def _routes(self, row: int) -> list[dict[str, str]]:
        shape = self._store.shapes[self._store.shape[row]]
        return [
            {"parentIoFolderReferenceId": f"out-{parent}", "childIoFolderReferenceId": f"in-{child}"}
            for child, parent in enumerate(shape.parents)
            if parent >= 0
        ]


class TaskColumns:
    """The fields of tasks; a source is a task's row."""

    def __init__(self, world: World, iso: Iso, jobs: dict[str, Field]) -> None:
        self._world = world
        self._store = world.store
        self._iso = iso
        self._jobs = jobs
        self._builds = [uuid_of(f"build {engine.name}") for engine in ENGINES]
        self._complete = world.store.codes["complete"]

    def table(self) -> dict[str, Field]:
        """Return all of them."""
        store, iso = self._store, self._iso
        engine, engine_ids, failures = store.engine.__getitem__, [engine.id for engine in ENGINES], store.failures
        return {
            "id": Field(store.task_id),
            "name": Field(lambda task: ENGINES[engine(task)].category.name),
            "description": Field(lambda _: None),
            "status": Field(lambda task: store.words[store.task_status[task]]),
            "order": Field(self._order),
            "modifiedDateTime": Field(self._modified),
            "queuedDateTime": Field(lambda task: iso(store.queued[task])),
            "startedDateTime": Field(lambda task: iso(store.started[task])),
            "completedDateTime": Field(lambda task: iso(store.completed[task])),
            **{name: self._as_job(name) for name in ("createdDateTime", "createdBy", "modifiedBy", "applicationId")},
            **{name: self._as_job(name) for name in ("targetId", "target")},
            "jobId": self._as_job("id"),
            "job": Field(store.task_job.__getitem__),
            "engineId": Field(lambda task: engine_ids[engine(task)]),
            "engine": Field(engine),
            "buildId": Field(lambda task: self._builds[engine(task)]),
            "payload": Field(lambda task: acts.payload(self._world, task)),
            "taskPayload": Field(lambda task: acts.payload(self._world, task)),
            "output": Field(self._output),
            "taskOutput": Field(self._output),
            "log": Field(self._log),
            "failureReason": Field(lambda task: failures.get(task, _NO_FAILURE)[0]),
            "failureMessage": Field(lambda task: failures.get(task, _NO_FAILURE)[1]),
            "parentTaskId": Field(self._parent),
            "childTaskIds": Field(self._children),
            "ioFolders": Field(self._folders),
        }

    def _as_job(self, name: str) -> Field:
        get, job = self._jobs[name].get, self._store.task_job
        return Field(lambda task: get(job[task]))

    def _order(self, task: int) -> int:
        return task - self._store.first[self._store.task_job[task]]

    def _modified(self, task: int) -> str | None:
        store = self._store
        created = store.created[store.task_job[task]]
        return self._iso(max(created, store.queued[task], store.started[task], store.completed[task]))

    def _output(self, task: int) -> Any:
        return {"assets": 1 + self._order(task) % 3} if self._store.task_status[task] == self._complete else None

    def _log(self, task: int) -> dict[str, Any] | None:
        if not self._store.started[task]:
            return None
        text = self._store.failures.get(task, _NO_FAILURE)[1] or "ok"
        return {"uri": f"https://logs.example/{self._store.task_id(task)}", "text": text, "jsondata": {"warnings": 0}}

    def _parent(self, task: int) -> str | None:
        store, row = self._store, self._store.task_job[task]
        number = store.shapes[store.shape[row]].parents[task - store.first[row]]
        return None if number < 0 else store.task_id(store.first[row] + number)

    def _children(self, task: int) -> list[str]:
        store, row = self._store, self._store.task_job[task]
        first = store.first[row]
        return [store.task_id(first + number) for number in store.shapes[store.shape[row]].children[task - first]]

    def _folders(self, task: int) -> list[dict[str, str]]:
        number = self._order(task)
        return [{"referenceId": f"{side}-{number}", "mode": "chunk", "type": f"{side}put"} for side in ("in", "out")]


class ScheduleColumns:
    """The fields of schedules; a source is the schedule."""

    def __init__(self, world: World, iso: Iso) -> None:
        self._world = world
        self._iso = iso

    def table(self) -> dict[str, Field]:
        """Return all of them."""
        iso = self._iso
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
            "jobs": Field(self._runs, takes_arguments=True),
        }

    def _runs(self, caller: Caller, schedule: Schedule, args: Mapping[str, Any]) -> Page:
        return runs_page(
            self._world, caller, self._world.schedules.index(schedule) + 1, args, default_reach=_RUNS_REACH
        )
