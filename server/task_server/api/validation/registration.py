"""RegisterExecution."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from task_manager.v1 import execution_service_pb2
from task_server.api.validation import listing
from task_server.api.validation.violations import Violations
from task_server.api.values import from_list, from_struct
from task_server.domain.owner import Caller, Owner
from task_server.domain.registration import Registration
from task_server.domain.status import ExecutionStatus

#: As many characters as Celery's own result tables keep of an id and of a name.
_MAX_CELERY = 155
_MAX_NAME = 200
_MAX_ARGUMENT_BYTES = 256 * 1024
_MAX_METADATA_BYTES = 64 * 1024


def validate_registration(
    request: execution_service_pb2.RegisterExecutionRequest, caller: Caller, violations: Violations
) -> Registration:
    """The registration in a request. Raises InvalidFields with all that is wrong."""
    for field, longest in (("task_id", _MAX_CELERY), ("task_name", _MAX_CELERY), ("module", _MAX_NAME)):
        value = getattr(request, field)
        if not value.strip():
            violations.add(field, "is required")
        violations.check_length(field, value, longest)
    violations.check_length("created_by", request.created_by, _MAX_NAME)
    if request.created_by and not request.created_by.strip():
        violations.add("created_by", "must be the id of a user; leave it out for your own")
    status = listing.check_execution_status(request.initial_status, violations, "initial_status")
    args = _json("task_args", lambda: from_list(request.task_args), [], _MAX_ARGUMENT_BYTES, violations)
    kwargs = _json("task_kwargs", lambda: from_struct(request.task_kwargs), {}, _MAX_ARGUMENT_BYTES, violations)
    metadata = _json("metadata", lambda: from_struct(request.metadata), {}, _MAX_METADATA_BYTES, violations)
    violations.raise_any()
    is_own = request.created_by in ("", caller.owner.id)
    return Registration(
        task_id=request.task_id,
        task_name=request.task_name,
        module=request.module,
        owner=caller.owner if is_own else Owner(request.created_by, request.created_by),
        status=status or ExecutionStatus.PENDING,
        args=args,
        kwargs=kwargs,
        metadata=metadata,
    )


def _json(field: str, read: Callable[[], Any], default: Any, most: int, violations: Violations) -> Any:
    try:
        value = read()
    except ValueError as error:
        violations.add(field, str(error))
        return default
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > most:
        violations.add(field, f"must be at most {most:,} bytes as JSON, not {size:,}")
    return value
