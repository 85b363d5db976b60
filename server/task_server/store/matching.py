"""What a list's filter is in SQL: one place for pages, counts and statistics, so that they can not differ."""

from __future__ import annotations

from typing import Any

from task_server.domain.listing import ExecutionFilter
from task_server.store.tables import ExecutionRow


def matching(query: Any, wanted: ExecutionFilter) -> Any:
    """The query of executions, of those that match."""
    conditions = _conditions(wanted)
    # Peewee takes no empty list, and everybody's rows without any other wish are one.
    return query.where(*conditions) if conditions else query


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
