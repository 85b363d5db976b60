"""What each RPC asks of its caller: the one table, deny by default."""

from __future__ import annotations

from task_server.domain.errors import PermissionMissing
from task_server.domain.owner import Caller, Role

_PACKAGE = "task_manager.v1."
_EVERYBODY = frozenset(Role)
_ADMINS = frozenset({Role.ADMIN})

#: Method to (permission's name, roles that have it). A method that is not here is refused to everybody.
POLICY: dict[str, tuple[str, frozenset[Role]]] = {
    f"/{_PACKAGE}{method}": (permission, roles)
    for permission, roles, methods in (
        (
            "tasks.create",
            _EVERYBODY,
            ("TaskService/CreateTask", "TaskService/BatchCreateTasks", "TaskService/CreateScheduledTask"),
        ),
        (
            "tasks.read",
            _EVERYBODY,
            (
                "TaskService/GetTask",
                "TaskService/ListTasks",
                "TaskService/ListScheduledTasks",
                "TaskService/PreviewSchedule",
                "TaskService/GetTaskStats",
                "TaskService/WatchTasks",
                "TaskService/ExplainTask",
            ),
        ),
        ("tasks.update", _EVERYBODY, ("TaskService/UpdateTask",)),
        ("tasks.delete", _EVERYBODY, ("TaskService/DeleteTask",)),
        (
            "tasks.operate",
            _EVERYBODY,
            (
                "TaskService/StopTask",
                "TaskService/StopTasks",
                "TaskService/RunTask",
                "TaskService/PauseTask",
                "TaskService/ResumeTask",
                "TaskService/SyncTask",
            ),
        ),
        (
            "executions.read",
            _EVERYBODY,
            (
                "ExecutionService/ListExecutions",
                "ExecutionService/ListMyExecutions",
                "ExecutionService/GetExecution",
                "ExecutionService/GetExecutionByTaskId",
                "ExecutionService/GetExecutionStatus",
                "ExecutionService/GetExecutionStats",
                "ExecutionService/TailExecutionLogs",
            ),
        ),
        (
            "executions.register",
            _EVERYBODY,
            (
                "ExecutionService/RegisterExecution",
                "ExecutionService/BatchRegisterExecutions",
                "ExecutionService/UpdateExecutionStatus",
            ),
        ),
        ("executions.operate", _EVERYBODY, ("ExecutionService/SyncExecution", "ExecutionService/RerunExecutions")),
        (
            "locks.use",
            _EVERYBODY,
            ("LockService/AcquireLock", "LockService/RenewLock", "LockService/ReleaseLock", "LockService/GetLock"),
        ),
        (
            "admin",
            _ADMINS,
            (
                "AdminService/CreateToken",
                "AdminService/ListTokens",
                "AdminService/RevokeToken",
                "AdminService/ListAuditEvents",
                "AdminService/GetSystemStatus",
            ),
        ),
    )
    for method in methods
}


def authorize(caller: Caller, method: str) -> None:
    """Raise PermissionMissing unless the caller's role may call the method (`/package.Service/Method`)."""
    permission, roles = POLICY.get(method, (method, frozenset()))
    if caller.role not in roles:
        raise PermissionMissing(permission)
