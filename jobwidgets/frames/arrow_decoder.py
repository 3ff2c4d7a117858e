"""From the bytes of a page straight to Arrow's columns: no object per job is made, and other threads run meanwhile."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from jobwidgets.frames.column_builders import MISSING
from jobwidgets.frames.record_batch import JOB_FIELDS, TASK_FIELDS, Batch, DictionaryColumn
from jobwidgets.frames.records import JobSummary, TaskRow, TaskSummary
from jobwidgets.frames.schema import JOB_COLUMNS, TASK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME = pa.timestamp("us", "UTC")
NOT_A_TIME = np.iinfo("i8").min


def _names(kind: type[msgspec.Struct], columns: Mapping[str, str]) -> dict[str, str]:
    """Say what the service calls these columns, of those that such an object has."""
    written = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    return {column: written[field] for column, field in columns.items() if field in written}


JOB_NAMES = _names(JobSummary, {"id": "id", "status": "status", **JOB_FIELDS})
GIST_NAMES, TASK_NAMES = _names(TaskSummary, TASK_FIELDS), _names(TaskRow, TASK_FIELDS)


def read_page(body: bytes, limit: int | None, *, whole: bool) -> Columns | None:
    """Read a page of a list of jobs; None where it is not wholly what it should be, and must be looked at row by row.

    Parameters
    ----------
    body : bytes
        The answer, as it came.
    limit : int or None
        How many tasks of a job it could hold.
    whole : bool
        Whether it has all that is shown of a task, or only what the row of a job tells of it.
    """
    try:
        if not body.isascii():
            body.decode()
        answer = _ANSWER.decode(body)
        data = memoryview(answer.data)
        if answer.errors or data[:1].tobytes() != b"{":
            return None
        whole_page = json.ReadOptions(use_threads=False, block_size=len(data) + 1)
        with pa.BufferReader(data) as source:
            page = json.read_json(source, whole_page, _shape(whole), pa.system_memory_pool())
        records = _records(page["jobs"].chunk(0))  # the one value that it is
        return None if records is None else _columns(records, limit, whole=whole)
    except (pa.ArrowException, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class _Answer(msgspec.Struct):
    """An answer that is JSON, and one value, beyond doubt: at a null beside it Arrow's reader ends the process."""

    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    errors: list[msgspec.Raw] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def _records(jobs: pa.StructArray) -> pa.StructArray | None:
    """Find the jobs in an answer in which all of them could be read."""
    if jobs.null_count or jobs.field("records").null_count:
        return None
    records = jobs.field("records").flatten()
    return None if records.null_count or records.field("id").null_count else records


def _columns(records: pa.StructArray, limit: int | None, *, whole: bool) -> Columns | None:
    pages = _field(_field(records, "tasks"), "records")
    tasks = pages.flatten()
    if tasks.null_count:
        return None
    sizes = pc.fill_null(pc.list_value_length(pages), 0).to_numpy(zero_copy_only=False).astype(np.intp)
    known = pages.is_valid().to_numpy(zero_copy_only=False)
    jobs = {column: _ready(JOB_COLUMNS[column], records.field(name)) for column, name in JOB_NAMES.items()}
    engine = _field(tasks, "engine")
    names, engine_ids = _field(engine, "name"), tasks.field("engineId")
    told = {"runs_on": _ready("word", pc.coalesce(names, engine_ids))}
    for column, name in (TASK_NAMES if whole else GIST_NAMES).items():
        told[column] = _ready(TASK_COLUMNS[column], tasks.field(name))
    if whole:
        told["engine"] = _ready("word", names)
        ids_of_engines = _ready("word", engine_ids)
        told["engine_id"] = DictionaryColumn(ids_of_engines.codes, [word or None for word in ids_of_engines.words])
        told["category"] = _ready("word", _field(_field(engine, "category"), "name"))
        told["job_id"] = jobs["id"].take(pa.array(np.repeat(np.arange(len(sizes)), sizes)))
    created = records.field("createdDateTime").to_pylist()
    ids = jobs["id"].to_pylist()
    return Columns(ids=ids, created=created, jobs=jobs, tasks=told, sizes=sizes, told=known, limit=limit)


def _field(struct: pa.StructArray, name: str) -> pa.Array:
    """Take a part of values of which some can be null: so is then their part."""
    return struct.flatten()[struct.type.get_field_index(name)]


def _ready(kind: str, values: pa.Array) -> Any:
    """Make of a column what takes its place in one that grows."""
    if kind == "string":
        return values
    if kind == "time":
        return values.cast(TIME).view(pa.int64()).fill_null(NOT_A_TIME).to_numpy().view("datetime64[us]")
    if kind == "count":
        return values.fill_null(MISSING).to_numpy()
    coded = values.dictionary_encode("encode")
    return DictionaryColumn(coded.indices.to_numpy(), coded.dictionary.to_pylist())


@cache
def _shape(whole: bool) -> json.ParseOptions:  # noqa: FBT001  it is a key
    """Say what of an answer is read, and that it must be of this kind."""
    kinds = {"string": pa.large_string(), "time": TIME, "count": pa.int32()}
    text = pa.string()
    named: list[Any] = [("name", text)]
    engine = [*named, ("category", pa.struct(named))] if whole else named
    names = TASK_NAMES if whole else GIST_NAMES
    task = {name: kinds.get(TASK_COLUMNS[column], text) for column, name in names.items()}
    task |= {"engineId": text, "engine": pa.struct(engine)}
    job = {name: kinds.get(JOB_COLUMNS[column], text) for column, name in JOB_NAMES.items()}
    job["createdDateTime"] = text  # how it is written says how exact it is
    job["tasks"] = pa.struct([("records", pa.list_(pa.struct(list(task.items()))))])
    jobs = pa.struct([("records", pa.list_(pa.struct(list(job.items()))))])
    return json.ParseOptions(explicit_schema=pa.schema([("jobs", jobs)]), unexpected_field_behavior="ignore")


class Columns(Batch):
    """Jobs and tasks that are columns already.

    Parameters
    ----------
    ids, created : sequence of str
        The jobs, and when each was created.
    jobs, tasks : dict
        The columns.
    sizes, told : ndarray
        How many tasks came with each job, and whether it was told of them at all.
    limit : int or None
        How many tasks a page of them could hold.
    """

    def __init__(
        self,
        *,
        ids: Sequence[str],
        created: Sequence[str | None],
        jobs: dict[str, Any],
        tasks: dict[str, Any],
        sizes: np.ndarray[Any, np.dtype[np.intp]],
        told: np.ndarray[Any, np.dtype[np.bool_]],
        limit: int | None,
    ) -> None:
        self.came, self.ids, self.sizes = len(ids), ids, sizes
        self._created, self._jobs, self._tasks, self._told, self._limit = created, jobs, tasks, told, limit
        full = np.zeros(len(ids), "?") if limit is None else sizes >= limit
        self.known = told & ~full
        self.short = [ids[at] for at in np.flatnonzero(full).tolist()]

    @property
    def statuses(self) -> Sequence[str | None]:
        """See `Batch`."""
        codes, words = self._jobs["status"]
        return [words[code] for code in codes.tolist()]

    @property
    def created(self) -> Sequence[str | None]:
        """See `Batch`."""
        return self._created

    def job(self, column: str) -> Any:
        """See `Batch`."""
        return self._jobs[column]

    def task(self, column: str) -> Any:
        """See `Batch`."""
        return self._tasks[column]

    def part(self, at: Sequence[int]) -> Self:
        """See `Batch`."""
        places = np.asarray(at, np.intp)
        sizes, ends = self.sizes[places], np.cumsum(self.sizes)[places]
        tasks = np.repeat(ends - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        return type(self)(
            ids=[self.ids[place] for place in at],
            created=[self._created[place] for place in at],
            jobs={name: _picked(values, places) for name, values in self._jobs.items()},
            tasks={name: _picked(values, tasks) for name, values in self._tasks.items()},
            sizes=sizes,
            told=self._told[places],
            limit=self._limit,
        )


def _picked(values: Any, places: np.ndarray[Any, np.dtype[np.intp]]) -> Any:
    if isinstance(values, DictionaryColumn):
        return DictionaryColumn(values.codes[places], values.words)
    return values[places] if isinstance(values, np.ndarray) else values.take(pa.array(places))
