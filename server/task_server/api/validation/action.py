"""What a task is to do: the `action` of a Task and its companions."""

from __future__ import annotations

import base64
import json
import keyword
from typing import Any

from task_manager.v1 import task_pb2
from task_server.api.validation.assertions import validate_assertions
from task_server.api.validation.violations import Violations
from task_server.api.values import from_list, from_struct, from_value
from task_server.domain.actions import MAX_CODE_BYTES, Action, CodeAction, HttpAction
from task_server.executors.request_rules import check_headers, check_method, check_params, check_url

_MAX_BODY_BYTES = 256 * 1024
#: As many as there are from 200 to 599.
_MAX_STATUSES = 400
SECRET_FIELDS = ("secret_headers", "secrets")
#: What belongs to each action, and to no other.
CODE_FIELDS = ("function_name", "task_args", "task_kwargs")
HTTP_FIELDS = (
    *("method", "headers", "params", "data", "raw_body", "expected_status", "response_assertions"),
    *SECRET_FIELDS,
)


def validate_action(task: task_pb2.Task, path: str, violations: Violations) -> Action | None:
    """The action of a task, None where something is wrong with it. The code itself is checked elsewhere."""
    kind = task.WhichOneof("action")
    match kind:
        case "function_code":
            others = tuple(name for name in HTTP_FIELDS if name not in SECRET_FIELDS)
            _refuse(task, path, others, "belongs to api_url; leave it out with function_code", violations)
            _refuse(
                task,
                path,
                SECRET_FIELDS,
                "belongs to api_url: code can not keep a secret, since it could print it; leave it out with function_code",
                violations,
            )
            return _code(task, path, violations)
        case "api_url":
            _refuse(task, path, CODE_FIELDS, "belongs to function_code; leave it out with api_url", violations)
            return _http(task, path, violations)
        case "celery_task":
            violations.add(f"{path}.celery_task", "is not served yet; use function_code or api_url")
        case _:
            violations.add(f"{path}.function_code", "give what to run: function_code with function_name, or api_url")
    return None


def _refuse(task: task_pb2.Task, path: str, fields: tuple[str, ...], description: str, violations: Violations) -> None:
    present = {field.name for field, _ in task.ListFields()}
    for field in fields:
        if field in present:
            violations.add(f"{path}.{field}", description)


def _code(task: task_pb2.Task, path: str, violations: Violations) -> CodeAction:
    size = len(task.function_code.encode())
    if not task.function_code.strip():
        violations.add(f"{path}.function_code", "must not be empty; write Python that defines function_name")
    if size > MAX_CODE_BYTES:
        violations.add(f"{path}.function_code", f"must be at most {MAX_CODE_BYTES:,} bytes, not {size:,}")
    name = task.function_name
    if not name:
        violations.add(f"{path}.function_name", "is required with function_code: the function to call")
    elif not name.isidentifier() or keyword.iskeyword(name):
        violations.add(f"{path}.function_name", f"must be a Python identifier, not {name[:100]!r}")
    return CodeAction(
        function_code=task.function_code,
        function_name=name,
        args=_json(f"{path}.task_args", lambda: from_list(task.task_args), [], violations),
        kwargs=_json(f"{path}.task_kwargs", lambda: from_struct(task.task_kwargs), {}, violations),
    )


def _http(task: task_pb2.Task, path: str, violations: Violations) -> HttpAction:
    method = task.method or "GET"
    params: dict[str, Any] = _json(f"{path}.params", lambda: from_struct(task.params), {}, violations)
    for field, wrong in (
        ("api_url", check_url(task.api_url)),
        ("method", check_method(method)),
        ("headers", check_headers(task.headers)),
        ("params", check_params(params)),
    ):
        if wrong:
            violations.add(f"{path}.{field}", wrong)
    if len(task.expected_status) > _MAX_STATUSES:
        violations.add(
            f"{path}.expected_status", f"must have at most {_MAX_STATUSES}, not {len(task.expected_status):,}"
        )
    for index, status in enumerate(task.expected_status[:_MAX_STATUSES]):
        if not 200 <= status <= 599:
            violations.add(f"{path}.expected_status[{index}]", f"must be from 200 to 599, not {status}")
    has_data = task.HasField("data")
    if has_data and task.raw_body:
        violations.add(f"{path}.raw_body", "give data or raw_body, not both")
    data = _json(f"{path}.data", lambda: from_value(task.data), None, violations) if has_data else None
    size = max(len(task.raw_body), len(json.dumps(data, ensure_ascii=False).encode()) if has_data else 0)
    if size > _MAX_BODY_BYTES:
        field = "data" if has_data else "raw_body"
        violations.add(f"{path}.{field}", f"must be at most {_MAX_BODY_BYTES:,} bytes, not {size:,}")
    return HttpAction(
        url=task.api_url,
        method=method,
        headers=dict(task.headers),
        params=params,
        data=data,
        has_data=has_data,
        raw_body_base64=base64.b64encode(task.raw_body).decode(),
        expected_status=tuple(task.expected_status),
        response_assertions=validate_assertions(task, path, violations),
    )


def _json(field: str, read: Any, default: Any, violations: Violations) -> Any:
    try:
        return read()
    except ValueError as error:
        violations.add(field, str(error))
        return default
