"""A task and an execution as an event keeps them: JSON, without code, bodies, header values, arguments and results."""

from __future__ import annotations

import json
from dataclasses import replace

from task_server.domain.actions import Action, CodeAction
from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import Task
from task_server.store.records import dump_definition, dumps, fields, load_definition


def dump(task: Task, execution: Execution | None) -> str:
    """The payload of an event."""
    definition = replace(task.definition, action=_light(task.definition.action))
    return dumps(
        {
            "task": {
                **fields(task),
                "owner": fields(task.owner),
                "definition": dump_definition(definition),
            },
            # Its metadata is the task's, which stands above.
            "execution": {**fields(execution), "owner": fields(execution.owner), "metadata": {}} if execution else None,
        }
    )


def load(payload: str) -> tuple[Task, Execution | None]:
    """What `dump` was given, without the heavy parts."""
    value = json.loads(payload)
    said, run = value["task"], value["execution"]
    task = Task(
        **{
            **said,
            "owner": Owner(**said["owner"]),
            "definition": load_definition(said["definition"]),
            "status": TaskStatus(said["status"]),
        }
    )
    if run is None:
        return task, None
    run["metadata"] = task.definition.metadata
    reason = run["failure_reason"]
    return task, Execution(
        **{
            **run,
            "owner": Owner(**run["owner"]),
            "status": ExecutionStatus(run["status"]),
            "failure_reason": FailureReason(reason) if reason else None,
        }
    )


def _light(action: Action) -> Action:
    if isinstance(action, CodeAction):
        return replace(action, function_code="", args=[], kwargs={})
    return replace(action, data=None, raw_body_base64="", params={}, headers=dict.fromkeys(action.headers, ""))
