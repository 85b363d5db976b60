"""The secrets of a task, stored and removed together with what they belong to."""

from __future__ import annotations

from task_server.domain.actions import HttpAction
from task_server.domain.secret import SealedValue
from task_server.domain.task import Task, TaskDefinition
from task_server.sealing.given_secrets import GivenSecrets
from task_server.store import sealed_secrets


def has_secrets(definition: TaskDefinition) -> bool:
    """Whether there is anything to read or remove; most tasks have none, and cost no query."""
    return bool(_sealed(definition))


def replace_secrets(task: Task, definition: TaskDefinition, given: GivenSecrets) -> None:
    """Store the new secrets of a locked task, and remove those that its new definition does not have any more."""
    kept = {(value.kind, value.name) for value in _sealed(definition)}
    gone = [(value.kind, value.name) for value in _sealed(task.definition) if (value.kind, value.name) not in kept]
    sealed_secrets.remove(task.task_id, gone)
    sealed_secrets.put(given.sealed_for(task))


def forget_secrets(task: Task) -> None:
    """Remove all secrets of a locked task, which will not run again."""
    if has_secrets(task.definition):
        sealed_secrets.remove_all(task.task_id)


def _sealed(definition: TaskDefinition) -> tuple[SealedValue, ...]:
    action = definition.action
    return action.sealed if isinstance(action, HttpAction) else ()
