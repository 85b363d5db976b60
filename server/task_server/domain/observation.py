"""What somebody saw of a run of another Celery app, and how that moves what is recorded of it.

Observations come late, twice and in any order, from machines whose clocks differ. What decides is not their times but how far the
run has come: which of its tries it waits for or runs. A run never goes back, and one that has ended keeps its status. Whatever the
order is in which they come, what is known at last is the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from task_server.domain.clock import Micros, seconds
from task_server.domain.execution import Execution
from task_server.domain.registration import MAX_METADATA_BYTES
from task_server.domain.status import ExecutionStatus, FailureReason

#: How long the result backend of a run is not asked after somebody saw the run.
SYNC_PAUSE = seconds(30)
#: The largest number that the databases' columns and the protos have for it.
MOST_RETRIES = 2**31 - 1
_MAX_ERROR = 4096
_MAX_TRACEBACK_BYTES = 64 * 1024


class Source(StrEnum):
    """How the status of a run is known. The values are those of `TaskExecution.Source` in the protos."""

    RESULT_BACKEND = "RESULT_BACKEND"
    EVENT = "EVENT"
    PUBLISH = "PUBLISH"
    WORKER = "WORKER"
    REPORT = "REPORT"
    ABSENCE = "ABSENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen of a run at one time."""

    status: ExecutionStatus
    source: Source
    #: When, by the observer's clock; None for now.
    occurred_at: Micros | None = None
    #: How often the run had been tried again by then. None where that is not known: then a start after RETRY is the next try's.
    retries: int | None = None
    #: What it returned, as JSON text; None where nothing is known.
    result_json: str | None = None
    error: str = ""
    traceback: str = ""
    failure_reason: FailureReason | None = None
    #: Celery's name of the worker; empty where it is not known.
    worker: str = ""
    #: Celery's queue; empty where it is not known.
    queue: str = ""
    #: What is merged into the run's own.
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def kept_error(self) -> str:
        """As much of the error as is kept: its beginning."""
        return _storable(self.error)[:_MAX_ERROR]

    @property
    def kept_traceback(self) -> str:
        """As much of the traceback as is kept: its end, which says what was raised and where."""
        return _storable(self.traceback).encode()[-_MAX_TRACEBACK_BYTES:].decode(errors="ignore")


def observed(execution: Execution, observation: Observation, now: Micros) -> Execution | None:
    """The run as it is known after the observation, None where that says nothing new.

    Times are as the observer's clock had them, but not in the future. A run began at the earliest start that was seen, not after
    its end, and was due no later than anything of it was seen. Metadata that would grow too large is not merged.
    """
    status, retries = _stand(execution, observation)
    at = now if observation.occurred_at is None else min(observation.occurred_at, now)
    known: dict[str, Any] = {
        "retries": max(execution.retries, retries),
        "due_at": min(execution.due_at, at),
        "metadata": merged(execution, observation.metadata) or execution.metadata,
        "worker": execution.worker or observation.worker,
        "queue": execution.queue or observation.queue,
    }
    finished_at = execution.finished_at
    if _is_further(execution, status, retries):
        finished_at = at if status.is_terminal else None
        known |= {
            "status": status,
            "finished_at": finished_at,
            "error": observation.kept_error,
            "failure_reason": observation.failure_reason,
            "worker": observation.worker or execution.worker,
            "queue": observation.queue or execution.queue,
            "source": observation.source.value,
            "observed_at": at,
        }
    elif describes(observation, execution):
        known |= _confirmed(execution, observation, at)
    starts = [execution.started_at, at if status is ExecutionStatus.STARTED else None]
    known["started_at"] = _earliest(starts, finished_at)
    # One copy of all those fields is enough.
    if all(getattr(execution, name) == value for name, value in known.items()):
        return None
    return replace(execution, **known, revision=execution.revision + 1)


def describes(observation: Observation, execution: Execution) -> bool:
    """Whether the run stands where it was seen: then the error, result and traceback that were seen are of its present state."""
    status, retries = _stand(execution, observation)
    return status is execution.status and (status.is_terminal or retries == execution.retries)


def merged(execution: Execution, metadata: dict[str, Any]) -> dict[str, Any] | None:
    """The metadata of the run with more of it, None where that would be too large."""
    if not metadata:
        return execution.metadata
    both = execution.metadata | metadata
    return both if len(json.dumps(both, ensure_ascii=False).encode()) <= MAX_METADATA_BYTES else None


def _stand(execution: Execution, observation: Observation) -> tuple[ExecutionStatus, int]:
    """Where the run was seen, and how often it had been tried again by then.

    Celery publishes a run for each try. One that waits for another try than the first is in RETRY, whoever tells of it. Who does
    not know of tries means the present one, or by a start after a retry the next; but what was seen before that, as far as
    clocks tell, is of a try before: Celery publishes the next try before it says that the last one began and failed.
    """
    status, retries = observation.status, observation.retries
    if retries is None:
        is_earlier = observation.occurred_at is not None and observation.occurred_at < (execution.observed_at or 0)
        if status is ExecutionStatus.STARTED and execution.status is ExecutionStatus.RETRY and not is_earlier:
            return status, min(execution.retries + 1, MOST_RETRIES)
        if status is ExecutionStatus.RETRY and execution.status is ExecutionStatus.STARTED and is_earlier:
            return status, execution.retries - 1
        return status, execution.retries
    if status is ExecutionStatus.PENDING and retries > 0:
        return ExecutionStatus.RETRY, retries - 1
    return status, retries


def _is_further(execution: Execution, status: ExecutionStatus, retries: int) -> bool:
    if execution.status.is_terminal:
        return False
    return status.is_terminal or _progress(status, retries) > _progress(execution.status, execution.retries)


def _progress(status: ExecutionStatus, retries: int) -> int:
    """How far a run has come: even while it waits for a try, odd while it runs."""
    phase = {ExecutionStatus.PENDING: 0, ExecutionStatus.STARTED: 1, ExecutionStatus.RETRY: 2}[status]
    return 2 * retries + phase


def _confirmed(execution: Execution, observation: Observation, at: Micros) -> dict[str, Any]:
    """What of a run, seen again where it stands, had not been told; and of one that goes on, that it was seen later."""
    told = {
        "error": execution.error or observation.kept_error,
        "failure_reason": execution.failure_reason or observation.failure_reason,
    }
    goes_on = execution.status in (ExecutionStatus.STARTED, ExecutionStatus.RETRY)
    if goes_on and at > (execution.observed_at or 0):
        return told | {"source": observation.source.value, "observed_at": at}
    return told


def _earliest(starts: list[Micros | None], finished_at: Micros | None) -> Micros | None:
    """The earliest start, but not after the end; None where none is known."""
    known = [each for each in starts if each is not None]
    if not known:
        return None
    return min(known) if finished_at is None else min([*known, finished_at])


def _storable(text: str) -> str:
    """The text without what PostgreSQL can not store."""
    return text.replace("\0", "")
