"""Where the stack listens: free ports for port 0, and one clear line for a port that somebody else has."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

from task_server.embedded.errors import StackError

#: How often a port is tried again that a killed predecessor may still hold.
_RETRY_SECONDS = 0.1


def split(address: str, setting: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[ipv6]:port`. `setting` names the address in the StackError for anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise StackError(f"{setting} must be host:port with a port of 0 to 65535, not {address!r}")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - an empty host means every interface, as in gRPC


def claim(address: str, setting: str, patience: float = 0.0) -> str:
    """Return the address with its real port (port 0 means any free one) after trying that it can be listened on.

    `patience` is how many seconds to wait for a port in use to come free. Raises StackError if it does not, or if the address is
    not one of this machine. A `unix:path` address is only tried for a server that still answers there.
    """
    if address.startswith("unix:"):
        return _claim_unix(address, setting, patience)
    host, port = split(address, setting)
    deadline = time.monotonic() + patience
    while True:
        try:
            port = _bind(host, port)
            break
        except socket.gaierror as error:
            raise StackError(f"{setting} {address}: the host can not be resolved: {error.strerror}") from error
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise StackError(f"{setting} {address}: {_reason(error)}") from error
        time.sleep(_RETRY_SECONDS)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(host: str, port: int) -> int:
    """Listen on every address of the host for a moment and return the port.

    Without SO_REUSEPORT: with it, two gRPC servers would share the port unnoticed.
    """
    for family, kind, protocol, _, place in dict.fromkeys(
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    ):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((place[0], port, *place[2:]))
            probe.listen(1)
            port = probe.getsockname()[1]
    return port


def _claim_unix(address: str, setting: str, patience: float) -> str:
    path = Path(address.removeprefix("unix:").removeprefix("//")).absolute()
    deadline = time.monotonic() + patience
    while answers(path):
        if time.monotonic() >= deadline:
            raise StackError(f"{setting} {address}: another program listens there; stop it or choose another path")
        time.sleep(_RETRY_SECONDS)
    return f"unix:{path}"


def answers(path: Path) -> bool:
    """Tell whether somebody listens on the Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(os.fspath(path)) == 0


def _reason(error: OSError) -> str:
    return {
        errno.EADDRINUSE: "the port is in use by another program; stop it or choose another port",
        errno.EACCES: "this user may not listen there; choose a port of 1024 or more",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }.get(error.errno or 0, error.strerror or str(error))
