"""Celery's events of tasks, and what each says of a run."""

from __future__ import annotations

from typing import Any

from task_server.domain.clock import Micros, seconds
from task_server.domain.observation import MOST_RETRIES, Observation, Source
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.tracking.redaction import redacted
from task_server.tracking.seen import MAX_NAME, Seen, arguments_of, is_task_id
from task_server.tracking.untrusted_json import text

_MAX_WORKER, _MAX_QUEUE, _MAX_RESULT = 200, 200, 1000
_MAX_ERROR, _MAX_TRACEBACK = 4096, 64 * 1024
#: The last second of the year 9999.
_LAST_SECOND = 253_402_300_799.0

_STATUSES = {
    "task-sent": ExecutionStatus.PENDING,
    "task-received": ExecutionStatus.PENDING,
    "task-started": ExecutionStatus.STARTED,
    "task-succeeded": ExecutionStatus.SUCCESS,
    "task-failed": ExecutionStatus.FAILURE,
    "task-retried": ExecutionStatus.RETRY,
    "task-revoked": ExecutionStatus.REVOKED,
    "task-rejected": ExecutionStatus.REVOKED,
}


def seen_in(event: Any) -> Seen | None:
    """What an event says, None for one that says nothing of a run, or is none of Celery's."""
    if not isinstance(event, dict):
        return None
    kind, task_id = event.get("type"), event.get("uuid")
    status = _STATUSES.get(kind) if isinstance(kind, str) else None
    if status is None or not is_task_id(task_id):
        return None
    if kind == "task-rejected" and event.get("requeue"):
        return None  # it comes again
    retries = event.get("retries")
    worker = "" if kind == "task-sent" else text(event.get("hostname"), _MAX_WORKER)
    return Seen(
        task_id=task_id,
        task_name=text(event.get("name"), MAX_NAME),
        arguments=arguments_of(event.get("args"), event.get("kwargs")),
        observation=Observation(
            status=status,
            source=Source.EVENT,
            occurred_at=_moment(event.get("timestamp")),
            retries=retries if type(retries) is int and 0 <= retries <= MOST_RETRIES else None,
            error=redacted(_error(str(kind), event)),
            traceback=redacted(text(event.get("traceback"), _MAX_TRACEBACK))
            if status is ExecutionStatus.FAILURE
            else "",
            failure_reason=FailureReason.EXCEPTION if status is ExecutionStatus.FAILURE else None,
            worker=worker,
            queue=text(event.get("queue"), _MAX_QUEUE),
            metadata=_returned(event) if status is ExecutionStatus.SUCCESS else {},
        ),
    )


def _error(kind: str, event: dict[str, Any]) -> str:
    if kind in ("task-failed", "task-retried"):
        return text(event.get("exception"), _MAX_ERROR)
    if kind == "task-rejected":
        return "its worker rejected the message"
    if kind == "task-revoked":
        return "it had expired" if event.get("expired") is True else "it was revoked"
    return ""


def _returned(event: dict[str, Any]) -> dict[str, str]:
    """The result as Python prints it: all that an event has of it, and less than the result backend knows."""
    said = redacted(text(event.get("result"), _MAX_RESULT))
    return {"celery_result": said} if said else {}


def _moment(value: Any) -> Micros | None:
    """Celery's timestamps are seconds since the epoch, whatever zone the worker is in."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return seconds(value) if is_number and 0 < value < _LAST_SECOND else None
