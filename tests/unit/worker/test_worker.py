"""A worker with a real database and real child processes; Celery is left out, its messages are calls of `handle`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from task_server.config import Settings
from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.status import AttemptOutcome, ExecutionStatus
from task_server.domain.task import TaskDefinition
from task_server.executors.code import CodeExecutor
from task_server.executors.executors import Executors
from task_server.executors.http import HttpExecutor
from task_server.notifier.bell import MemoryBell, Topic
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.store.tables import ExecutionRow
from task_server.usecases.executions import Executions
from task_server.usecases.ports import Ports
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.worker.keeper import Keeper
from task_server.worker.worker import Worker

CALLER = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")
SLEEP = "import time\ndef f():\n    print('begun')\n    time.sleep(60)"


class Bench:
    """A worker and what it stands on."""

    def __init__(self, tmp_path, **settings) -> None:
        database = Database(f"sqlite:///{tmp_path / 'test.db'}")
        migrate(database)
        self.publisher = MemoryPublisher()
        self.bell = MemoryBell()
        self.ports = Ports(database=database, publisher=self.publisher, bell=self.bell, republish_after_seconds=5)
        self.settings = Settings(
            **{"stop_poll_seconds": 0.05, "heartbeat_seconds": 0.1, "lease_seconds": 30, **settings}
        )
        self.running = Running(self.ports, self.settings.lease_seconds)
        self.executors = Executors(code=CodeExecutor(stop_grace=0.5), http=HttpExecutor())
        self.keeper = Keeper(self.running, self.bell, self.settings)
        self.worker = Worker(self.running, self.executors, self.keeper, self.settings)
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

    def execution(self, execution_id: str):
        return Executions(self.ports).get(CALLER, execution_id, full=True)

    def log(self, execution_id: str) -> str:
        return "".join(chunk.text for chunk in Executions(self.ports).log(CALLER, execution_id, 0)[1])

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            threading.Event().wait(0.01)


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_a_run_is_claimed_executed_and_finished_with_its_log(bench):
    _, execution_id = bench.create()

    bench.worker.handle(execution_id)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.SUCCESS
    assert view.execution.worker == bench.worker.name
    assert view.detail.result_json == '{"n": 7}' or view.detail.result_json == '{"n":7}'
    assert view.detail.isolation.level == "process"
    assert bench.log(execution_id) == "hello\n"


def test_a_second_message_for_the_same_run_does_nothing(bench):
    _, execution_id = bench.create()
    bench.worker.handle(execution_id)
    ended = bench.execution(execution_id)

    bench.worker.handle(execution_id)
    bench.worker.handle("no such execution")

    assert bench.execution(execution_id) == ended


def test_what_a_run_prints_is_stored_while_it_runs(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)

    bench.wait_for(lambda: bench.log(execution_id) == "begun\n")

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_a_rung_stop_ends_the_run_at_once(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.REVOKED
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.STOPPED]


def test_a_stop_that_nobody_rang_is_found_in_the_database(bench):
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    with bench.ports.database.write():
        ExecutionRow.update(stop_requested_at=1).where(ExecutionRow.id == execution_id).execute()
    thread.join(20)

    assert bench.execution(execution_id).execution.status is ExecutionStatus.REVOKED


def test_a_forged_ring_stops_nothing(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    bench.bell.ring(Topic.STOP, execution_id)
    bench.bell.ring(Topic.STOP, "something else")

    assert bench.execution(execution_id).execution.status is ExecutionStatus.STARTED
    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_leases_are_renewed_while_a_run_goes_on(bench):
    def lease() -> int:
        with bench.ports.database.read():
            return ExecutionRow.get(ExecutionRow.id == execution_id).lease_until

    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    first = lease()
    bench.wait_for(lambda: lease() > first)

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_a_run_that_somebody_else_holds_now_is_ended_and_its_outcome_dropped(bench):
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    with bench.ports.database.write():
        ExecutionRow.update(attempt=2, worker="other").where(ExecutionRow.id == execution_id).execute()
    thread.join(20)

    assert not thread.is_alive()
    execution = bench.execution(execution_id).execution
    assert (execution.status, execution.attempt, execution.worker) == (ExecutionStatus.STARTED, 2, "other")


def test_a_draining_worker_gives_its_run_back(tmp_path):
    bench = Bench(tmp_path, drain_seconds=0.1)
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))
    bench.publisher.messages.clear()

    bench.keeper.drain()
    thread.join(20)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.PENDING
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.RELEASED]
    assert [message.execution_id for message in bench.publisher.messages] == [execution_id]
    bench.close()


def test_a_child_that_can_not_be_started_fails_the_run_and_not_the_worker(bench):
    _, execution_id = bench.create()
    bench.executors.close()

    bench.worker.handle(execution_id)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.FAILURE
    assert view.execution.failure_reason == "SANDBOX_UNAVAILABLE"
    assert "Traceback" not in view.execution.error
