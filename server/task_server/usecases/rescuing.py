"""Rescuing: a run whose worker vanished goes back to its queue, and after too many of them ends."""

from __future__ import annotations

from typing import Any

from task_server.domain.execution import Execution
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason
from task_server.store import executions, tasks
from task_server.usecases import changes
from task_server.usecases.ports import Ports

_BATCH = 100


class Rescuing:
    """The use case of rescuing."""

    def __init__(self, ports: Ports, max_lost_attempts: int) -> None:
        self._ports = ports
        self._database = ports.database
        self._max_lost_attempts = max_lost_attempts

    def rescue(self) -> int:
        """Take up to 100 runs from workers whose lease is over; return how many were taken."""
        with self._database.read():
            lost = executions.expired(self._database.now(), _BATCH)
        return sum(self._rescue(execution, count + 1) for execution, count in lost)

    def _rescue(self, found: Execution, lost_count: int) -> bool:
        with self._database.write():
            now = self._database.now()
            task = tasks.lock(self._database, found.parent_task)
            until = executions.lease_until(found.id)
            if task is None or until is None or until >= now:
                return False  # it was renewed or ended meanwhile
            after = self._after(found, lost_count, now)
            columns: dict[str, Any] = {"lease_until": None, "lost_count": lost_count}
            if after.status is ExecutionStatus.PENDING:
                columns |= {"publish_after": self._ports.publish_after(now, now), "publish_count": 0}
            if changes.move_execution(task, found, after, now, **columns) is None:
                return False
            executions.end_attempt(
                found, now, AttemptOutcome.LOST, f"the worker {found.worker} was not heard of any more"
            )
        self._ports.announce(*([after] if after.status is ExecutionStatus.PENDING else []))
        return True

    def _after(self, found: Execution, lost_count: int, now: int) -> Execution:
        if found.stop_requested_at is not None:
            return found.changed(
                status=ExecutionStatus.REVOKED,
                finished_at=now,
                observed_at=now,
                error="stopped; its worker vanished before it could confirm",
                failure_reason=FailureReason.WORKER_LOST,
            )
        if lost_count >= self._max_lost_attempts:
            return found.changed(
                status=ExecutionStatus.FAILURE,
                finished_at=now,
                observed_at=now,
                error=f"its worker vanished {lost_count} times while running it",
                failure_reason=FailureReason.WORKER_LOST,
            )
        return found.changed(status=ExecutionStatus.PENDING, observed_at=now, worker="")
