"""Somebody's Celery app with its own broker, result backend and worker, and the whole service that follows it."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from celery import Celery
from tests.acceptance.acceptance_stack import Stack, eventually
from tests.broker import BrokerProcess
from tests.processes import BARE, freeze
from tests.rabbitmq import RabbitProcess

from task_manager import TaskClient
from task_manager.errors import ExecutionNotFound
from task_manager.v1.execution_pb2 import TaskExecution

_ROOT = Path(__file__).parents[2]
#: A worker starts, takes the message and is heard of.
SECONDS = 40.0


class World:
    """All of it. Their app is called `theirs`, and runs that nobody registered belong to the user `shop`."""

    def __init__(
        self, home: Path, broker: BrokerProcess | RabbitProcess, backend: str, results: BrokerProcess | None
    ) -> None:
        self.home = home
        self.broker = broker
        #: The Redis that has the results, None where they are in a database.
        self.results = results
        self._environment = BARE | {"THEIR_BROKER": broker.url, "THEIR_BACKEND": backend, "PYTHONPATH": str(_ROOT)}
        self.app = Celery("sender", broker=broker.url, backend=backend, set_as_current=False)
        self.app.conf.task_send_sent_event = True
        self._worker: subprocess.Popen[bytes] | None = None
        apps = home / "apps.toml"
        apps.write_text(
            f'[[apps]]\nname = "theirs"\nbroker = "{broker.url}"\nbackend = "{backend}"\nmodules = ["shop*"]\n'
            'created_by = "shop"\nusername = "Shop"\n'
        )
        self.stack = Stack(home, TRACKED_APPS_FILE=str(apps))

    def start_worker(self) -> None:
        """Start their worker, as they do: prefork, with events."""
        arguments = ["-A", "tests.integration.tracking_theirs", "worker", "-E", "-c", "2", "--loglevel", "warning"]
        with (self.home / "worker.log").open("a") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "celery", *arguments],
                env=self._environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill_worker(self) -> None:
        """End their worker as a power cut does: every process of it at once."""
        if self._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._worker.pid, signal.SIGKILL)
            self._worker.wait()
            self._worker = None

    def send(self, name: str, *args: object, **kwargs: object) -> str:
        """Publish a task of theirs; return Celery's id of it."""
        return str(self.app.send_task(f"shop.tasks.{name}", args=args, kwargs=kwargs).id)

    def wait_for_listener(self) -> None:
        """Until the tracker listens to their events."""
        eventually(lambda: "listening to the events of the app theirs" in self.stack.logged(), SECONDS)

    def has_ended(self, task_id: str) -> None:
        """Until their result backend has the end of a run."""
        self.app.AsyncResult(task_id).get(timeout=SECONDS, propagate=False)

    def wait_for(self, client: TaskClient, task_id: str, status: str) -> TaskExecution:
        """The run, once it has that status."""
        wanted = TaskExecution.Status.Value(status)

        def look() -> TaskExecution | None:
            try:
                run = client.get_execution_by_task_id(task_id)
            except ExecutionNotFound:
                return None
            return run if run.status == wanted else None

        return eventually(look, SECONDS, f"{task_id} is {status}; {(self.home / 'worker.log').read_text()[-2000:]}")

    def make_due(self) -> None:
        """Move the time at which unfinished runs are looked up next to now, as if it had come."""
        file = self.stack.data_dir / "task-manager.db"
        with contextlib.closing(sqlite3.connect(file, timeout=30)) as database, database:
            database.execute("UPDATE execution SET sync_after = 1 WHERE sync_after IS NOT NULL")

    @contextlib.contextmanager
    def frozen_tracker(self) -> Iterator[None]:
        """A tracker that does nothing."""
        tracker = self.stack.pid("tracker")
        freeze(tracker, self.stack.data_dir / "task-manager.db")
        try:
            yield
        finally:
            os.kill(tracker, signal.SIGCONT)

    def close(self) -> None:
        self.kill_worker()
        self.stack.close()
        self.app.close()


@contextlib.contextmanager
def without_tracker(stack: Stack, app: str) -> Iterator[None]:
    """Meanwhile there is no tracker; afterwards a new one listens to the events of the app."""
    tracker = stack.pid("tracker")
    # Stopped at first: a new one would come at once.
    freeze(tracker, stack.data_dir / "task-manager.db")
    yield
    position = stack.log_position()
    os.kill(tracker, signal.SIGKILL)
    eventually(lambda: f"listening to the events of the app {app}" in stack.logged(position), SECONDS)


@contextlib.contextmanager
def world(home: Path, backend: str, broker: RabbitProcess | None = None) -> Iterator[World]:
    """A world without worker; `backend` is redis or sqlite. Without a broker it has a Redis of its own."""
    with contextlib.ExitStack() as open_things:

        def redis() -> BrokerProcess:
            process = BrokerProcess(Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="tm-"))))
            process.start()
            open_things.callback(process.kill)
            return process

        results = redis() if backend == "redis" else None
        made = World(
            home, broker or redis(), results.url if results else f"db+sqlite:///{home / 'results.db'}", results
        )
        open_things.callback(made.close)
        made.stack.start()
        yield made


@contextlib.contextmanager
def followed(home: Path, backend: str, broker: RabbitProcess | None = None) -> Iterator[World]:
    """A world with a worker, whose events the tracker hears from the beginning. In its end nothing of ours has failed."""
    with world(home, backend, broker) as made:
        made.wait_for_listener()
        made.start_worker()
        yield made
        assert not made.stack.faults()
