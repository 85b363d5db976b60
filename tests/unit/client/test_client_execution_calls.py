from __future__ import annotations

import threading
from datetime import date
from typing import Any

import grpc
import pytest
from client_harness import Servicer, refuse

import task_manager
from task_manager import requests, to_python
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import (
    BatchRegisterExecutionsResponse,
    BatchReportExecutionsResponse,
    ExecutionReport,
    ExecutionStats,
    GetExecutionStatsRequest,
    ListMyExecutionsRequest,
    ListMyExecutionsResponse,
    RegisterExecutionRequest,
    SyncExecutionsResponse,
    UpdateExecutionStatusRequest,
)

# ruff: noqa: N802 - gRPC's names


class Tracking(Servicer):
    """Answers every call about foreign runs and keeps what came."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.awake = threading.Event()

    def _note(self, request: Any, answer: Any) -> Any:
        self.requests.append(request)
        return answer

    def RegisterExecution(self, request: Any, context: Any) -> Any:
        return self._note(request, TaskExecution(id="e1", task_id=request.task_id))

    def BatchRegisterExecutions(self, request: Any, context: Any) -> Any:
        made = [TaskExecution(task_id=each.task_id) for each in request.requests]
        return self._note(request, BatchRegisterExecutionsResponse(executions=made))

    def BatchReportExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, BatchReportExecutionsResponse(recorded=len(request.reports)))

    def UpdateExecutionStatus(self, request: Any, context: Any) -> Any:
        return self._note(request, TaskExecution(id=request.id, status=request.status))

    def SyncExecution(self, request: Any, context: Any) -> Any:
        if request.id == "odd":
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NO_RESULT_BACKEND")
        return self._note(request, TaskExecution(id=request.id, status="SUCCESS"))

    def SyncExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, SyncExecutionsResponse(synced=3))

    def GetExecutionByTaskId(self, request: Any, context: Any) -> Any:
        if request.task_id == "slow":
            self.awake.wait(30)
        return self._note(request, TaskExecution(task_id=request.task_id))

    def ListMyExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, ListMyExecutionsResponse(executions=[TaskExecution(id="e1")]))

    def GetExecutionStats(self, request: Any, context: Any) -> Any:
        return self._note(request, ExecutionStats(total=4))


async def test_a_run_is_registered_and_moved_on(serve: Any, connect: Any) -> None:
    service = Tracking()
    client = await connect(serve(service).address)

    made = await client.call(
        "register_execution", "c1", "app.tasks.t", "app", task_kwargs={"a": 1}, created_by="7", initial_status="STARTED"
    )
    assert (made.id, made.task_id) == ("e1", "c1")
    moved = await client.call("update_execution_status", "e1", "SUCCESS", result={"n": 2}, metadata={"k": "v"})
    assert moved.status == TaskExecution.SUCCESS

    register, update = service.requests
    assert (register.task_name, register.module, register.created_by) == ("app.tasks.t", "app", "7")
    assert to_python(register.task_kwargs) == {"a": 1}
    assert register.initial_status == TaskExecution.STARTED
    assert (to_python(update.result), to_python(update.metadata)) == ({"n": 2}, {"k": "v"})


async def test_many_runs_are_registered_and_reported_at_once(serve: Any, connect: Any) -> None:
    service = Tracking()
    client = await connect(serve(service).address)

    runs = [requests.registration(each, "app.tasks.t", "app", {"metadata": {"n": 1}}) for each in ("c1", "c2")]
    assert [each.task_id for each in await client.call("batch_register_executions", runs)] == ["c1", "c2"]
    report = ExecutionReport(run=RegisterExecutionRequest(task_id="c1"), status="RETRY", retries=1)
    assert (await client.call("report_executions", [report])).recorded == 1

    assert list(service.requests[0].requests) == runs
    assert list(service.requests[1].reports) == [report]


async def test_what_is_known_is_read_synced_listed_and_counted(serve: Any, connect: Any) -> None:
    service = Tracking()
    client = await connect(serve(service).address)

    assert (await client.call("get_execution_by_task_id", "c1", view="BASIC")).task_id == "c1"
    assert (await client.call("sync_execution", "e1")).status == TaskExecution.SUCCESS
    with pytest.raises(task_manager.NoResultBackend):
        await client.call("sync_execution", "odd")
    assert (await client.call("sync_executions", max_count=5, my_tasks=False)).synced == 3
    mine = await client.take(None, "list_my_executions", start_date=date(2026, 1, 31), time_zone="Asia/Shanghai")
    assert [each.id for each in mine] == ["e1"]
    assert (await client.call("execution_stats", module="m", my_tasks=False, period_length="HOUR")).total == 4

    _, _, many, listed, counted = service.requests
    assert (many.max_count, many.HasField("my_tasks"), many.my_tasks) == (5, True, False)
    assert (listed.start_date, listed.time_zone) == ("2026-01-31", "Asia/Shanghai")
    assert counted.period_length == ExecutionStats.Period.HOUR


async def test_a_client_within_another_deadline_has_the_same_connection(serve: Any, connect: Any) -> None:
    service = Tracking()
    driver = await connect(serve(service).address)
    assert (await driver.call("get_execution_by_task_id", "c1")).task_id == "c1"
    hurried = driver.client.within(0.05)
    assert hurried._channel is driver.client._channel
    with pytest.raises(task_manager.DeadlineExceeded):
        await type(driver)(hurried).call("get_execution_by_task_id", "slow")
    service.awake.set()
    assert (await driver.call("get_execution_by_task_id", "slow")).task_id == "slow"


@pytest.mark.parametrize(
    ("message", "known", "own"),
    [
        (RegisterExecutionRequest, requests.RegistrationFields, {"task_id", "task_name", "module"}),
        (UpdateExecutionStatusRequest, requests.StatusFields, {"id", "status"}),
        (ListMyExecutionsRequest, requests.MyExecutionFields, {"page_token"}),
        (GetExecutionStatsRequest, requests.ExecutionStatsFields, set()),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_request_can_say_all_that_the_contract_has(message: Any, known: Any, own: set[str]) -> None:
    assert set(known.__annotations__) | own == {field.name for field in message.DESCRIPTOR.fields}
