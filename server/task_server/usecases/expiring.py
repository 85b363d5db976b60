"""Expiring: an execution that has not ended by its deadline ends then, although it waits."""

from __future__ import annotations

from task_server.domain.sequel import after_deadline
from task_server.store import executions, tasks
from task_server.store.executions import Found
from task_server.usecases.ports import Ports
from task_server.usecases.quarantine import Quarantine
from task_server.usecases.settling import settle

_BATCH = 100


class Expiring:
    """The use case of expiring. A run that a worker holds is ended by that worker: its time is cut to the deadline."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quarantine = Quarantine()

    def expire(self) -> int:
        """End up to 100 waiting executions whose deadline has passed; return how many were ended.

        Any number of schedulers may call this at once: each execution is ended by one of them. One that
        can not be handled is left alone for a minute.
        """
        with self._database.read():
            now = self._database.now()
            besides = self._quarantine.ids(now)
            overdue = executions.overdue(now, _BATCH + len(besides))
        return self._quarantine.handle(overdue, now, self._expire)

    def _expire(self, found: Found) -> bool:
        with self._database.write():
            task = tasks.lock(self._database, found.parent_task)
            now = self._database.now()
            run = executions.get(found.id)
            if task is None or run is None or not run.status.is_waiting:
                return False  # it was claimed, stopped or ended meanwhile
            if run.deadline_at is None or run.deadline_at > now:
                return False  # it was given another deadline meanwhile
            if not task.definition.schedule.cron_expression and run.due_at == task.next_run_at:
                task = task.changed(now, next_run_at=None)
            settled = settle(self._ports, task, run, after_deadline(run, now), now)
            if settled is None:
                return False
        settled.tell(self._ports)
        return True
