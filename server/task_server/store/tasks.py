"""Rows of tasks. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peewee import SQL, fn

from task_server.domain.clock import Micros
from task_server.domain.listing import TaskFilter
from task_server.domain.status import TaskStatus
from task_server.domain.task import Task
from task_server.store import records
from task_server.store.database import Database
from task_server.store.matching import tasks_clause
from task_server.store.statement import Statement, rows
from task_server.store.tables.tasks import TaskRow

_COLUMNS = [getattr(TaskRow, name) for name in records.TASK]

_INSERT = Statement(
    "INSERT INTO task ({columns}) VALUES ({values})",
    (*records.TASK, "name", "task_type", "module", "request_id", "request_digest"),
)
_GET = Statement("SELECT {columns} FROM task WHERE task_id = :task_id AND deleted_at IS NULL", records.TASK)
_FIND = Statement("SELECT {columns} FROM task WHERE task_id = :task_id", records.TASK)
_LOCK = Statement("SELECT {columns} FROM task WHERE task_id = :task_id FOR UPDATE", records.TASK)
_TRY_LOCK = Statement("SELECT {columns} FROM task WHERE task_id = :task_id FOR UPDATE SKIP LOCKED", records.TASK)
_FIND_REQUEST = Statement(
    "SELECT {columns}, request_digest FROM task WHERE owner_id = :owner_id AND request_id = :request_id", records.TASK
)
_UPDATE_STATE = Statement("UPDATE task SET {changes} WHERE task_id = :task_id", records.TASK_STATE)
_UPDATE_DEFINITION = Statement("UPDATE task SET {changes} WHERE task_id = :task_id", records.TASK_DEFINITION)
_NEWEST_ID = Statement("SELECT MAX(task_id) FROM task")
#: Of those with the ids in a JSON list, the ones that can still run.
_RUNNABLE = (
    "SELECT task_id FROM task WHERE task_id IN (%s) AND stopped_at IS NULL AND deleted_at IS NULL ORDER BY task_id"
)
_IDS = ("SELECT value FROM json_each(:ids)", "SELECT jsonb_array_elements_text(:ids::jsonb)")
_FIND_RUNNABLE = Statement(_RUNNABLE % _IDS[0], postgresql=_RUNNABLE % _IDS[1])
_LOCK_RUNNABLE = Statement(_RUNNABLE % _IDS[0], postgresql=_RUNNABLE % _IDS[1] + " FOR UPDATE OF task")
# `besides` is a JSON list of ids: one parameter, however many there are.
_DUE = (
    "SELECT {columns} FROM task WHERE next_run_at IS NOT NULL AND next_run_at <= :now AND task_id NOT IN (%s) "
    "ORDER BY next_run_at LIMIT :limit"
)
_NEXT_DUE = (
    "SELECT next_run_at FROM task WHERE next_run_at IS NOT NULL AND task_id NOT IN (%s) ORDER BY next_run_at LIMIT 1"
)
_BESIDES = ("SELECT value FROM json_each(:besides)", "SELECT jsonb_array_elements_text(:besides::jsonb)")
_FIND_DUE = Statement(_DUE % _BESIDES[0], records.TASK)
_LOCK_DUE = Statement(_DUE % _BESIDES[1] + " FOR UPDATE SKIP LOCKED", records.TASK)
_NEXT_DUES = tuple(Statement(_NEXT_DUE % besides) for besides in _BESIDES)


_REVISION = records.TASK.index("revision")


@dataclass(frozen=True, slots=True)
class Due:
    """Tasks whose next run is due."""

    tasks: list[Task] = field(default_factory=list)
    #: By id, why a row could not be read.
    unreadable: dict[str, Exception] = field(default_factory=dict)


def insert(task: Task, request_id: str, request_digest: str) -> None:
    """Store a new task."""
    _INSERT.run(**records.task_columns(task), request_id=request_id or None, request_digest=request_digest or None)


def get(task_id: str) -> Task | None:
    """The task, unless there is none or it was deleted."""
    row = _GET.one(task_id=task_id)
    return records.task(row) if row else None


def get_readable(task_id: str) -> Task | None:
    """The task as `get` gives it; None also where this version can not read its row. What the database raises comes out."""
    row = _GET.one(task_id=task_id)
    try:
        return records.task(row) if row else None
    except Exception:  # whatever is wrong with this row: whoever takes it for its own sake says what
        return None


def lock(database: Database, task_id: str) -> Task | None:
    """The task, deleted or not, kept from others until the transaction ends.

    Whoever changes a task or one of its executions locks the task first: one order, so no two can wait for each other.
    """
    # On SQLite whoever writes has the whole database.
    row = (_FIND if database.is_sqlite else _LOCK).one(task_id=task_id)
    return records.task(row) if row else None


def try_lock(database: Database, task_id: str) -> Task | None:
    """As `lock`; None, too, where somebody else has it locked, so that nobody waits."""
    row = (_FIND if database.is_sqlite else _TRY_LOCK).one(task_id=task_id)
    return records.task(row) if row else None


def runnable(ids: Iterable[str]) -> list[str]:
    """The ids, in order, of those tasks that were neither stopped nor deleted."""
    return [task_id for (task_id,) in _FIND_RUNNABLE.all(ids=records.dumps(list(ids)))]


def lock_runnable(ids: Iterable[str]) -> list[str]:
    """As `runnable`; all of them are kept from others until the transaction ends. They are locked in the order of their ids."""
    return [task_id for (task_id,) in _LOCK_RUNNABLE.all(ids=records.dumps(list(ids)))]


def find_request(owner_id: str, request_id: str) -> tuple[Task, str | None] | None:
    """The task that an earlier call with that request id made, and the digest of that call."""
    row = _FIND_REQUEST.one(owner_id=owner_id, request_id=request_id)
    return (records.task(row[:-1]), row[-1]) if row else None


def update_state(task: Task) -> None:
    """Store what changes of a task while it lives."""
    _UPDATE_STATE.run(**records.task_state_columns(task), task_id=task.task_id)


def update_definition(task: Task) -> None:
    """Store what a task is to do, where that was changed."""
    _UPDATE_DEFINITION.run(**records.task_definition_columns(task.definition), task_id=task.task_id)


def page(wanted: TaskFilter, before_id: str, limit: int) -> list[Task]:
    """Up to `limit` tasks that match, newest first, older than `before_id` (empty: from the newest)."""
    query = TaskRow.select(*_COLUMNS).where(_matching(wanted))
    if before_id:
        query = query.where(TaskRow.task_id < before_id)
    return [records.task(row) for row in rows(query.order_by(TaskRow.task_id.desc()).limit(limit))]


def count(wanted: TaskFilter) -> int:
    """How many tasks match."""
    return int(TaskRow.select().where(_matching(wanted)).count())


def count_by(wanted: TaskFilter, column: str) -> dict[str, int]:
    """How many tasks match, by the value of a column: `status`, `task_type` or `module`."""
    field = getattr(TaskRow, column)
    query = TaskRow.select(field, fn.COUNT(TaskRow.task_id)).where(_matching(wanted)).group_by(field)
    return {str(value): int(number) for value, number in rows(query)}


def newest_id() -> str:
    """The greatest id of all tasks; empty where there is none."""
    return _NEWEST_ID.value() or ""


def to_stop(wanted: TaskFilter, after_id: str, last_id: str, limit: int) -> list[str]:
    """The ids of up to `limit` tasks that match and have neither ended nor been stopped, oldest first.

    They are after the one, and not after the other.
    """
    query = (
        TaskRow.select(TaskRow.task_id)
        .where(*_to_stop(wanted), TaskRow.task_id > after_id, TaskRow.task_id <= last_id)
        .order_by(TaskRow.task_id)
        .limit(limit)
    )
    return [task_id for (task_id,) in rows(query)]


def lock_to_stop(database: Database, ids: Collection[str]) -> list[Task]:
    """Those of the tasks that have neither ended nor been stopped, oldest first; locked."""
    query = TaskRow.select(*_COLUMNS).where(*_to_stop(TaskFilter()), TaskRow.task_id << ids).order_by(TaskRow.task_id)
    return [records.task(row) for row in rows(query if database.is_sqlite else query.for_update())]


def count_to_stop(wanted: TaskFilter) -> int:
    """How many tasks match and have neither ended nor been stopped."""
    return int(TaskRow.select().where(*_to_stop(wanted)).count())


def due(
    database: Database,
    now: Micros,
    limit: int,
    besides: Collection[str] = (),
    known: Mapping[tuple[str, int], Task] | None = None,
) -> Due:
    """Up to `limit` tasks whose next run is due, earliest first, locked so that no other scheduler takes them.

    Parameters:
        besides: ids of tasks that are left out, and so not locked.
        known: tasks that were read before, by id and revision. Of them only that they are the same is read.
    """
    statement = _FIND_DUE if database.is_sqlite else _LOCK_DUE
    found = Due()
    for row in statement.all(now=now, limit=limit, besides=records.dumps(list(besides))):
        try:
            found.tasks.append((known or {}).get((row[0], row[_REVISION])) or records.task(row))
        except Exception as error:  # whatever is wrong with this row, the others are to be handled
            found.unreadable[row[0]] = error
    return found


def next_due(database: Database, besides: Collection[str] = ()) -> Micros | None:
    """The earliest next run of all tasks but those with the ids `besides`."""
    time: Micros | None = _NEXT_DUES[not database.is_sqlite].value(besides=records.dumps(list(besides)))
    return time


def _to_stop(wanted: TaskFilter) -> list[Any]:
    unended = [status.value for status in TaskStatus if not status.is_terminal]
    return [_matching(wanted), TaskRow.status.in_(unended), TaskRow.stopped_at.is_null()]


def _matching(wanted: TaskFilter) -> SQL:
    asked = tasks_clause(wanted)
    return SQL(asked.text, asked.values)
