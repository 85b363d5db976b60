"""The calls that the client makes: each with its types, and whether gRPC may repeat it.

The generated service stubs carry no types; these do, so that a request and its answer are checked against one another.
A test holds this table against the service descriptors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from task_manager.v1 import admin_service_pb2 as admin_service
from task_manager.v1 import execution_service_pb2 as execution_service
from task_manager.v1 import lock_service_pb2 as lock_service
from task_manager.v1 import task_service_pb2 as task_service
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.lock_pb2 import Lock
from task_manager.v1.system_status_pb2 import SystemStatus
from task_manager.v1.task_pb2 import Task

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True)
class Rpc(Generic[RequestT, ResponseT]):
    """One call of the contract."""

    service: str
    """The service's full name."""
    method: str
    """The method's name."""
    request: type[RequestT]
    """What it takes."""
    response: type[ResponseT]
    """What it answers with, or streams."""
    repeatable: bool = False
    """True where a second try can do no harm: reads, what has a `request_id`, and what is idempotent by itself."""

    @property
    def path(self) -> str:
        """The method as gRPC names it on the wire."""
        return f"/{self.service}/{self.method}"


_TASKS = "task_manager.v1.TaskService"
_EXECUTIONS = "task_manager.v1.ExecutionService"
_LOCKS = "task_manager.v1.LockService"
_ADMIN = "task_manager.v1.AdminService"

CREATE_TASK = Rpc(_TASKS, "CreateTask", task_service.CreateTaskRequest, Task, repeatable=True)
BATCH_CREATE_TASKS = Rpc(
    _TASKS,
    "BatchCreateTasks",
    task_service.BatchCreateTasksRequest,
    task_service.BatchCreateTasksResponse,
    repeatable=True,
)
GET_TASK = Rpc(_TASKS, "GetTask", task_service.GetTaskRequest, Task, repeatable=True)
LIST_TASKS = Rpc(_TASKS, "ListTasks", task_service.ListTasksRequest, task_service.ListTasksResponse, repeatable=True)
LIST_SCHEDULED_TASKS = Rpc(
    _TASKS,
    "ListScheduledTasks",
    task_service.ListScheduledTasksRequest,
    task_service.ListScheduledTasksResponse,
    repeatable=True,
)
UPDATE_TASK = Rpc(_TASKS, "UpdateTask", task_service.UpdateTaskRequest, Task)
STOP_TASK = Rpc(_TASKS, "StopTask", task_service.StopTaskRequest, task_service.StopTaskResponse)
STOP_TASKS = Rpc(_TASKS, "StopTasks", task_service.StopTasksRequest, task_service.StopTasksResponse)
DELETE_TASK = Rpc(_TASKS, "DeleteTask", task_service.DeleteTaskRequest, Empty)
RUN_TASK = Rpc(_TASKS, "RunTask", task_service.RunTaskRequest, Task, repeatable=True)
SYNC_TASK = Rpc(_TASKS, "SyncTask", task_service.SyncTaskRequest, Task)
PAUSE_TASK = Rpc(_TASKS, "PauseTask", task_service.PauseTaskRequest, Task)
RESUME_TASK = Rpc(_TASKS, "ResumeTask", task_service.ResumeTaskRequest, Task)
PREVIEW_SCHEDULE = Rpc(
    _TASKS,
    "PreviewSchedule",
    task_service.PreviewScheduleRequest,
    task_service.PreviewScheduleResponse,
    repeatable=True,
)
GET_TASK_STATS = Rpc(_TASKS, "GetTaskStats", task_service.GetTaskStatsRequest, task_service.TaskStats, repeatable=True)
WATCH_TASKS = Rpc(_TASKS, "WatchTasks", task_service.WatchTasksRequest, TaskEvent)
EXPLAIN_TASK = Rpc(
    _TASKS, "ExplainTask", task_service.ExplainTaskRequest, task_service.ExplainTaskResponse, repeatable=True
)
GET_EXECUTION = Rpc(_EXECUTIONS, "GetExecution", execution_service.GetExecutionRequest, TaskExecution, repeatable=True)
GET_EXECUTION_STATUS = Rpc(
    _EXECUTIONS,
    "GetExecutionStatus",
    execution_service.GetExecutionStatusRequest,
    execution_service.ExecutionStatus,
    repeatable=True,
)
LIST_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "ListExecutions",
    execution_service.ListExecutionsRequest,
    execution_service.ListExecutionsResponse,
    repeatable=True,
)
RERUN_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "RerunExecutions",
    execution_service.RerunExecutionsRequest,
    execution_service.RerunExecutionsResponse,
    repeatable=True,
)
TAIL_EXECUTION_LOGS = Rpc(
    _EXECUTIONS,
    "TailExecutionLogs",
    execution_service.TailExecutionLogsRequest,
    execution_service.ExecutionLogChunk,
)
REGISTER_EXECUTION = Rpc(
    _EXECUTIONS, "RegisterExecution", execution_service.RegisterExecutionRequest, TaskExecution, repeatable=True
)
BATCH_REGISTER_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "BatchRegisterExecutions",
    execution_service.BatchRegisterExecutionsRequest,
    execution_service.BatchRegisterExecutionsResponse,
    repeatable=True,
)
BATCH_REPORT_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "BatchReportExecutions",
    execution_service.BatchReportExecutionsRequest,
    execution_service.BatchReportExecutionsResponse,
    repeatable=True,
)
UPDATE_EXECUTION_STATUS = Rpc(
    _EXECUTIONS, "UpdateExecutionStatus", execution_service.UpdateExecutionStatusRequest, TaskExecution
)
# Not repeated: that a result backend is away is UNAVAILABLE too, and would be waited for.
SYNC_EXECUTION = Rpc(_EXECUTIONS, "SyncExecution", execution_service.SyncExecutionRequest, TaskExecution)
SYNC_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "SyncExecutions",
    execution_service.SyncExecutionsRequest,
    execution_service.SyncExecutionsResponse,
)
GET_EXECUTION_BY_TASK_ID = Rpc(
    _EXECUTIONS,
    "GetExecutionByTaskId",
    execution_service.GetExecutionByTaskIdRequest,
    TaskExecution,
    repeatable=True,
)
LIST_MY_EXECUTIONS = Rpc(
    _EXECUTIONS,
    "ListMyExecutions",
    execution_service.ListMyExecutionsRequest,
    execution_service.ListMyExecutionsResponse,
    repeatable=True,
)
GET_EXECUTION_STATS = Rpc(
    _EXECUTIONS,
    "GetExecutionStats",
    execution_service.GetExecutionStatsRequest,
    execution_service.ExecutionStats,
    repeatable=True,
)

# The same owner gets the same lock again, and to renew or release twice is as once.
ACQUIRE_LOCK = Rpc(_LOCKS, "AcquireLock", lock_service.AcquireLockRequest, Lock, repeatable=True)
RENEW_LOCK = Rpc(_LOCKS, "RenewLock", lock_service.RenewLockRequest, Lock, repeatable=True)
RELEASE_LOCK = Rpc(_LOCKS, "ReleaseLock", lock_service.ReleaseLockRequest, Lock, repeatable=True)
GET_LOCK = Rpc(_LOCKS, "GetLock", lock_service.GetLockRequest, Lock, repeatable=True)

CREATE_TOKEN = Rpc(_ADMIN, "CreateToken", admin_service.CreateTokenRequest, admin_service.CreateTokenResponse)
LIST_TOKENS = Rpc(
    _ADMIN, "ListTokens", admin_service.ListTokensRequest, admin_service.ListTokensResponse, repeatable=True
)
REVOKE_TOKEN = Rpc(_ADMIN, "RevokeToken", admin_service.RevokeTokenRequest, admin_service.RevokeTokenResponse)
GET_SYSTEM_STATUS = Rpc(_ADMIN, "GetSystemStatus", admin_service.GetSystemStatusRequest, SystemStatus, repeatable=True)

ALL: tuple[Rpc[Message, Message], ...] = tuple(each for each in list(globals().values()) if isinstance(each, Rpc))
"""Every call of this module."""


def service_config() -> str:
    """The gRPC service config, as JSON: repeats what is repeatable, up to 5 times within about 3 s, while unavailable.

    CANCELLED is how gRPC ends, at a server that stops, a call which has not begun; one that the caller cancels is not repeated.

    Streams are not in it: `streams` opens them again where they broke, which gRPC can not.
    """
    policy = {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "backoffMultiplier": 3,
        "maxBackoff": "2s",
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    names = [{"service": each.service, "method": each.method} for each in ALL if each.repeatable]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}]})
