"""Rows of tasks. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from typing import Any

from peewee import fn

from task_server.domain.clock import Micros
from task_server.domain.listing import TaskFilter
from task_server.domain.task import Task
from task_server.store import records
from task_server.store.database import Database
from task_server.store.tables import TaskRow


def insert(task: Task, request_id: str, request_digest: str) -> None:
    """Store a new task."""
    TaskRow.insert(
        **records.task_columns(task),
        request_id=request_id or None,
        request_digest=request_digest or None,
    ).execute()


def get(task_id: str) -> Task | None:
    """The task, unless there is none or it was deleted."""
    row = TaskRow.get_or_none((TaskRow.task_id == task_id) & TaskRow.deleted_at.is_null())
    return records.task(row) if row else None


def lock(database: Database, task_id: str) -> Task | None:
    """The task, deleted or not, kept from others until the transaction ends.

    Whoever changes a task or one of its executions locks the task first: one order, so no two can wait for each other.
    """
    query = TaskRow.select().where(TaskRow.task_id == task_id)
    if not database.is_sqlite:
        query = query.for_update()
    row = query.first()
    return records.task(row) if row else None


def find_request(owner_id: str, request_id: str) -> tuple[Task, str | None] | None:
    """The task that an earlier call with that request id made, and the digest of that call."""
    row = TaskRow.get_or_none((TaskRow.owner_id == owner_id) & (TaskRow.request_id == request_id))
    return (records.task(row), row.request_digest) if row else None


def update_state(task: Task) -> None:
    """Store what changes of a task while it lives."""
    TaskRow.update(**records.task_state_columns(task)).where(TaskRow.task_id == task.task_id).execute()


def page(wanted: TaskFilter, before_id: str, limit: int) -> list[Task]:
    """Up to `limit` tasks that match, newest first, older than `before_id` (empty: from the newest)."""
    query = TaskRow.select().where(*_conditions(wanted))
    if before_id:
        query = query.where(TaskRow.task_id < before_id)
    return [records.task(row) for row in query.order_by(TaskRow.task_id.desc()).limit(limit)]


def count(wanted: TaskFilter) -> int:
    """How many tasks match."""
    return int(TaskRow.select().where(*_conditions(wanted)).count())


def count_by(wanted: TaskFilter, column: str) -> dict[str, int]:
    """How many tasks match, by the value of a column: `status`, `task_type` or `module`."""
    field = getattr(TaskRow, column)
    query = TaskRow.select(field, fn.COUNT(TaskRow.task_id)).where(*_conditions(wanted)).group_by(field)
    rows: Any = query.tuples()
    return {str(value): int(number) for value, number in rows}


def due(database: Database, now: Micros, limit: int) -> list[Task]:
    """Up to `limit` tasks whose next run is due, earliest first, locked so that no other scheduler takes them."""
    query = (
        TaskRow.select()
        .where(TaskRow.next_run_at.is_null(False) & (TaskRow.next_run_at <= now))
        .order_by(TaskRow.next_run_at)
        .limit(limit)
    )
    if not database.is_sqlite:
        query = query.for_update(skip_locked=True)
    return [records.task(row) for row in query]


def next_due() -> Micros | None:
    """The earliest next run of all tasks."""
    value = TaskRow.select(fn.MIN(TaskRow.next_run_at)).where(TaskRow.next_run_at.is_null(False)).scalar()
    return None if value is None else int(value)


def _conditions(wanted: TaskFilter) -> list[Any]:
    conditions: list[Any] = [TaskRow.deleted_at.is_null()]
    if wanted.owner_id is not None:
        conditions.append(TaskRow.owner_id == wanted.owner_id)
    if wanted.status is not None:
        conditions.append(TaskRow.status == wanted.status.value)
    if wanted.task_type is not None:
        conditions.append(TaskRow.task_type == wanted.task_type.value)
    if wanted.module:
        conditions.append(TaskRow.module == wanted.module)
    if wanted.name:
        conditions.append(TaskRow.name == wanted.name)
    return conditions
