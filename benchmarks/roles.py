"""Broker, server, worker and scheduler as single processes: unlike below `up`, a broker that is ended here stays away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from task_server.embedded.broker import find_binary

_CLEAN = {name: text for name, text in os.environ.items() if not name.startswith("TASK_SERVER_")}
_START_SECONDS = 60.0


class Roles:
    """Started when entered, ended when left. `settings` are TASK_SERVER_... without the prefix."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self._directory = directory
        self._broker_port = _free_port()
        self.grpc_address = f"127.0.0.1:{_free_port()}"
        own = {
            "DATA_DIR": str(directory),
            "GRPC_ADDRESS": self.grpc_address,
            "BROKER_URL": f"redis://127.0.0.1:{self._broker_port}/0",
            **settings,
        }
        self._environment = _CLEAN | {f"TASK_SERVER_{name}": text for name, text in own.items()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.token = ""

    def __enter__(self) -> Self:
        try:
            self.start_broker()
            self._run("migrate")
            self.token = self._run("token", "create", "--user", "bench", "--role", "admin").strip()
            for name in ("server", "worker", "scheduler"):
                self._start(name, [sys.executable, "-P", "-m", "task_server", name])
            self._await_server()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()

    @property
    def worker_pid(self) -> int:
        return self._processes["worker"].pid

    def start_broker(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--port", str(self._broker_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._directory)]
        self._start("broker", [str(find_binary()), *options])
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._broker_port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise RuntimeError("the broker did not start")
            time.sleep(0.02)

    def end_broker(self) -> None:
        """End it; what it held is gone."""
        self._processes["broker"].kill()
        self._processes["broker"].wait()

    def _start(self, name: str, argv: list[str]) -> None:
        with (self._directory / f"{name}.log").open("a") as log:
            self._processes[name] = subprocess.Popen(
                argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _run(self, *arguments: str) -> str:
        argv = [sys.executable, "-P", "-m", "task_server", *arguments]
        return subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=True).stdout

    def _await_server(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        argv = [sys.executable, "-P", "-m", "task_server", "health"]
        while subprocess.run(argv, env=self._environment, capture_output=True, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError((self._directory / "server.log").read_text())

    def _kill(self) -> None:
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
