"""UpdateTask: a stored task with the fields of a mask as the request has them (AIP-134, AIP-161)."""

from __future__ import annotations

from collections.abc import Iterable

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.field_behavior import output_only
from task_server.api.validation.action import CODE_FIELDS, HTTP_FIELDS
from task_server.api.validation.mask_path import PathError, copy_json, copy_path, is_json, read_path
from task_server.api.validation.places import KEY_FIELDS
from task_server.api.validation.schedule import CRON_FIELDS
from task_server.api.validation.violations import Violations

_ALL = "*"
#: Nobody is shown what is in it. Whoever sends back what was read has it empty, and so leaves it as it is.
_SECRETS = "secrets"
#: More than all fields, and all keys that a task's JSON values may reasonably have.
_MAX_PATHS = 1000
#: What a caller may send back as it came, and what says nothing of what a task is to do.
_IGNORED = output_only(task_pb2.Task.DESCRIPTOR) | {"etag"}
#: What belongs to each member of the oneofs, and goes with it when another one takes its place.
_COMPANIONS = {
    "function_code": CODE_FIELDS,
    "api_url": HTTP_FIELDS,
    "celery_task": ("task_args", "task_kwargs"),
    "cron_expression": CRON_FIELDS,
}


def merged(stored: task_pb2.Task, request: task_service_pb2.UpdateTaskRequest, violations: Violations) -> task_pb2.Task:
    """The task as it is to be, not yet checked itself. Raises InvalidFields where the mask is wrong.

    An empty mask stands for all fields that are set in the request, `*` for all fields there are.
    """
    paths = list(request.update_mask.paths)
    if paths == [_ALL]:
        task = _without(request.task, _IGNORED)
        if task.WhichOneof("action") == "api_url" and not task.secrets:
            task.secrets.MergeFrom(stored.secrets)
        return task
    result = _without(stored, {*_IGNORED, "task_type"})  # the type follows from the schedule
    if paths:
        named = _copy(result, request.task, paths, violations)
        if _SECRETS in paths and not request.task.secrets:
            result.secrets.MergeFrom(stored.secrets)
            named.discard(_SECRETS)
    else:
        named = {field.name for field, _ in request.task.ListFields()} - _IGNORED
        for name in named:
            copy_path(result, request.task, [name])
    violations.raise_any()
    for choice in ("action", "schedule"):
        before = stored.WhichOneof(choice)
        if before != result.WhichOneof(choice):
            for companion in set(_COMPANIONS.get(before or "", ())) - named:
                result.ClearField(companion)
    if not result.concurrency_key:
        result = _without(result, set(KEY_FIELDS) - named)
    return result


def _copy(target: task_pb2.Task, source: task_pb2.Task, paths: list[str], violations: Violations) -> set[str]:
    """Copy what the paths name; return the fields that they begin with."""
    if len(paths) > _MAX_PATHS:
        violations.add("update_mask.paths", f"must have at most {_MAX_PATHS:,}, not {len(paths):,}")
        return set()
    named: set[str] = set()
    within_json: dict[str, list[list[str]]] = {}
    for index, path in enumerate(paths):
        field = f"update_mask.paths[{index}]"
        if path == _ALL:
            violations.add(field, "'*' means all fields, so it stands alone")
            continue
        try:
            names = read_path(path)
            if names[0] in _IGNORED:
                continue
            named.add(names[0])
            if len(names) > 1 and is_json(target, names[0]):
                within_json.setdefault(names[0], []).append(names[1:])
            else:
                copy_path(target, source, names)
        except PathError as error:
            violations.add(field, str(error))
    for name, within in within_json.items():
        try:
            copy_json(target, source, name, within)
        except ValueError as error:
            violations.add(f"task.{name}", str(error))
    return named


def _without(task: task_pb2.Task, fields: Iterable[str]) -> task_pb2.Task:
    result = task_pb2.Task()
    result.CopyFrom(task)
    for field in fields:
        result.ClearField(field)
    return result
