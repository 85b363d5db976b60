"""The Python client of Task Manager: `TaskClient` for threads, `AsyncTaskClient` for asyncio, one exception per reason."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from task_manager.aio import AsyncTaskClient
    from task_manager.client import TaskClient
    from task_manager.errors import (
        CodeCheckerUnavailable,
        DatabaseUnavailable,
        DeadlineExceeded,
        DeadlinePassed,
        EtagMismatch,
        ExecutionForeign,
        ExecutionNotForeign,
        ExecutionNotFound,
        FieldViolation,
        InternalDefect,
        InvalidCredentials,
        InvalidFields,
        InvalidPageToken,
        InvalidWatchToken,
        LockHeld,
        LockLost,
        NoResultBackend,
        PermissionMissing,
        QuotaExceeded,
        RateLimited,
        RequestIdReused,
        ResultBackendUnavailable,
        RpcNotImplemented,
        SealingUnavailable,
        ServerBusy,
        ServerStopping,
        ServerUnreachable,
        TaskEnded,
        TaskManagerError,
        TaskNeverEnds,
        TaskNeverRan,
        TaskNotFound,
        TaskStarted,
        TokenNotFound,
        TooManyStreams,
        Unavailable,
        WaitTimeout,
        WatcherTooSlow,
        WatchTokenExpired,
    )
    from task_manager.locks import is_task_locked, task_lock
    from task_manager.pages import AsyncPager, Pager
    from task_manager.values import to_python

__all__ = [
    "AsyncPager",
    "AsyncTaskClient",
    "CodeCheckerUnavailable",
    "DatabaseUnavailable",
    "DeadlineExceeded",
    "DeadlinePassed",
    "EtagMismatch",
    "ExecutionForeign",
    "ExecutionNotForeign",
    "ExecutionNotFound",
    "FieldViolation",
    "InternalDefect",
    "InvalidCredentials",
    "InvalidFields",
    "InvalidPageToken",
    "InvalidWatchToken",
    "LockHeld",
    "LockLost",
    "NoResultBackend",
    "Pager",
    "PermissionMissing",
    "QuotaExceeded",
    "RateLimited",
    "RequestIdReused",
    "ResultBackendUnavailable",
    "RpcNotImplemented",
    "SealingUnavailable",
    "ServerBusy",
    "ServerStopping",
    "ServerUnreachable",
    "TaskClient",
    "TaskEnded",
    "TaskManagerError",
    "TaskNeverEnds",
    "TaskNeverRan",
    "TaskNotFound",
    "TaskStarted",
    "TokenNotFound",
    "TooManyStreams",
    "Unavailable",
    "WaitTimeout",
    "WatchTokenExpired",
    "WatcherTooSlow",
    "is_task_locked",
    "task_lock",
    "to_python",
]

_HOMES = {
    "AsyncPager": "pages",
    "AsyncTaskClient": "aio",
    "Pager": "pages",
    "TaskClient": "client",
    "is_task_locked": "locks",
    "task_lock": "locks",
    "to_python": "values",
}


def __getattr__(name: str) -> Any:
    # The server and the gateway import only `task_manager.v1`; they must not pay for the client.
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
