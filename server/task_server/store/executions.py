"""Rows of executions and their attempts. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from task_server.domain.clock import Micros
from task_server.domain.execution import Attempt, Execution, ExecutionDetail
from task_server.domain.listing import ExecutionFilter
from task_server.domain.outcome import Outcome
from task_server.domain.status import AttemptOutcome
from task_server.store import records
from task_server.store.database import Database
from task_server.store.statement import Statement, rows
from task_server.store.tables import ExecutionRow

_LIGHT = [getattr(ExecutionRow, name) for name in records.EXECUTION]

_INSERT = Statement(
    "INSERT INTO execution ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING",
    (*records.EXECUTION, *records.EXECUTION_DETAIL, "lost_count", "publish_after", "publish_count"),
)
_GET = Statement("SELECT {columns} FROM execution WHERE id = :id", records.EXECUTION)
_GET_BY_TASK_ID = Statement("SELECT {columns} FROM execution WHERE task_id = :task_id", records.EXECUTION)
_DETAIL = Statement("SELECT {columns} FROM execution WHERE id = :id", records.EXECUTION_DETAIL)
_RENEW = Statement(
    "UPDATE execution SET lease_until = :lease_until WHERE id = :id AND attempt = :attempt AND status = 'STARTED'"
)
_LEASE_UNTIL = Statement("SELECT lease_until FROM execution WHERE id = :id")
_INSERT_ATTEMPT = Statement("INSERT INTO attempt ({columns}) VALUES ({values})", ("execution_id", *records.ATTEMPT))
_END_ATTEMPT = Statement(
    "UPDATE attempt SET {changes} WHERE execution_id = :execution_id AND number = :number",
    ("finished_at", "outcome", "error"),
)
_ATTEMPTS = Statement(
    "SELECT {columns} FROM attempt WHERE execution_id = :execution_id ORDER BY number", records.ATTEMPT
)

# In these the statuses stand in the text: only so does SQLite see that an index of just those rows has all that is asked for.
_EXPIRED = Statement(
    "SELECT {columns}, lost_count FROM execution WHERE status = 'STARTED' AND lease_until < :now "
    "ORDER BY lease_until LIMIT :limit",
    records.EXECUTION,
)
_UNFINISHED = Statement(
    "SELECT {columns} FROM execution WHERE parent_task = :parent_task AND status IN ('PENDING', 'RETRY', 'STARTED') "
    "ORDER BY id",
    records.EXECUTION,
)
_UNPUBLISHED = (
    "SELECT {columns}, publish_count FROM execution WHERE status IN ('PENDING', 'RETRY') AND publish_after <= :now "
    "ORDER BY publish_after LIMIT :limit"
)
_FIND_UNPUBLISHED = Statement(_UNPUBLISHED, records.EXECUTION)
_LOCK_UNPUBLISHED = Statement(_UNPUBLISHED + " FOR UPDATE SKIP LOCKED", records.EXECUTION)
_NEXT_PUBLISH = Statement(
    "SELECT publish_after FROM execution WHERE status IN ('PENDING', 'RETRY') ORDER BY publish_after LIMIT 1"
)
_STAMP_PUBLISHED = Statement("UPDATE execution SET {changes} WHERE id = :id", ("publish_count", "publish_after"))


def insert(execution: Execution, args: list[Any], kwargs: dict[str, Any], publish_after: Micros) -> bool:
    """Store a new execution. False when its cron time has one already."""
    inserted = _INSERT.run(
        **records.execution_columns(execution),
        task_args=records.dumps(args),
        task_kwargs=records.dumps(kwargs),
        result=None,
        traceback="",
        isolation="{}",
        usage="{}",
        lost_count=0,
        publish_after=publish_after,
        publish_count=0,
    )
    return inserted == 1


def get(execution_id: str) -> Execution | None:
    """The execution with that id."""
    row = _GET.one(id=execution_id)
    return records.execution(row) if row else None


def get_by_task_id(task_id: str) -> Execution | None:
    """The execution with that Celery task id."""
    row = _GET_BY_TASK_ID.one(task_id=task_id)
    return records.execution(row) if row else None


def get_many(ids: Iterable[str]) -> dict[str, Execution]:
    """The executions with those ids, by id."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = ExecutionRow.select(*_LIGHT).where(ExecutionRow.id.in_(wanted))
    return {execution.id: execution for execution in map(records.execution, rows(query))}


def detail(execution_id: str) -> ExecutionDetail:
    """The heavy parts of an execution that is known to exist."""
    row = _DETAIL.one(id=execution_id)
    assert row is not None, execution_id  # noqa: S101 - executions are never removed
    return records.execution_detail(row, _ATTEMPTS.all(execution_id=execution_id))


def page(wanted: ExecutionFilter, before_id: str, limit: int) -> list[Execution]:
    """Up to `limit` executions that match, newest first, older than `before_id` (empty: from the newest)."""
    query = ExecutionRow.select(*_LIGHT).where(*_conditions(wanted))
    if before_id:
        query = query.where(ExecutionRow.id < before_id)
    return [records.execution(row) for row in rows(query.order_by(ExecutionRow.id.desc()).limit(limit))]


def count(wanted: ExecutionFilter) -> int:
    """How many executions match."""
    return int(ExecutionRow.select().where(*_conditions(wanted)).count())


def unfinished(parent_task: str) -> list[Execution]:
    """The waiting and running executions of a task, oldest first."""
    return [records.execution(row) for row in _UNFINISHED.all(parent_task=parent_task)]


def move(execution: Execution, *, expected: Execution, **columns: Any) -> bool:
    """Store the new state of an execution, unless it is no longer in the expected status, attempt and revision.

    `columns` are further columns to set. False when somebody else moved it first: then nothing was changed.
    """
    updated = _move(tuple(columns)).run(
        **records.execution_state_columns(execution),
        **columns,
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
        (*records.EXECUTION_STATE, *columns),
    )


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


def expired(now: Micros, limit: int) -> list[tuple[Execution, int]]:
    """Up to `limit` running executions whose lease is over, with how often each has lost its worker."""
    return [(records.execution(row), lost_count) for *row, lost_count in _EXPIRED.all(now=now, limit=limit)]


def lease_until(execution_id: str) -> Micros | None:
    """When the lease of a running execution ends."""
    time: Micros | None = _LEASE_UNTIL.value(id=execution_id)
    return time


def unpublished(database: Database, now: Micros, limit: int) -> list[tuple[Execution, int]]:
    """Up to `limit` waiting executions whose time to be published has come, with how often each was; locked."""
    statement = _FIND_UNPUBLISHED if database.is_sqlite else _LOCK_UNPUBLISHED
    return [(records.execution(row), publish_count) for *row, publish_count in statement.all(now=now, limit=limit)]


def stamp_published(execution_id: str, publish_count: int, publish_after: Micros) -> None:
    """Note that an execution is being published, and when to do it again if nobody claims it."""
    _STAMP_PUBLISHED.run(id=execution_id, publish_count=publish_count, publish_after=publish_after)


def next_publish() -> Micros | None:
    """When the next waiting execution is to be published."""
    time: Micros | None = _NEXT_PUBLISH.value()
    return time


def insert_attempt(execution_id: str, attempt: Attempt) -> None:
    """Store that an attempt began."""
    _INSERT_ATTEMPT.run(execution_id=execution_id, **records.attempt_columns(attempt))


def end_attempt(execution: Execution, now: Micros, outcome: AttemptOutcome, error: str) -> None:
    """Store how the present attempt of an execution ended."""
    _END_ATTEMPT.run(
        execution_id=execution.id, number=execution.attempt, finished_at=now, outcome=outcome.value, error=error
    )


def _conditions(wanted: ExecutionFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.owner_id is not None:
        conditions.append(ExecutionRow.owner_id == wanted.owner_id)
    if wanted.status is not None:
        conditions.append(ExecutionRow.status == wanted.status.value)
    if wanted.module:
        conditions.append(ExecutionRow.module == wanted.module)
    if wanted.task_name:
        conditions.append(ExecutionRow.task_name == wanted.task_name)
    if wanted.parent_task:
        conditions.append(ExecutionRow.parent_task == wanted.parent_task)
    if wanted.created_from is not None:
        conditions.append(ExecutionRow.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(ExecutionRow.created_at < wanted.created_before)
    return conditions
