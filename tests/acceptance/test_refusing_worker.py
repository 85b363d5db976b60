"""A worker whose cage does not hold runs no code: it waits for one whose cage does, and API tasks go on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from acceptance_house import House
from acceptance_stack import command, eventually

from task_manager import TaskClient
from task_manager.v1.execution_pb2 import TaskExecution

#: Starts a program to which the kernel refuses filters of system calls, as on a machine where they are not allowed.
REFUSING = (sys.executable, str(Path(__file__).parents[1] / "refusing.py"), "seccomp")
CODE = {"function_code": "def main():\n    return 1", "function_name": "main"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Broker, server and scheduler run; no worker."""
    house = House(tmp_path_factory.mktemp("house"), EGRESS_ALLOW="127.0.0.0/8=*")
    try:
        house.begin_broker()
        assert house.once("migrate").returncode == 0
        with house.running(*command("scheduler")):
            house.begin_server()
            yield house
    finally:
        house.close()


@pytest.fixture
def client(house: House) -> Iterator[TaskClient]:
    with TaskClient(house.grpc_address, house.token()) as client:
        yield client


@pytest.fixture
def url() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_code_waits_for_a_worker_whose_cage_holds_and_api_tasks_go_on(
    house: House, client: TaskClient, url: str
) -> None:
    with house.running(*REFUSING, *command("worker")) as said:
        eventually(lambda: "worker is ready" in said(), what="the worker is ready")
        waiting = client.create_task("code", **CODE)
        called = client.wait(client.create_task("call", api_url=url, method="GET").task_id, timeout=30)

        assert called.status == TaskExecution.SUCCESS
        assert called.isolation.level == "process"
        assert "seccomp" not in called.isolation.layers
        # Its message came first.
        (execution,) = client.list_executions(parent_task=waiting.task_id)
        assert execution.status == TaskExecution.PENDING
        assert "this worker runs no code, only API tasks: The cage is not complete: layer 'seccomp'" in said()

        house.begin_worker()
        done = client.wait(waiting.task_id, timeout=30)
        assert (done.status, len(done.attempts)) == (TaskExecution.SUCCESS, 1)
        assert done.isolation.level.startswith("strict")


@pytest.mark.parametrize("allowed", [("--allow-unsandboxed-code",), ()], ids=["flag", "setting"])
def test_the_operator_can_have_it_run_all_the_same(
    house: House, client: TaskClient, allowed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in house.begun:
        if role.name == "worker" and role.is_running:
            role.end()
    environment = house.environment | ({} if allowed else {"TASK_SERVER_ALLOW_UNSANDBOXED_CODE": "true"})
    with house.running(*REFUSING, *command("worker"), *allowed, environment=environment) as said:
        done = client.wait(client.create_task("code", **CODE).task_id, timeout=30)

        assert done.status == TaskExecution.SUCCESS
        assert done.isolation.level == "process"
        warning = (
            "code runs without its cage, as allow_unsandboxed_code says: The cage is not complete: layer 'seccomp'"
        )
        assert warning in said()
        assert "ERROR" in said()
