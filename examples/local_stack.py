"""`task-server up` for as long as a `with` block lasts, on free ports and in a directory that is removed afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: How long the service may take to drain and end.
_STOP_SECONDS = 30.0


class StackFailure(Exception):
    """The service did not start, or did not end as it should; the message holds its log."""


@dataclass(frozen=True)
class LocalStack:
    """A running service."""

    grpc_address: str
    http_address: str
    token: str
    #: How long it took from the command to SERVING.
    start_seconds: float


@contextmanager
def local_stack(**settings: str) -> Iterator[LocalStack]:
    """Starts the service with `settings`, which are its environment variables, and stops it with SIGTERM.

    Raises:
        StackFailure: it does not get ready, or ends with another status than 0.
    """
    with tempfile.TemporaryDirectory(prefix="task-manager-") as folder:
        log = Path(folder, "log")
        begun = time.monotonic()
        with log.open("wb") as log_file:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "task_server", "up", "--data-dir", str(Path(folder, "data"))],
                env=_environment(settings),
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
            )
        try:
            yield _ready(process, log, begun)
        finally:
            status = _stop(process)
        if status != 0:
            message = f"task-server up ended with status {status}:\n{log.read_text()}"
            raise StackFailure(message)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    # Whatever is set for a service of the user's own has nothing to say here.
    own = {name: value for name, value in os.environ.items() if not name.startswith("TASK_SERVER_")}
    anywhere = {"TASK_SERVER_GRPC_ADDRESS": "127.0.0.1:0", "TASK_SERVER_HTTP_ADDRESS": "127.0.0.1:0"}
    return own | anywhere | settings


def _ready(process: subprocess.Popen[str], log: Path, begun: float) -> LocalStack:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    # READY grpc=HOST:PORT http=HOST:PORT token=FILE; the end of the output means that it gave up.
    word, *facts = process.stdout.readline().split() or [""]
    if word != "READY":
        message = f"task-server up did not start:\n{log.read_text()}"
        raise StackFailure(message)
    told = dict(fact.split("=", 1) for fact in facts)
    token = Path(told["token"]).read_text().strip()
    return LocalStack(told["grpc"], told["http"], token, time.monotonic() - begun)


def _stop(process: subprocess.Popen[str]) -> int:
    with process:
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
