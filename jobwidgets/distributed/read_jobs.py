"""`read_jobs`: the jobs of a range as a Dask DataFrame."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobwidgets.client import Client
from jobwidgets.distributed.partition_loader import PartitionSpec, nothing, read_window
from jobwidgets.distributed.partitions import MOST, balanced_partitions, equal, known_statuses, whole_number
from jobwidgets.distributed.token_split import other_share_of, share_of_token
from jobwidgets.errors import SettingsError, UsageError
from jobwidgets.listing import SECOND, validate_query
from jobwidgets.transport import BULK_BUDGET_SHARE
from jobwidgets.vocabulary import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import dask.dataframe as dd
    from distributed import Client as Cluster

    from jobwidgets.client import AsyncClient
    from jobwidgets.distributed.token_split import TokenShare


def read_jobs(
    client: Client,
    /,
    *,
    since: object,
    until: object = None,
    status: str | Iterable[str] | None = None,
    on_engine: str | None = None,
    target: str | None = None,
    scheduled_job: str | None = None,
    engine: str = "dask",
    windows: int | None = None,
    per_partition: int = 10_000,
    budget: int | None = None,
    token_from: str = "client",  # noqa: S107  where it comes from, not what it is
    more_statuses: Sequence[str] = (),
    cluster: Cluster | None = None,
) -> dd.DataFrame:
    """Read the jobs of a range as a Dask DataFrame: one partition a window of time, each read by its worker.

    When the frame is made little is asked: for the clock, for the statuses of the newest jobs, and for one job at each
    edge of the windows. The jobs are read when the frame is computed, and anew each time: `frame.persist()` keeps them
    on the cluster. Each job that is there throughout is in the frame exactly once, as with `client.jobs`.

    Parameters
    ----------
    client : Client
        Connected to the service. It stays here, its token goes to the workers in two halves. They need no more than
        this package.
    since, until : datetime, date, timedelta or str
        Creation times, as in `client.jobs`. `until` is now when None: the windows are fixed when the frame is made.
    status, on_engine, target, scheduled_job
        The filters of `client.jobs`; there `on_engine` is called `engine`.
    engine : {"dask"}
        What computes the frame.
    windows : int, optional
        How many partitions: windows of equal length. None: windows with about as many jobs as `per_partition` says.
    per_partition : int, default 10,000
        Jobs of the range and of these statuses in a partition; `on_engine`, `target` and `scheduled_job` leave fewer.
    budget : int, optional
        How many requests your organisation may make in 10 seconds. All workers together take a third of it. None: what
        the client knows; where that is nothing either, each worker only obeys 429 and Retry-After.
    token_from : {"client", "workers"}
        "workers": nothing of the token leaves this machine; each worker takes its own, as `connect` finds it there.
    more_statuses : sequence of str
        Statuses beyond the twelve that jobs of the range can have. Those of the newest jobs are known without it.
    cluster : distributed.Client, optional
        The cluster whose workers are given the token. None: the current one; without any, Dask's threads here read.

    Returns
    -------
    dask.dataframe.DataFrame
        The columns and dtypes of `client.jobs`, oldest first. The index, which has no name, is the creation time;
        the divisions are the edges of the windows. `client.plan_cancel` and `client.plan_retry` take the frame.

    Raises
    ------
    UsageError
        A keyword is wrong; nothing was sent.
    SettingsError
        Dask is not installed.
    """
    dataframes = _dask()
    if engine != "dask":
        raise UsageError(
            f"engine={engine!r} computes no frames", hint="'dask' does; an engine of aiWARE is given as on_engine="
        )
    if not isinstance(client, Client):
        raise UsageError("read_jobs() waits for its answers, so it takes a Client", hint="give what jw.connect() made")
    if token_from not in ("client", "workers"):
        raise UsageError("token_from is neither 'client' nor 'workers'", hint="it says where the token is found")
    share = _share(budget if budget is not None else client.aio._connection.throttle.budget)  # noqa: SLF001  what it was told
    wanted: dict[str, Any] = {
        "status": (status,) if isinstance(status, str) else None if status is None else tuple(status),
        "engine": on_engine, "target": target, "scheduled_job": scheduled_job,
    }  # fmt: skip
    edges, words = client.run(_looked(client.aio, since, until, wanted, windows=windows, per_partition=per_partition))
    reading = PartitionSpec(
        service=client.service_url,
        half=share_of_token(client) if token_from == "client" else None,  # noqa: S105  where it comes from
        wanted={name: value for name, value in wanted.items() if value is not None},
        words=tuple(dict.fromkeys([*STATUSES, *words, *more_statuses])),
        share=share,
        timeout=client.aio._connection.timeout,  # noqa: SLF001  the workers' clients are as patient
    )
    if reading.half is not None:
        _give(reading.half, cluster)
    return _frame(dataframes, reading, edges)


def _dask() -> Any:
    try:
        import dask.dataframe as dd  # noqa: PLC0415  an extra, loaded when it is asked for
    except ImportError:
        raise SettingsError("a distributed frame needs Dask", hint="pip install 'jobwidgets[distributed]'") from None
    return dd


def _share(budget: int | None) -> int | None:
    return None if budget is None else max(1, int(whole_number(budget, "budget") * BULK_BUDGET_SHARE))


async def _looked(
    client: AsyncClient,
    since: object,
    until: object,
    wanted: dict[str, Any],
    *,
    windows: int | None,
    per_partition: int,
) -> tuple[list[datetime], list[str]]:
    """Fix the windows by the service's clock, which tells whole seconds, and see which statuses there are."""
    whole_number(per_partition, "per_partition")
    if windows is not None:
        whole_number(windows, "windows", MOST)
    now = await client.now()
    end = now + SECOND if until is None else until
    query = validate_query(now, since=since, until=end, limit=None, api="graphql", **wanted)
    if query.since is None or query.until is None:
        raise UsageError("windows of time need a beginning", hint='say since=, such as "30d"')
    connection = client._connection  # noqa: SLF001  thin pages, which no frame is made of
    words = await known_statuses(connection, query.since, query.until)
    if windows is not None:
        return equal(query.since, query.until, windows), words
    return await balanced_partitions(connection, query.since, query.until, query.status, per_partition), words


def _give(half: TokenShare, cluster: Cluster | None) -> None:
    """Hand the other half of the token to the workers."""
    found: Any = cluster
    if found is None and "distributed" in sys.modules:
        from distributed import default_client  # noqa: PLC0415  an extra

        with suppress(ValueError):  # no cluster: the threads of this process read, and it has both halves
            found = default_client()
    if found is not None:
        from jobwidgets.distributed.worker_plugin import TokenSharePlugin  # noqa: PLC0415  an extra

        found.register_plugin(TokenSharePlugin(half.name, other_share_of(half)))


def _frame(dataframes: Any, reading: PartitionSpec, edges: Sequence[datetime]) -> dd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    frame: dd.DataFrame = dataframes.from_map(
        read_window,
        list(pairwise(edges)),
        reading=reading,
        meta=nothing(reading),
        divisions=tuple(pd.Timestamp(edge).as_unit("us") for edge in edges),
        label="read-jobs",
        enforce_metadata=False,
    )
    return frame
