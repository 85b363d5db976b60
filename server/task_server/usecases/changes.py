"""One change of a task and of one of its executions: rows and event in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.errors import ExecutionNotFound
from task_server.domain.event import EventType, Names
from task_server.domain.execution import Execution
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task, TaskDefinition
from task_server.metrics import meters
from task_server.store import events, executions, tasks
from task_server.store.executions import Place


def new_status(task: Task, now: Micros, execution: Execution | None = None) -> TaskStatus:
    """Where the task stands, once one of its executions is as given.

    Whatever runs comes first, then what waits for a worker, then what waits for its time; only when nothing of it will run by
    itself does the latest execution's end become the task's.
    """
    unfinished = _unfinished(task, now, execution)
    goes_by_cron = bool(task.definition.schedule.cron_expression)
    if task.paused_at is not None and (goes_by_cron or any(place.status.is_waiting for place in unfinished)):
        return TaskStatus.PAUSED
    if any(place.status is ExecutionStatus.STARTED for place in unfinished):
        return TaskStatus.STARTED
    due = [place for place in unfinished if place.is_due and not place.held]
    if due:
        return TaskStatus(due[-1].status.value)
    if any(place.status is ExecutionStatus.RETRY for place in unfinished):
        return TaskStatus.RETRY
    if unfinished or task.next_run_at is not None:
        return TaskStatus.SCHEDULED
    if task.stopped_at is not None and goes_by_cron:
        # A stopped schedule was stopped, whatever became of its last run.
        return TaskStatus.REVOKED
    latest = _latest(task, execution)
    # A schedule that ended while all its firings were left out never did what it was made for.
    return TaskStatus(latest.status.value) if latest is not None else TaskStatus.FAILURE


def _unfinished(task: Task, now: Micros, execution: Execution | None) -> list[Place]:
    """Where the task's unfinished runs stand, the newest last: that is `execution`, as it is given."""
    if execution is None:
        return executions.places(task.task_id, now)
    # Its one run: nothing else is asked for.
    others = [] if task.run_count <= 1 else executions.places(task.task_id, now, besides=execution.id)
    if execution.status.is_terminal:
        return others
    return [*others, Place(execution.status, execution.held, execution.due_at <= now)]


def _latest(task: Task, execution: Execution | None) -> Execution | None:
    if execution is not None and task.last_execution_id in (None, execution.id):
        return execution
    latest = executions.get(task.last_execution_id) if task.last_execution_id else None
    return latest or execution


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
    if not executions.insert(execution, *arguments(task.definition), publish_after):
        return None
    task = task.changed(now, **{"run_count": task.run_count + 1, "last_execution_id": execution.id, **task_changes})
    task = task.changed(now, status=new_status(task, now, execution))
    store_task(task, now, execution)
    return task


def add_reruns(task: Task, runs: Sequence[Execution], now: Micros, publish_after: Micros) -> Task:
    """Store new executions of a task that are due and repeat earlier ones, and the task with them; return it as it is then.

    The status is looked up once, however many they are. Raises ExecutionNotFound where an earlier one was removed meanwhile.
    """
    for run in runs:
        if not executions.repeat(run, publish_after):
            raise ExecutionNotFound(id=run.rerun_of)
    status = new_status(replace(task, run_count=task.run_count + len(runs)), now, runs[-1])
    for run in runs:
        task = task.changed(now, status=status, run_count=task.run_count + 1, last_execution_id=run.id)
        events.append(EventType.MODIFIED, task, run, now)
    tasks.update_state(task)
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
    _count_end(after)
    task = task.changed(now, status=new_status(task, now, after))
    store_task(task, now, after)
    return task


class Move(NamedTuple):
    """An execution as it was and as it is to be, with further columns to set."""

    before: Execution
    after: Execution
    columns: dict[str, Any]


def store_moves(task: Task, moves: Sequence[Move], now: Micros, former: Names | None = None) -> Task:
    """Store a changed task with any number of its executions, an event for each; return the task as it is then.

    Only the last event shows where the task then stands: a watch that ends with the task must not end before it has told all of
    them. The status is looked up once, however many they are.

    Parameters:
        former: the names that the task had, where they changed.
    """
    moved = [move.after for move in moves if executions.move(move.after, expected=move.before, **move.columns)]
    for run in moved:
        _count_end(run)
    status = new_status(task, now)
    told: list[Execution | None] = [*moved] or [None]
    for number, execution in enumerate(told, 1):
        task = task.changed(now, **({"status": status} if number == len(told) else {}))
        if task.deleted_at is None:
            events.append(EventType.MODIFIED, task, execution, now, former)
        former = None
    tasks.update_state(task)
    return task


def arguments(definition: TaskDefinition) -> tuple[list[Any], dict[str, Any]]:
    """What code is called with: positional arguments, and those by keyword. None for an HTTP call."""
    action = definition.action
    return getattr(action, "args", []), getattr(action, "kwargs", {})


def _count_end(execution: Execution) -> None:
    """Tell the metrics of an execution that has ended: what is final does not move again. A commit that fails is not taken back."""
    if execution.status.is_terminal:
        reason = execution.failure_reason.value if execution.failure_reason else ""
        meters.EXECUTIONS.count(execution.status.value, reason, execution.action_kind or "")
