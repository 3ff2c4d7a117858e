"""More jobs than one machine wants to hold: a Dask DataFrame, one partition a window of time.

How the token gets to the workers. Nothing of a Dask graph is private: keys, arguments and results are shown by the
dashboard, kept by the scheduler and written by `dump_cluster_state`. So the token is split into two halves that are
each nothing but random bytes. One goes with the graph, the other by a plugin of the workers, which also reaches workers
that are started later, or anew after one died; the token is only put together in the memory of a worker, when it
connects. Both halves cross the same network: between machines use Dask's own TLS (`distributed.security.Security`), for
whoever can read or write plain Dask traffic can run code on the workers anyway. Where workers are given secrets of
their own, `token_from="workers"` sends nothing of the token at all.

How the budget holds. Each request takes one of the leases of a `distributed.Semaphore`, and gives it back ten seconds
after its answer: so no ten seconds of the service's clock hold more requests than there are leases, however many
workers there are. A worker that dies keeps its leases until the scheduler takes them back.
"""

from jobwidgets.distributed.read_jobs import read_jobs

__all__ = ["read_jobs"]
