"""Rescuing: a run whose worker vanished goes back to its queue, and after too many of them ends."""

from __future__ import annotations

from task_server.domain.owner import Caller
from task_server.domain.sequel import after_loss
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.store import executions, tasks
from task_server.store.executions import Found
from task_server.usecases import auditing
from task_server.usecases.ports import Ports
from task_server.usecases.quarantine import Quarantine
from task_server.usecases.settling import settle_attempt
from task_server.usecases.visibility import visible

_BATCH = 100


class Rescuing:
    """The use case of rescuing."""

    def __init__(self, ports: Ports, max_lost_attempts: int) -> None:
        self._ports = ports
        self._database = ports.database
        self._max_lost_attempts = max_lost_attempts
        self._quarantine = Quarantine()

    def rescue(self) -> int:
        """Take up to 100 runs from workers whose lease is over; return how many were taken.

        One that can not be handled is left alone for a minute.
        """
        with self._database.read():
            now = self._database.now()
            besides = self._quarantine.ids(now)
            lost = executions.expired(now, _BATCH + len(besides))
        return self._quarantine.handle(lost, now, self._rescue)

    def rescue_of_task(self, caller: Caller, task_id: str) -> int:
        """The same at once for the runs of one task, however often they were tried in vain; return how many were taken.

        Raises TaskNotFound.
        """
        with self._database.read():
            task = visible(caller, tasks.get(task_id), task_id)
            runs = [run for run in executions.unfinished(task.task_id) if run.status is ExecutionStatus.STARTED]
        return sum(self._rescue(Found(run.id, task_id), caller) for run in runs)

    def _rescue(self, found: Found, caller: Caller | None = None) -> bool:
        with self._database.write():
            task = tasks.lock(self._database, found.parent_task)
            until = executions.lease_until(found.id)
            now = self._database.now()
            run = executions.get(found.id)
            if (
                task is None
                or run is None
                or run.status is not ExecutionStatus.STARTED
                or until is None
                or until >= now
            ):
                return False  # it was renewed or ended meanwhile
            if caller is not None:
                auditing.note(caller, run.id, now, "its worker was not heard of")
            error = f"the worker {run.worker} was not heard of any more"
            sequel = after_loss(task, run, now, self._max_lost_attempts, error, FailureReason.WORKER_LOST)
            settled = settle_attempt(self._ports, task, run, sequel, now)
            if settled is None:
                return False
        settled.tell(self._ports)
        return True
