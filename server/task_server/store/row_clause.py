"""What a filter asks of each execution, in SQL."""

from __future__ import annotations

from task_server.domain.listing import ExecutionFilter
from task_server.store.clause import Clause, joined
from task_server.store.conditions import EXECUTION_COLUMNS, clause
from task_server.store.dialect import dialect


def row_clause(wanted: ExecutionFilter) -> Clause:
    """What is true of the executions that match, looked for in each row."""
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
