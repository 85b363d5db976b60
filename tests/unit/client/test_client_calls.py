from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

import grpc
import pytest
from client_harness import Servicer
from google.protobuf.empty_pb2 import Empty

import task_manager
from task_manager import requests
from task_manager.v1.admin_service_pb2 import CreateTokenResponse, ListTokensResponse, RevokeTokenResponse
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import ExecutionStatus, ListExecutionsResponse, RerunExecutionsResponse
from task_manager.v1.system_status_pb2 import SystemStatus
from task_manager.v1.task_pb2 import Task
from task_manager.v1.task_service_pb2 import (
    BatchCreateTasksResponse,
    CreateTaskRequest,
    ExplainTaskResponse,
    ListScheduledTasksResponse,
    ListTasksResponse,
    PreviewScheduleResponse,
    StopTaskResponse,
    StopTasksResponse,
    TaskStats,
)
from task_manager.v1.token_pb2 import Token

# ruff: noqa: N802 - gRPC's names


class Recording(Servicer):
    """Answers every call and keeps what came."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []

    def _note(self, request: Any, context: Any, answer: Any) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        return answer

    def CreateTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id="t1", name=request.task.name))

    def BatchCreateTasks(self, request: Any, context: Any) -> Any:
        made = [Task(task_id=each.request_id, name=each.task.name) for each in request.requests]
        return self._note(request, context, BatchCreateTasksResponse(tasks=made))

    def GetTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id=request.task_id))

    def StopTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, StopTaskResponse(outcome=StopTaskResponse.KILLED))

    def UpdateTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, request.task)

    def StopTasks(self, request: Any, context: Any) -> Any:
        return self._note(request, context, StopTasksResponse(count=7))

    def DeleteTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Empty())

    def RunTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id=request.task_id, run_count=2))

    def ExplainTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, ExplainTaskResponse(cause="NO_WORKER"))

    def CreateToken(self, request: Any, context: Any) -> Any:
        return self._note(request, context, CreateTokenResponse(token=request.token, key="tsk_0_0"))

    def ListTokens(self, request: Any, context: Any) -> Any:
        token = Token(id="b" if request.page_token else "a")
        answer = ListTokensResponse(tokens=[token], next_page_token="" if request.page_token else "more")
        return self._note(request, context, answer)

    def RevokeToken(self, request: Any, context: Any) -> Any:
        return self._note(request, context, RevokeTokenResponse(token=Token(id=request.id)))

    def GetSystemStatus(self, request: Any, context: Any) -> Any:
        return self._note(request, context, SystemStatus(version="1.2.3"))

    def PauseTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id=request.task_id, status=Task.PAUSED))

    def ResumeTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id=request.task_id, status=Task.SCHEDULED))

    def SyncTask(self, request: Any, context: Any) -> Any:
        return self._note(request, context, Task(task_id=request.task_id))

    def PreviewSchedule(self, request: Any, context: Any) -> Any:
        return self._note(request, context, PreviewScheduleResponse(description="Every minute"))

    def GetTaskStats(self, request: Any, context: Any) -> Any:
        return self._note(request, context, TaskStats(total=3, by_status={"SUCCESS": 3}))

    def ListScheduledTasks(self, request: Any, context: Any) -> Any:
        return self._note(request, context, ListScheduledTasksResponse(tasks=[Task(task_id="t1")]))

    def GetExecution(self, request: Any, context: Any) -> Any:
        return self._note(request, context, TaskExecution(id=request.id))

    def GetExecutionStatus(self, request: Any, context: Any) -> Any:
        return self._note(request, context, ExecutionStatus(task_id=request.task_id, terminal=True))

    def RerunExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, context, RerunExecutionsResponse(count=len(request.ids) or 5))

    def ListExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, context, ListExecutionsResponse(executions=[TaskExecution(id="e1")]))


async def test_each_method_sends_its_request_and_gives_the_answer(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    assert (await client.call("get", "t1", view="BASIC")).task_id == "t1"
    assert (await client.call("stop", "t1")).outcome == StopTaskResponse.KILLED
    assert await client.call("delete", "t1") is None
    assert (await client.call("run", "t1", rerun_of="e0")).run_count == 2
    assert (await client.call("stats", status="SUCCESS", my_tasks=False)).by_status == {"SUCCESS": 3}
    assert (await client.call("get_execution", "e1")).id == "e1"
    assert (await client.call("execution_status", "t1")).terminal
    assert [each.task_id for each in await client.take(None, "list_scheduled", module="billing")] == ["t1"]
    since, until = date(2026, 1, 31), datetime(2026, 2, 1, 12, tzinfo=UTC)
    listed = await client.take(None, "list_executions", status="FAILURE", start_date=since, end_date=until)
    assert [each.id for each in listed] == ["e1"]

    assert [type(each).__name__ for each in service.requests] == [
        "GetTaskRequest",
        "StopTaskRequest",
        "DeleteTaskRequest",
        "RunTaskRequest",
        "GetTaskStatsRequest",
        "GetExecutionRequest",
        "GetExecutionStatusRequest",
        "ListScheduledTasksRequest",
        "ListExecutionsRequest",
    ]
    assert all(each.task_id == "t1" for each in service.requests[:4])
    assert service.requests[3].rerun_of == "e0"
    assert service.requests[4].HasField("my_tasks")
    assert service.requests[4].my_tasks is False
    assert service.requests[8].start_date == "2026-01-31"
    assert service.requests[8].end_date == "2026-02-01T12:00:00+00:00"
    assert service.requests[8].status == TaskExecution.FAILURE


async def test_an_update_and_a_stop_by_filter_send_what_they_are_given(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    task = await client.call("update_task", "t1", etag="3", clear=["queue"], name="new", task_kwargs={"k": 1})
    assert (task.task_id, task.etag, task.name) == ("t1", "3", "new")
    assert await client.call("stop_tasks", module="billing", status="PENDING", validate_only=True) == 7
    assert await client.call("stop_tasks", my_tasks=True) == 7

    update, counted, stopped = service.requests
    assert list(update.update_mask.paths) == ["name", "task_kwargs", "queue"]
    assert (counted.module, counted.status, counted.validate_only) == ("billing", Task.PENDING, True)
    assert (stopped.my_tasks, stopped.validate_only) == (True, False)


async def test_a_schedule_is_paused_resumed_and_previewed(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    assert (await client.call("pause", "t1")).status == Task.PAUSED
    assert (await client.call("resume", "t1")).status == Task.SCHEDULED
    assert (await client.call("sync", "t1")).task_id == "t1"
    after = datetime(2026, 3, 1, tzinfo=UTC)
    shown = await client.call("preview_schedule", "* * * * *", time_zone="Asia/Shanghai", count=3, after=after)
    assert shown.description == "Every minute"
    await client.call("preview_schedule", "@daily")
    with pytest.raises(ValueError, match=r"after: .*no time zone"):
        await client.call("preview_schedule", "@daily", after=datetime(2026, 3, 1))  # noqa: DTZ001

    pause, resume, sync, full, short = service.requests
    assert pause.task_id == resume.task_id == sync.task_id == "t1"
    assert (full.cron_expression, full.time_zone, full.count) == ("* * * * *", "Asia/Shanghai", 3)
    assert full.after.ToDatetime(UTC) == after
    assert (short.cron_expression, short.time_zone, short.HasField("after")) == ("@daily", "", False)


async def test_a_task_is_explained_and_an_admin_sees_what_runs(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    assert (await client.call("explain", "t1")).cause == "NO_WORKER"
    assert (await client.call("system_status")).version == "1.2.3"

    assert service.requests[0].task_id == "t1"


async def test_an_admin_makes_lists_and_revokes_tokens(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    until = datetime(2030, 1, 1, tzinfo=UTC)
    made = await client.call("create_token", "li", "editor", username="Li", grants=["none"], name="x", expires_at=until)
    assert made.key == "tsk_0_0"
    await client.call("create_token", "li", "viewer")
    with pytest.raises(ValueError, match=r"expires_at: .*no time zone"):
        await client.call("create_token", "li", "viewer", expires_at=datetime(2030, 1, 1))  # noqa: DTZ001
    assert [token.id for token in await client.take(None, "list_tokens", page_size=1)] == ["a", "b"]
    assert (await client.call("revoke_token", "a")).id == "a"

    full, short, first, second, revoke = service.requests
    token = full.token
    assert (token.owner.id, token.owner.username, token.role, token.name) == ("li", "Li", "editor", "x")
    assert (list(token.grants), token.expires_at.ToDatetime(UTC)) == (["none"], until)
    assert (list(short.token.grants), short.token.HasField("expires_at")) == ([], False)
    assert (first.page_size, first.page_token, second.page_token, revoke.id) == (1, "", "more", "a")


async def test_the_token_goes_with_every_call_as_bearer(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address, token="tsk_a_b\n")
    await client.call("get", "t1")
    assert service.metadata[0]["authorization"] == "Bearer tsk_a_b"
    assert "task-manager-python" in service.metadata[0]["user-agent"]


async def test_address_and_token_come_from_the_environment(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Recording()
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", serve(service).address)
    monkeypatch.setenv("TASK_MANAGER_TOKEN", "tsk_of_environment")
    client = await connect(None)
    await client.call("get", "t1")
    assert service.metadata[0]["authorization"] == "Bearer tsk_of_environment"


async def test_without_a_token_no_authorization_is_sent(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)
    await client.call("get", "t1")
    assert "authorization" not in service.metadata[0]


MAKING = pytest.mark.parametrize(
    "call",
    [
        ("create_task", "n"),
        ("run", "t1"),
        ("rerun_executions", ["e1"]),
    ],
    ids=lambda call: call[0],
)


@MAKING
async def test_whatever_makes_something_has_a_fresh_request_id_unless_one_is_given(
    serve: Any, connect: Any, call: tuple[str, Any]
) -> None:
    service = Recording()
    client = await connect(serve(service).address)
    for request_id in (None, None, "", "mine"):
        await client.call(*call, request_id=request_id)
    ids = [each.request_id for each in service.requests]
    assert len(set(ids)) == 4
    assert all(ids)
    assert ids[3] == "mine"


class Shaky(Recording):
    """Is unavailable for the first two tries of everything."""

    def _note(self, request: Any, context: Any, answer: Any) -> Any:
        super()._note(request, context, answer)
        if len(self.requests) <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "shaky")
        return answer


@MAKING
async def test_what_makes_something_is_repeated_with_the_same_request_id(
    serve: Any, connect: Any, call: tuple[str, Any]
) -> None:
    service = Shaky()
    client = await connect(serve(service).address)
    assert await client.call(*call)
    assert len(service.requests) == 3
    assert len({each.request_id for each in service.requests}) == 1


async def test_a_read_is_repeated_and_a_change_is_not(serve: Any, connect: Any) -> None:
    service = Shaky()
    client = await connect(serve(service).address)
    with pytest.raises(task_manager.Unavailable):
        await client.call("stop", "t1")
    assert len(service.requests) == 1
    assert (await client.call("get", "t1")).task_id == "t1"
    assert len(service.requests) == 3


class Paged(Servicer):
    """Five tasks, in pages of two, with an empty page in the middle."""

    pages: ClassVar = {"": (["a", "b"], "2"), "2": ([], "3"), "3": (["c", "d"], "4"), "4": (["e"], "")}

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def ListTasks(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        ids, token = self.pages[request.page_token]
        tasks = [Task(task_id=each) for each in ids]
        return ListTasksResponse(tasks=tasks, next_page_token=token, total_size=5, watch_token="w")


async def test_a_list_walks_all_pages_with_the_same_filter(serve: Any, connect: Any) -> None:
    service = Paged()
    client = await connect(serve(service).address)
    tasks = await client.take(None, "list", status="FAILURE", page_size=2, my_tasks=True)
    assert [each.task_id for each in tasks] == ["a", "b", "c", "d", "e"]
    assert [each.page_token for each in service.requests] == ["", "2", "3", "4"]
    assert {(each.status, each.page_size, each.my_tasks) for each in service.requests} == {(Task.FAILURE, 2, True)}


async def test_a_list_asks_for_no_page_before_it_is_needed(serve: Any, connect: Any) -> None:
    service = Paged()
    client = await connect(serve(service).address)
    assert len(await client.take(2, "list")) == 2
    assert len(service.requests) == 1


def test_a_list_can_be_walked_again_and_shows_its_pages(serve: Any) -> None:
    with task_manager.TaskClient(serve(Paged()).address) as client:
        pager = client.list()
        assert len(list(pager)) == len(list(pager)) == 5
        first = next(pager.pages)
        assert (first.total_size, first.watch_token) == (5, "w")


async def test_an_asynchronous_list_shows_its_pages(serve: Any) -> None:
    async with task_manager.AsyncTaskClient(serve(Paged()).address) as client:
        assert [page.total_size async for page in client.list().pages] == [5, 5, 5, 5]


def test_an_asynchronous_client_may_be_made_outside_of_the_loop_that_uses_it(serve: Any) -> None:
    import asyncio

    client = task_manager.AsyncTaskClient(serve(Recording()).address)

    async def use() -> Task:
        async with client:
            return await client.get("t1")

    assert asyncio.run(use()).task_id == "t1"


async def test_executions_are_run_again_by_id_or_by_filter(serve: Any, connect: Any) -> None:
    service = Recording()
    client = await connect(serve(service).address)

    assert (await client.call("rerun_executions", ["e1", "e2"])).count == 2
    assert (await client.call("rerun_executions", filter="x", validate_only=True, my_tasks=False)).count == 5

    named, matching = service.requests
    assert (list(named.ids), named.filter, named.HasField("my_tasks")) == (["e1", "e2"], "", False)
    assert (matching.filter, matching.validate_only, matching.HasField("my_tasks")) == ("x", True, True)


async def test_many_tasks_are_made_at_once_each_under_a_request_id(serve: Any, connect: Any) -> None:
    client = await connect(serve(Recording()).address)
    wanted = [
        requests.create_task("a", {"api_url": "https://example.com/"}, request_id="r1"),
        CreateTaskRequest(task=Task(name="b")),
    ]
    first, second = await client.call("batch_create_tasks", wanted)
    assert (first.task_id, first.name, second.name) == ("r1", "a", "b")
    assert second.task_id
    assert not wanted[1].request_id
