"""Where a run and a task stand, and the one table of moves between the states of a run.

========  =======================================================================
move      who makes it
========  =======================================================================
PENDING   `usecases.tasks` (create, run) and `usecases.firing` make the run
STARTED   `usecases.running.claim`, for the worker that got it
SUCCESS   `usecases.running.finish`, for the worker that holds it
FAILURE   `usecases.running.finish`; `usecases.rescuing` when workers vanished too often;
          `usecases.expiring` when its deadline has passed
RETRY     `usecases.running.finish`, where the retry policy wants another try
REVOKED   `usecases.stopping` and `usecases.overlap` while it waits; `usecases.running.finish` after its child was seen dead;
          `usecases.rescuing` when its worker vanished after a stop
PENDING   from STARTED: `usecases.running.release` (worker drains), `usecases.rescuing` (worker vanished),
          `usecases.running.finish` (the child was lost with the process that it was forked from)
========  =======================================================================
"""

from __future__ import annotations

from enum import StrEnum


class ExecutionStatus(StrEnum):
    """Where a run stands; the words are Celery's."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    RETRY = "RETRY"
    REVOKED = "REVOKED"

    @property
    def is_terminal(self) -> bool:
        """Whether the status is final: no move leads out of it."""
        return not TRANSITIONS[self]

    @property
    def is_waiting(self) -> bool:
        """Whether the run waits for its time or for a worker."""
        return self in WAITING


TRANSITIONS: dict[ExecutionStatus, frozenset[ExecutionStatus]] = {
    ExecutionStatus.PENDING: frozenset({ExecutionStatus.STARTED, ExecutionStatus.FAILURE, ExecutionStatus.REVOKED}),
    ExecutionStatus.RETRY: frozenset({ExecutionStatus.STARTED, ExecutionStatus.FAILURE, ExecutionStatus.REVOKED}),
    ExecutionStatus.STARTED: frozenset(
        {
            ExecutionStatus.SUCCESS,
            ExecutionStatus.FAILURE,
            ExecutionStatus.RETRY,
            ExecutionStatus.REVOKED,
            ExecutionStatus.PENDING,
        }
    ),
    ExecutionStatus.SUCCESS: frozenset(),
    ExecutionStatus.FAILURE: frozenset(),
    ExecutionStatus.REVOKED: frozenset(),
}

WAITING = (ExecutionStatus.PENDING, ExecutionStatus.RETRY)


class TaskStatus(StrEnum):
    """Where a task stands: its latest execution's status, SCHEDULED while it waits for its time, or PAUSED while it is held."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    RETRY = "RETRY"
    REVOKED = "REVOKED"
    SCHEDULED = "SCHEDULED"
    PAUSED = "PAUSED"

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended: nothing of it runs or will run by itself."""
        return self in (TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.REVOKED)


class AttemptOutcome(StrEnum):
    """How one try at running ended."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    LOST = "LOST"
    RELEASED = "RELEASED"


class FailureReason(StrEnum):
    """What kind of error ended a run. The values are those of `TaskExecution.FailureReason` in the protos."""

    EXCEPTION = "EXCEPTION"
    TIMEOUT = "TIMEOUT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    CPU_LIMIT = "CPU_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    RESULT_NOT_JSON = "RESULT_NOT_JSON"
    CRASHED = "CRASHED"
    CODE_REFUSED = "CODE_REFUSED"
    UNEXPECTED_STATUS = "UNEXPECTED_STATUS"
    REQUEST_FAILED = "REQUEST_FAILED"
    EGRESS_DENIED = "EGRESS_DENIED"
    WORKER_LOST = "WORKER_LOST"
    SANDBOX_UNAVAILABLE = "SANDBOX_UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    ASSERTION_FAILED = "ASSERTION_FAILED"
    SECRET_UNAVAILABLE = "SECRET_UNAVAILABLE"  # noqa: S105 - a name
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
