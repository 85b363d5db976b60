"""A whole stack of its own: `task-server up` as a subprocess on a data directory, with everything that it started."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.acceptance.acceptance_api import Api
from tests.processes import BARE, all_pids, children, command, command_line, descendants, free_port, is_alive, send

from task_manager import TaskClient

#: On an idle machine it takes 1.5 s; this only ends a test that would hang.
START_SECONDS = 60.0
_READY = re.compile(r"READY grpc=(?P<grpc>\S+) http=(?P<http>\S+) token=(?P<token>\S+)\n")
_MARK = "ACCEPTANCE_STACK"
T = TypeVar("T")


def eventually(look: Callable[[], T | None], seconds: float = 60.0, what: str = "") -> T:
    """What `look` gives as soon as it gives something. For what tells nobody: the end of a process, a line in a log.

    On an idle machine nothing takes longer than 5 s; `seconds` only ends a test that would hang.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not so after {seconds:g} s: {what or look}"
        time.sleep(0.02)


class Stack:
    """One data directory and the `up` that runs on it; it keeps its addresses when it is started again."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.data_dir = directory / "data"
        self.log = directory / "stderr.log"
        self.grpc_address, self.http_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
        #: How long the last start took.
        self.start_seconds = 0.0
        self._mark = str(uuid.uuid4())
        self.environment = BARE | {_MARK: self._mark} | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        self._process: subprocess.Popen[str] | None = None
        self._closers: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start it and wait until it says READY."""
        began = time.monotonic()
        addresses = ["--grpc-address", self.grpc_address, "--http-address", self.http_address]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command("up", "--data-dir", str(self.data_dir), *addresses),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._first_line(self._process)
        ready = _READY.fullmatch(line)
        self.start_seconds = time.monotonic() - began
        assert ready, f"instead of READY: {line!r}; {self.log.read_text()}"
        self.grpc_address, self.http_address = ready["grpc"], ready["http"]
        assert Path(ready["token"]) == self.data_dir / "admin.token"

    def terminate(self) -> None:
        """Ask it to end, and go on."""
        assert self._process
        self._process.terminate()

    def stop(self) -> None:
        """End it as a service manager does: it exits 0 and leaves no process behind."""
        assert self._process
        left = self.processes()
        self._process.terminate()
        status = self._process.wait(timeout=60)
        self._forget()
        assert status == 0, self.log.read_text()
        still = {pid: name for pid, name in left.items() if is_alive(pid)} | self._marked()
        assert not still, f"left behind: {still}"

    def kill(self) -> None:
        """End it as a power cut does: every process of it at once."""
        assert self._process
        pids = [self._process.pid, *self.processes()]
        # None of them may do anything about the end of another one.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                send(pid, number)
        self._process.wait(timeout=30)
        self._forget()
        eventually(lambda: not any(map(is_alive, pids)) and not self._marked(), what="all killed processes are gone")

    def close(self) -> None:
        """Close the clients, and end what a test left running."""
        for close in self._closers:
            close()
        self._closers.clear()
        if self._process is not None:
            self.kill()

    def _forget(self) -> None:
        assert self._process and self._process.stdout
        self._process.stdout.close()
        self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def processes(self) -> dict[int, str]:
        """All that `up` started, and what those started: process id to command line."""
        assert self._process
        return descendants(self._process.pid)

    def pid(self, role: str) -> int:
        """The process of a role: broker, server, gateway, worker or scheduler; waits for one that is being restarted."""
        assert self._process
        parent = self._process.pid
        program = "valkey-server|redis-server" if role == "broker" else rf"task_server\0{role}\0"

        def look() -> int | None:
            found = [pid for pid in children(parent) if re.search(program, command_line(pid))]
            return found[0] if len(found) == 1 else None

        return eventually(look, what=f"there is a {role}")

    def kill_role(self, role: str) -> int:
        """Kill -9 one process; return its id."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def logged(self, since: int = 0) -> str:
        """What all its processes have written to standard error, from a position on."""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read().decode()

    def log_position(self) -> int:
        return self.log.stat().st_size

    def faults(self, since: int = 0) -> list[str]:
        """The lines that tell of a defect."""
        return [
            line
            for line in self.logged(since).splitlines()
            if " ERROR " in line or " CRITICAL " in line or line.startswith("Traceback") or "Warning:" in line
        ]

    @property
    def admin_token(self) -> str:
        return (self.data_dir / "admin.token").read_text().strip()

    def token(self, user: str, role: str = "editor") -> str:
        """A token for another user."""
        made = subprocess.run(
            command("token", "create", "--user", user, "--role", role, "--data-dir", str(self.data_dir)),
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return made.stdout.strip()

    def client(self, token: str | None = None) -> TaskClient:
        """A client of a user, the admin unless said otherwise. It is closed with the stack."""
        client = TaskClient(self.grpc_address, self.admin_token if token is None else token)
        self._closers.append(client.close)
        return client

    def api(self, token: str | None = None) -> Api:
        """Both ports without a client library: REST, and gRPC stubs. It is closed with the stack."""
        api = Api(self.grpc_address, self.http_address, self.admin_token if token is None else token)
        self._closers.append(api.close)
        return api

    def _first_line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            assert selector.select(START_SECONDS), f"not READY after {START_SECONDS:g} s: {self.log.read_text()}"
        return process.stdout.readline()

    def _marked(self) -> dict[int, str]:
        """Processes with our mark in their environment, also those whose parents are gone."""
        mark = f"{_MARK}={self._mark}".encode()
        found = {}
        for pid in all_pids():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            if mark in environment:
                found[pid] = command_line(pid)
        return found


@contextmanager
def standing(directory: Path, **settings: str) -> Iterator[Stack]:
    """A stack that runs, and at the end exits 0 and leaves no process behind."""
    stack = Stack(directory, **settings)
    try:
        stack.start()
        yield stack
        stack.stop()
    finally:
        stack.close()
