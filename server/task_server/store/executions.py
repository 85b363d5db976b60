"""Rows of executions and their attempts. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.execution import Attempt, Execution, ExecutionDetail
from task_server.domain.outcome import Outcome
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason
from task_server.store import records
from task_server.store.database import Database
from task_server.store.statement import Statement, rows
from task_server.store.tables.executions import ExecutionRow

_LIGHT = [getattr(ExecutionRow, name) for name in records.EXECUTION]

#: The columns of a new execution, but for its arguments.
_NEW = (
    *records.EXECUTION,
    *("result", "traceback", "isolation", "usage", "omission"),
    *("ready_at", "publish_after", "publish_count", "sync_after", "sync_count", "ordinal"),
)
INSERT = Statement(
    "INSERT INTO execution ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING", (*_NEW, "task_args", "task_kwargs")
)
# The arguments may be large, and of many executions at once: they go from row to row, and not through this process.
_REPEAT = Statement(
    "INSERT INTO execution ({columns}, task_args, task_kwargs) "
    "SELECT {values}, task_args, task_kwargs FROM execution WHERE id = :rerun_of",
    _NEW,
)
_GET = Statement("SELECT {columns} FROM execution WHERE id = :id", records.EXECUTION)
_FIND_BY_TASK_ID = Statement(
    "SELECT {columns} FROM execution WHERE task_id = :task_id AND registered_task_id IS NULL "
    "UNION ALL SELECT {columns} FROM execution WHERE registered_task_id = :task_id",
    records.EXECUTION,
)
_GET_REGISTERED = Statement(
    "SELECT {columns} FROM execution WHERE registered_task_id = :task_id AND owner_id = :owner_id", records.EXECUTION
)
_ARGUMENTS = Statement("SELECT task_args, task_kwargs FROM execution WHERE id = :id")
_DETAIL = Statement("SELECT {columns} FROM execution WHERE id = :id", records.EXECUTION_DETAIL)
_RENEW = Statement(
    "UPDATE execution SET lease_until = :lease_until WHERE id = :id AND attempt = :attempt AND status = 'STARTED'"
)
_LEASE_UNTIL = Statement(
    "SELECT lease_until FROM execution WHERE id = :id",
    postgresql="SELECT lease_until FROM execution WHERE id = :id FOR UPDATE",
)
_INSERT_ATTEMPT = Statement("INSERT INTO attempt ({columns}) VALUES ({values})", ("execution_id", *records.ATTEMPT))
_END_ATTEMPT = Statement(
    "UPDATE attempt SET {changes}, "
    "log_bytes = (SELECT log_bytes FROM execution WHERE id = :execution_id) - log_offset "
    "WHERE execution_id = :execution_id AND number = :number",
    ("finished_at", "outcome", "error", "failure_reason"),
)
_ATTEMPTS = Statement(
    "SELECT {columns} FROM attempt WHERE execution_id = :execution_id ORDER BY number", records.ATTEMPT
)

# In these the statuses stand in the text: only so does SQLite see that an index of just those rows has all that is asked for.
_EXPIRED = Statement(
    "SELECT id, parent_task FROM execution INDEXED BY execution_leased WHERE status = 'STARTED' AND lease_until < :now "
    "ORDER BY lease_until LIMIT :limit"
)
_OVERDUE = Statement(
    "SELECT id, parent_task FROM execution INDEXED BY execution_deadline "
    "WHERE status IN ('PENDING', 'RETRY') AND deadline_at IS NOT NULL "
    "AND deadline_at <= :now ORDER BY deadline_at LIMIT :limit"
)
_UNFINISHED = Statement(
    "SELECT {columns} FROM execution WHERE parent_task = :parent_task AND status IN ('PENDING', 'RETRY', 'STARTED') "
    "ORDER BY id",
    records.EXECUTION,
)
_PLACES = Statement(
    "SELECT status, held, due_at <= :now, MAX(id) FROM execution WHERE parent_task = :parent_task "
    "AND status IN ('PENDING', 'RETRY', 'STARTED') AND id <> :besides GROUP BY 1, 2, 3 ORDER BY 4"
)
_NEXT_PUBLISH = Statement(
    "SELECT publish_after FROM execution INDEXED BY execution_unpublished "
    "WHERE status IN ('PENDING', 'RETRY') ORDER BY publish_after LIMIT 1"
)


class Place(NamedTuple):
    """Where one or more unfinished executions of a task stand."""

    status: ExecutionStatus
    held: bool
    is_due: bool


class Found(NamedTuple):
    """An execution that a sweep found. It is read when its task is locked: of many, one that can not be read is one."""

    id: str
    parent_task: str


def insert(execution: Execution, args: list[Any], kwargs: dict[str, Any], publish_after: Micros) -> bool:
    """Store a new execution. False when its cron time, or its owner's registered task id, has one already."""
    inserted = INSERT.run(
        **new_columns(execution, publish_after), task_args=records.dumps(args), task_kwargs=records.dumps(kwargs)
    )
    return inserted == 1


def repeat(execution: Execution, publish_after: Micros) -> bool:
    """Store a new execution with the arguments of the one that it is a `rerun_of`. False when that one was removed."""
    return _REPEAT.run(**new_columns(execution, publish_after)) == 1


def new_columns(execution: Execution, publish_after: Micros) -> dict[str, Any]:
    """The columns of a new execution, but for its arguments; for `INSERT`."""
    return {
        **records.execution_columns(execution),
        "result": None,
        "traceback": "",
        "isolation": "{}",
        "usage": "{}",
        "omission": "",
        "publish_after": publish_after,
        "publish_count": 0,
        "sync_after": execution.due_at if execution.is_foreign and not execution.status.is_terminal else None,
        "sync_count": 0,
        "ordinal": None,
    }


def get(execution_id: str) -> Execution | None:
    """The execution with that id."""
    row = _GET.one(id=execution_id)
    return records.execution(row) if row else None


def find_by_task_id(task_id: str) -> list[Execution]:
    """The executions with that Celery task id: a run of ours before those that owners registered, at most one each."""
    return [records.execution(row) for row in _FIND_BY_TASK_ID.all(task_id=task_id)]


def get_registered(task_id: str, owner_id: str) -> Execution | None:
    """The execution that was registered for that owner under that Celery task id."""
    row = _GET_REGISTERED.one(task_id=task_id, owner_id=owner_id)
    return records.execution(row) if row else None


def get_many(ids: Iterable[str]) -> dict[str, Execution]:
    """The executions with those ids, by id."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = ExecutionRow.select(*_LIGHT).where(ExecutionRow.id.in_(wanted))
    return {execution.id: execution for execution in map(records.execution, rows(query))}


def arguments(execution_id: str) -> tuple[list[Any], dict[str, Any]]:
    """What an execution that is there is called with."""
    row = _ARGUMENTS.one(id=execution_id)
    assert row is not None, execution_id  # noqa: S101 - the caller has just read it
    args, kwargs = row
    return json.loads(args), json.loads(kwargs)


def detail(execution_id: str) -> ExecutionDetail:
    """The heavy parts of an execution that this snapshot has shown."""
    row = _DETAIL.one(id=execution_id)
    assert row is not None, execution_id  # noqa: S101 - one snapshot shows all of it
    return records.execution_detail(row, _ATTEMPTS.all(execution_id=execution_id))


def unfinished(parent_task: str) -> list[Execution]:
    """The waiting and running executions of a task, oldest first."""
    return [records.execution(row) for row in _UNFINISHED.all(parent_task=parent_task)]


def places(parent_task: str, now: Micros, besides: str = "") -> list[Place]:
    """Where the waiting and running executions of a task stand, but the one `besides`; that of the newest comes last.

    However many they are, as after hours in which no worker ran, at most a dozen places are read.
    """
    found = _PLACES.all(parent_task=parent_task, now=now, besides=besides)
    return [Place(ExecutionStatus(status), bool(held), bool(is_due)) for status, held, is_due, _ in found]


def move(execution: Execution, *, expected: Execution, **columns: Any) -> bool:
    """Store the new state of an execution, unless it is no longer in the expected status, attempt and revision.

    `columns` are further columns to set. False when somebody else moved it first: then nothing was changed.
    """
    updated = _move(tuple(columns)).run(
        **{**records.execution_state_columns(execution), **columns},
        id=execution.id,
        expected_status=expected.status.value,
        expected_attempt=expected.attempt,
        expected_revision=expected.revision,
    )
    return updated == 1


@functools.cache
def _move(columns: tuple[str, ...]) -> Statement:
    return Statement(
        "UPDATE execution SET {changes} WHERE id = :id AND status = :expected_status AND attempt = :expected_attempt "
        "AND revision = :expected_revision",
        tuple(dict.fromkeys((*records.EXECUTION_STATE, "ready_at", *columns))),
    )


def definition_columns(execution: Execution) -> dict[str, Any]:
    """The columns of an execution that follow from its task's definition, but for the arguments, for `move`."""
    return {
        "task_name": execution.task_name,
        "module": execution.module,
        "queue": execution.queue,
        "action_kind": records.kind_column(execution.action_kind),
        "concurrency_key": execution.concurrency_key,
        "metadata": records.dumps(execution.metadata),
    }


def argument_columns(args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The columns of what an execution is called with, for `move`."""
    return {"task_args": records.dumps(args), "task_kwargs": records.dumps(kwargs)}


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """The columns that an outcome sets, for `move`."""
    return {**records.outcome_columns(outcome), "lease_until": None}


def renew(execution_id: str, attempt: int, lease_until: Micros) -> bool:
    """Put off the end of a lease. False when that attempt no longer holds one."""
    return _RENEW.run(id=execution_id, attempt=attempt, lease_until=lease_until) == 1


def to_stop(ids: Iterable[str]) -> set[str]:
    """Those of the given running executions that somebody wants stopped."""
    query = ExecutionRow.select(ExecutionRow.id).where(
        ExecutionRow.id.in_(list(ids)) & ExecutionRow.stop_requested_at.is_null(False)
    )
    return {execution_id for (execution_id,) in rows(query)}


def expired(now: Micros, limit: int) -> list[Found]:
    """Up to `limit` running executions whose lease is over."""
    return [Found(*row) for row in _EXPIRED.all(now=now, limit=limit)]


def overdue(now: Micros, limit: int) -> list[Found]:
    """Up to `limit` waiting executions whose deadline has passed."""
    return [Found(*row) for row in _OVERDUE.all(now=now, limit=limit)]


def lock_running(database: Database, parent_tasks: Iterable[str]) -> None:
    """Keep the running executions of tasks from others, for whoever changes those of several tasks, which are locked already.

    Whoever renews leases locks executions of any tasks in the order of their ids, and so must everybody who locks several.
    """
    if database.is_sqlite:
        return  # whoever writes has the whole database
    running = ExecutionRow.parent_task.in_(list(parent_tasks)) & (ExecutionRow.status == ExecutionStatus.STARTED.value)
    list(rows(ExecutionRow.select(ExecutionRow.id).where(running).order_by(ExecutionRow.id).for_update()))


def lease_until(execution_id: str) -> Micros | None:
    """When the lease of a running execution ends; it can not be renewed until the transaction ends."""
    time: Micros | None = _LEASE_UNTIL.value(id=execution_id)
    return time


def next_publish() -> Micros | None:
    """When the next waiting execution is to be published."""
    time: Micros | None = _NEXT_PUBLISH.value()
    return time


def insert_attempt(execution_id: str, attempt: Attempt) -> None:
    """Store that an attempt began."""
    _INSERT_ATTEMPT.run(execution_id=execution_id, **records.attempt_columns(attempt))


def end_attempt(
    execution: Execution, now: Micros, outcome: AttemptOutcome, error: str, reason: FailureReason | None = None
) -> None:
    """Store how the present attempt of an execution ended, and how much of the log is its own."""
    _END_ATTEMPT.run(
        execution_id=execution.id,
        number=execution.attempt,
        finished_at=now,
        outcome=outcome.value,
        error=error,
        failure_reason=reason.value if reason else None,
    )
