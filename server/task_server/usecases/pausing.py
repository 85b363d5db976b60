"""Pausing: a task is held, so that it does not fire and nothing of it that waits begins, until it is resumed."""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.clock import Micros
from task_server.domain.errors import TaskEnded
from task_server.domain.execution import Execution
from task_server.domain.misfire import left_out
from task_server.domain.owner import Caller
from task_server.domain.task import Task
from task_server.notifier.bell import Topic
from task_server.store import executions, tasks
from task_server.usecases import auditing, changes, holding
from task_server.usecases.ports import Ports
from task_server.usecases.redefining import is_own_run
from task_server.usecases.tasks import TaskView
from task_server.usecases.visibility import visible


class Pausing:
    """The use cases of pausing."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database

    def pause(self, caller: Caller, task_id: str) -> TaskView:
        """Hold a task. One that is paused already stays as it is.

        Raises TaskNotFound, and TaskEnded when nothing of it is to come.
        """
        with self._database.write():
            task = visible(caller, tasks.lock(self._database, task_id), task_id)
            now = self._database.now()
            if task.stopped_at is not None or task.status.is_terminal:
                raise TaskEnded(task_id, "has ended, so there is nothing to pause")
            if task.paused_at is None:
                missed = task.missed_count + left_out(task.definition.schedule, task.next_run_at, now)
                task = holding.hold_waiting(replace(task, paused_at=now, next_run_at=None, missed_count=missed), now)
                auditing.note(caller, task_id, now)
            view = _view(task)
        self._ports.announce()
        return view

    def resume(self, caller: Caller, task_id: str) -> TaskView:
        """Let a task go on. One that is not paused stays as it is. Raises TaskNotFound."""
        due: list[Execution] = []
        with self._database.write():
            task = visible(caller, tasks.lock(self._database, task_id), task_id)
            now = self._database.now()
            if task.paused_at is not None:
                held = task.revision
                task = replace(task, paused_at=None, next_run_at=_next_run(task, now))
                task, due = holding.let_go(self._ports, task, now)
                if task.revision == held:  # there was nothing to let go, with which it would have been stored
                    task = changes.store_moves(task, [], now)
                auditing.note(caller, task_id, now)
            view = _view(task)
        self._ports.announce(*due)
        self._ports.bell.ring(Topic.DUE)
        return view


def _next_run(task: Task, now: Micros) -> Micros | None:
    """When a task that is resumed fires next."""
    schedule = task.definition.schedule
    if schedule.cron_expression:
        return schedule.next_fire(now, task.fire_count)
    to_come = [run.due_at for run in executions.unfinished(task.task_id) if is_own_run(task, run) and not run.attempt]
    return next((due_at for due_at in to_come if due_at > now), None)


def _view(task: Task) -> TaskView:
    latest = executions.get(task.last_execution_id) if task.last_execution_id else None
    return TaskView(task=task, last_execution=latest, detail=executions.detail(latest.id) if latest else None)
