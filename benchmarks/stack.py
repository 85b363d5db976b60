"""The whole service as its users run it: `task-server up` in a directory of its own, on free loopback ports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_CLEAN = {name: text for name, text in os.environ.items() if not name.startswith("TASK_SERVER_")}
#: One token makes all calls, as many as it can: that is what is measured.
_UNLIMITED = {"TASK_SERVER_RATE_PER_TOKEN": "0", "TASK_SERVER_RATE_PER_OWNER": "0"}


class Stack:
    """Started when entered, ended when left."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self._settings = {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        self._data_dir = directory / "data"
        self._log = directory / "stderr.log"

    def __enter__(self) -> Self:
        began = time.monotonic()
        command = [sys.executable, "-P", "-m", "task_server", "up", "--data-dir", str(self._data_dir)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"],
                env=_CLEAN | _UNLIMITED | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        #: From its start to READY.
        self.start_seconds = time.monotonic() - began
        if not line.startswith("READY "):
            self._process.wait()
            message = f"the stack did not start: {line}{self._log.read_text()}"
            raise RuntimeError(message)
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.grpc_address, self.http_address = words["grpc"], words["http"]
        self.token = Path(words["token"]).read_text().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def broker_socket(self) -> Path:
        return self._data_dir / "broker" / "broker.sock"
