"""What a list's filter is in SQL: one place for pages, counts and statistics, so that they can not differ."""

from __future__ import annotations

from typing import Any

from peewee import SQL

from task_server.domain.filters.narrowing import attribute
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.store.clause import Clause, joined
from task_server.store.conditions import EXECUTION_COLUMNS, TASK_COLUMNS, clause
from task_server.store.dialect import dialect

#: Name and value under which an execution stands among attributes that has more of them than are kept.
MORE_THAN_KEPT = ("", "")


def matching(query: Any, wanted: ExecutionFilter) -> Any:
    """The query of executions, of those that match."""
    asked = sought_clause(wanted)
    return query.where(SQL(asked.text, asked.values))


def sought_clause(wanted: ExecutionFilter) -> Clause:
    """What is true of the executions that match, said so that what has an attribute is looked up."""
    asked = executions_clause(wanted)
    if sought := attribute(wanted.condition):
        mark = dialect().mark
        found = f"SELECT execution_id FROM execution_attribute WHERE name = {mark} AND value = {mark}"  # noqa: S608
        asked = joined(
            "AND", [asked, Clause(f"id IN ({found} UNION ALL {found})", (sought.name, sought.value, *MORE_THAN_KEPT))]
        )
    return asked


def executions_clause(wanted: ExecutionFilter) -> Clause:
    """What is true of the executions that match."""
    mark = dialect().mark
    compared = {
        "owner_id = ": wanted.owner_id,
        "module = ": wanted.module or None,
        "task_name = ": wanted.task_name or None,
        "parent_task = ": wanted.parent_task or None,
        "status = ": wanted.status.value if wanted.status else None,
        "created_at >= ": wanted.created_from,
        "created_at < ": wanted.created_before,
    }
    asked = [Clause(text + mark, (value,)) for text, value in compared.items() if value is not None]
    if wanted.condition is not None:
        asked.append(clause(wanted.condition, EXECUTION_COLUMNS, dialect()))
    return joined("AND", asked or [Clause("TRUE")])


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
