"""What follows the end of an attempt: the end of its run, another try as soon as a worker is free, or one later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from task_server.domain.clock import SECOND, Micros, seconds
from task_server.domain.execution import Execution
from task_server.domain.outcome import Outcome
from task_server.domain.retry import lost_wait
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason
from task_server.domain.task import Task

_ATTEMPT_OUTCOMES = {
    ExecutionStatus.SUCCESS: AttemptOutcome.SUCCEEDED,
    ExecutionStatus.FAILURE: AttemptOutcome.FAILED,
    ExecutionStatus.REVOKED: AttemptOutcome.STOPPED,
}
#: Our fault and not the task's: its action never began, or was lost with the process that it was forked from. Another worker may be
#: better off.
_OURS = (FailureReason.SANDBOX_UNAVAILABLE, FailureReason.SECRET_UNAVAILABLE)
_PASSED_WHILE_RUNNING = "its deadline passed while it ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequel:
    """A run once its attempt has ended, and what is kept of the attempt."""

    run: Execution
    attempt: AttemptOutcome
    #: The attempt's own error.
    error: str = ""
    failure_reason: FailureReason | None = None
    #: How long a run that waits again is kept from the workers although it is due.
    wait: Micros = 0


def after_outcome(task: Task, run: Execution, outcome: Outcome, now: Micros, max_lost_attempts: int) -> Sequel:
    """What follows where the attempt's worker says how it ended."""
    if outcome.status is not ExecutionStatus.FAILURE:
        return Sequel(run=_ended(run, now, status=outcome.status), attempt=_ATTEMPT_OUTCOMES[outcome.status])
    if outcome.failure_reason in _OURS:
        return after_loss(task, run, now, max_lost_attempts, outcome.error, outcome.failure_reason)
    return _after_failure(task, run, outcome, now)


def after_loss(
    task: Task, run: Execution, now: Micros, max_lost_attempts: int, error: str, reason: FailureReason
) -> Sequel:
    """What follows where the worker, or the process that it ran in, was lost before it could say.

    Parameters:
        error: what was lost, for the attempt.
        reason: WORKER_LOST, SANDBOX_UNAVAILABLE or SECRET_UNAVAILABLE.
    """
    lost_count = run.lost_count + 1
    wait: Micros = 0
    if run.stop_requested_at is not None:
        after = _ended(
            run,
            now,
            status=ExecutionStatus.REVOKED,
            error=f"stopped; before its end was seen, it was lost: {error}",
            failure_reason=reason,
            lost_count=lost_count,
        )
    elif run.deadline_at is not None and run.deadline_at <= now:
        after = _ended_late(run, now, _PASSED_WHILE_RUNNING, lost_count=lost_count)
    elif lost_count >= max_lost_attempts:
        after = _ended(
            run,
            now,
            status=ExecutionStatus.FAILURE,
            error=f"lost {lost_count} times while it ran; the last time: {error}",
            failure_reason=reason,
            lost_count=lost_count,
        )
    else:
        after = _waiting(task, run, now, status=ExecutionStatus.PENDING, lost_count=lost_count)
        wait = lost_wait(lost_count)
        if run.deadline_at is not None and now + wait >= run.deadline_at:
            wait = 0
    return Sequel(run=after, attempt=AttemptOutcome.LOST, error=error, failure_reason=reason, wait=wait)


def after_release(task: Task, run: Execution, now: Micros) -> Sequel:
    """What follows where the worker is shut down: another one, which counts nothing against the run."""
    if run.stop_requested_at is not None:
        return Sequel(run=_ended(run, now, status=ExecutionStatus.REVOKED), attempt=AttemptOutcome.STOPPED)
    return Sequel(
        run=_waiting(task, run, now, status=ExecutionStatus.PENDING),
        attempt=AttemptOutcome.RELEASED,
        error="the worker was shut down",
    )


def after_stop(run: Execution, now: Micros, why: str = "") -> Execution:
    """The run as it ends where it was stopped while it waited; `why`, where no caller asked for it."""
    because = f", because {why}" if why else ""
    error = _while_waiting(run, "stopped", because)
    return _ended(run, now, status=ExecutionStatus.REVOKED, stop_requested_at=now, error=error)


def after_deadline(run: Execution, now: Micros) -> Execution:
    """The run as it ends where its deadline passed while it waited."""
    return _ended_late(run, now, _while_waiting(run, "its deadline passed"))


def _after_failure(task: Task, run: Execution, outcome: Outcome, now: Micros) -> Sequel:
    error, reason = outcome.error, outcome.failure_reason
    failed_count = run.failed_count + 1
    if reason is FailureReason.TIMEOUT and _was_cut(task, run, now):
        error, reason = _PASSED_WHILE_RUNNING, FailureReason.DEADLINE_EXCEEDED
        after = _ended_late(run, now, error, failed_count=failed_count)
    elif run.deadline_at is not None and run.deadline_at <= now:
        after = _ended_late(run, now, f"{_PASSED_WHILE_RUNNING}; it ended with: {error}", failed_count=failed_count)
    else:
        end = {"error": error, "failure_reason": reason, "failed_count": failed_count}
        due_at = _next_try(task, run, outcome, failed_count, now)
        if due_at is None:
            after = _ended(run, now, status=ExecutionStatus.FAILURE, **end)
        else:
            after = _waiting(task, run, now, status=ExecutionStatus.RETRY, due_at=due_at, **end)
    return Sequel(run=after, attempt=AttemptOutcome.FAILED, error=error, failure_reason=reason)


def _next_try(task: Task, run: Execution, outcome: Outcome, failed_count: int, now: Micros) -> Micros | None:
    """When the run is tried again; None where it is not."""
    policy = task.definition.retry_policy
    if policy is None or run.stop_requested_at is not None:
        return None
    if not policy.repeats(outcome.failure_reason, outcome.http_status, failed_count):
        return None
    due_at = now + policy.wait(failed_count, outcome.retry_after)
    return due_at if run.deadline_at is None or due_at < run.deadline_at else None


def _was_cut(task: Task, run: Execution, now: Micros) -> bool:
    """Whether the attempt was given less than the task's timeout, because the deadline came first.

    The worker's clock may end it a moment before the database's says that the deadline has come. That it came near is asked all
    the same: the task's timeout may have been changed since the claim.
    """
    claimed_at = run.observed_at
    if run.deadline_at is None or claimed_at is None or run.deadline_at - now > SECOND:
        return False
    return run.deadline_at - claimed_at < seconds(task.definition.timeout)


def _while_waiting(run: Execution, what: str, because: str = "") -> str:
    """The error of a run that ends while it waits: what ended it, and how its last try had ended."""
    error = f"{what} before {'its next try' if run.attempt else 'it began'}{because}"
    return f"{error}; the last one ended with: {run.error}" if run.error else error


def _ended(run: Execution, now: Micros, **changes: Any) -> Execution:
    return run.changed(
        **{
            "finished_at": now,
            "observed_at": now,
            "error": "",
            "failure_reason": None,
            "held": False,
            "waits_for": "",
            **changes,
        }
    )


def _ended_late(run: Execution, now: Micros, error: str, **changes: Any) -> Execution:
    reason = FailureReason.DEADLINE_EXCEEDED
    return _ended(run, now, status=ExecutionStatus.FAILURE, error=error, failure_reason=reason, **changes)


def _waiting(task: Task, run: Execution, now: Micros, **changes: Any) -> Execution:
    return run.changed(observed_at=now, held=task.paused_at is not None, **changes)
