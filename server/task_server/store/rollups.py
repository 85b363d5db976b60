"""Counts of executions that no row is counted for: changes are folded into the rollup, and what matches a filter is read from it.

What is counted is always the rollup and the changes that are not folded yet, in one snapshot: so it is exact, whether anybody folds
or not. Each function runs inside a transaction of the caller's.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus
from task_server.store import execution_pages
from task_server.store.clause import Clause
from task_server.store.database import Database
from task_server.store.matching import executions_clause
from task_server.store.rollup_cells import (
    CELL,
    RUN_PERIODS,
    Change,
    Measure,
    Names,
    cells,
    status_of,
)
from task_server.store.rollup_spans import folded, made_in, spans
from task_server.store.statement import Row, Statement
from task_server.store.tables.executions import ExecutionRow

#: Of rows that a filter expression matches a list counts so many.
_MOST_COUNTED = 1000

# One folds at a time. On SQLite whoever writes has the whole database.
_LOCK = Statement("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(hashtextextended('fold', 0))::int")
# The oldest first: what was added is folded before it is taken away again, so no cell is ever below zero.
_TAKE = Statement(
    "DELETE FROM execution_change WHERE number IN (SELECT number FROM execution_change ORDER BY number LIMIT :limit) "
    "RETURNING {columns}",
    Change._fields,
)
_HAS_CHANGES = Statement("SELECT 1 FROM execution_change LIMIT 1")
_TEXTS = {"owner_id", "module", "task_name", "outcome"}
_ARRAYS = ", ".join(f":{name}::{'text' if name in _TEXTS else 'bigint'}[]" for name in CELL)
_INSERT = f"INSERT INTO execution_rollup ({', '.join(CELL)}, n) "
_ON_CONFLICT = f"ON CONFLICT ({', '.join(CELL)}) DO UPDATE SET n = execution_rollup.n + excluded.n"
_ADD = Statement(
    f"{_INSERT} VALUES ({', '.join(f':{name}' for name in CELL)}, :n) {_ON_CONFLICT}",
    postgresql=f"{_INSERT} SELECT * FROM unnest({_ARRAYS}, :n::bigint[]) {_ON_CONFLICT}",  # noqa: S608
)
_REMOVE_EMPTY = Statement(
    f"DELETE FROM execution_rollup WHERE {' AND '.join(f'{name} = :{name}' for name in CELL)} AND n = 0",  # noqa: S608
    postgresql=f"DELETE FROM execution_rollup USING unnest({_ARRAYS}) AS cell ({', '.join(CELL)}) "  # noqa: S608
    f"WHERE {' AND '.join(f'execution_rollup.{name} = cell.{name}' for name in CELL)} AND execution_rollup.n = 0",
)
_CELLS = Statement(
    "SELECT outcome, SUM(n) FROM execution_rollup WHERE grouping_set = :grouping_set AND period = :period "  # noqa: S608
    f"AND measure = {Measure.RUNS} AND owner_id = :owner_id AND module = :module AND task_name = :task_name "
    "AND begins_at >= :begin AND begins_at < :end GROUP BY outcome"
)


def has_changes() -> bool:
    """Whether there is anything to fold."""
    return _HAS_CHANGES.one() is not None


def fold(database: Database, limit: int) -> int:
    """Fold up to so many changes into the rollup; return how many: 0 while another process is at it."""
    if not _LOCK.value():
        return 0
    changes = [Change(*row) for row in _TAKE.all(limit=limit)]
    moved = cells(changes)
    _run(database, _ADD, [dict(zip((*CELL, "n"), (*cell, n), strict=True)) for cell, n in moved.items()])
    _run(database, _REMOVE_EMPTY, [dict(zip(CELL, cell, strict=True)) for cell, n in moved.items() if n < 0])
    return len(changes)


def give_room_back(database: Database) -> None:
    """Let nobody read past the changes that were folded. Outside of a transaction."""
    database.vacuum("execution_change")


def _run(database: Database, statement: Statement, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    if database.is_sqlite:
        statement.run_many(rows)
    else:
        # One message for all: a parameter is the array of a column.
        statement.run(**{name: [row[name] for row in rows] for name in rows[0]})


def count(wanted: ExecutionFilter) -> tuple[int, bool]:
    """How many executions match, and whether that is only what was counted of more."""
    if wanted.condition is not None:
        found = execution_pages.count(wanted, _MOST_COUNTED + 1)
        return min(found, _MOST_COUNTED), found > _MOST_COUNTED
    if wanted.parent_task:
        return _rows(executions_clause(wanted)), False
    names = Names.of(wanted)
    keys = {"grouping_set": names.grouping_set, **names._asdict()}
    at = spans(wanted.created_from, wanted.created_before, RUN_PERIODS[names.grouping_set])
    total = sum(_rows(made_in(wanted, span)) for span in at if span.period is None)
    counted = folded(at)
    for span in counted:
        total += _sum(_CELLS.all(period=span.period, begin=span.begin, end=span.end, **keys), wanted.status)
    if counted:
        made = {"begin": counted[0].begin, "end": counted[-1].end}
        total += _sum(_changes(tuple(names.given)).all(**made, **names.given), wanted.status)
    return total, False


@functools.cache
def _changes(names: tuple[str, ...]) -> Statement:
    given = "".join(f" AND {name} = :{name}" for name in names)
    return Statement(
        "SELECT outcome, SUM(n) FROM execution_change WHERE created_at >= :begin AND created_at < :end"  # noqa: S608
        f"{given} GROUP BY outcome"
    )


def _sum(found: Iterable[Row], status: ExecutionStatus | None) -> int:
    return sum(int(n) for outcome, n in found if status is None or status_of(outcome) is status)


def _rows(asked: Clause) -> int:
    whole = asked.within("SELECT COUNT(*) FROM execution WHERE ", "")
    (found,) = ExecutionRow._meta.database.execute_sql(whole.text, whole.values).fetchone()
    return int(found)
