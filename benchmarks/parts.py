"""What some benchmarks put together by themselves: a database, a broker, and single processes of the service."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from tests.postgres import find_programs, running_server
from tests.processes import BARE

from task_server.embedded.broker import find_binary


@contextlib.contextmanager
def database_url(engine: str, home: Path) -> Iterator[str]:
    """An empty database on `engine`, sqlite or postgresql."""
    if engine == "sqlite":
        yield f"sqlite:///{home / 'bench.db'}"
        return
    programs = find_programs()
    if programs is None:
        message = "no PostgreSQL server binaries on this machine"
        raise RuntimeError(message)
    with running_server(programs) as server:
        yield server.url("postgres")


@contextlib.contextmanager
def running_broker(home: Path) -> Iterator[redis.Redis]:
    """A broker of its own, at the socket `b.sock`."""
    socket = home / "b.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(home)]
    with (
        process([str(find_binary()), *options], BARE, home / "broker.log"),
        redis.Redis(unix_socket_path=str(socket)) as client,
    ):
        while not socket.exists():
            time.sleep(0.01)
        yield client


@contextlib.contextmanager
def process(argv: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended when left. Raises RuntimeError with what it said when it ended before."""
    with log.open("w") as said:
        started = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        yield started
        if started.poll() is not None:
            raise RuntimeError(log.read_text())
    finally:
        started.terminate()
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
