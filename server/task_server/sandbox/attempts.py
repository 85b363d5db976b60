"""What no child for code may be able to do, each tried for real: the child's side of the self-test."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType

from task_server.sandbox import kernel

#: How the layers refuse. EAGAIN: no more processes.
_REFUSALS = (errno.EPERM, errno.EACCES, errno.EAGAIN)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


#: By the word that the self-test shows. None does harm where it succeeds.
ATTEMPTS: Mapping[str, Callable[[], object]] = MappingProxyType(
    {
        "open a file": lambda: os.open("/", os.O_RDONLY),
        "open a network socket": lambda: socket.socket(socket.AF_INET),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "start a process": _fork,
        # There is no such program: only one that may be started is not found.
        "start a program": lambda: os.execv("/no such program", ["none"]),  # noqa: S606
        "signal its maker": lambda: os.kill(os.getppid(), 0),
        "trace its maker": lambda: kernel.seize(os.getppid()),
        "raise a limit": kernel.raise_file_limit,
        "make memory executable": kernel.map_executable,
    }
)


def succeeded() -> list[str]:
    """Those that were not refused."""
    return [name for name, attempt in ATTEMPTS.items() if not _is_refused(attempt)]


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        return error.errno in _REFUSALS
    return False
