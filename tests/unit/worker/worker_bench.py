"""A worker with a real database and real child processes; Celery is left out, its messages are calls of `handle`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from task_server.config import Settings
from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.task import TaskDefinition
from task_server.executors.code import CodeExecutor
from task_server.executors.executors import Executors
from task_server.executors.http import HttpExecutor
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.usecases.executions import Executions
from task_server.usecases.ports import Ports
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks
from task_server.worker.drain import Drain
from task_server.worker.keeper import Keeper
from task_server.worker.worker import Worker

CALLER = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")
SLEEP = "import time\ndef f():\n    print('begun')\n    time.sleep(60)"


class Bench:
    """A worker and what it stands on. `running` makes its use cases, for one that is to find something wrong with them."""

    def __init__(self, tmp_path, *, database_url="", running=Running, **settings) -> None:
        database = Database(database_url or f"sqlite:///{tmp_path / 'test.db'}")
        migrate(database)
        self.publisher = MemoryPublisher()
        self.bell = MemoryBell()
        self.ports = Ports(database=database, publisher=self.publisher, bell=self.bell, republish_after_seconds=5)
        self.settings = Settings(
            **{"stop_poll_seconds": 0.05, "heartbeat_seconds": 0.1, "lease_seconds": 30, **settings}
        )
        self.running = running(self.ports, self.settings.lease_seconds)
        self.executors = Executors(code=CodeExecutor(stop_grace=0.5), http=HttpExecutor())
        self.drain = Drain()
        self.keeper = Keeper(self.running, self.bell, self.settings, self.drain)
        self.worker = Worker(self.running, self.executors, self.keeper, self.drain)
        self.tasks = Tasks(self.ports)

    def close(self) -> None:
        self.keeper.close()
        self.executors.close()
        self.ports.database.close()

    def create(self, code: str = "def f():\n    print('hello')\n    return {'n': 7}") -> tuple[str, str]:
        action = CodeAction(function_code=code, function_name="f")
        view = self.tasks.create(CALLER, TaskDefinition(name="n", action=action, timeout=30))
        return view.task.task_id, view.last_execution.id

    def handle_in_thread(self, execution_id: str) -> threading.Thread:
        def run() -> None:
            self.worker.handle(execution_id)
            self.ports.database.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def begin(self, code: str = SLEEP) -> tuple[str, str, threading.Thread]:
        """A task, its execution, which has printed something, and its thread."""
        task_id, execution_id = self.create(code)
        thread = self.handle_in_thread(execution_id)
        self.wait_for(lambda: self.log(execution_id))
        return task_id, execution_id, thread

    def execution(self, execution_id: str):
        return Executions(self.ports).get(CALLER, execution_id, full=True)

    def log(self, execution_id: str) -> str:
        return "".join(chunk.text for chunk in Executions(self.ports).log(CALLER, execution_id, 0)[1])

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            threading.Event().wait(0.01)
