"""Rows of executions, their attempts and logs. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from peewee import fn

from task_server.domain.clock import Micros
from task_server.domain.execution import Attempt, Execution, ExecutionDetail, LogChunk
from task_server.domain.listing import ExecutionFilter
from task_server.domain.outcome import Outcome
from task_server.domain.status import WAITING, ExecutionStatus
from task_server.store import records
from task_server.store.database import Database
from task_server.store.tables import AttemptRow, ExecutionRow, LogRow

_WAITING = [status.value for status in WAITING]
_STARTED = ExecutionStatus.STARTED.value


def insert(execution: Execution, args: list[Any], kwargs: dict[str, Any], publish_after: Micros) -> bool:
    """Store a new execution. False when its cron time has one already."""
    inserted = (
        ExecutionRow.insert(
            **records.execution_columns(execution),
            lost_count=0,
            publish_after=publish_after,
            publish_count=0,
            task_args=records.dumps(args),
            task_kwargs=records.dumps(kwargs),
            traceback="",
            isolation="{}",
            usage="{}",
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    return bool(inserted)


def get(execution_id: str) -> Execution | None:
    """The execution with that id."""
    return _one(ExecutionRow.id == execution_id)


def get_by_task_id(task_id: str) -> Execution | None:
    """The execution with that Celery task id."""
    return _one(ExecutionRow.task_id == task_id)


def get_many(ids: Iterable[str]) -> dict[str, Execution]:
    """The executions with those ids, by id."""
    wanted = list(ids)
    if not wanted:
        return {}
    query = ExecutionRow.select(*records.light_columns()).where(ExecutionRow.id.in_(wanted))
    return {row.id: records.execution(row) for row in query}


def detail(execution_id: str) -> ExecutionDetail:
    """The heavy parts of an execution that is known to exist."""
    row = ExecutionRow.get(ExecutionRow.id == execution_id)
    attempts = AttemptRow.select().where(AttemptRow.execution_id == execution_id).order_by(AttemptRow.number)
    return records.execution_detail(row, list(attempts))


def page(wanted: ExecutionFilter, before_id: str, limit: int) -> list[Execution]:
    """Up to `limit` executions that match, newest first, older than `before_id` (empty: from the newest)."""
    query = ExecutionRow.select(*records.light_columns()).where(*_conditions(wanted))
    if before_id:
        query = query.where(ExecutionRow.id < before_id)
    return [records.execution(row) for row in query.order_by(ExecutionRow.id.desc()).limit(limit)]


def count(wanted: ExecutionFilter) -> int:
    """How many executions match."""
    return int(ExecutionRow.select().where(*_conditions(wanted)).count())


def unfinished(parent_task: str) -> list[Execution]:
    """The waiting and running executions of a task, oldest first."""
    query = (
        ExecutionRow.select(*records.light_columns())
        .where((ExecutionRow.parent_task == parent_task) & ExecutionRow.status.in_([*_WAITING, _STARTED]))
        .order_by(ExecutionRow.id)
    )
    return [records.execution(row) for row in query]


def move(execution: Execution, *, expected: Execution, **columns: Any) -> bool:
    """Store the new state of an execution, unless it is no longer in the expected status, attempt and revision.

    `columns` are further columns to set. False when somebody else moved it first: then nothing was changed.
    """
    updated = (
        ExecutionRow.update(**records.execution_state_columns(execution), **columns)
        .where(
            (ExecutionRow.id == execution.id)
            & (ExecutionRow.status == expected.status.value)
            & (ExecutionRow.attempt == expected.attempt)
            & (ExecutionRow.revision == expected.revision)
        )
        .execute()
    )
    return int(updated) == 1


def outcome_columns(outcome: Outcome) -> dict[str, Any]:
    """The heavy columns that an outcome sets, for `move`."""
    return {
        "result": outcome.result_json,
        "traceback": outcome.traceback,
        "isolation": records.dumps(asdict(outcome.isolation)),
        "usage": records.dumps(asdict(outcome.usage)),
        "lease_until": None,
    }


def renew(execution_id: str, attempt: int, lease_until: Micros) -> bool:
    """Put off the end of a lease. False when that attempt no longer holds one."""
    updated = (
        ExecutionRow.update(lease_until=lease_until)
        .where(
            (ExecutionRow.id == execution_id) & (ExecutionRow.attempt == attempt) & (ExecutionRow.status == _STARTED)
        )
        .execute()
    )
    return int(updated) == 1


def to_stop(ids: Iterable[str]) -> set[str]:
    """Those of the given running executions that somebody wants stopped."""
    query = ExecutionRow.select(ExecutionRow.id).where(
        ExecutionRow.id.in_(list(ids)) & ExecutionRow.stop_requested_at.is_null(False)
    )
    return {row.id for row in query}


def expired(now: Micros, limit: int) -> list[tuple[Execution, int]]:
    """Up to `limit` running executions whose lease is over, with how often each has lost its worker."""
    query = (
        ExecutionRow.select(*records.light_columns(), ExecutionRow.lost_count)
        .where((ExecutionRow.status == _STARTED) & (ExecutionRow.lease_until < now))
        .order_by(ExecutionRow.lease_until)
        .limit(limit)
    )
    return [(records.execution(row), row.lost_count) for row in query]


def lease_until(execution_id: str) -> Micros | None:
    """When the lease of a running execution ends."""
    value = ExecutionRow.select(ExecutionRow.lease_until).where(ExecutionRow.id == execution_id).scalar()
    return None if value is None else int(value)


def unpublished(database: Database, now: Micros, limit: int) -> list[tuple[Execution, int]]:
    """Up to `limit` waiting executions whose time to be published has come, with how often each was; locked."""
    query = (
        ExecutionRow.select(*records.light_columns(), ExecutionRow.publish_count)
        .where(ExecutionRow.status.in_(_WAITING) & (ExecutionRow.publish_after <= now))
        .order_by(ExecutionRow.publish_after)
        .limit(limit)
    )
    if not database.is_sqlite:
        query = query.for_update(skip_locked=True)
    return [(records.execution(row), row.publish_count) for row in query]


def stamp_published(execution_id: str, publish_count: int, publish_after: Micros) -> None:
    """Note that an execution is being published, and when to do it again if nobody claims it."""
    ExecutionRow.update(publish_count=publish_count, publish_after=publish_after).where(
        ExecutionRow.id == execution_id
    ).execute()


def next_publish() -> Micros | None:
    """When the next waiting execution is to be published."""
    value = ExecutionRow.select(fn.MIN(ExecutionRow.publish_after)).where(ExecutionRow.status.in_(_WAITING)).scalar()
    return None if value is None else int(value)


def insert_attempt(execution_id: str, attempt: Attempt) -> None:
    """Store that an attempt began."""
    AttemptRow.insert(
        execution_id=execution_id,
        number=attempt.number,
        started_at=attempt.started_at,
        worker=attempt.worker,
        error="",
    ).execute()


def end_attempt(execution_id: str, attempt: Attempt) -> None:
    """Store how an attempt ended."""
    AttemptRow.update(
        finished_at=attempt.finished_at,
        outcome=attempt.outcome.value if attempt.outcome else None,
        error=attempt.error,
    ).where((AttemptRow.execution_id == execution_id) & (AttemptRow.number == attempt.number)).execute()


def append_log(execution_id: str, attempt: int, text: str) -> bool:
    """Add to the log of a run. False when that attempt no longer holds it: then nothing was added."""
    row = ExecutionRow.get_or_none(
        (ExecutionRow.id == execution_id) & (ExecutionRow.attempt == attempt) & (ExecutionRow.status == _STARTED)
    )
    if row is None:
        return False
    LogRow.insert(execution_id=execution_id, first_byte=row.log_bytes, attempt=attempt, text=text).execute()
    size = row.log_bytes + len(text.encode())
    ExecutionRow.update(log_bytes=size).where(ExecutionRow.id == execution_id).execute()
    return True


def log(execution_id: str, offset: int, limit: int) -> list[LogChunk]:
    """Up to `limit` pieces of a log that reach beyond `offset`, in order; the first may begin before it."""
    first = (
        LogRow.select(fn.MAX(LogRow.first_byte))
        .where((LogRow.execution_id == execution_id) & (LogRow.first_byte <= offset))
        .scalar()
    )
    query = (
        LogRow.select()
        .where((LogRow.execution_id == execution_id) & (LogRow.first_byte >= (first or 0)))
        .order_by(LogRow.first_byte)
        .limit(limit)
    )
    return [records.log_chunk(row) for row in query]


def _one(condition: Any) -> Execution | None:
    row = ExecutionRow.select(*records.light_columns()).where(condition).first()
    return records.execution(row) if row else None


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
