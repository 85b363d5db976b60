"""Redefining: an execution that waits takes over what its task has been told to do since it was made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.task import Task
from task_server.store import executions
from task_server.usecases import changes


def redefined(task: Task, run: Execution) -> tuple[Execution, dict[str, Any]]:
    """The run as its task has it now, of the same revision, and the columns that say so.

    To be stored wherever a run that had begun waits again, so that all that waits is as the task is. What runs goes on as it
    began: a claim takes a task's definition as a whole, under the task's lock.
    """
    definition = task.definition
    run = replace(
        run,
        task_name=definition.name,
        module=definition.module,
        queue=definition.queue,
        action_kind=definition.action.kind,
        concurrency_key=definition.concurrency_key,
        metadata=definition.metadata,
        deadline_at=definition.deadline_at(first_due(task, run)),
    )
    columns = executions.definition_columns(run)
    if not run.rerun_of:  # a rerun keeps the arguments of the run that it repeats
        columns |= executions.argument_columns(*changes.arguments(definition))
    return run, columns


def is_own_run(task: Task, run: Execution) -> bool:
    """Whether the run was made with the task, in one transaction: neither by its cron schedule nor by RunTask."""
    return run.created_at == task.created_at


def first_due(task: Task, run: Execution) -> Micros:
    """When the run was due first; of a firing that was tried again, without its jitter."""
    if not run.failed_count:
        return run.due_at  # a retry alone has another
    if is_own_run(task, run):
        return task.definition.schedule.due_at(task.created_at)
    return run.scheduled_for or run.created_at
