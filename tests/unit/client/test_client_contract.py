from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from task_manager import rpcs
from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2

SERVICES = {
    service.full_name: service
    for module in (task_service_pb2, execution_service_pb2, lock_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
}


@pytest.mark.parametrize("rpc", rpcs.ALL, ids=lambda rpc: rpc.method)
def test_a_call_has_the_types_of_the_contract(rpc: rpcs.Rpc[Any, Any]) -> None:
    method = SERVICES[rpc.service].methods_by_name[rpc.method]
    assert rpc.request.DESCRIPTOR is method.input_type
    assert rpc.response.DESCRIPTOR is method.output_type


def test_only_reads_and_what_is_idempotent_are_repeated() -> None:
    (config,) = json.loads(rpcs.service_config())["methodConfig"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    names = {each["method"] for each in config["name"]}
    assert names == {
        "CreateTask",
        "BatchCreateTasks",
        "RunTask",
        "RerunExecutions",
        "GetTask",
        "ListTasks",
        "ListScheduledTasks",
        "PreviewSchedule",
        "GetTaskStats",
        "ExplainTask",
        "GetSystemStatus",
        "ListTokens",
        "GetExecution",
        "GetExecutionStatus",
        "ListExecutions",
        "ListMyExecutions",
        "GetExecutionByTaskId",
        "GetExecutionStats",
        "RegisterExecution",
        "BatchRegisterExecutions",
        "BatchReportExecutions",
        "AcquireLock",
        "RenewLock",
        "ReleaseLock",
        "GetLock",
    }


def in_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_the_stubs_can_be_had_without_the_client() -> None:
    code = "import sys, task_manager.v1.task_pb2; print(*(m for m in sys.modules if m.startswith(('grpc', 'task_manager'))))"
    loaded = in_fresh_interpreter(code).split()
    assert "grpc" not in loaded
    assert {each for each in loaded if not each.startswith("task_manager.v1")} == {"task_manager"}


def test_every_public_name_is_there_and_no_other() -> None:
    code = (
        "import task_manager as t; assert all(getattr(t, n).__name__ == n for n in t.__all__); "
        "assert set(t.__all__) <= set(dir(t)); from task_manager import *; print(TaskClient.__name__); t.nothing"
    )
    with pytest.raises(subprocess.CalledProcessError) as caught:
        in_fresh_interpreter(code)
    assert caught.value.stdout == "TaskClient\n"
    assert "AttributeError: module 'task_manager' has no attribute 'nothing'" in caught.value.stderr


def test_the_client_needs_only_what_its_installation_brings() -> None:
    # grpcio-status and the server's libraries are not among the base dependencies.
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['grpc_status', 'celery', 'django', 'peewee', 'requests', 'task_server'])); "
        "from task_manager import *; import task_manager.utils; print(AsyncTaskClient.__name__)"
    )
    assert in_fresh_interpreter(code) == "AsyncTaskClient"
