"""The service's processes as tests start them, and any process as /proc shows it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sqlite3
import sys
import time
from pathlib import Path

#: The hosts' own settings and proxies stay outside.
BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TASK_SERVER_", "TASK_MANAGER_")) and not name.lower().endswith("_proxy")
}


def command(*arguments: str) -> list[str]:
    """The command line of `task-server ARGUMENTS`."""
    return [sys.executable, "-P", "-m", "task_server", *arguments]


def free_port() -> int:
    """A TCP port on loopback that nobody uses now, of those that the kernel gives to no connection.

    One that it does give may become the near end of somebody's connection while a server is away, which can not come back then.
    """
    first_of_connections = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        # Not the generator that tests seed: processes that run at once would be given the same ports.
        port = random.SystemRandom().randrange(10_000, max(first_of_connections, 20_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def state_and_parent(pid: int) -> tuple[str, int]:
    """From /proc: the state's letter and the parent; ("X", 0) for a process that is gone."""
    try:
        # The name stands in brackets and may hold anything.
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "X", 0
    return state, int(parent)


def is_alive(pid: int) -> bool:
    return state_and_parent(pid)[0] not in "XZ"


def children(parent: int) -> list[int]:
    return [pid for pid in all_pids() if state_and_parent(pid)[1] == parent]


def descendants(root: int) -> dict[int, str]:
    """All below a process: process id to command line."""
    parents = {pid: state_and_parent(pid)[1] for pid in all_pids()}
    found: dict[int, str] = {}
    rest = [root]
    while rest:
        above = rest.pop()
        below = [pid for pid, parent in parents.items() if parent == above]
        found |= {pid: command_line(pid) for pid in below}
        rest += below
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def freeze(pid: int, file: Path) -> None:
    """Stop a process, but not amid a transaction in that SQLite file, which would keep all others from writing until it goes on."""
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        os.kill(pid, signal.SIGSTOP)
        # Each thread stops a little later than that, and until then it could begin to write.
        while any(_state(thread) not in "TXZ" for thread in Path(f"/proc/{pid}/task").iterdir()):
            time.sleep(0.001)


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
