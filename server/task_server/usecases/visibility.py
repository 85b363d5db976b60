"""Which rows a caller may see."""

from __future__ import annotations

from task_server.auth.policy import VIEW_ALL, missing
from task_server.domain.errors import InvalidFields, TaskNotFound, Violation
from task_server.domain.owner import Caller
from task_server.domain.task import Task


def owner_scope(caller: Caller, created_by: str, my_tasks: bool | None) -> str | None:
    """The owner whose rows a list is about, None for everybody's: the caller's own unless something else was asked for.

    Raises PermissionMissing when the caller may not see others' rows, whether there are any or not.
    """
    if my_tasks and created_by and created_by != caller.owner.id:
        raise InvalidFields(
            [Violation("created_by", "leave it out, or set my_tasks=false: it asks for somebody else's")]
        )
    if created_by:
        wanted: str | None = created_by
    else:
        wanted = None if my_tasks is False else caller.owner.id
    if wanted != caller.owner.id and not caller.sees_all:
        raise missing(VIEW_ALL)
    return wanted


def visible(caller: Caller, task: Task | None, task_id: str) -> Task:
    """The task, if the caller may see it and it was not deleted; else TaskNotFound, as for one that never was."""
    if task is None or task.deleted_at is not None or not caller.may_see(task.owner.id):
        raise TaskNotFound(task_id)
    return task
