"""What somebody saw of a run of another Celery app, and how that moves what is recorded of it.

Observations come late, twice and in any order, from machines whose clocks differ. What decides is not their times but how far the
run has come: how often it was tried again, and in that try whether it waits, runs or is to be tried once more. A run never goes
back, and one that has ended stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.status import ExecutionStatus, FailureReason


class Source(StrEnum):
    """How the status of a run is known. The values are those of `TaskExecution.Source` in the protos."""

    RESULT_BACKEND = "RESULT_BACKEND"
    EVENT = "EVENT"
    PUBLISH = "PUBLISH"
    WORKER = "WORKER"
    REPORT = "REPORT"
    ABSENCE = "ABSENCE"


#: How far a run has come within one try.
_PHASE = {ExecutionStatus.PENDING: 0, ExecutionStatus.STARTED: 1, ExecutionStatus.RETRY: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen of a run at one time."""

    status: ExecutionStatus
    source: Source
    #: When, by the observer's clock; None where that is not known.
    occurred_at: Micros | None = None
    #: How often the run had been tried again by then; None where that is not known.
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


def observed(execution: Execution, observation: Observation, now: Micros) -> Execution | None:
    """The run as it is known after the observation, None where that says nothing new.

    The first start and the first final status set their times: as the observer's clock had them, but neither in the future nor the
    end before the beginning. Of a run that has ended nothing changes but its metadata.
    """
    metadata = execution.metadata | observation.metadata
    moved = _moved(execution, observation, now)
    if moved is None and metadata == execution.metadata:
        return None
    return replace(moved or execution, metadata=metadata, revision=execution.revision + 1)


def _moved(execution: Execution, observation: Observation, now: Micros) -> Execution | None:
    if execution.status.is_terminal:
        return None
    retries = execution.retries if observation.retries is None else observation.retries
    status = observation.status
    if not status.is_terminal:
        before, after = (execution.retries, _PHASE[execution.status]), (retries, _PHASE[status])
        if after <= before:
            return None
    at = now if observation.occurred_at is None else min(observation.occurred_at, now)
    has_begun = status in (ExecutionStatus.STARTED, ExecutionStatus.RETRY)
    started_at = at if execution.started_at is None and has_begun else execution.started_at
    return replace(
        execution,
        status=status,
        retries=max(execution.retries, retries),
        started_at=started_at,
        finished_at=max(at, started_at or at) if status.is_terminal else None,
        error=observation.error,
        failure_reason=observation.failure_reason,
        worker=observation.worker or execution.worker,
        queue=observation.queue or execution.queue,
        source=observation.source.value,
        observed_at=at,
    )
