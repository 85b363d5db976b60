"""What a worker does with an execution: claim it, keep it, log for it, finish it or give it back.

`attempt` is the fence. A worker may only touch the attempt that it claimed; one that lost its lease is told so and drops the run.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from task_server.domain.actions import ACTION_KINDS, ActionKind
from task_server.domain.clock import seconds
from task_server.domain.execution import Execution
from task_server.domain.outcome import Outcome
from task_server.domain.sequel import after_outcome, after_release
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import Task
from task_server.store import execution_logs, executions, ready, tasks
from task_server.usecases.claiming import Claim, Claiming, may_begin_at
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.settling import settle_attempt


class Running:
    """The use cases of workers.

    Parameters:
        max_lost_attempts: how often a run may lose its worker or its child process before it ends in FAILURE.
        kinds: the kinds of action that this worker runs.
        queues: the queues that it serves: a message for one of them may be followed by another run of it. None for all.
    """

    def __init__(
        self,
        ports: Ports,
        lease_seconds: float,
        max_lost_attempts: int = 3,
        kinds: Container[ActionKind] = ACTION_KINDS,
        queues: Container[str] | None = None,
    ) -> None:
        self._ports = ports
        self._claiming = Claiming(ports, seconds(lease_seconds), kinds, queues)
        self._database = ports.database
        self._lease = seconds(lease_seconds)
        self._max_lost_attempts = max_lost_attempts
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def claim(self, execution_id: str, worker: str) -> Claim | None:
        """Take the execution that a message names, or the one whose turn it is; None when there is nothing to take."""
        return self._claiming.claim(execution_id, worker)

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
        """Add what a run printed to its log. False when the attempt is not held any more.

        Of an owner far beyond its `result_bytes` it is left out, and the execution says so.
        """
        with self._database.write():
            return execution_logs.append(execution_id, attempt, text, self._quota_guard.omission)

    def finish(self, execution_id: str, attempt: int, outcome: Outcome) -> bool:
        """Store how an attempt ended, and with it where its run goes: to its end, or to another try.

        False when the attempt is not held any more: then nothing was stored.
        """
        with self._database.write():
            found = self._held(execution_id, attempt)
            now = self._database.now()
            if found is None:
                return False
            task, before = found
            sequel = after_outcome(task, before, outcome, now, self._max_lost_attempts)
            # Of an attempt that was lost there is nothing to keep, unless it was the last.
            is_kept = sequel.run.status is not ExecutionStatus.PENDING
            columns = self._outcome_columns(before.owner.id, outcome) if is_kept else {}
            settled = settle_attempt(self._ports, task, before, sequel, now, **columns)
            if settled is None:
                return False
        settled.tell(self._ports)
        return True

    def release(self, execution_id: str, attempt: int) -> bool:
        """Give a run back to its queue, as a worker that shuts down does. False when it is not held any more.

        One that somebody wants stopped is not given back: it ends here.
        """
        with self._database.write():
            found = self._held(execution_id, attempt)
            now = self._database.now()
            if found is None:
                return False
            task, before = found
            settled = settle_attempt(self._ports, task, before, after_release(task, before, now), now)
            if settled is None:
                return False
        settled.tell(self._ports)
        return True

    def put_back(self, execution_id: str) -> None:
        """Tell the other workers of a run whose message this one will not follow, or of the one that it stands for now.

        Raises DatabaseUnavailable.
        """
        with self._database.read():
            now = self._database.now()
            found = executions.get(execution_id)
            if found is not None and not may_begin_at(found, now):
                found = executions.get(ready.any_of(found.queue, tuple(ACTION_KINDS), now))
        if found is not None:
            self._ports.announce(found)

    def _outcome_columns(self, owner_id: str, outcome: Outcome) -> dict[str, Any]:
        """What is stored of an outcome: of an owner far beyond its `result_bytes` neither result nor traceback, but why not."""
        size = len((outcome.result_json or "").encode()) + len(outcome.traceback.encode())
        omission = self._quota_guard.omission(owner_id, size)
        if not omission:
            return executions.outcome_columns(outcome)
        return executions.outcome_columns(replace(outcome, result_json=None, traceback="")) | {"omission": omission}

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
