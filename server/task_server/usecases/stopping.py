"""Stopping: the intent is stored first, what waits ends at once, what runs is ended by its worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.owner import Caller
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task
from task_server.notifier.bell import Topic
from task_server.store import executions, tasks
from task_server.usecases import changes
from task_server.usecases.ports import Ports
from task_server.usecases.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What a stop found and did."""

    task: Task
    #: Ids of executions that had not begun and never will.
    never_started: list[str] = field(default_factory=list)
    #: Ids of executions whose workers were told.
    running: list[str] = field(default_factory=list)
    #: Whether there were future firings, which will not come now.
    ended_firings: bool = False


class Stopping:
    """The use cases of stopping."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database

    def stop(self, caller: Caller, task_id: str) -> Stopped:
        """Store that a task is to stop, and tell the workers. Raises TaskNotFound."""
        with self._database.write():
            task = visible(caller, tasks.lock(self._database, task_id), task_id)
            stopped = stop_locked(task, self._database.now())
        self.tell(stopped.running)
        return stopped

    def tell(self, running: list[str]) -> None:
        """Ring for executions that are to be stopped, and for the watchers."""
        for execution_id in running:
            self._ports.bell.ring(Topic.STOP, execution_id)
        self._ports.announce()

    def outcomes(self, running: list[str]) -> dict[str, Execution]:
        """What became so far of executions that were to be stopped."""
        with self._database.read():
            return executions.get_many(running)


def stop_locked(task: Task, now: Micros) -> Stopped:
    """Stop a locked task: end what waits, mark what runs, and forget all future firings."""
    ended_firings = bool(task.definition.schedule.cron_expression) and task.next_run_at is not None
    never_started: list[str] = []
    running: list[str] = []
    unfinished = executions.unfinished(task.task_id)
    if task.stopped_at is None and (unfinished or ended_firings):
        task = task.changed(now, stopped_at=now, next_run_at=None)
        if not unfinished:
            task = task.changed(now, status=TaskStatus.REVOKED)
            changes.store_task(task, now)
    for execution in unfinished:
        if execution.status is ExecutionStatus.STARTED:
            running.append(execution.id)
            if execution.stop_requested_at is not None:
                continue
            after = execution.changed(stop_requested_at=now)
        else:
            never_started.append(execution.id)
            after = _revoked(execution, now)
        task = changes.move_execution(task, execution, after, now) or task
    return Stopped(task=task, never_started=never_started, running=running, ended_firings=ended_firings)


def _revoked(execution: Execution, now: Micros) -> Execution:
    return execution.changed(
        status=ExecutionStatus.REVOKED,
        finished_at=now,
        observed_at=now,
        stop_requested_at=now,
        error="stopped before it began",
    )
