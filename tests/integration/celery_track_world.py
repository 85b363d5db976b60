"""What a tracked app has around it: the service, a broker, workers, and processes that publish."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.acceptance.acceptance_stack import Stack, eventually
from tests.broker import BrokerProcess
from tests.processes import BARE
from tests.rabbitmq import RabbitProcess

from task_manager import ExecutionNotFound, TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution

_APP = "tests.integration.celery_track_app"
_ROOT = Path(__file__).parents[2]


class World:
    """One service and one broker, with the processes that a test starts."""

    def __init__(self, directory: Path, broker: str, **settings: str) -> None:
        self.directory = directory
        self.broker = broker
        self.stack = Stack(directory, **settings)
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """Start the service."""
        self.stack.start()
        self.client: TaskClient = self.stack.client()
        grants = ["executions:register-for-others"]
        self._token = self.client.create_token("shop", "editor", username="shop", grants=grants).key

    def environment(self, **more: str) -> dict[str, str]:
        """That of a process of the house."""
        address = {"TASK_MANAGER_ADDRESS": self.stack.grpc_address, "TASK_MANAGER_TOKEN": self._token}
        # The tests' own process turns gRPC's fork handlers off, which a house does not.
        bare = {name: value for name, value in BARE.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
        return bare | address | {"SHOP_BROKER": self.broker} | more

    def publish(self, expression: str, **environment: str) -> Any:
        """What the expression gives in a process of its own, as JSON; that process then ends."""
        publisher = self.publisher(expression, **environment)
        assert publisher.stdout
        told = publisher.stdout.readline()
        assert self.end(publisher) == 0, told
        return json.loads(told)

    def publisher(self, expression: str, **environment: str) -> subprocess.Popen[str]:
        """A process that prints what the expression gives, and ends when its standard input does."""
        code = f"import json, sys; from {_APP} import *; print(json.dumps({expression}), flush=True); sys.stdin.read()"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return self._start([sys.executable, "-c", code], "publisher.log", env=self.environment(**environment), **pipes)

    def worker(self, pool: str, queue: str = "celery") -> subprocess.Popen[str]:
        """A worker of the app. What is published before it is ready waits for it."""
        command = [sys.executable, "-m", "celery", "-A", _APP, "worker", "--pool", pool, "--concurrency", "2"]
        command += ["--queues", queue, "--hostname", f"{queue}@house", "--loglevel", "INFO"]
        return self._start(command, f"{pool}.log", env=self.environment())

    def beat(self, **environment: str) -> subprocess.Popen[str]:
        """Celery beat of the app."""
        schedule = ["--schedule", str(self.directory / "beat.db"), "--pidfile", ""]
        command = [sys.executable, "-m", "celery", "-A", _APP, "beat", *schedule]
        return self._start(command, "beat.log", env=self.environment(**environment))

    def end(self, process: subprocess.Popen[str]) -> int:
        """Ask a process to end, as a service manager does, and wait for it."""
        self._processes.remove(process)
        if process.stdin is None:
            process.terminate()
        # Closes what it reads from, and reads what it still says.
        process.communicate(timeout=60)
        return process.returncode

    def warnings(self, name: str) -> list[str]:
        """What processes of that name have warned of about tracking."""
        return [each for each in self.log(name).splitlines() if re.search("[Rr]eports? |not tracked", each)]

    def log(self, name: str) -> str:
        """What processes of that name have logged."""
        return (self.directory / name).read_text()

    def run(self, task_id: str, status: str = "") -> TaskExecution:
        """What is recorded of a run, as soon as it is, and has that status."""

        def look() -> TaskExecution | None:
            try:
                found = self.client.get_execution_by_task_id(task_id)
            except ExecutionNotFound:
                return None
            return found if not status or TaskExecution.Status.Name(found.status) == status else None

        return eventually(look, 60, f"{task_id} is {status or 'recorded'}")

    def rows(self, task_id: str) -> int:
        """How many rows there are of a run, whoever owns them."""
        return sum(each.task_id == task_id for each in self.client.list_executions(my_tasks=False))

    def close(self) -> None:
        """End whatever is left."""
        for each in list(self._processes):
            self.end(each)
        self.stack.close()

    def _start(self, command: list[str], log: str, **options: Any) -> subprocess.Popen[str]:
        with (self.directory / log).open("a") as stderr:
            process = subprocess.Popen(command, cwd=_ROOT, stderr=stderr, text=True, **options)
        self._processes.append(process)
        return process


@contextlib.contextmanager
def world(directory: Path, broker: RabbitProcess | None = None) -> Iterator[World]:
    """A world that is started, with a Redis of its own where it gets no broker. In its end nothing of ours has failed."""
    with contextlib.ExitStack() as open_things:
        if broker is None:
            redis = BrokerProcess(Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="tm-"))))
            redis.start()
            open_things.callback(redis.kill)
        made = World(directory, broker.url if broker else redis.url)
        open_things.callback(made.close)
        made.start()
        yield made
        assert made.stack.faults() == []


def arguments(run: TaskExecution) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that are recorded of a run."""
    return to_python(run.task_args), to_python(run.task_kwargs)
