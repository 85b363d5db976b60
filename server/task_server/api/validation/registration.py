"""RegisterExecution and BatchRegisterExecutions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from task_manager.v1 import execution_service_pb2
from task_server.api.validation import listing
from task_server.api.validation.violations import Violations
from task_server.api.values import from_list, from_struct
from task_server.domain.owner import Caller, Owner
from task_server.domain.registration import MAX_METADATA_BYTES, Registration
from task_server.domain.status import ExecutionStatus

M = TypeVar("M")
T = TypeVar("T")

#: As many characters as Celery's own result tables keep of an id and of a name.
_MAX_CELERY = 155
_MAX_NAME = 200
_MAX_APP = 100
_MAX_ARGUMENT_BYTES = 256 * 1024
#: The texts, and how many characters each may have.
_LONGEST = {
    "task_id": _MAX_CELERY,
    "task_name": _MAX_CELERY,
    "module": _MAX_NAME,
    "created_by": _MAX_NAME,
    "created_by_username": _MAX_NAME,
    "app": _MAX_APP,
}
#: How many runs one request may have.
MOST = 1000


def validate_registration(
    request: execution_service_pb2.RegisterExecutionRequest, caller: Caller, violations: Violations
) -> Registration:
    """The registration in a request. Raises InvalidFields with all that is wrong."""
    registration = check_registration(request, caller, violations)
    violations.raise_any()
    return registration


def validate_registrations(
    request: execution_service_pb2.BatchRegisterExecutionsRequest, caller: Caller
) -> list[Registration]:
    """The registrations in a request. Raises InvalidFields with all that is wrong in any of them."""
    return validate_each("requests", request.requests, lambda each, found: check_registration(each, caller, found))


def validate_each(field: str, messages: Sequence[M], check: Callable[[M, Violations], T]) -> list[T]:
    """What `check` makes of each message in a field. Raises InvalidFields with all that is wrong in them and in their number."""
    violations = Violations()
    if not 1 <= len(messages) <= MOST:
        violations.add(field, f"must have 1 to {MOST:,} entries, not {len(messages):,}")
    found = [check(message, violations.within(f"{field}[{index}]")) for index, message in enumerate(messages[:MOST])]
    violations.raise_any()
    return found


def check_registration(
    request: execution_service_pb2.RegisterExecutionRequest,
    caller: Caller,
    violations: Violations,
    required: tuple[str, ...] = ("task_id", "task_name", "module"),
) -> Registration:
    """The registration in a request, with a violation for each field of it that is wrong."""
    for field, longest in _LONGEST.items():
        value = getattr(request, field)
        if field in required and not value.strip():
            violations.add(field, "is required")
        violations.check_length(field, value, longest)
    if request.created_by and not request.created_by.strip():
        violations.add("created_by", "must be the id of a user; leave it out for your own")
    status = listing.check_execution_status(request.initial_status, violations, "initial_status")
    return Registration(
        task_id=request.task_id,
        task_name=request.task_name,
        module=request.module,
        owner=_owner(request, caller),
        status=status or ExecutionStatus.PENDING,
        args=_json("task_args", request, from_list, [], _MAX_ARGUMENT_BYTES, violations),
        kwargs=_json("task_kwargs", request, from_struct, {}, _MAX_ARGUMENT_BYTES, violations),
        metadata=check_metadata(request, violations),
        app=request.app,
    )


def check_metadata(request: Any, violations: Violations) -> dict[str, Any]:
    """The metadata in a request, with a violation where it is wrong."""
    metadata: dict[str, Any] = _json("metadata", request, from_struct, {}, MAX_METADATA_BYTES, violations)
    return metadata


def _owner(request: execution_service_pb2.RegisterExecutionRequest, caller: Caller) -> Owner:
    if request.created_by in ("", caller.owner.id):
        return caller.owner
    return Owner(request.created_by, request.created_by_username or request.created_by)


def _json(field: str, request: Any, read: Callable[[Any], Any], default: Any, most: int, violations: Violations) -> Any:
    if not request.HasField(field):
        return default
    try:
        value = read(getattr(request, field))
    except ValueError as error:
        violations.add(field, str(error))
        return default
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > most:
        violations.add(field, f"must be at most {most:,} bytes as JSON, not {size:,}")
    return value
