"""Celery's events of tasks, and what each says of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from task_server.domain.clock import Micros, seconds
from task_server.domain.observation import MOST_RETRIES, Observation, Source
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.tracking.redaction import redacted
from task_server.tracking.untrusted_json import text

#: As many characters as Celery's own result tables keep of an id and of a name.
_MAX_ID = _MAX_NAME = 155
_MAX_WORKER, _MAX_QUEUE, _MAX_ARGUMENTS, _MAX_RESULT = 200, 200, 1000, 1000
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one event says of a run."""

    #: Celery's id of it.
    task_id: str
    observation: Observation
    #: The Celery task's name; empty where the event has none.
    task_name: str = ""
    #: The arguments as Python prints them, cut, without what looks like a secret: for a run of which nobody has registered more.
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        said = self.observation
        return 1000 + len(said.error) + len(said.traceback) + sum(map(len, self.arguments.values()))


def seen_in(event: Any) -> Seen | None:
    """What an event says, None for one that says nothing of a run, or is none of Celery's."""
    if not isinstance(event, dict):
        return None
    kind, task_id = event.get("type"), event.get("uuid")
    status = _STATUSES.get(kind) if isinstance(kind, str) else None
    if status is None or not isinstance(task_id, str) or not 0 < len(task_id) <= _MAX_ID or not task_id.isprintable():
        return None
    if kind == "task-rejected" and event.get("requeue"):
        return None  # it comes again
    retries = event.get("retries")
    worker = "" if kind == "task-sent" else text(event.get("hostname"), _MAX_WORKER)
    named = {name: redacted(text(event.get(name), 2 * _MAX_ARGUMENTS))[:_MAX_ARGUMENTS] for name in ("args", "kwargs")}
    return Seen(
        task_id=task_id,
        task_name=text(event.get("name"), _MAX_NAME),
        arguments={f"celery_{name}": said for name, said in named.items() if said},
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
