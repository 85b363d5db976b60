"""Every process is replaced, one after the other, while tasks are made and run: nothing is lost, and nothing counts as failed."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from acceptance_house import House
from acceptance_stack import command, eventually
from tests.postgres import PostgresServer
from tests.processes import free_port

from task_manager import TaskClient, Unavailable
from task_manager.v1.execution_pb2 import TaskExecution

Outcome = TaskExecution.Attempt.Outcome
#: Some end within the drain, some outlast it.
CODE = "import time\ndef main(seconds):\n    time.sleep(seconds)\n    return seconds"
SECONDS = (0.0, 0.3, 5.0, 1.0)
#: A message that was lost would be sent again after so long, a run that was lost taken up after its lease: nobody waits for either.
PATIENCE_SECONDS = 45.0


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(
        tmp_path_factory.mktemp("rolling"),
        DRAIN_SECONDS="2",
        WORKER_CONCURRENCY="6",
        LEASE_SECONDS="120",
        REPUBLISH_AFTER_SECONDS="120",
    )
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        postgres.run_sql("CREATE DATABASE rolling")
        house.environment["TASK_SERVER_DATABASE_URL"] = postgres.url("rolling")
    try:
        house.begin_broker()
        assert house.once("migrate").returncode == 0
        yield house
    finally:
        house.close()


class Load:
    """Makes tasks at one server until it is told to end."""

    def __init__(self, address: str, token: str) -> None:
        self.made: list[str] = []
        self.failures: list[Exception] = []
        self._client = TaskClient(address, token)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for seconds in itertools.cycle(SECONDS):
            if self._ending.wait(0.25):
                return
            try:
                self.made.append(self._create(str(uuid.uuid4()), seconds))
            except Exception as error:  # told in the test's own thread
                self.failures.append(error)
                return

    def _create(self, request_id: str, seconds: float) -> str:
        """Asks again, for the same task, for as long as a server takes to start."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._client.create_task(
                    "load", request_id=request_id, function_code=CODE, function_name="main", task_args=[seconds]
                ).task_id
            except Unavailable:
                if time.monotonic() > until:
                    raise

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        self._client.close()


@pytest.mark.timeout(180)
def test_a_rolling_restart_loses_nothing(house: House) -> None:
    addresses = [house.grpc_address, f"127.0.0.1:{free_port()}"]
    servers = [house.begin_server(address) for address in addresses]
    workers = [house.begin_worker() for _ in range(2)]
    schedulers = [house.begin(*command("scheduler")) for _ in range(2)]
    token = house.token()
    loads = [Load(address, token) for address in addresses]
    try:
        for number in range(2):
            count = len(loads[number].made)
            eventually(lambda: len(loads[number].made) >= count + 8, what="there is work")  # noqa: B023 - called at once
            workers[number].end()
            workers[number] = house.begin_worker()
            servers[number].end()
            servers[number] = house.begin_server(addresses[number])
            schedulers[number].end()
            schedulers[number] = house.begin(*command("scheduler"))
    finally:
        for load in loads:
            load.end()
    assert [load.failures for load in loads] == [[], []]
    made = [task_id for load in loads for task_id in load.made]
    assert len(made) > 20
    with TaskClient(house.grpc_address, token) as client:
        runs = [client.wait(task_id, timeout=PATIENCE_SECONDS) for task_id in made]
        assert client.stats().total == len(made)
    assert {run.status for run in runs} == {TaskExecution.SUCCESS}
    ends = [[Outcome.Name(attempt.outcome) for attempt in run.attempts] for run in runs]
    assert all(each[-1] == "SUCCEEDED" and set(each[:-1]) <= {"RELEASED"} for each in ends)
    assert ["RELEASED", "SUCCEEDED"] in ends
