"""Rows to domain values and back: the one place that knows both."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from task_server.domain.actions import Action, CodeAction, HttpAction
from task_server.domain.execution import Attempt, Execution, ExecutionDetail, LogChunk
from task_server.domain.outcome import Isolation, Usage
from task_server.domain.owner import Owner
from task_server.domain.schedule import Schedule
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import Task, TaskDefinition
from task_server.store.tables import AttemptRow, ExecutionRow, LogRow, TaskRow

_ACTIONS: dict[str, type[CodeAction] | type[HttpAction]] = {"code": CodeAction, "http": HttpAction}

#: The columns of an execution that lists, claims and events do without.
HEAVY_COLUMNS = ("task_args", "task_kwargs", "result", "traceback", "isolation", "usage")
_SCHEDULING_COLUMNS = ("lease_until", "lost_count", "publish_after", "publish_count")
_LIGHT = [
    field
    for name, field in ExecutionRow._meta.fields.items()
    if name not in HEAVY_COLUMNS and name not in _SCHEDULING_COLUMNS
]


def light_columns() -> list[Any]:
    """The columns that `execution` needs."""
    return _LIGHT


def dumps(value: object) -> str:
    """JSON text, compact, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def task(row: TaskRow) -> Task:
    """The task of a row."""
    return Task(
        task_id=row.task_id,
        owner=Owner(row.owner_id, row.owner_name),
        definition=load_definition(json.loads(row.definition)),
        status=TaskStatus(row.status),
        next_run_at=row.next_run_at,
        run_count=row.run_count,
        fire_count=row.fire_count,
        last_execution_id=row.last_execution_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
        stopped_at=row.stopped_at,
        deleted_at=row.deleted_at,
    )


def task_columns(value: Task) -> dict[str, Any]:
    """The columns of a task, its definition included."""
    return {
        **task_state_columns(value),
        "task_id": value.task_id,
        "owner_id": value.owner.id,
        "owner_name": value.owner.username,
        "name": value.definition.name,
        "task_type": value.definition.task_type.value,
        "module": value.definition.module,
        "definition": dumps(dump_definition(value.definition)),
        "created_at": value.created_at,
    }


def task_state_columns(value: Task) -> dict[str, Any]:
    """The columns of a task that change while it lives."""
    return {
        "status": value.status.value,
        "next_run_at": value.next_run_at,
        "run_count": value.run_count,
        "fire_count": value.fire_count,
        "last_execution_id": value.last_execution_id,
        "updated_at": value.updated_at,
        "revision": value.revision,
        "stopped_at": value.stopped_at,
        "deleted_at": value.deleted_at,
    }


def dump_definition(value: TaskDefinition) -> dict[str, Any]:
    """A definition as JSON."""
    kind = next(name for name, cls in _ACTIONS.items() if isinstance(value.action, cls))
    return {
        "name": value.name,
        "action": {"kind": kind, **asdict(value.action)},
        "schedule": asdict(value.schedule),
        "timeout": value.timeout,
        "queue": value.queue,
        "module": value.module,
        "metadata": value.metadata,
    }


def load_definition(value: dict[str, Any]) -> TaskDefinition:
    """The definition that `dump_definition` wrote."""
    fields = dict(value["action"])
    kind = _ACTIONS[fields.pop("kind")]
    if kind is HttpAction:
        fields["expected_status"] = tuple(fields["expected_status"])
    action: Action = kind(**fields)
    return TaskDefinition(**{**value, "action": action, "schedule": Schedule(**value["schedule"])})


def execution(row: ExecutionRow) -> Execution:
    """The execution of a row, without its heavy parts."""
    return Execution(
        id=row.id,
        task_id=row.task_id,
        parent_task=row.parent_task or "",
        task_name=row.task_name,
        module=row.module,
        owner=Owner(row.owner_id, row.owner_name),
        status=ExecutionStatus(row.status),
        queue=row.queue,
        due_at=row.due_at,
        scheduled_for=row.scheduled_for,
        attempt=row.attempt,
        worker=row.worker,
        stop_requested_at=row.stop_requested_at,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
        failure_reason=FailureReason(row.failure_reason) if row.failure_reason else None,
        metadata=json.loads(row.metadata),
        source=row.source,
        observed_at=row.observed_at,
        log_bytes=row.log_bytes,
        rerun_of=row.rerun_of,
        revision=row.revision,
    )


def execution_columns(value: Execution) -> dict[str, Any]:
    """The light columns of an execution."""
    return {
        "id": value.id,
        "task_id": value.task_id,
        "parent_task": value.parent_task or None,
        "task_name": value.task_name,
        "module": value.module,
        "owner_id": value.owner.id,
        "owner_name": value.owner.username,
        "queue": value.queue,
        "scheduled_for": value.scheduled_for,
        "created_at": value.created_at,
        "metadata": dumps(value.metadata),
        "source": value.source,
        "rerun_of": value.rerun_of,
        "log_bytes": value.log_bytes,
        **execution_state_columns(value),
    }


def execution_state_columns(value: Execution) -> dict[str, Any]:
    """The light columns of an execution that change while it lives."""
    return {
        "status": value.status.value,
        "due_at": value.due_at,
        "attempt": value.attempt,
        "worker": value.worker,
        "stop_requested_at": value.stop_requested_at,
        "started_at": value.started_at,
        "finished_at": value.finished_at,
        "error": value.error,
        "failure_reason": value.failure_reason.value if value.failure_reason else None,
        "observed_at": value.observed_at,
        "revision": value.revision,
    }


def execution_detail(row: ExecutionRow, attempts: list[AttemptRow]) -> ExecutionDetail:
    """The heavy parts of a row that was read whole."""
    isolation = json.loads(row.isolation)
    return ExecutionDetail(
        task_args=json.loads(row.task_args),
        task_kwargs=json.loads(row.task_kwargs),
        result_json=row.result,
        traceback=row.traceback,
        isolation=Isolation(**{**isolation, "layers": tuple(isolation["layers"])}) if isolation else Isolation(),
        usage=Usage(**json.loads(row.usage)),
        attempts=tuple(attempt(row) for row in attempts),
    )


def attempt(row: AttemptRow) -> Attempt:
    """The attempt of a row."""
    return Attempt(
        number=row.number,
        started_at=row.started_at,
        finished_at=row.finished_at,
        worker=row.worker,
        outcome=AttemptOutcome(row.outcome) if row.outcome else None,
        error=row.error,
    )


def log_chunk(row: LogRow) -> LogChunk:
    """The piece of log of a row."""
    return LogChunk(offset=row.first_byte, attempt=row.attempt, text=row.text)


def dump_event(value: Task, run: Execution | None) -> str:
    """A task and an execution as an event keeps them: without code, bodies, header values, arguments and results."""
    return dumps({"task": _snapshot(value), "execution": asdict(run) if run else None})


def load_event(payload: str) -> tuple[Task, Execution | None]:
    """What `dump_event` wrote."""
    value = json.loads(payload)
    fields = value["task"]
    snapshot = Task(
        **{
            **fields,
            "owner": Owner(**fields["owner"]),
            "definition": load_definition(fields["definition"]),
            "status": TaskStatus(fields["status"]),
        }
    )
    run = value["execution"]
    if run is None:
        return snapshot, None
    reason = run["failure_reason"]
    return snapshot, Execution(
        **{
            **run,
            "owner": Owner(**run["owner"]),
            "status": ExecutionStatus(run["status"]),
            "failure_reason": FailureReason(reason) if reason else None,
        }
    )


def _snapshot(value: Task) -> dict[str, Any]:
    definition = dump_definition(value.definition)
    if isinstance(value.definition.action, CodeAction):
        definition["action"] |= {"function_code": "", "args": [], "kwargs": {}}
    else:
        definition["action"] |= {"data": None, "raw_body_base64": "", "params": {}}
        definition["action"]["headers"] = dict.fromkeys(value.definition.action.headers, "")
    fields = {
        name: getattr(value, name)
        for name in Task.__dataclass_fields__
        if name not in ("owner", "definition", "status")
    }
    return {**fields, "owner": asdict(value.owner), "definition": definition, "status": value.status.value}
