from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from client_harness import Servicer, refuse
from google.rpc.error_details_pb2 import BadRequest, RetryInfo

from task_manager import connection, recorder
from task_manager.connection import Connection
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import BatchReportExecutionsResponse, ExecutionStats
from task_manager.v1.lock_pb2 import Lock
from task_manager.v1.task_pb2 import FireTime, Task
from task_manager.v1.task_service_pb2 import (
    ExplainTaskResponse,
    ListTasksResponse,
    PreviewScheduleResponse,
    StopTasksResponse,
)
from task_manager.values import to_value

# ruff: noqa: N802 - gRPC's names

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


class Obliging(Servicer):
    """Every task has the result 5, but one without a name, which is refused; there is one lock."""

    lock = Lock()

    def CreateTask(self, request: Any, context: Any) -> Any:
        if not request.task.name:
            violation = BadRequest.FieldViolation(field="task.name", description="is empty")
            refuse(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "INVALID_FIELDS",
                BadRequest(field_violations=[violation]),
            )
        return Task(task_id="t1")

    def WatchTasks(self, request: Any, context: Any) -> Iterator[TaskEvent]:
        yield TaskEvent(type="ADDED", task=self.GetTask(request, context), watch_token="1")

    def GetTask(self, request: Any, context: Any) -> Any:
        task = Task(task_id=request.task_id, status="SUCCESS")
        task.last_execution.result.CopyFrom(to_value(5))
        return task

    def ListTasks(self, request: Any, context: Any) -> Any:
        return ListTasksResponse(tasks=[Task(task_id="t9", name="bad")])

    def PreviewSchedule(self, request: Any, context: Any) -> Any:
        return PreviewScheduleResponse(fire_times=[FireTime(local_time="2026-03-29T03:00:00+02:00", note="moved")])

    def UpdateTask(self, request: Any, context: Any) -> Any:
        return request.task

    def PauseTask(self, request: Any, context: Any) -> Any:
        return Task(task_id=request.task_id, status="PAUSED")

    def ResumeTask(self, request: Any, context: Any) -> Any:
        return Task(task_id=request.task_id, status="SCHEDULED")

    def ExplainTask(self, request: Any, context: Any) -> Any:
        return ExplainTaskResponse(cause="SCHEDULED", explanation="It waits for its next firing.")

    def StopTasks(self, request: Any, context: Any) -> Any:
        return StopTasksResponse(count=1)

    def RegisterExecution(self, request: Any, context: Any) -> Any:
        return TaskExecution(id="e1", task_id=request.task_id)

    def BatchReportExecutions(self, request: Any, context: Any) -> Any:
        assert "DE00" not in str(request)
        return BatchReportExecutionsResponse()

    def GetExecutionByTaskId(self, request: Any, context: Any) -> Any:
        found = TaskExecution(id="e1", task_id=request.task_id, status="SUCCESS", created_by_username="li")
        found.metadata.update({"source": "manual_trigger"})
        return found

    def GetExecutionStats(self, request: Any, context: Any) -> Any:
        return ExecutionStats(by_status={"SUCCESS": 1})

    def AcquireLock(self, request: Any, context: Any) -> Any:
        if self.lock.owner:
            refuse(context, grpc.StatusCode.ABORTED, "LOCK_HELD", RetryInfo(retry_delay={"seconds": 60}))
        number = self.lock.fencing_number + 1
        self.lock = Lock(name=request.name, owner=request.owner, fencing_number=number)
        return self.lock

    def ReleaseLock(self, request: Any, context: Any) -> Any:
        self.lock = Lock(name=request.name, fencing_number=self.lock.fencing_number)
        return self.lock

    def GetLock(self, request: Any, context: Any) -> Any:
        return self.lock


PRINTED = [
    "5\nt9 bad\n",
    "2026-03-29T03:00:00+02:00 moved\nIt waits for its next firing.\n1\n",
    "SUCCESS\n",
    "task.name is empty\n",
    "counting\nTrue 2 False\ntry again in 60.0 s\n",
    "SUCCESS li {'source': 'manual_trigger'}\n{'SUCCESS': 1}\n",
    "7\n",
    "",
]
NAMES = ["sync", "changes", "async", "errors", "locks", "django", "celery", "middleware"]


@pytest.mark.parametrize(("block", "printed"), list(zip(BLOCKS, PRINTED, strict=True)), ids=NAMES)
def test_what_the_readme_shows_runs(
    block: str, printed: str, serve: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", serve(Obliging()).address)
    for each in (connection, recorder):
        monkeypatch.setattr(each, "_connection", Connection())
    exec(compile(block, str(README), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == printed
    # What was shown is not to go on in other tests.
    assert recorder.default_recorder().flush(20)
