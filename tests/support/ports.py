"""A port that stays ours while no server listens on it, for services that go away and come back."""

import contextlib
import socket


@contextlib.contextmanager
def held_port():
    """Yield a free port of 127.0.0.1 that nobody else is given: a server may listen on it, end, and listen again.

    While no server listens there, connections are refused.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
