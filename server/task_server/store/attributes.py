"""Executions by a value in their metadata or keyword arguments, of which the database keeps a table (migration 14)."""

from __future__ import annotations

from dataclasses import replace

from task_server.domain.filters.narrowing import Attribute
from task_server.domain.listing import ExecutionFilter
from task_server.store.clause import Clause, joined
from task_server.store.dialect import dialect
from task_server.store.row_clause import row_clause

#: Name and value under which an execution stands that has more of them than are kept.
_MORE_THAN_KEPT = ("", "")
_NO_SUCH = (
    "NOT EXISTS (SELECT 1 FROM execution_attribute AS same WHERE same.name = {0} AND same.value = {0} "
    "AND same.recorded_at = execution_attribute.recorded_at AND same.execution_id = execution_attribute.execution_id)"
)


def ways(wanted: ExecutionFilter, sought: Attribute) -> list[tuple[Clause, ExecutionFilter]]:
    """What is true of the attributes of executions that may match, and what those executions have to be like besides.

    There are two ways, and no execution is found by both: those with the attribute, and others with more than are kept. What is
    asked of the attribute is not asked of the execution again: PostgreSQL would take it for a further condition, and expect next
    to no rows.
    """
    pair = (sought.name, sought.value)
    besides = replace(wanted, owner_id=None, created_from=None, created_before=None)
    others = joined("AND", [_kept(_MORE_THAN_KEPT, wanted), Clause(_NO_SUCH.format(dialect().mark), pair)])
    return [(_kept(pair, wanted), replace(besides, condition=sought.rest)), (others, besides)]


def found(way: Clause, besides: ExecutionFilter, columns: str) -> Clause:
    """A selection of what is found by a way."""
    if besides == ExecutionFilter():
        return way.within(f"SELECT {columns} FROM execution_attribute WHERE ", "")  # noqa: S608 - names of ours
    return joined("AND", [way, row_clause(besides)]).within(
        f"SELECT {columns} FROM execution_attribute CROSS JOIN execution WHERE id = execution_id AND ",  # noqa: S608
        "",
    )


def _kept(pair: tuple[str, str], wanted: ExecutionFilter) -> Clause:
    mark = dialect().mark
    bounds = (
        ("owner =", wanted.owner_id),
        ("recorded_at >=", wanted.created_from),
        ("recorded_at <", wanted.created_before),
    )
    asked = [Clause(f"{text} {mark}", (bound,)) for text, bound in bounds if bound is not None]
    return joined("AND", [Clause(f"name = {mark} AND value = {mark}", pair), *asked])
