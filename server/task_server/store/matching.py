"""What a list's filter is in SQL: one place for pages, counts and statistics, so that they can not differ."""

from __future__ import annotations

from typing import Any

from peewee import SQL

from task_server.domain.filters.narrowing import Attribute, attribute
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.store import attributes
from task_server.store.clause import Clause, joined
from task_server.store.conditions import TASK_COLUMNS, clause
from task_server.store.dialect import dialect
from task_server.store.row_clause import row_clause


def matching(query: Any, wanted: ExecutionFilter) -> Any:
    """The query of executions, of those that match."""
    asked = executions_clause(wanted)
    return query.where(SQL(asked.text, asked.values))


def executions_clause(wanted: ExecutionFilter) -> Clause:
    """What is true of the executions that match."""
    sought = sought_attribute(wanted)
    if sought is None:
        return row_clause(wanted)
    # One IN: of two with OR between them PostgreSQL makes a reading of the whole table.
    ids = [attributes.found(*way, "execution_id") for way in attributes.ways(wanted, sought)]
    return joined("UNION ALL", ids).within("id IN ", "")


def sought_attribute(wanted: ExecutionFilter) -> Attribute | None:
    """The attribute by which executions are looked up; those of one task are looked up by that."""
    return None if wanted.parent_task else attribute(wanted.condition)


def tasks_clause(wanted: TaskFilter) -> Clause:
    """What is true of the tasks that match and were not deleted."""
    mark = dialect().mark
    compared = {
        "owner_id = ": wanted.owner_id,
        "status = ": wanted.status.value if wanted.status else None,
        "task_type = ": wanted.task_type.value if wanted.task_type else None,
        "module = ": wanted.module or None,
        "name = ": wanted.name or None,
    }
    asked = [Clause(text + mark, (value,)) for text, value in compared.items() if value is not None]
    if wanted.condition is not None:
        asked.append(clause(wanted.condition, TASK_COLUMNS, dialect()))
    return joined("AND", [Clause("deleted_at IS NULL"), *asked])
