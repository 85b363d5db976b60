"""Parts that die under work: callers see UNAVAILABLE at most, nothing is lost or done twice, and all comes back by itself."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from acceptance_api import Api, Failure, rest_failure, task_of
from acceptance_stack import Stack, descendants, eventually, is_alive, standing
from tests.postgres import PostgresServer

from task_manager import CodeCheckerUnavailable, InvalidFields, TaskClient, to_python
from task_manager.v1 import task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

Outcome = TaskExecution.Attempt.Outcome
CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}
SLOW: dict[str, Any] = {
    "function_code": "import time\ndef main():\n    print('begun')\n    time.sleep(1.5)\n    return 'ended'",
    "function_name": "main",
}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that notices lost workers soon. Each test breaks something, and leaves it whole."""
    with standing(
        tmp_path_factory.mktemp("fragile"),
        LEASE_SECONDS="3",
        HEARTBEAT_SECONDS="1",
        REPUBLISH_AFTER_SECONDS="1",
        MAX_LOST_ATTEMPTS="2",
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(fragile: Stack) -> TaskClient:
    return fragile.client()


@pytest.fixture(scope="module")
def api(fragile: Stack) -> Api:
    return fragile.api()


def outcomes(execution: TaskExecution) -> list[str]:
    return [Outcome.Name(attempt.outcome) for attempt in execution.attempts]


def test_without_a_broker_tasks_are_taken_at_once_and_run_when_it_is_back(
    fragile: Stack, client: TaskClient, api: Api
) -> None:
    fragile.kill_role("broker")
    began = time.monotonic()
    over_grpc = client.create_task("no broker", **CODE).task_id
    over_rest = api.rest.post("/api/tasks", {"name": "no broker", **CODE})["task_id"]
    assert time.monotonic() - began < 10
    for task_id in (over_grpc, over_rest):
        execution = client.wait(task_id, timeout=40)
        assert (execution.status, outcomes(execution)) == (TaskExecution.SUCCESS, ["SUCCEEDED"])
    eventually(lambda: "broker started again" in fragile.logged(), what="the supervisor says what it did")


def test_a_broker_that_hangs_delays_no_caller(fragile: Stack, client: TaskClient) -> None:
    broker = fragile.pid("broker")
    os.kill(broker, signal.SIGSTOP)
    try:
        began = time.monotonic()
        made = [client.create_task("hung broker", **CODE) for _ in range(10)]
        # Whoever waits for a broker that hangs waits for 2 s each time.
        assert time.monotonic() - began < 15
    finally:
        os.kill(broker, signal.SIGCONT)
    for task in made:
        execution = client.wait(task.task_id, timeout=40)
        assert (execution.status, outcomes(execution)) == (TaskExecution.SUCCESS, ["SUCCEEDED"])


def test_a_run_survives_the_loss_of_the_broker(fragile: Stack, client: TaskClient) -> None:
    task = client.create_task("runs on", **SLOW)
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    fragile.kill_role("broker")
    execution = client.wait(task.task_id, timeout=40)
    assert (execution.status, outcomes(execution)) == (TaskExecution.SUCCESS, ["SUCCEEDED"])


def test_a_run_whose_worker_is_killed_is_taken_up_again_and_ends_once(fragile: Stack, client: TaskClient) -> None:
    task = client.create_task("twice begun", **SLOW)
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    children = descendants(fragile.pid("worker"))
    assert children
    worker = fragile.kill_role("worker")
    execution = client.wait(task.task_id, timeout=40)
    assert to_python(execution.result) == "ended"
    assert outcomes(execution) == ["LOST", "SUCCEEDED"]
    assert execution.attempts[0].worker.endswith(f":{worker}")
    assert execution.attempts[1].worker == execution.worker != execution.attempts[0].worker
    assert "".join(client.logs(execution.id)) == "begun\nbegun\n"
    assert client.get(task.task_id).run_count == 1
    # The first run went with its worker, long before the second began.
    assert not [pid for pid in children if is_alive(pid)]


def test_a_run_that_loses_every_worker_ends_in_failure(fragile: Stack, client: TaskClient) -> None:
    task = client.create_task("kills", **SLOW)
    attempts = 0
    for event in client.watch(task.task_id, until_terminal=True):
        if event.execution.status == TaskExecution.STARTED and event.execution.worker:
            attempts += 1
            fragile.kill_role("worker")
    assert attempts == 2
    execution = client.wait(task.task_id, timeout=30)
    assert execution.status == TaskExecution.FAILURE
    assert execution.failure_reason == TaskExecution.WORKER_LOST
    assert outcomes(execution) == ["LOST"] * 2
    assert client.wait(client.create_task("lives on", **CODE).task_id, timeout=40).status == TaskExecution.SUCCESS


def zygotes(stack: Stack, role: str) -> list[int]:
    """The processes of a role that user code is forked from."""
    return [pid for pid, program in descendants(stack.pid(role)).items() if "zygote" in program]


def test_a_run_whose_sandbox_is_killed_is_tried_again(fragile: Stack, client: TaskClient) -> None:
    task = client.create_task("loses its sandbox", **SLOW)
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    killed = zygotes(fragile, "worker")
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    execution = client.wait(task.task_id, timeout=40)
    assert to_python(execution.result) == "ended"
    assert outcomes(execution) == ["LOST", "SUCCEEDED"]
    assert execution.attempts[0].failure_reason == TaskExecution.SANDBOX_UNAVAILABLE


def test_a_code_checker_that_is_killed_is_started_again(fragile: Stack, client: TaskClient, api: Api) -> None:
    client.create_task("checked", validate_only=True, **CODE)
    (checker,) = zygotes(fragile, "server")
    os.kill(checker, signal.SIGKILL)
    eventually(lambda: not is_alive(checker))
    for _ in range(2):
        try:
            client.create_task("checked again", validate_only=True, **CODE)
        except CodeCheckerUnavailable as error:
            assert error.retry_after is not None
            time.sleep(error.retry_after)
        else:
            break
    assert zygotes(fragile, "server") != [checker]
    with pytest.raises(InvalidFields, match="line 1"):
        client.create_task("wrong", function_code="def main(:", function_name="main")


def test_while_the_server_is_away_the_gateway_says_so_and_recovers(
    fragile: Stack, client: TaskClient, api: Api
) -> None:
    task = client.create_task("waits", delay_seconds=2, **CODE)
    waited: list[TaskExecution] = []
    waiting = threading.Thread(target=lambda: waited.append(client.wait(task.task_id, timeout=40)))
    waiting.start()
    fragile.kill_role("server")

    refused: list[Failure] = []

    def answered_after_refusals() -> bool:
        response = api.rest.send("GET", "/api/tasks")
        assert response.headers["Content-Type"] == "application/json"
        if response.status_code == 503:
            refused.append(rest_failure(response.text))
            return False
        assert response.status_code == 200, response.text
        return bool(refused)

    eventually(answered_after_refusals, what="the gateway answers 503 and then 200 again")
    for failure in refused:
        assert failure.code == "UNAVAILABLE", failure
        assert failure.reason, failure
        assert failure.retry_seconds is not None, failure
        assert 0 < failure.retry_seconds <= 5
        assert "127.0.0.1" not in failure.message
    # A client that waited has seen nothing of it.
    waiting.join(timeout=40)
    assert [execution.status for execution in waited] == [TaskExecution.SUCCESS]


def test_a_watch_goes_on_where_it_was_after_the_server_was_killed(fragile: Stack, client: TaskClient, api: Api) -> None:
    task = client.create_task("watched", **CODE)
    events = list(client.watch(task.task_id, until_terminal=True, watch_token=task.watch_token))
    fragile.kill_role("server")
    again = list(client.watch(task.task_id, until_terminal=True, watch_token=task.watch_token))
    assert again == events
    with api.rest.lines(
        f"/api/tasks/{task.task_id}/watch?until_terminal=true&watch_token={events[0].watch_token}"
    ) as lines:
        assert [line["result"]["watch_token"] for line in lines] == [event.watch_token for event in events[1:]]


@pytest.mark.parametrize("role", ["scheduler", "gateway"])
def test_a_role_that_is_killed_comes_back(fragile: Stack, client: TaskClient, api: Api, role: str) -> None:
    task = client.create_task("delayed", delay_seconds=1, **CODE)
    pid = fragile.kill_role(role)
    assert client.wait(task.task_id, timeout=40).status == TaskExecution.SUCCESS
    eventually(lambda: fragile.pid(role) != pid, what=f"there is another {role}")
    eventually(lambda: _reached(api), what="REST answers")


def _reached(api: Api) -> bool:
    try:
        return bool(api.rest.send("GET", "/api/tasks?page_size=1").status_code == 200)
    except OSError:
        return False


@pytest.mark.timeout(120)
def test_while_the_database_takes_no_writes_callers_are_told_to_try_again(
    fragile: Stack, client: TaskClient, api: Api
) -> None:
    """Another program holds SQLite's write lock, as a backup or a repair may."""
    running = client.create_task("runs", **SLOW)
    assert next(client.logs(running.last_execution.id, follow=True)) == "begun\n"
    position = fragile.log_position()
    create = task_service_pb2.CreateTaskRequest(task=task_of({"name": "refused", "module": "refused", **CODE}))
    failures: list[Failure] = []

    def over_rest() -> None:
        status, failure = api.rest.failure("POST", "/api/tasks", {"name": "refused", "module": "refused", **CODE})
        assert status == 503
        failures.append(failure)

    with closing(sqlite3.connect(fragile.data_dir / "task-manager.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=over_rest)
        thread.start()
        failures.append(api.failure(api.tasks.CreateTask, create))
        thread.join()
        # Reading goes on.
        assert client.get(running.task_id).name == "runs"
        other.execute("ROLLBACK")
    assert len(failures) == 2
    for failure in failures:
        assert (failure.code, failure.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
        assert failure.retry_seconds
        assert "lock" not in failure.message
    assert client.wait(running.task_id, timeout=40).status == TaskExecution.SUCCESS
    assert client.wait(client.create_task("again", **CODE).task_id, timeout=40).status == TaskExecution.SUCCESS
    assert client.stats(module="refused").total == 0
    assert fragile.faults(position) == []


@pytest.mark.timeout(120)
def test_while_postgresql_is_away_callers_are_told_to_try_again(
    make_stack: Callable[..., Stack], postgres_server: PostgresServer, postgres_url: str
) -> None:
    stack = make_stack(DATABASE_URL=postgres_url, LEASE_SECONDS="60")
    stack.start()
    client, api = stack.client(), stack.api()
    task = client.create_task("runs", **SLOW)
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    name = postgres_url.rpartition("/")[2]
    postgres_server.run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres_server.run_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    create = task_service_pb2.CreateTaskRequest(task=task_of({"name": "refused", **CODE}))
    status, over_rest = api.rest.failure("GET", f"/api/tasks/{task.task_id}")
    assert status == 503
    for failure in (over_rest, api.failure(api.tasks.CreateTask, create)):
        assert (failure.code, failure.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
        assert failure.retry_seconds
        assert name not in failure.message
    eventually(lambda: api.rest.send("GET", "/healthz").status_code == 503, what="health says NOT_SERVING")
    postgres_server.run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    eventually(lambda: api.rest.send("GET", "/healthz").status_code == 200, what="health says SERVING")
    execution = client.wait(task.task_id, timeout=40)
    assert (execution.status, outcomes(execution)) == (TaskExecution.SUCCESS, ["SUCCEEDED"])
    late = client.create_task("delayed", delay_seconds=0.2, **CODE)
    assert client.wait(late.task_id, timeout=40).status == TaskExecution.SUCCESS
    stack.stop()
    assert not [line for line in stack.faults() if "health is NOT_SERVING" not in line]
