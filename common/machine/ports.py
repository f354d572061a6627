"""Ports of this machine, where a browser finds what is served."""

import socket

from common.config import Interval, Setting
from common.errors import UsageError

PORT = Setting("it is shown at http://localhost:N", within=Interval(1, 65_535))


def check_free(port: int, command: str) -> None:
    """Raise `UsageError` if nothing can be served at `port`; the number of another completes `command`."""
    try:
        socket.create_server(("localhost", port)).close()
    except OSError:
        other = command.format(port + 1 if port < 65_535 else port - 1)
        raise UsageError(
            f"Port {port} is taken, or not open to you; choose another, as in `{other}`."
        ) from None
