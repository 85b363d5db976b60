"""One change of a task and of one of its executions: rows and event in one go."""

from __future__ import annotations

from typing import Any

from task_server.domain.clock import Micros
from task_server.domain.event import EventType
from task_server.domain.execution import Execution
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task
from task_server.store import events, executions, tasks


def new_status(task: Task, execution: Execution, now: Micros) -> TaskStatus:
    """Where the task stands once one of its executions is as given.

    Whatever runs comes first, then what waits for a worker, then what waits for its time; only when nothing of it will run by
    itself does the latest execution's end become the task's.
    """
    others: list[Execution] = []
    latest = execution
    if task.run_count > 1:
        others = [other for other in executions.unfinished(task.task_id) if other.id != execution.id]
        if task.last_execution_id not in (None, execution.id):
            latest = executions.get(task.last_execution_id or "") or execution
    unfinished = [run for run in (*others, execution) if not run.status.is_terminal]
    if any(run.status is ExecutionStatus.STARTED for run in unfinished):
        return TaskStatus.STARTED
    due = [run for run in unfinished if run.due_at <= now]
    if due:
        return TaskStatus(due[-1].status.value)
    if unfinished or task.next_run_at is not None:
        return TaskStatus.SCHEDULED
    if task.stopped_at is not None and task.definition.schedule.cron_expression:
        # A stopped schedule was stopped, whatever became of its last run.
        return TaskStatus.REVOKED
    return TaskStatus(latest.status.value)


def store_task(task: Task, now: Micros, execution: Execution | None = None) -> None:
    """Store a changed task, with the event that tells it and, where one changed too, its execution.

    Of a deleted task, whose last run may still be ending, watchers hear no more.
    """
    tasks.update_state(task)
    if task.deleted_at is None:
        events.append(EventType.MODIFIED, task, execution, now)


def add_execution(
    task: Task,
    execution: Execution,
    now: Micros,
    publish_after: Micros,
    **task_changes: Any,
) -> Task | None:
    """Store a new execution of a task, and the task with it. None when its cron time has one already."""
    if not executions.insert(execution, *_arguments(task), publish_after):
        return None
    task = task.changed(now, **{"run_count": task.run_count + 1, "last_execution_id": execution.id, **task_changes})
    task = task.changed(now, status=new_status(task, execution, now))
    store_task(task, now, execution)
    return task


def move_execution(
    task: Task,
    before: Execution,
    after: Execution,
    now: Micros,
    **columns: Any,
) -> Task | None:
    """Store a changed execution, and its task's new status. None when somebody else changed it first."""
    if not executions.move(after, expected=before, **columns):
        return None
    task = task.changed(now, status=new_status(task, after, now))
    store_task(task, now, after)
    return task


def _arguments(task: Task) -> tuple[list[Any], dict[str, Any]]:
    action = task.definition.action
    return getattr(action, "args", []), getattr(action, "kwargs", {})
