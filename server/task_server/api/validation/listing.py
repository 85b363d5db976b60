"""Filters and pages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from task_manager.v1 import execution_pb2, task_pb2
from task_server.api.validation.violations import Violations
from task_server.auth.signing import Signer
from task_server.domain import days, listing
from task_server.domain.clock import Micros
from task_server.domain.errors import InvalidPageToken
from task_server.domain.owner import Caller
from task_server.domain.schedule import TaskType
from task_server.domain.status import ExecutionStatus, TaskStatus


def check_page_size(requested: int, violations: Violations, *, full: bool) -> int:
    """How many rows the page holds; a violation for a negative number."""
    if requested < 0:
        violations.add("page_size", "must not be negative; 0 means 50")
    return listing.page_size(max(requested, 0), full=full)


def check_view(view: int, default: int, violations: Violations) -> bool:
    """Whether everything was asked for."""
    if view not in (0, task_pb2.BASIC, task_pb2.FULL):
        violations.add("view", "must be BASIC or FULL")
    return (view or default) == task_pb2.FULL


def check_task_status(value: int, violations: Violations) -> TaskStatus | None:
    """The status in a filter, None for any."""
    if value in task_pb2.Task.Status.values():
        return TaskStatus(task_pb2.Task.Status.Name(value)) if value else None
    violations.add("status", f"must be one of {', '.join(TaskStatus)}")
    return None


def check_execution_status(value: int, violations: Violations, field: str = "status") -> ExecutionStatus | None:
    """The status in a field, None where it has none."""
    if value in execution_pb2.TaskExecution.Status.values():
        return ExecutionStatus(execution_pb2.TaskExecution.Status.Name(value)) if value else None
    violations.add(field, f"must be one of {', '.join(ExecutionStatus)}")
    return None


def check_task_type(value: str, violations: Violations) -> TaskType | None:
    """The task type in a filter, None for any."""
    if not value:
        return None
    try:
        return TaskType(value)
    except ValueError:
        violations.add("task_type", f"must be one of {', '.join(TaskType)}")
        return None


def check_date(field: str, value: str, zone: ZoneInfo, violations: Violations, *, is_end: bool) -> Micros | None:
    """A date of the zone (at its end the whole day counts) or an RFC 3339 time; None for the empty text or with a violation."""
    if not value:
        return None
    try:
        return days.read_time(value, zone, is_end=is_end)
    except ValueError as error:
        violations.add(field, str(error))
        return None


class PageTokens:
    """Page tokens: where the next page begins, for one caller and one request only (AIP-158)."""

    def __init__(self, secret_key: bytes, former_keys: Sequence[bytes] = ()) -> None:
        self._signer = Signer(secret_key, "page", former_keys)

    def next_token(self, request: Message, caller: Caller, last_id: str) -> str:
        """The token of the page after `last_id`."""
        return self._signer.sign(f"{self._digest(request, caller)}:{last_id}")

    def last_id(self, request: Message, token: str, caller: Caller) -> str:
        """The id that the page begins after; empty for the first page. Raises InvalidPageToken."""
        if not token:
            return ""
        digest, _, last_id = (self._signer.verify(token) or "").partition(":")
        if digest != self._digest(request, caller):
            raise InvalidPageToken(
                "page_token was not made for this request; repeat the other fields as they were, or leave it out to begin anew"
            )
        return last_id

    @staticmethod
    def _digest(request: Message, caller: Caller) -> str:
        """What has to be the same from page to page: everything but the token and the page's size."""
        same = type(request)()
        same.CopyFrom(request)
        for field in ("page_token", "page_size"):
            same.ClearField(field)
        kind = request.DESCRIPTOR.full_name
        key = f"{kind}\0{caller.owner.id}\0".encode() + same.SerializeToString(deterministic=True)
        return hashlib.sha256(key).hexdigest()[:24]
