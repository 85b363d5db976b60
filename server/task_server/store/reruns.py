"""Executions as they are looked at to be run again. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from peewee import SQL, fn

from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus
from task_server.store import records
from task_server.store.matching import matching
from task_server.store.statement import Statement, rows
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow

# The versions of SQLite before 3.43 have no octet_length.
_FIND_BY_IDS = Statement(
    "SELECT id, COALESCE(parent_task, ''), owner_id, length(CAST(task_args AS BLOB)) + length(CAST(task_kwargs AS BLOB)) "
    "FROM execution WHERE id IN (SELECT value FROM json_each(:ids))",
    postgresql="SELECT id, COALESCE(parent_task, ''), owner_id, octet_length(task_args) + octet_length(task_kwargs) "
    "FROM execution WHERE id IN (SELECT jsonb_array_elements_text(:ids::jsonb))",
)


class Past(NamedTuple):
    """An execution that is to be run again."""

    id: str
    #: Its task; empty for a run of another Celery app.
    parent_task: str
    owner_id: str
    #: How many bytes its arguments take.
    argument_bytes: int


def find(ids: Iterable[str]) -> dict[str, Past]:
    """The executions with those ids, by id."""
    return {row[0]: Past(*row) for row in _FIND_BY_IDS.all(ids=records.dumps(list(ids)))}


def find_matching(wanted: ExecutionFilter, limit: int) -> list[Past]:
    """Up to `limit` executions that match, have ended and can be run again, the oldest of these first."""
    # No order in the query: a database might then look at all executions in that order, to find the few that match.
    found = find(
        execution_id for (execution_id,) in rows(_again(ExecutionRow.select(ExecutionRow.id), wanted).limit(limit))
    )
    return [found[execution_id] for execution_id in sorted(found)]


def count_matching(wanted: ExecutionFilter, limit: int) -> int:
    """How many executions match, have ended and can be run again; of more than `limit` just so many."""
    return int(_again(ExecutionRow.select(SQL("1")), wanted).limit(limit).count())


def _again(query: Any, wanted: ExecutionFilter) -> Any:
    ended = [status.value for status in ExecutionStatus if status.is_terminal]
    task = TaskRow.select(SQL("1")).where(
        TaskRow.task_id == ExecutionRow.parent_task, TaskRow.stopped_at.is_null(), TaskRow.deleted_at.is_null()
    )
    return matching(query, wanted).where(ExecutionRow.status.in_(ended), fn.EXISTS(task))
