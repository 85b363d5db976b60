"""What a Celery result backend holds of a run, and what that says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import Micros, micros
from task_server.domain.observation import MOST_RETRIES, Observation, Source
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.sandbox.result_text import NotJson, TooLarge, result_text
from task_server.tracking.redaction import redacted
from task_server.tracking.seen import MAX_NAME, Seen, arguments_of
from task_server.tracking.untrusted_json import text

#: Celery's words for what is still to come; any other word but the final ones is an app's own, and said while it runs.
_WORDS = {
    "RECEIVED": ExecutionStatus.PENDING,
    "STARTED": ExecutionStatus.STARTED,
    "RETRY": ExecutionStatus.RETRY,
    "SUCCESS": ExecutionStatus.SUCCESS,
    "FAILURE": ExecutionStatus.FAILURE,
    "REVOKED": ExecutionStatus.REVOKED,
}
_LONGEST_ERROR, _LONGEST_TRACEBACK, _LONGEST_NAME = 4096, 64 * 1024, 200


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Stands for a result that was not read, and says why."""

    why: str


def seen_of(task_id: str, meta: Any) -> Seen | None:
    """What Celery's record of a run says, None where it says nothing. Who ran it with what stands there with `result_extended`."""
    observation = observation_of(meta)
    if observation is None:
        return None
    return Seen(
        task_id=task_id,
        observation=observation,
        task_name=text(meta.get("name"), MAX_NAME),
        arguments=arguments_of(meta.get("args"), meta.get("kwargs")),
    )


def observation_of(meta: Any) -> Observation | None:
    """What Celery's record of a run says, None where it says nothing.

    PENDING is such: it means that the backend does not know the id. An exception stays the texts that it is: the class that it
    names is not looked for. A state of the app's own, as PROGRESS, is STARTED with the word in the metadata.
    """
    if not isinstance(meta, dict):
        return None
    word = text(meta.get("status"), _LONGEST_NAME)
    if word in ("", "PENDING"):
        return None
    status = _WORDS.get(word, ExecutionStatus.STARTED)
    failed = status is ExecutionStatus.FAILURE
    result_json, omission = _result(meta.get("result")) if status is ExecutionStatus.SUCCESS else (None, "")
    retries = meta.get("retries")
    return Observation(
        status=status,
        source=Source.RESULT_BACKEND,
        occurred_at=done_at(meta.get("date_done")),
        retries=retries if type(retries) is int and 0 <= retries <= MOST_RETRIES else None,
        result_json=result_json,
        error=redacted(_error(meta.get("result")))
        if status not in (ExecutionStatus.SUCCESS, ExecutionStatus.STARTED)
        else "",
        traceback=redacted(text(meta.get("traceback"), _LONGEST_TRACEBACK)) if failed else "",
        failure_reason=FailureReason.EXCEPTION if failed else None,
        worker=text(meta.get("worker"), _LONGEST_NAME),
        queue=text(meta.get("queue"), _LONGEST_NAME),
        metadata=({} if word in _WORDS else {"celery_state": word})
        | ({"result_left_out": omission} if omission else {}),
    )


def _result(value: Any) -> tuple[str | None, str]:
    """What the run returned, as JSON text; or None, and why it is left out."""
    if isinstance(value, LeftOut):
        return None, value.why
    try:
        return result_text(value, MAX_RESULT_BYTES).decode(), ""
    except TooLarge:
        return None, f"it is larger than {MAX_RESULT_BYTES:,} bytes"
    except NotJson as error:
        return None, str(error)


def _error(result: Any) -> str:
    """The exception in one line, as Python ends a traceback."""
    if isinstance(result, str):
        return text(result, _LONGEST_ERROR)
    if not isinstance(result, dict):
        return ""
    name, said = text(result.get("exc_type"), _LONGEST_NAME), _said(result.get("exc_message"))
    return text(f"{name}: {said}" if name and said else name or said, _LONGEST_ERROR)


def _said(message: Any) -> str:
    """The arguments of an exception, which Celery stores as a list."""
    try:
        plain = json.loads(result_text(message, _LONGEST_TRACEBACK))
    except (NotJson, TooLarge):
        return "(what it says is too large or no JSON)"
    parts = plain if isinstance(plain, list) else [plain]
    return ", ".join(part if isinstance(part, str) else json.dumps(part) for part in parts if part not in (None, ""))


def done_at(value: Any) -> Micros | None:
    """The date of a result, None where there is none. Celery writes UTC; old versions and databases without saying so."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        moment = micros(value if value.tzinfo else value.replace(tzinfo=UTC))
    except OverflowError:
        return None
    return moment if moment > 0 else None
