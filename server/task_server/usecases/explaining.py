"""Explaining: why a task does or does not run."""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.explanation import MOST_BEFORE, Explanation, Facts, explain, why_it_waits
from task_server.domain.owner import Caller
from task_server.domain.process import LIVE
from task_server.domain.status import TaskStatus
from task_server.domain.task import Task
from task_server.store import executions, processes, tasks, waiting
from task_server.usecases.ports import Ports
from task_server.usecases.visibility import visible

#: The states in which something of a task waits.
_WAIT = (TaskStatus.PENDING, TaskStatus.RETRY)


class Explaining:
    """The use case of explaining."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database
        self._bell = ports.bell

    def explain(self, caller: Caller, task_id: str) -> Explanation:
        """Why a task does or does not run. Raises TaskNotFound when there is none that the caller may see."""
        with self._database.read():
            task = visible(caller, tasks.get(task_id), task_id)
            now = self._database.now()
            facts = self._facts(task, now)
            run = facts.waiting
            if run is not None and run.due_at <= now and not run.held:
                facts = replace(facts, before=waiting.count_before(run, MOST_BEFORE))
            elif run is None and facts.running is None and task.last_execution_id:
                facts = replace(facts, last=executions.get(task.last_execution_id))
            return explain(facts)

    def why_it_waits(self, task: Task, latest: Execution | None) -> Explanation | None:
        """Why something of a task that is due has not begun; within a transaction of the caller's.

        Nothing is asked of the database where the task and its latest execution say that nothing waits.
        """
        waits = latest is not None and latest.status.is_waiting
        if task.status not in _WAIT and not (waits and task.status is TaskStatus.STARTED):
            return None
        return why_it_waits(self._facts(task, self._database.now()))

    def _facts(self, task: Task, now: Micros) -> Facts:
        waits = waiting.first_waiting(task.task_id)
        runs = waiting.newest_running(task.task_id)
        return Facts(
            task=task,
            now=now,
            running=runs[0] if runs else None,
            lease_until=runs[1] if runs else None,
            waiting=waits[0] if waits else None,
            publish_after=waits[1] if waits else 0,
            ready_at=waits[2] if waits else 0,
            processes=processes.seen(now - LIVE),
            is_broker_away=self._bell.is_away,
        )
