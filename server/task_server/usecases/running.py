"""What a worker does with an execution: claim it, keep it, log for it, finish it or give it back.

`attempt` is the fence. A worker may only touch the attempt that it claimed; one that lost its lease is told so and drops the run.
"""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.actions import Action
from task_server.domain.clock import seconds
from task_server.domain.execution import Attempt, Execution
from task_server.domain.outcome import Outcome
from task_server.domain.status import AttemptOutcome, ExecutionStatus
from task_server.domain.task import Task
from task_server.store import execution_logs, executions, tasks
from task_server.usecases import changes
from task_server.usecases.ports import Ports

_ATTEMPT_OUTCOMES = {
    ExecutionStatus.SUCCESS: AttemptOutcome.SUCCEEDED,
    ExecutionStatus.FAILURE: AttemptOutcome.FAILED,
    ExecutionStatus.REVOKED: AttemptOutcome.STOPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that a worker holds, and what it has to do."""

    execution_id: str
    attempt: int
    action: Action
    #: Seconds.
    timeout: float


class Running:
    """The use cases of workers."""

    def __init__(self, ports: Ports, lease_seconds: float) -> None:
        self._ports = ports
        self._database = ports.database
        self._lease = seconds(lease_seconds)

    def claim(self, execution_id: str, worker: str) -> Claim | None:
        """Take an execution for a worker. None when there is nothing to take: unknown, early, taken, ended or stopped."""
        with self._database.write():
            now = self._database.now()
            found = self._locked(execution_id)
            if found is None:
                return None
            task, before = found
            if not before.status.is_waiting or before.due_at > now or before.stop_requested_at is not None:
                return None
            after = before.changed(
                status=ExecutionStatus.STARTED,
                attempt=before.attempt + 1,
                worker=worker,
                started_at=before.started_at or now,
                observed_at=now,
            )
            if not task.definition.schedule.cron_expression and before.due_at == task.next_run_at:
                # Its time has come; the scheduler need not say so too.
                task = task.changed(now, next_run_at=None)
            moved = changes.move_execution(task, before, after, now, lease_until=now + self._lease)
            if moved is None:
                return None
            executions.insert_attempt(after.id, Attempt(number=after.attempt, started_at=now, worker=worker))
        self._ports.announce()
        return Claim(
            execution_id=after.id,
            attempt=after.attempt,
            action=task.definition.action,
            timeout=task.definition.timeout,
        )

    def leave(self) -> None:
        """End this thread's connection to the database; for a thread that ends before its process does."""
        self._database.close()

    def renew(self, held: list[tuple[str, int]]) -> set[str]:
        """Renew the leases of (execution, attempt) pairs; return those executions that are not held any more."""
        with self._database.write():
            until = self._database.now() + self._lease
            # In one order, so that no two transactions wait for each other's rows.
            return {
                execution_id
                for execution_id, attempt in sorted(held)
                if not executions.renew(execution_id, attempt, until)
            }

    def to_stop(self, held: list[str]) -> set[str]:
        """Those of the given executions that somebody wants stopped."""
        with self._database.read():
            return executions.to_stop(held)

    def append_log(self, execution_id: str, attempt: int, text: str) -> bool:
        """Add what a run printed to its log. False when the attempt is not held any more."""
        with self._database.write():
            return execution_logs.append(execution_id, attempt, text)

    def finish(self, execution_id: str, attempt: int, outcome: Outcome) -> bool:
        """Store how a run ended. False when the attempt is not held any more: then nothing was stored."""
        with self._database.write():
            now = self._database.now()
            found = self._held(execution_id, attempt)
            if found is None:
                return False
            task, before = found
            after = before.changed(
                status=outcome.status,
                finished_at=now,
                observed_at=now,
                error=outcome.error,
                failure_reason=outcome.failure_reason,
            )
            columns = executions.outcome_columns(outcome)
            if changes.move_execution(task, before, after, now, **columns) is None:
                return False
            executions.end_attempt(before, now, _ATTEMPT_OUTCOMES[outcome.status], outcome.error)
        self._ports.announce()
        return True

    def release(self, execution_id: str, attempt: int) -> bool:
        """Give a run back to its queue, as a worker that shuts down does. False when it is not held any more.

        One that somebody wants stopped is not given back: it ends here.
        """
        with self._database.write():
            now = self._database.now()
            found = self._held(execution_id, attempt)
            if found is None:
                return False
            task, before = found
            stopped = before.stop_requested_at is not None
            if stopped:
                after = before.changed(status=ExecutionStatus.REVOKED, finished_at=now, observed_at=now)
            else:
                after = before.changed(status=ExecutionStatus.PENDING, observed_at=now, worker="")
            again = self._ports.publish_after(now, now)
            moved = changes.move_execution(
                task, before, after, now, lease_until=None, publish_after=again, publish_count=0
            )
            if moved is None:
                return False
            if stopped:
                executions.end_attempt(before, now, AttemptOutcome.STOPPED, "")
            else:
                executions.end_attempt(before, now, AttemptOutcome.RELEASED, "the worker was shut down")
        self._ports.announce(*([] if stopped else [after]))
        return True

    def _held(self, execution_id: str, attempt: int) -> tuple[Task, Execution] | None:
        found = self._locked(execution_id)
        if found is None:
            return None
        held = found[1].status is ExecutionStatus.STARTED and found[1].attempt == attempt
        return found if held else None

    def _locked(self, execution_id: str) -> tuple[Task, Execution] | None:
        execution = executions.get(execution_id)
        if execution is None or not execution.parent_task:
            return None
        task = tasks.lock(self._database, execution.parent_task)
        if task is None:
            return None
        if not self._database.is_sqlite:
            # It may have changed while this waited for the task.
            execution = executions.get(execution_id)
        return (task, execution) if execution else None
