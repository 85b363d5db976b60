"""The database is lost, restarted, cut off, locked or full: callers hear UNAVAILABLE, never a wrong answer; then all goes on."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from acceptance_api import Api, Failure, grpc_failure, task_of
from acceptance_house import House, Role
from acceptance_proxy import Proxy
from acceptance_stack import eventually
from google.protobuf.message import Message
from tests.postgres import PostgresServer, find_programs, running_server
from tests.processes import command, is_alive

from task_manager import TaskClient, to_python
from task_manager.v1 import execution_service_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

pytestmark = pytest.mark.timeout(180)

Outcome = TaskExecution.Attempt.Outcome
CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}
SLOW: dict[str, Any] = {
    "function_code": "import time\ndef main():\n    print('begun')\n    time.sleep(1.5)\n    return 'ended'",
    "function_name": "main",
}
LONG: dict[str, Any] = {**SLOW, "function_code": SLOW["function_code"].replace("1.5", "60")}


class World:
    """Broker, server, scheduler and worker, each a process, with a client."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.token = house.token()
        self.server = house.begin_server()
        self.scheduler = house.begin(*command("scheduler"), name="scheduler")
        self.worker = house.begin_worker()
        self.api = Api(house.grpc_address, house.http_address, self.token)
        self.client = TaskClient(house.grpc_address, self.token, patience=60)

    @property
    def roles(self) -> list[Role]:
        return [self.server, self.scheduler, self.worker]

    def begin_run(self, **code: Any) -> Any:
        """A task that a child is at work for."""
        task = self.client.create_task("runs", **code)
        assert next(self.client.logs(task.last_execution.id, follow=True)) == "begun\n"
        return task

    def assert_ended(self, task: Any, outcomes: list[str]) -> None:
        execution = self.client.wait(task.task_id, timeout=60)
        assert execution.status == TaskExecution.SUCCESS
        assert to_python(execution.result) == "ended"
        assert [Outcome.Name(attempt.outcome) for attempt in execution.attempts] == outcomes

    def assert_works(self) -> None:
        """Tasks that are due now and later both run, as of three times the threads that each process has for the database."""
        made = [self.client.create_task("after", **CODE, delay_seconds=0.3 * (index % 2)) for index in range(24)]
        for task in made:
            assert self.client.wait(task.task_id, timeout=60).status == TaskExecution.SUCCESS

    def assert_no_defect(self) -> None:
        for role in self.roles:
            lines = role.said().splitlines()
            wrong = [line for line in lines if " ERROR " in line or line.startswith("Traceback")]
            assert not [line for line in wrong if "health is NOT_SERVING" not in line], role.said()

    def health(self) -> bool:
        return self.house.health() == 0

    def close(self) -> None:
        self.client.close()
        self.api.close()


@contextmanager
def world_on(directory: Path, **settings: str) -> Iterator[World]:
    house = House(directory, **settings)
    try:
        house.begin_broker()
        migrated = house.once("migrate")
        assert migrated.returncode == 0, migrated.stderr
        world = World(house)
        try:
            yield world
            world.assert_no_defect()
        finally:
            world.close()
    finally:
        house.close()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server binaries on this machine")
    with running_server(programs) as server:
        server.run_sql("CREATE DATABASE house")
        yield server


def calls(world: World, task_id: str) -> dict[str, tuple[Callable[..., Any], Message]]:
    """One of each kind of answer: a row, a list, a count, a write."""
    tasks, executions = world.api.tasks, world.api.executions
    create = task_service_pb2.CreateTaskRequest(task=task_of({"name": "refused", "module": "refused", **CODE}))
    return {
        "get": (tasks.GetTask, task_service_pb2.GetTaskRequest(task_id=task_id)),
        "unknown": (tasks.GetTask, task_service_pb2.GetTaskRequest(task_id="unknown")),
        "list": (tasks.ListTasks, task_service_pb2.ListTasksRequest()),
        "executions": (executions.ListMyExecutions, execution_service_pb2.ListMyExecutionsRequest()),
        "stats": (tasks.GetTaskStats, task_service_pb2.GetTaskStatsRequest()),
        "create": (tasks.CreateTask, create),
        "stop": (tasks.StopTask, task_service_pb2.StopTaskRequest(task_id=task_id)),
    }


def assert_unavailable(failure: Failure) -> None:
    assert (failure.code, failure.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE"), failure
    assert failure.retry_seconds
    assert failure.message == "The database does not answer at the moment; try again."


def assert_all_unavailable(world: World, task_id: str) -> None:
    for rpc, request in calls(world, task_id).values():
        assert_unavailable(world.api.failure(rpc, request))


def test_postgresql_crashes_and_comes_back(tmp_path: Path, postgres: PostgresServer) -> None:
    with world_on(tmp_path, DATABASE_URL=postgres.url("house"), LEASE_SECONDS="60") as world:
        task = world.begin_run(**SLOW)
        watched = world.client.watch(task.task_id, until_terminal=True, watch_token=task.watch_token)
        postgres.stop()
        try:
            assert_all_unavailable(world, task.task_id)
            eventually(lambda: not world.health(), what="health says NOT_SERVING")
        finally:
            postgres.start()
        eventually(world.health, what="health says SERVING")
        # It ended while the database was away.
        world.assert_ended(task, ["SUCCEEDED"])
        assert [event.execution.status for event in watched][-1] == TaskExecution.SUCCESS
        world.assert_works()
        assert world.client.stats(module="refused").total == 0
        assert all(role.is_running for role in world.roles)


def test_a_restart_between_two_calls_is_noticed_by_nobody(tmp_path: Path, postgres: PostgresServer) -> None:
    with world_on(tmp_path, DATABASE_URL=postgres.url("house")) as world:
        world.assert_works()
        postgres.stop()
        postgres.start()
        # Each of the server's threads has a connection that is gone.
        for _ in range(30):
            world.api.call(world.api.tasks.ListTasks, task_service_pb2.ListTasksRequest())
        world.assert_works()


def test_connections_that_are_killed_lose_and_double_nothing(tmp_path: Path, postgres: PostgresServer) -> None:
    with world_on(tmp_path, DATABASE_URL=postgres.url("house"), REPUBLISH_AFTER_SECONDS="1") as world:
        made: dict[str, str] = {}
        refused: list[Failure] = []
        killing = threading.Event()

        def create(first: int) -> None:
            for number in range(first, first + 40):
                request = task_service_pb2.CreateTaskRequest(
                    task=task_of({"name": "n", "module": "killed", **CODE}), request_id=f"request-{number}"
                )
                while True:
                    try:
                        made[request.request_id] = world.api.call(world.api.tasks.CreateTask, request).task_id
                        break
                    except grpc.RpcError as error:
                        refused.append(grpc_failure(error))
                        killing.wait(0.02)

        threads = [threading.Thread(target=create, args=(first,)) for first in (0, 40, 80)]
        for thread in threads:
            thread.start()
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'house'"
        while any(thread.is_alive() for thread in threads):
            postgres.run_sql(kill)
            killing.wait(0.1)
        for thread in threads:
            thread.join()
        for failure in refused:
            assert_unavailable(failure)
        assert len(set(made.values())) == 120
        for task_id in made.values():
            assert world.client.wait(task_id, timeout=60).status == TaskExecution.SUCCESS
        assert world.client.stats(module="killed").total == 120


def test_a_worker_that_is_cut_off_ends_its_child_before_its_lease_ends(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    way = Proxy(postgres.port)
    cut = postgres.url("house").replace(str(postgres.port), str(way.port))
    settings = {"LEASE_SECONDS": "6", "HEARTBEAT_SECONDS": "1.5", "REPUBLISH_AFTER_SECONDS": "1"}
    try:
        with world_on(tmp_path, DATABASE_URL=postgres.url("house"), **settings) as world:
            world.worker.end()
            world.worker = world.house.begin_worker(DATABASE_URL=cut)
            before = set(world.worker.children())
            task = world.begin_run(**LONG)
            children = set(world.worker.children()) - before
            assert children
            way.fall_silent()
            silent_at = time.monotonic()
            eventually(lambda: not any(map(is_alive, children)), what="the child was ended")
            assert time.monotonic() - silent_at < 6
            execution = world.client.get(task.task_id).last_execution
            assert (execution.status, len(execution.attempts)) == (TaskExecution.STARTED, 1)
            other = world.house.begin_worker()
            eventually(lambda: world.client.get(task.task_id).last_execution.worker.endswith(f":{other.pid}"))
            way.go_on()
            world.client.stop(task.task_id)
            execution = world.client.wait(task.task_id, timeout=60)
            assert execution.status == TaskExecution.REVOKED
            assert [Outcome.Name(attempt.outcome) for attempt in execution.attempts] == ["LOST", "STOPPED"]
            # It is of use again.
            other.end()
            world.assert_works()
    finally:
        way.close()


def test_a_server_that_is_cut_off_says_so_within_the_deadline(tmp_path: Path, postgres: PostgresServer) -> None:
    way = Proxy(postgres.port)
    try:
        cut = postgres.url("house").replace(str(postgres.port), str(way.port))
        with world_on(tmp_path, DATABASE_URL=cut, LEASE_SECONDS="90", HEARTBEAT_SECONDS="1") as world:
            task = world.begin_run(**SLOW)
            way.fall_silent()
            failures: dict[str, tuple[Failure, float]] = {}

            def call(name: str, rpc: Callable[..., Any], request: Message) -> None:
                began = time.monotonic()
                failures[name] = (world.api.failure(rpc, request), time.monotonic() - began)

            wanted = calls(world, task.task_id)
            threads = [threading.Thread(target=call, args=(name, *each)) for name, each in wanted.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures.keys() == wanted.keys()
            for failure, seconds in failures.values():
                assert_unavailable(failure)
                assert seconds < 18
            eventually(lambda: not world.health(), seconds=40, what="health says NOT_SERVING")
            way.go_on()
            eventually(world.health, seconds=40, what="health says SERVING")
            world.assert_ended(task, ["SUCCEEDED"])
            world.assert_works()
            assert world.client.stats(module="refused").total <= 1
    finally:
        way.close()


def test_a_lock_of_three_seconds_on_sqlite_costs_three_seconds(tmp_path: Path) -> None:
    with world_on(tmp_path) as world:
        task = world.begin_run(**SLOW)
        with closing(sqlite3.connect(tmp_path / "task-manager.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            release = threading.Timer(3, lambda: None)
            release.start()
            made: list[Any] = []
            creating = threading.Thread(
                target=lambda: made.append(world.api.create(task_of({"name": "waits", **CODE})))
            )
            began = time.monotonic()
            creating.start()
            # Reading goes on.
            assert world.client.get(task.task_id).name == "runs"
            release.join()
            assert not made
            other.execute("ROLLBACK")
        creating.join()
        assert 2.9 < time.monotonic() - began < 10
        assert world.client.wait(made[0].task_id, timeout=60).status == TaskExecution.SUCCESS
        world.assert_ended(task, ["SUCCEEDED"])


def test_a_full_disk_under_sqlite_takes_nothing_new_and_harms_nothing(tmp_path: Path) -> None:
    with world_on(tmp_path, LEASE_SECONDS="60") as world:
        task = world.begin_run(**SLOW)
        file = tmp_path / "task-manager.db"
        # No role can make a file longer than the database's journal is: what it writes there, it can not.
        for role in world.roles:
            _, hard = resource.prlimit(role.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(role.pid, resource.RLIMIT_FSIZE, (4096, hard))
        create = task_service_pb2.CreateTaskRequest(task=task_of({"name": "refused", "module": "refused", **CODE}))
        for _ in range(10):
            assert_unavailable(world.api.failure(world.api.tasks.CreateTask, create))
        stop = task_service_pb2.StopTaskRequest(task_id=task.task_id)
        assert_unavailable(world.api.failure(world.api.tasks.StopTask, stop))
        # Reading goes on.
        assert world.client.get(task.task_id).last_execution.status == TaskExecution.STARTED
        eventually(
            lambda: "the database does not do what it is asked for: disk I/O error" in world.server.said(),
            what=f"the log says why: {world.server.said()}",
        )
        for role in world.roles:
            resource.prlimit(role.pid, resource.RLIMIT_FSIZE, (hard, hard))
        world.assert_ended(task, ["SUCCEEDED"])
        world.assert_works()
        assert world.client.stats(module="refused").total == 0
        with closing(sqlite3.connect(file)) as other:
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_sqlite_file_that_is_taken_away_and_brought_back(tmp_path: Path) -> None:
    with world_on(tmp_path, LEASE_SECONDS="60") as world:
        task = world.begin_run(**SLOW)
        away = tmp_path / "away"
        away.mkdir()
        names = ["task-manager.db", "task-manager.db-wal", "task-manager.db-shm"]
        for name in names:
            (tmp_path / name).rename(away / name)
        assert_all_unavailable(world, task.task_id)
        eventually(lambda: not world.health(), what="health says NOT_SERVING")
        assert not (tmp_path / names[0]).exists()
        for name in reversed(names):
            (away / name).rename(tmp_path / name)
        eventually(world.health, what="health says SERVING")
        world.assert_ended(task, ["SUCCEEDED"])
        world.assert_works()
