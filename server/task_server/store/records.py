"""Rows to domain values and back: the one place that knows both. A row is a tuple, in the order of the columns named here."""

from __future__ import annotations

import json
from typing import Any

from task_server.domain.actions import Action, ActionKind, CodeAction, HttpAction
from task_server.domain.assertions import read_assertion
from task_server.domain.clock import NEVER
from task_server.domain.execution import Attempt, Execution, ExecutionDetail, LogChunk
from task_server.domain.outcome import Isolation, Limits, Outcome, Usage
from task_server.domain.owner import Owner
from task_server.domain.places import StartRate
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import MisfirePolicy, OverlapPolicy, Schedule
from task_server.domain.secret import SealedValue, SecretKind
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import Task, TaskDefinition
from task_server.store.statement import Row

#: The kinds of action, by the word that is stored.
ACTIONS: dict[str, type[CodeAction] | type[HttpAction]] = {ActionKind.CODE: CodeAction, ActionKind.HTTP: HttpAction}

#: The columns of a task that change while it lives.
TASK_STATE = (
    "status",
    "next_run_at",
    "run_count",
    "fire_count",
    "missed_count",
    "skipped_count",
    "last_execution_id",
    "updated_at",
    "revision",
    "stopped_at",
    "paused_at",
    "deleted_at",
)
#: The columns that say what a task is to do: the whole, and what lists are filtered by.
TASK_DEFINITION = ("name", "task_type", "module", "definition")
#: The columns that `task` needs.
TASK = ("task_id", "owner_id", "owner_name", "definition", "created_at", *TASK_STATE)

#: The columns of an execution that change while it lives.
EXECUTION_STATE = (
    "status",
    "due_at",
    "deadline_at",
    "attempt",
    "failed_count",
    "lost_count",
    "held",
    "waits_for",
    "worker",
    "stop_requested_at",
    "started_at",
    "finished_at",
    "error",
    "failure_reason",
    "source",
    "observed_at",
    "retries",
    "revision",
)
#: The columns that `execution` needs.
EXECUTION = (
    "id",
    "task_id",
    "registered_task_id",
    "parent_task",
    "task_name",
    "module",
    "owner_id",
    "owner_name",
    "queue",
    "action_kind",
    "concurrency_key",
    "scheduled_for",
    "created_at",
    "metadata",
    "rerun_of",
    "app",
    "named_by",
    "is_registered",
    "log_bytes",
    *EXECUTION_STATE,
)
#: The columns of an execution that `execution_detail` needs, and that lists, claims and events do without.
EXECUTION_DETAIL = ("task_args", "task_kwargs", "result", "traceback", "isolation", "usage", "omission")
#: The columns that `attempt` needs.
ATTEMPT = (
    "number",
    "started_at",
    "finished_at",
    "worker",
    "outcome",
    "error",
    "failure_reason",
    "log_offset",
    "log_bytes",
)
#: The columns that `log_chunk` needs.
LOG_CHUNK = ("first_byte", "attempt", "text")

#: JSON text, compact, characters as they are.
dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def fields(value: object) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are: `dataclasses.asdict` copies what is in them, at ten times the cost."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}  # type: ignore[attr-defined]


def task(row: Row) -> Task:
    """The task of a row."""
    values = dict(zip(TASK, row, strict=True))
    return Task(
        owner=Owner(values.pop("owner_id"), values.pop("owner_name")),
        definition=load_definition(json.loads(values.pop("definition"))),
        status=TaskStatus(values.pop("status")),
        **values,
    )


def task_columns(value: Task) -> dict[str, Any]:
    """The columns of a task, its definition included."""
    return {
        **task_state_columns(value),
        **task_definition_columns(value.definition),
        "task_id": value.task_id,
        "owner_id": value.owner.id,
        "owner_name": value.owner.username,
        "created_at": value.created_at,
    }


def task_definition_columns(value: TaskDefinition) -> dict[str, Any]:
    """The columns of what a task is to do."""
    return {
        "name": value.name,
        "task_type": value.task_type.value,
        "module": value.module,
        "definition": dumps(dump_definition(value)),
    }


def definition_bytes(value: TaskDefinition) -> int:
    """How many bytes the definition takes where it is stored."""
    return len(dumps(dump_definition(value)).encode())


def task_state_columns(value: Task) -> dict[str, Any]:
    """The columns of a task that change while it lives."""
    return {name: getattr(value, name) for name in TASK_STATE} | {"status": value.status.value}


def dump_definition(value: TaskDefinition) -> dict[str, Any]:
    """A definition as JSON."""
    action = {"kind": value.action.kind, **fields(value.action)}
    if isinstance(value.action, HttpAction):
        action["response_assertions"] = [fields(each) for each in value.action.response_assertions]
    if sealed := action.pop("sealed", ()):
        # Left out where there is none, so that a worker of an older version still reads it.
        action["sealed"] = [fields(each) for each in sealed]
    policy = fields(value.retry_policy) if value.retry_policy else None
    rate = fields(value.start_rate) if value.start_rate else None
    return {
        **fields(value),
        "action": action,
        "schedule": fields(value.schedule),
        "retry_policy": policy,
        "start_rate": rate,
    }


def load_definition(value: dict[str, Any]) -> TaskDefinition:
    """The definition that `dump_definition` wrote."""
    said = dict(value["action"])
    kind = ACTIONS[said.pop("kind")]
    if kind is HttpAction:
        said["expected_status"] = tuple(said["expected_status"])
        # Rows of earlier versions have none.
        said["response_assertions"] = tuple(map(read_assertion, said.get("response_assertions", ())))
        # Rows of the first schemas have none.
        said["sealed"] = tuple(
            SealedValue(kind=SecretKind(each["kind"]), name=each["name"], fingerprint=each["fingerprint"])
            for each in said.get("sealed", ())
        )
    action: Action = kind(**said)
    policy, rate = value.get("retry_policy"), value.get("start_rate")
    parts = {
        "action": action,
        "schedule": _schedule(value["schedule"]),
        "retry_policy": _retry_policy(policy) if policy else None,
        "start_rate": StartRate(**rate) if rate else None,
    }
    return TaskDefinition(**value | parts)


def _schedule(value: dict[str, Any]) -> Schedule:
    # Rows of the first schema have no policies.
    kinds = {"misfire_policy": MisfirePolicy, "overlap_policy": OverlapPolicy}
    return Schedule(**value | {name: kind(value[name]) for name, kind in kinds.items() if name in value})


def _retry_policy(value: dict[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        **value
        | {
            "retry_statuses": tuple(value["retry_statuses"]),
            "retry_reasons": tuple(map(FailureReason, value["retry_reasons"])),
        }
    )


def execution(row: Row) -> Execution:
    """The execution of a row, without its heavy parts."""
    values = dict(zip(EXECUTION, row, strict=True))
    reason = values.pop("failure_reason")
    kind = values.pop("action_kind")
    values["task_id"] = values.pop("registered_task_id") or values["task_id"]
    return Execution(
        parent_task=values.pop("parent_task") or "",
        owner=Owner(values.pop("owner_id"), values.pop("owner_name")),
        status=ExecutionStatus(values.pop("status")),
        action_kind=ActionKind(kind) if kind else None,
        failure_reason=FailureReason(reason) if reason else None,
        held=bool(values.pop("held")),
        is_registered=bool(values.pop("is_registered")),
        metadata=json.loads(values.pop("metadata")),
        **values,
    )


def execution_columns(value: Execution) -> dict[str, Any]:
    """The columns of an execution, without its heavy parts.

    The column `task_id` is one of a kind in all of the table. What a caller registers under a task id of its own choice is not:
    others may have registered the same, and must not hear of it.
    """
    columns = fields(value)
    owner: Owner = columns.pop("owner")
    is_ours = bool(value.parent_task)
    return {
        **columns,
        "task_id": value.task_id if is_ours else value.id,
        "registered_task_id": None if is_ours else value.task_id,
        "parent_task": value.parent_task or None,
        "action_kind": kind_column(value.action_kind),
        "owner_id": owner.id,
        "owner_name": owner.username,
        "is_registered": int(value.is_registered),
        "metadata": dumps(value.metadata),
        **execution_state_columns(value),
    }


def kind_column(kind: ActionKind | None) -> str:
    """The word for which workers may run an execution; empty for a foreign one."""
    return kind.value if kind else ""


def execution_state_columns(value: Execution) -> dict[str, Any]:
    """The columns of an execution that change while it lives."""
    reason = value.failure_reason
    return {name: getattr(value, name) for name in EXECUTION_STATE} | {
        "status": value.status.value,
        "ready_at": NEVER if value.held or value.waits_for else value.due_at,
        "failure_reason": reason.value if reason else None,
        "held": int(value.held),
    }


def outcome_columns(value: Outcome) -> dict[str, Any]:
    """The heavy columns that the end of a run sets."""
    return {
        "result": value.result_json,
        "traceback": value.traceback,
        "isolation": dumps(_isolation_fields(value.isolation)),
        "usage": dumps(fields(value.usage)),
    }


def _isolation_fields(value: Isolation) -> dict[str, Any]:
    return fields(value) | {"limits": fields(value.limits) if value.limits else None}


def execution_detail(row: Row, attempts: list[Row]) -> ExecutionDetail:
    """The heavy parts of an execution, from its row and those of its attempts."""
    task_args, task_kwargs, result, traceback, isolation, usage, omission = row
    return ExecutionDetail(
        task_args=json.loads(task_args),
        task_kwargs=json.loads(task_kwargs),
        result_json=result,
        traceback=traceback,
        isolation=_isolation(json.loads(isolation)),
        usage=Usage(**json.loads(usage)),
        omission=omission,
        attempts=tuple(attempt(each) for each in attempts),
    )


def _isolation(stored: dict[str, Any]) -> Isolation:
    limits = stored.get("limits")
    return Isolation(
        level=stored.get("level", ""),
        layers=tuple(stored.get("layers", ())),
        limits=Limits(**limits) if limits else None,
    )


def attempt(row: Row) -> Attempt:
    """The attempt of a row."""
    values = dict(zip(ATTEMPT, row, strict=True))
    outcome, reason = values.pop("outcome"), values.pop("failure_reason")
    return Attempt(
        outcome=AttemptOutcome(outcome) if outcome else None,
        failure_reason=FailureReason(reason) if reason else None,
        **values,
    )


def attempt_columns(value: Attempt) -> dict[str, Any]:
    """The columns of an attempt."""
    return {
        **fields(value),
        "outcome": value.outcome.value if value.outcome else None,
        "failure_reason": value.failure_reason.value if value.failure_reason else None,
    }


def log_chunk(row: Row) -> LogChunk:
    """The piece of log of a row."""
    first_byte, number, text = row
    return LogChunk(offset=first_byte, attempt=number, text=text)
