"""What a job's drawer says: facts, the timeline of its tasks, their graph, why it failed. Pure functions of values."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from jobwidgets._internal import age_text, sanitize
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from jobwidgets.models import Job, JobDetail, Retry, ScheduledJob, Task, TaskDetail

FIRST = 20
"""So many tasks are shown at first."""
LONGEST = 100_000
"""Letters of a JSON text that go to the page; Python has all of them."""
_UNUSUAL = re.compile(r"[^\x20-\x7e\n]")
_JOINERS = "\u200c\u200d"  # letters of several scripts, and most emoji, need these two
_SECOND = timedelta(seconds=1)


def moment(at: datetime | None) -> str:
    """Write a moment."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""


def json_text(value: object) -> str:
    """Write a value as JSON that is good to read and safe to show: what cannot be seen stands as its JSON escape."""
    return _seen(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def raw_text(raw: Sequence[str]) -> str:
    """Write answers as they came, with line breaks."""
    return "\n".join(_seen(msgspec.json.format(text, indent=2)) for text in raw)


def _seen(text: str) -> str:
    return _UNUSUAL.sub(lambda match: _escaped(match[0]), text)


def _escaped(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def cut(text: str, where: str) -> dict[str, str]:
    """Cut a text that is too long for a page, and say where all of it is."""
    said = f"The first {LONGEST:,} of {len(text):,} letters; {where} has all of them." if len(text) > LONGEST else ""
    return {"text": text[:LONGEST], "cut": said}


def facts(job: Job, detail: JobDetail | None) -> list[list[str]]:
    """Say what is known of a job besides its tasks: pairs of a name and a value."""
    pairs: list[tuple[str, object]] = [
        ("Description", detail.description if detail else None),
        ("Created", moment(job.created)),
        ("Created by", detail.created_by if detail else None),
        ("Modified", moment(job.modified)),
        ("Target", job.target_id),
        ("Cluster", job.cluster_id),
        ("Application", job.application_id),
    ]
    cancel, retry = job.can_cancel, job.can_retry
    unsure = "cannot be told" if cancel.ok is None else "no"
    pairs += [
        ("Can be cancelled", "yes" if cancel else f"{unsure}: {words.reason(str(cancel.reason))}"),
        ("Can be retried", "yes" if retry else f"no: {words.reason(str(retry.reason))}"),
    ]
    return [[name, sanitize(value, 300)] for name, value in pairs if value]


def schedule(job: Job, known: ScheduledJob | None) -> list[list[str]]:
    """Say what is known of the schedule that launched a job; nothing where none did."""
    if known is None:
        return [["Schedule", f"{sanitize(job.scheduled_job_id)} (cannot be read)"]] if job.scheduled_job_id else []
    pairs = [
        ("Schedule", known.name or known.id),
        ("Id", known.id),
        ("State", "active" if known.is_active else "switched off"),
        ("Runs", known.run_mode),
        ("Starts", moment(known.start)),
        ("Stops", moment(known.stop)),
        ("Description", known.description),
    ]
    return [[name, sanitize(value, 300)] for name, value in pairs if value]


def lineage(job_id: str, retries: Iterable[Retry]) -> list[dict[str, str]]:
    """Say what a job is a retry of and what it was retried as, with the job that can be opened."""
    told = []
    for retry in retries:
        made = retry.new_id == job_id
        other = retry.job_id if made else retry.new_id or ""
        said = "Retry of" if made else ("Retried as" if other else "Retried, perhaps: the answer was lost")
        told.append({"said": said, "id": other, "shown": sanitize(other, 80), "op": retry.op, "at": moment(retry.at)})
    return told


# ------------------------------------------------------------------------------ tasks


def in_order(job: Job) -> list[Task]:
    """Give the tasks in their order."""
    return sorted(job.tasks, key=lambda task: (task.order is None, task.order or 0))


def title(task: Task) -> str:
    """Name a task for people."""
    return task.engine or task.name or task.engine_id or task.id


def axis(job: Job) -> tuple[datetime, datetime] | None:
    """Give the time that the timeline covers; None where no time is told."""
    times = [at for task in job.tasks for at in (task.queued, task.started, task.completed) if at is not None]
    if not times:
        return None
    at_work = any(task.status not in TERMINAL for task in job.tasks) and job.as_of is not None
    begin = min([*times, *([job.created] if job.created else [])])
    return begin, max([*times, *([job.as_of] if at_work and job.as_of else [])])


def scale(span: tuple[datetime, datetime] | None) -> list[str]:
    """Write both ends of a timeline shortly, with their days where these differ."""
    if span is None:
        return []
    form = "%H:%M:%S" if span[0].date() == span[1].date() else "%m-%d %H:%M"
    return [f"{at:{form}}" for at in span]


def bar(task: Task, span: tuple[datetime, datetime] | None, now: datetime | None) -> list[float] | None:
    """Place a task on the timeline: queued, started and ended as shares of it; None where it has no times."""
    if span is None:
        return None
    begin, end = span
    length = max(end - begin, timedelta(microseconds=1))
    ended = task.completed or (now if task.status not in TERMINAL else None) or task.started or task.queued
    first = task.queued or task.started
    if first is None or ended is None:
        return None
    middle = task.started or ended
    return [round(min(1.0, max(0.0, (at - begin) / length)), 4) for at in (first, middle, max(middle, ended))]


def spans(task: Task, now: datetime | None) -> str:
    """Say how long a task waited and ran."""
    over = task.status in TERMINAL
    parts = []
    if task.queued is not None:
        until = task.started or task.completed or (None if over else now)
        if until is not None:
            parts.append(f"{'waited' if task.started or over else 'waiting'} {_age(until - task.queued)}")
    if task.started is not None:
        until = task.completed or (None if over else now)
        if until is not None:
            parts.append(f"{'ran' if over else 'running'} {_age(until - task.started)}")
    return ", ".join(parts) or "no times told"


def _age(length: timedelta) -> str:
    return age_text(length) if length >= _SECOND else "under 1 s"


def rows(detail: JobDetail, opened: Collection[int], *, every: bool) -> list[dict[str, Any]]:
    """Describe the tasks: those `opened` with all that is known of them."""
    job, tasks = detail.job, in_order(detail.job)
    span, after = axis(job), parents(detail)
    numbers = {task.id: number for number, task in enumerate(tasks, 1)}
    described = []
    for number, task in enumerate(tasks if every else tasks[:FIRST], 1):
        named = [f"{numbers[each]} {sanitize(title(tasks[numbers[each] - 1]), 60)}" for each in after[task.id]]
        row: dict[str, Any] = {
            "n": number,
            "name": sanitize(title(task), 120),
            "status": sanitize(task.status, 40),
            "face": words.face(task.status),
            "bar": bar(task, span, job.as_of),
            "spans": spans(task, job.as_of),
            "times": [
                [name, moment(at)]
                for name, at in (("queued", task.queued), ("started", task.started), ("completed", task.completed))
                if at is not None
            ],
            "after": ", ".join(named),
            "failure": sanitize(task.failure_reason, 120),
            "message": sanitize(task.failure_message, 600),
            "more": _more(task, detail.tasks.get(task.id)) if number in opened else None,
        }
        described.append(row)
    return described


def _more(task: Task, known: TaskDetail | None) -> dict[str, Any]:
    pairs = [("Task id", task.id), ("Name", task.name), ("Category", task.category), ("Engine id", task.engine_id)]
    texts = [("Payload", known.payload), ("Output", known.output)] if known else []
    return {
        "facts": [[name, sanitize(value, 300)] for name, value in pairs if value],
        "json": [
            {"name": name, **cut(json_text(value), "client.detail(…).tasks")}
            for name, value in texts
            if value is not None
        ],
    }


def failures(job: Job) -> list[dict[str, Any]]:
    """Say why tasks failed: alike ones together, the most frequent first."""
    alike: dict[tuple[str, str], list[int]] = {}
    for number, task in enumerate(in_order(job), 1):
        if task.failure_reason or task.failure_message:
            alike.setdefault((task.failure_reason or "", task.failure_message or ""), []).append(number)
    told = []
    for (reason, message), numbers in sorted(alike.items(), key=lambda item: -len(item[1])):
        few = ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")  # noqa: PLR2004  what fits a line
        who = f"Task {few}" if len(numbers) == 1 else f"{len(numbers)} tasks: {few}"
        told.append({"who": who, "reason": sanitize(reason, 120), "message": sanitize(message, 600)})
    return told


# ------------------------------------------------------------------------------ graph


def parents(detail: JobDetail) -> dict[str, list[str]]:
    """Give for each task the tasks that it follows, as far as the service tells them."""
    order = [task.id for task in in_order(detail.job)]
    found: dict[str, set[str]] = {task: set() for task in order}
    for task, known in detail.tasks.items():
        if known.parent_id in found and task in found:
            found[task].add(known.parent_id)
        for child in known.child_ids:
            if child in found and task in found:
                found[child].add(task)
    place = {task: at for at, task in enumerate(order)}
    return {task: sorted(before - {task}, key=place.__getitem__) for task, before in found.items()}


def graph(detail: JobDetail) -> dict[str, Any]:
    """Lay out the graph of the tasks, from left to right; a plain sentence where there is nothing to draw."""
    tasks, after = in_order(detail.job), parents(detail)
    order = [task.id for task in tasks]
    if len(order) < 2:  # noqa: PLR2004  one task depends on nothing
        return {"said": "", "nodes": [], "edges": []}
    if not any(after.values()):
        return {"said": "The service tells of no task that it waits for another one.", "nodes": [], "edges": []}
    if all(after[later] == [earlier] for earlier, later in pairwise(order)) and not after[order[0]]:
        return {"said": "Each task follows the one before it.", "nodes": [], "edges": []}
    depth = _depths(order, after)
    taken: dict[int, int] = {}
    nodes = []
    for number, task in enumerate(tasks, 1):
        column = depth[task.id]
        row = taken[column] = taken.get(column, -1) + 1
        face = words.face(task.status)
        nodes.append({"n": number, "x": column, "y": row, "name": sanitize(title(task), 40), "face": face})
    number_of = {task: number for number, task in enumerate(order)}
    edges = [[number_of[before], number_of[task]] for task in order for before in after[task]]
    return {"said": "", "nodes": nodes, "edges": edges}


def _depths(order: Sequence[str], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Say how many tasks come before each one on its longest way; a circle, which should not be, ends somewhere."""
    depth = dict.fromkeys(order, 0)
    for _ in order:
        deeper = {task: max((depth[each] + 1 for each in after[task]), default=0) for task in order}
        deeper = {task: min(value, len(order) - 1) for task, value in deeper.items()}
        if deeper == depth:
            break
        depth = deeper
    return depth
