"""A task and an execution as an event keeps them: JSON, without code, bodies, header values, arguments and results."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

from task_server.domain.actions import Action, ActionKind, CodeAction
from task_server.domain.event import Names
from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.places import StartRate
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import Task, TaskDefinition
from task_server.store.records import ACTIONS, dump_definition, dumps, fields, load_definition


def dump(task: Task, execution: Execution | None, former: Names | None = None) -> str:
    """The payload of an event; `former` are the names that the task had before, where they changed."""
    definition = replace(task.definition, action=_light(task.definition.action))
    return dumps(
        {
            "task": {
                **fields(task),
                "owner": fields(task.owner),
                "definition": dump_definition(definition),
            },
            "execution": _run(task, execution) if execution else None,
            **({"former": former} if former else {}),
        }
    )


def _run(task: Task, execution: Execution) -> dict[str, Any]:
    # Its metadata is mostly the task's, which stands above; a run that began before those were changed has its own.
    is_own = execution.metadata != task.definition.metadata
    own = {"own_metadata": execution.metadata} if is_own else {}
    return {**fields(execution), "owner": fields(execution.owner), "metadata": {}, **own}


def load(payload: str) -> tuple[Task, Execution | None, Names | None]:
    """What `dump` was given, without the heavy parts.

    While servers are being replaced by newer ones, an event may have fields that this version does not know: they are left out,
    so that watchers here go on.
    """
    value = json.loads(payload)
    said, run = value["task"], value["execution"]
    former = Names(*value["former"]) if "former" in value else None
    task = Task(
        **{
            **_known(Task, said),
            "owner": Owner(**said["owner"]),
            "definition": load_definition(_known_definition(said["definition"])),
            "status": TaskStatus(said["status"]),
        }
    )
    if run is None:
        return task, None, former
    reason, kind = run["failure_reason"], run.get("action_kind")
    execution = Execution(
        **{
            **_known(Execution, run),
            "owner": Owner(**run["owner"]),
            "status": ExecutionStatus(run["status"]),
            "action_kind": ActionKind(kind) if kind else None,
            "failure_reason": FailureReason(reason) if reason else None,
            "metadata": run.get("own_metadata", task.definition.metadata),
        }
    )
    return task, execution, former


def _known(kind: Any, value: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: part for name, part in value.items() if name in names}


def _known_definition(value: dict[str, Any]) -> dict[str, Any]:
    known = _known(TaskDefinition, value)
    kind = known["action"]["kind"]
    return known | {
        "action": _known(ACTIONS[kind], known["action"]) | {"kind": kind},
        "schedule": _known(Schedule, known["schedule"]),
        "retry_policy": _known(RetryPolicy, known.get("retry_policy") or {}),
        "start_rate": _known(StartRate, known.get("start_rate") or {}),
    }


def _light(action: Action) -> Action:
    if isinstance(action, CodeAction):
        return replace(action, function_code="", args=[], kwargs={})
    headers = dict.fromkeys(action.headers, "")
    return replace(action, data=None, raw_body_base64="", params={}, headers=headers, response_assertions=(), sealed=())
