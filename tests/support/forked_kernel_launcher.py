"""Stands for a forked kernel towards Jupyter: `forked_kernel_launcher.py SOCKET CONNECTION_FILE ...`.

It asks the process behind the socket for a kernel, passes interrupts on, and ends when the kernel does. It imports
only a few small modules, so that it starts at once.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 60


def connected(address):
    """Connect, as soon as the process that forks is ready."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


def main(address, connection_file, *arguments):
    """Start the kernel, and wait until it has ended."""
    connection = connected(address)
    signal.signal(signal.SIGINT, lambda *_: connection.send(b"i"))
    asked = {"connection_file": connection_file, "arguments": arguments}
    asked |= {"cwd": str(Path.cwd()), "env": dict(os.environ)}
    socket.send_fds(connection, [json.dumps(asked).encode() + b"\n"], [0, 1, 2])
    while connection.recv(1):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
