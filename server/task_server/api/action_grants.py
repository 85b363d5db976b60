"""The grant that it takes to make or change what a task does, told from the request alone: before anything is looked up."""

from __future__ import annotations

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.validation.action import CODE_FIELDS, HTTP_FIELDS
from task_server.api.validation.mask_path import PathError, read_path
from task_server.auth.policy import require
from task_server.domain.owner import Caller, Grant

_FIELDS = {
    Grant.CREATE_CODE: {"function_code", *CODE_FIELDS},
    Grant.CREATE_API: {"api_url", *HTTP_FIELDS},
}


def require_to_create(caller: Caller, *tasks: task_pb2.Task) -> None:
    """Raise PermissionMissing unless the caller may make tasks with these actions."""
    _require(caller, {name for task in tasks for name in _present(task)})


def require_to_update(caller: Caller, request: task_service_pb2.UpdateTaskRequest) -> None:
    """Raise PermissionMissing unless the caller may change of an action what the request names.

    A field counts by being named, whether it would change anything or not: what is stored is not looked at.
    """
    paths = list(request.update_mask.paths)
    named = {_first(path) for path in paths}
    if not paths or "*" in paths:
        named |= _present(request.task)
    _require(caller, named)


def _require(caller: Caller, named: set[str]) -> None:
    for grant, fields in _FIELDS.items():
        if named & fields:
            require(caller, grant)


def _present(task: task_pb2.Task) -> set[str]:
    return {field.name for field, _ in task.ListFields()}


def _first(path: str) -> str:
    try:
        return read_path(path)[0]
    except PathError:
        return ""  # it names nothing, and will be said to be wrong
