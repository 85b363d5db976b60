"""From what a view or a task has at hand to what the service takes: users, arguments of any type, statuses, errors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypedDict

from task_manager.readable import fitting, readable, text
from task_manager.reports import RegisterFields
from task_manager.v1.execution_pb2 import TaskExecution

# The contract's limits, less what protobuf's way of writing JSON may add.
_ARGUMENT_BYTES = 250 * 1024
_METADATA_BYTES = 62 * 1024
_RESULT_BYTES = 1000 * 1024
_ERROR_LENGTH = 4096
_TRACEBACK_BYTES = 64 * 1024


class Outcome(TypedDict, total=False):
    """What is told of a run beside its status."""

    result: Any
    error: str
    traceback: str
    metadata: dict[str, Any]


def creator(user: object) -> tuple[str, str]:
    """Id and name of `user`: a Django user, or an id. ("", "") for None and for somebody who is not logged in.

    Raises what the user's attributes raise: a lazy one is read from the database now.
    """
    if user is None or not getattr(user, "is_authenticated", True):
        return "", ""
    if not hasattr(user, "pk"):
        return text(user), ""
    if user.pk is None:
        return "", ""
    return text(user.pk), text(user.get_username() if hasattr(user, "get_username") else getattr(user, "username", ""))


def run(
    *,
    task_id: object,
    task_name: object,
    module: object,
    task_args: object,
    task_kwargs: object,
    created_by: object,
    metadata: object,
    initial_status: object,
) -> RegisterFields:
    """What is recorded of a run. Raises as `creator` and `status` do."""
    owner_id, owner_name = creator(created_by)
    return RegisterFields(
        task_id=text(task_id),
        task_name=text(task_name),
        module=text(module),
        task_args=fitting(_list(task_args), _ARGUMENT_BYTES),
        task_kwargs=fitting(_dict(task_kwargs), _ARGUMENT_BYTES),
        created_by=owner_id,
        created_by_username=owner_name,
        metadata=fitting(_dict(metadata), _METADATA_BYTES),
        initial_status=status(initial_status),
    )


def status(word: object) -> str:
    """A status of the contract. Celery's RECEIVED is PENDING: no process has begun it. Raises ValueError for another word."""
    known = text(word).upper()
    if known == "RECEIVED":
        return "PENDING"
    if known not in TaskExecution.Status.keys() or known == "STATUS_UNSPECIFIED":  # noqa: SIM118 - no dict
        message = f"status: {known!r} is none of PENDING, STARTED, SUCCESS, FAILURE, RETRY and REVOKED"
        raise ValueError(message)
    return known


def outcome(result: object, error: object, traceback: object, metadata: object) -> Outcome:
    """What is told of a run beside its status; None is left out. The end of a traceback is what is kept of a long one."""
    fields = Outcome()
    if result is not None:
        fields["result"] = fitting(readable(result), _RESULT_BYTES)
    if error:
        fields["error"] = text(error)[:_ERROR_LENGTH]
    if traceback:
        fields["traceback"] = text(traceback).encode()[-_TRACEBACK_BYTES:].decode(errors="ignore")
    if metadata:
        fields["metadata"] = fitting(_dict(metadata), _METADATA_BYTES)
    return fields


def day_or_time(value: Any) -> str | date | None:
    """A date, a time or its text; a time without zone, as projects without USE_TZ have it, is one of this machine's zone."""
    if isinstance(value, datetime) and value.utcoffset() is None:
        return value.astimezone()
    return value  # type: ignore[no-any-return]


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    told = readable(list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | dict) else value)
    return told if isinstance(told, list) else [told]


def _dict(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    told = readable(value)
    return told if isinstance(told, dict) else {"": told}
