"""What each RPC asks of its caller: two tables, deny by default. Beside them only `Caller.sees_all` looks at a role."""

from __future__ import annotations

from task_server.domain.errors import PermissionMissing, RpcNotImplemented
from task_server.domain.owner import Caller, Grant, Role

#: What needs no caller: whether the service is well, and what the public protos say.
OPEN = frozenset(
    {
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/List",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
)

_VIEWERS = frozenset(Role)
_OPERATORS = _VIEWERS - {Role.VIEWER}
_EDITORS = _OPERATORS - {Role.OPERATOR}
_ADMINS = frozenset({Role.ADMIN})

#: To see, and do to, what belongs to others. Asked for by what a request says, as `my_tasks=false`.
VIEW_ALL = "tasks.view_all"

#: Permission to the roles that have it.
PERMISSIONS: dict[str, frozenset[Role]] = {
    "tasks.read": _VIEWERS,
    "executions.read": _VIEWERS,
    "locks.read": _VIEWERS,
    "tasks.operate": _OPERATORS,
    "executions.operate": _OPERATORS,
    "tasks.create": _EDITORS,
    "tasks.update": _EDITORS,
    "tasks.delete": _EDITORS,
    "executions.register": _EDITORS,
    "locks.use": _EDITORS,
    VIEW_ALL: _ADMINS,
    "admin": _ADMINS,
}

_METHODS: dict[str, tuple[str, ...]] = {
    "tasks.read": (
        "TaskService/GetTask",
        "TaskService/ListTasks",
        "TaskService/ListScheduledTasks",
        "TaskService/PreviewSchedule",
        "TaskService/GetTaskStats",
        "TaskService/WatchTasks",
        "TaskService/ExplainTask",
    ),
    "tasks.operate": (
        "TaskService/StopTask",
        "TaskService/StopTasks",
        "TaskService/RunTask",
        "TaskService/PauseTask",
        "TaskService/ResumeTask",
        "TaskService/SyncTask",
    ),
    "tasks.create": ("TaskService/CreateTask", "TaskService/BatchCreateTasks", "TaskService/CreateScheduledTask"),
    "tasks.update": ("TaskService/UpdateTask",),
    "tasks.delete": ("TaskService/DeleteTask",),
    "executions.read": (
        "ExecutionService/ListExecutions",
        "ExecutionService/ListMyExecutions",
        "ExecutionService/GetExecution",
        "ExecutionService/GetExecutionByTaskId",
        "ExecutionService/GetExecutionStatus",
        "ExecutionService/GetExecutionStats",
        "ExecutionService/TailExecutionLogs",
    ),
    "executions.operate": (
        "ExecutionService/SyncExecution",
        "ExecutionService/SyncExecutions",
        "ExecutionService/RerunExecutions",
    ),
    "executions.register": (
        "ExecutionService/RegisterExecution",
        "ExecutionService/BatchRegisterExecutions",
        "ExecutionService/BatchReportExecutions",
        "ExecutionService/UpdateExecutionStatus",
    ),
    "locks.read": ("LockService/GetLock",),
    "locks.use": ("LockService/AcquireLock", "LockService/RenewLock", "LockService/ReleaseLock"),
    "admin": (
        "AdminService/CreateToken",
        "AdminService/ListTokens",
        "AdminService/RevokeToken",
        "AdminService/ListAuditEvents",
        "AdminService/GetSystemStatus",
    ),
}

#: Method (`/package.Service/Method`) to the permission that it takes. One that is not here is served to nobody.
POLICY: dict[str, str] = {
    f"/task_manager.v1.{method}": permission for permission, methods in _METHODS.items() for method in methods
}


def authorize(caller: Caller, method: str) -> None:
    """Raise PermissionMissing unless the caller's role may call the method, RpcNotImplemented where there is no such method."""
    permission = POLICY.get(method)
    if permission is None:
        raise RpcNotImplemented(method.removeprefix("/"))
    if caller.role not in PERMISSIONS[permission]:
        raise missing(permission)


def require(caller: Caller, grant: Grant) -> None:
    """Raise PermissionMissing unless the caller was given the grant."""
    if grant not in caller.grants:
        raise PermissionMissing(grant.value, "that grant")


def missing(permission: str) -> PermissionMissing:
    """The error of a caller whose role does not have the permission: it names the least role that has."""
    least = next(role for role in Role if role in PERMISSIONS[permission])
    return PermissionMissing(permission, f"the role {least}")
