"""Each role alone, configured by environment or file, as containers and service managers run them; and plain `celery worker`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from acceptance_api import Api
from acceptance_house import House
from acceptance_stack import BARE, command, eventually
from tests.postgres import PostgresServer

from task_manager import TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Broker, server and scheduler run; no worker and no gateway."""
    house = House(tmp_path_factory.mktemp("house"))
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        postgres.run_sql("CREATE DATABASE house")
        house.environment["TASK_SERVER_DATABASE_URL"] = postgres.url("house")
    try:
        house.begin_broker()
        refused = house.once("server")
        assert (refused.returncode, refused.stderr) == (
            1,
            "task-server: the database has not the present tables; run: task-server migrate\n",
        )
        migrated = house.once("migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert migrated.stdout.startswith("the database is at schema version ")
        down = house.once("health")
        assert (down.returncode, down.stderr) == (
            1,
            f"task-server: the server at {house.grpc_address} is UNREACHABLE\n",
        )
        with house.running(*command("server")), house.running(*command("scheduler")):
            eventually(lambda: house.health() == 0, what="the server is healthy")
            yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def token(house: House) -> str:
    return house.token()


@pytest.fixture
def client(house: House, token: str) -> Iterator[TaskClient]:
    with TaskClient(house.grpc_address, token) as client:
        yield client


def assert_works(client: TaskClient) -> None:
    """A task that is due now and one that the scheduler has to bring."""
    made = [
        client.create_task("sum", function_code="def main(a, b):\n    return a + b", function_name="main", **fields)
        for fields in ({"task_args": [1, 2]}, {"task_args": [3, 4], "delay_seconds": 0.5})
    ]
    executions = [client.wait(task.task_id, timeout=40) for task in made]
    assert [to_python(execution.result) for execution in executions] == [3, 7]
    assert {execution.status for execution in executions} == {TaskExecution.SUCCESS}
    assert made[0].created_by.username == "Operations"


def test_the_worker_role(house: House, client: TaskClient) -> None:
    with house.running(*command("worker")):
        assert_works(client)


@pytest.mark.parametrize("pool", [[], ["--pool", "prefork", "--concurrency", "1"]], ids=["default", "prefork"])
def test_plain_celery_worker(house: House, client: TaskClient, pool: list[str]) -> None:
    celery = [sys.executable, "-m", "celery", "-A", "task_server.worker.app", "worker", *pool]
    with house.running(*celery):
        assert_works(client)


def test_the_gateway_role_configured_by_a_file(house: House, token: str) -> None:
    file = house.directory / "gateway.toml"
    file.write_text(f'gateway_target = "{house.grpc_address}"\nhttp_address = "{house.http_address}"\n')
    with house.running(*command("gateway", "--config", str(file)), environment=BARE):
        api = Api(house.grpc_address, house.http_address, token)
        try:
            eventually(lambda: api.rest.is_healthy(), what="the gateway is healthy")
            assert api.rest.get("/api/tasks/stats")["total"] == str(api.rest.get("/api/tasks")["total_size"])
        finally:
            api.close()


def test_a_port_in_use_is_one_line(house: House) -> None:
    refused = house.once("server")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"task-server: the gRPC address {house.grpc_address} can not be listened on")


def test_a_wrong_setting_is_one_line(house: House) -> None:
    refused = subprocess.run(
        command("server"),
        env=house.environment | {"TASK_SERVER_LEASE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 2
    assert refused.stderr == "task-server: lease_seconds must be a number, not 'soon'\n"
