"""A worker whose sandbox does not hold for code leaves it to wait, says why wherever one looks, and makes API calls meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from acceptance_api import CALL_SECONDS, Api
from acceptance_house import House, Role, furnished
from acceptance_stack import eventually
from acceptance_target import Target
from tests.processes import command

from task_manager import TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task

CODE = {"function_code": "def main():\n    return 7", "function_name": "main"}
#: A worker on a kernel that lets nobody filter system calls: it is started under a filter that refuses to have another one put on.
UNCAGED = """
import ctypes, errno, os, platform, sys
from task_server.sandbox.bpf import Assembler

NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
PRCTL = {"x86_64": 157, "aarch64": 167}[platform.machine()]
code = Assembler()
code.load(0)
code.if_equal(PRCTL, otherwise="allow")
code.load(16)
code.if_equal(SET_SECCOMP, otherwise="allow")
code.answer(0x00050000 | errno.EINVAL)
code.label("allow")
code.answer(0x7FFF0000)
text = code.assemble()
buffer = ctypes.create_string_buffer(text, len(text))

class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

libc = ctypes.CDLL(None, use_errno=True)
program = Program(len(text) // 8, ctypes.cast(buffer, ctypes.c_void_p))
assert libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.executable, [sys.executable, "-m", "task_server", "worker"])
"""


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with furnished(tmp_path, EGRESS_ALLOW="127.0.0.1/32=*") as house:
        yield house


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    house.begin(*command("gateway"), name="gateway")
    api = Api(house.grpc_address, house.http_address, house.token())
    eventually(lambda: api.rest.is_healthy(), what="the gateway answers")
    yield api
    api.close()


def begin_uncaged(house: House) -> Role:
    worker = house.begin(sys.executable, "-c", UNCAGED, name="worker")
    worker.await_said("worker is ready")
    return worker


def health_of_code(house: House) -> subprocess.CompletedProcess[str]:
    return house.once("health", "--service", "task_manager.v1.code")


def test_code_waits_with_the_reason_until_a_worker_comes_that_runs_it(house: House, api: Api, target: Target) -> None:
    uncaged = begin_uncaged(house)
    with TaskClient(house.grpc_address, house.token()) as client:
        (worker,) = [process for process in client.system_status().processes if process.role == "worker"]
        refusal = worker.code_refusal
        assert "seccomp" in refusal
        assert refusal in uncaged.said()
        codes = [client.create_task("code", **CODE) for _ in range(3)]
        call = client.create_task("call", api_url=target.url)
        assert client.wait(call.task_id, timeout=CALL_SECONDS).status == TaskExecution.SUCCESS

        # GetTask, over both ports.
        code = client.get(codes[0].task_id)
        assert code.status == Task.PENDING
        assert code.waiting.cause == "CODE_REFUSED_BY_WORKERS"
        assert refusal in code.waiting.explanation
        shown = api.rest.get(f"/api/tasks/{code.task_id}")
        assert shown["waiting"]["explanation"] == code.waiting.explanation
        assert not client.get(call.task_id).HasField("waiting")
        assert not any(task.HasField("waiting") for task in client.list())

        # ExplainTask.
        why = client.explain(code.task_id)
        assert (why.cause, why.since) == ("CODE_REFUSED_BY_WORKERS", code.last_execution.due_at)
        assert api.rest.get(f"/api/tasks/{code.task_id}/explain")["remedy"] == why.remedy
        assert client.explain(call.task_id).cause == "SUCCEEDED"

        # Health.
        answer = health_of_code(house)
        assert (answer.returncode, "NOT_SERVING" in answer.stderr) == (1, True)
        assert api.rest.send("GET", "/healthz", params={"service": "task_manager.v1.code"}).status_code == 503
        assert house.health() == 0

        # GetSystemStatus.
        assert (worker.isolation_level, worker.live) == ("process", True)
        assert "rlimits" in worker.isolation_layers
        assert "seccomp" not in worker.isolation_layers
        status = api.rest.get("/api/v1/admin/status")
        assert {process["role"] for process in status["processes"]} == {"scheduler", "server", "worker"}
        assert status["queues"] == [{"name": "default", "waiting": "3", "running": "0"}]

        # And then.
        house.begin_worker()
        assert [to_python(client.wait(task.task_id, timeout=CALL_SECONDS).result) for task in codes] == [7, 7, 7]
        assert client.explain(code.task_id).cause == "SUCCEEDED"
        eventually(lambda: health_of_code(house).returncode == 0, what="health says that code runs")
        assert [len(client.get(task.task_id).last_execution.attempts) for task in codes] == [1, 1, 1]
    uncaged.end()


def test_of_two_workers_the_one_that_runs_code_gets_all_of_it(house: House) -> None:
    begin_uncaged(house)
    house.begin_worker()
    with TaskClient(house.grpc_address, house.token()) as client:
        tasks = [client.create_task("code", **CODE) for _ in range(40)]
        runs = [client.wait(task.task_id, timeout=CALL_SECONDS) for task in tasks]
    assert {run.status for run in runs} == {TaskExecution.SUCCESS}
    assert len({run.worker for run in runs}) == 1
    # None had to wait for the scheduler, which looks again after 5 s.
    assert max(run.started_at.ToDatetime() - run.created_at.ToDatetime() for run in runs).total_seconds() < 4


def test_what_waits_goes_round_between_nobody(house: House) -> None:
    uncaged = begin_uncaged(house)
    with redis.Redis(port=house.broker_port) as broker, TaskClient(house.grpc_address, house.token()) as client:
        tasks = [client.create_task("code", **CODE) for _ in range(20)]
        eventually(lambda: broker.llen("default:code") == 20, what="all were handed on")
        taken = broker.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0)
        # The scheduler has looked whether they have to be published again, and did not.
        eventually(lambda: _was_looked_at(house), what="the scheduler has put them off")
        assert (broker.llen("default"), broker.llen("default:code")) == (0, 20)
        assert broker.info("commandstats")["cmdstat_lpush"]["calls"] == taken
        assert client.get(tasks[0].task_id).status == Task.PENDING
    uncaged.end()


def _was_looked_at(house: House) -> bool:
    """Whether all that waits is looked at again no sooner than what was put off."""
    with closing(sqlite3.connect(house.directory / "task-manager.db")) as database:
        (soonest,) = database.execute("SELECT MIN(publish_after) FROM execution WHERE status = 'PENDING'").fetchone()
    return bool(soonest > (time.time() + 60) * 1e6)
