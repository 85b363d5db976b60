"""Single roles on one machine, each a process of its own as containers and service managers run them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from acceptance_stack import eventually
from tests.processes import BARE, command, descendants, free_port, is_alive, send

from task_server.embedded.broker import find_binary


class Role:
    """One process that was started, and what it has said."""

    def __init__(self, name: str, argv: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("w") as said:
            self._process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=log.parent
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def said(self) -> str:
        """All it has written so far."""
        return self._log.read_text()

    def await_said(self, words: str) -> None:
        eventually(lambda: words in self.said(), what=f"it says {words!r}: {self.said()}")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def children(self) -> list[int]:
        """All below it."""
        return list(descendants(self.pid))

    def await_end(self, seconds: float = 30.0) -> int:
        """Its exit status. It has left no process behind."""
        return self._process.wait(timeout=seconds)

    def end(self) -> None:
        """End it as a service manager does: with 0, and nobody left behind."""
        assert self.is_running, self.said()
        below = self.children()
        self.signal(signal.SIGTERM)
        assert self.await_end() == 0, self.said()
        eventually(lambda: not any(map(is_alive, below)), what="its children have ended with it")

    def kill(self) -> None:
        """End it without warning, if it runs."""
        send(self.pid, signal.SIGCONT)
        self._process.kill()
        self._process.wait()


class House:
    """A directory, a broker on a TCP port, and processes. `settings` are TASK_SERVER_… without the prefix."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.grpc_address = f"127.0.0.1:{free_port()}"
        self.http_address = f"127.0.0.1:{free_port()}"
        self.broker_port = free_port()
        self.environment = (
            BARE
            | {
                "TASK_SERVER_DATA_DIR": str(directory),
                "TASK_SERVER_BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/0",
                "TASK_SERVER_GRPC_ADDRESS": self.grpc_address,
                "TASK_SERVER_HTTP_ADDRESS": self.http_address,
            }
            | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        )
        self.begun: list[Role] = []

    def begin(self, *argv: str, name: str = "", environment: dict[str, str] | None = None, **settings: str) -> Role:
        """Start a process, which `close` kills at the latest; `settings` are its own."""
        log = self.directory / f"{len(list(self.directory.glob('*.said')))}.said"
        own = {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        role = Role(name, argv, (self.environment if environment is None else environment) | own, log)
        self.begun.append(role)
        return role

    def begin_broker(self) -> Role:
        """Start the broker, empty, on its port."""
        options = ["--port", str(self.broker_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory)]
        return self.begin(str(find_binary()), *options, name="broker")

    def begin_worker(self, **settings: str) -> Role:
        """Start a worker, and wait until it takes messages."""
        worker = self.begin(*command("worker"), name="worker", **settings)
        worker.await_said("worker is ready")
        return worker

    def begin_server(self, address: str = "") -> Role:
        """Start a server, and wait until it serves."""
        address = address or self.grpc_address
        server = self.begin(*command("server"), name="server", GRPC_ADDRESS=address)
        eventually(lambda: self.health(address) == 0, what=f"the server at {address} is healthy: {server.said()}")
        return server

    @contextmanager
    def running(self, *argv: str, environment: dict[str, str] | None = None) -> Iterator[Callable[[], str]]:
        """A process that ends well at SIGTERM; gives what it has said so far."""
        role = self.begin(*argv, environment=environment)
        try:
            yield role.said
            role.end()
        finally:
            role.kill()

    def close(self) -> None:
        """Kill what was begun and still runs, the last first."""
        for role in reversed(self.begun):
            role.kill()

    def once(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        return subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, timeout=60)

    def health(self, address: str = "") -> int:
        return self.once("health", GRPC_ADDRESS=address or self.grpc_address).returncode

    def token(self, user: str = "ops", name: str = "Operations") -> str:
        """A token of an admin."""
        made = self.once("token", "create", "--user", user, "--name", name, "--role", "admin")
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


@contextmanager
def furnished(directory: Path, **settings: str) -> Iterator[House]:
    """A house with broker, tables, server and scheduler, where only the workers are missing."""
    house = House(directory, **settings)
    try:
        house.begin_broker()
        assert house.once("migrate").returncode == 0
        house.begin_server()
        house.begin(*command("scheduler"))
        yield house
    finally:
        house.close()
