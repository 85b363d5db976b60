"""A server that is told to end: callers are told first, what it took is done and answered; what it does not answer is not done."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import grpc
import pytest
from acceptance_api import Api, grpc_failure, task_of
from acceptance_house import House, Role, furnished
from acceptance_stack import eventually
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.processes import free_port, freeze

from task_manager import TaskClient
from task_manager.v1 import execution_service_pb2, task_service_pb2
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution

DRAIN_SECONDS = 2.0
CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}
ENDLESS: dict[str, Any] = {
    "function_code": "import time\ndef main():\n    print('begun')\n    time.sleep(60)",
    "function_name": "main",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server stays, and a worker; each test has another server of its own to end."""
    settings = {"DRAIN_SECONDS": f"{DRAIN_SECONDS:g}", "STOP_GRACE_SECONDS": "0.5"}
    with furnished(tmp_path_factory.mktemp("servers"), **settings) as house:
        house.begin_worker()
        yield house


@pytest.fixture(scope="module")
def token(house: House) -> str:
    return house.token()


@pytest.fixture
def client(house: House, token: str) -> Iterator[TaskClient]:
    """At the server that stays."""
    with TaskClient(house.grpc_address, token) as client:
        yield client


class Leaving:
    """The server that leaves, and an API at its port."""

    def __init__(self, house: House, token: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.role: Role = house.begin_server(self.address)
        self.api = Api(self.address, house.http_address, token)
        self.health = health_pb2_grpc.HealthStub(self.api.channel).Watch(health_pb2.HealthCheckRequest())
        assert next(self.health).status == health_pb2.HealthCheckResponse.SERVING
        self._told_at = 0.0

    def leave(self) -> None:
        """Tell it to end, and wait until it says that it does."""
        self._told_at = time.monotonic()
        self.role.signal(signal.SIGTERM)
        assert next(self.health).status == health_pb2.HealthCheckResponse.NOT_SERVING

    def seconds_to_end(self) -> float:
        assert self.role.await_end() == 0, self.role.said()
        return time.monotonic() - self._told_at


@pytest.fixture
def leaving(house: House, token: str) -> Iterator[Leaving]:
    leaving = Leaving(house, token)
    yield leaving
    leaving.api.close()
    leaving.role.kill()


def test_streams_are_told_and_go_on_at_another_server(
    house: House, token: str, client: TaskClient, leaving: Leaving
) -> None:
    task = client.create_task("endless", **ENDLESS)
    api = leaving.api
    request = task_service_pb2.WatchTasksRequest(task_id=task.task_id)
    watch = api.tasks.WatchTasks(request, metadata=api.metadata)
    seen = [next(watch)]
    while seen[-1].type != TaskEvent.BOOKMARK:
        seen.append(next(watch))
    tail = execution_service_pb2.TailExecutionLogsRequest(id=task.last_execution.id, follow=True)
    logs = api.executions.TailExecutionLogs(tail, metadata=api.metadata)
    assert next(logs).text == "begun\n"

    leaving.leave()
    for stream in (watch, logs):
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
        failure = grpc_failure(ended.value)
        assert (failure.code, failure.reason) == ("UNAVAILABLE", "SERVER_STOPPING")
        assert failure.retry_seconds
    # Whoever watches its health keeps it from nothing.
    assert leaving.seconds_to_end() < DRAIN_SECONDS + 1.5

    client.stop(task.task_id)
    token_before = [event.watch_token for event in seen if event.watch_token][-1]
    rest = list(client.watch(task.task_id, until_terminal=True, watch_token=token_before))
    assert rest[-1].execution.status == TaskExecution.REVOKED


def test_a_stop_that_waits_for_its_child_is_answered(house: House, client: TaskClient, leaving: Leaving) -> None:
    task = client.create_task("endless", **ENDLESS)
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    etag = client.get(task.task_id).etag
    (worker,) = (role for role in house.begun if role.name == "worker")
    freeze(worker.pid, house.directory / "task-manager.db")
    try:
        request = task_service_pb2.StopTaskRequest(task_id=task.task_id)
        answer = leaving.api.tasks.StopTask.future(request, metadata=leaving.api.metadata, timeout=20)
        eventually(lambda: client.get(task.task_id).etag != etag, what="the stop is stored")
        leaving.leave()
    finally:
        worker.signal(signal.SIGCONT)
    assert answer.result().outcome == task_service_pb2.StopTaskResponse.KILLED
    assert leaving.seconds_to_end() < DRAIN_SECONDS + 1.5


@contextmanager
def locked(house: House) -> Iterator[None]:
    """The database takes no writes."""
    with closing(sqlite3.connect(house.directory / "task-manager.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def begin_creation(leaving: Leaving, name: str) -> Any:
    """A call of CreateTask, which waits for the database; returned once its code is being checked."""
    request = task_service_pb2.CreateTaskRequest(task=task_of({"name": name, "module": name, **CODE}))
    call = leaving.api.tasks.CreateTask.future(request, metadata=leaving.api.metadata, timeout=30)
    eventually(leaving.role.children, what="the server checks the code")
    return call


def test_a_task_whose_creation_goes_well_in_time_is_stored_and_answered(
    house: House, client: TaskClient, leaving: Leaving
) -> None:
    with locked(house):
        creation = begin_creation(leaving, "in time")
        leaving.leave()
    created = creation.result()
    assert client.get(created.task_id).name == "in time"
    assert leaving.seconds_to_end() < DRAIN_SECONDS + 1.5


def test_a_task_whose_creation_is_not_answered_is_not_stored(
    house: House, client: TaskClient, leaving: Leaving
) -> None:
    with locked(house):
        creation = begin_creation(leaving, "too late")
        leaving.leave()
        with pytest.raises(grpc.RpcError) as ended:
            creation.result()
        assert ended.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert leaving.seconds_to_end() < 15
    assert client.stats(module="too late").total == 0
