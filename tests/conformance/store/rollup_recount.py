"""What the rollup has to say, counted by hand from the rows."""

from __future__ import annotations

from collections import Counter

from task_server.store.rollup_cells import CELL, Cell, Change, cells
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.rollups import ChangeRow, RollupRow


def changes_of_rows() -> list[Change]:
    """Each execution as it is counted."""
    return [_counted(row) for row in ExecutionRow.select()]


def difference() -> dict[Cell, int]:
    """By how much cells and unfolded changes say more than the rows; to be called in one snapshot."""
    counted: Counter[Cell] = Counter()
    for *cell, n in RollupRow.select(*(getattr(RollupRow, name) for name in CELL), RollupRow.n).tuples():
        assert n > 0, f"{cell} has {n}"
        counted[tuple(cell)] += n
    noted = [Change(*row) for row in ChangeRow.select(*(getattr(ChangeRow, name) for name in Change._fields)).tuples()]
    for cell, n in cells(noted).items():
        counted[cell] += n
    counted.subtract(cells(changes_of_rows()))
    return {cell: n for cell, n in counted.items() if n}


def _counted(row: ExecutionRow) -> Change:
    is_unknown = row.status == "FAILURE" and row.failure_reason == "OUTCOME_UNKNOWN"
    has_waited = row.started_at is not None and row.started_at >= row.due_at
    has_run = row.finished_at is not None and row.started_at is not None and row.finished_at >= row.started_at
    return Change(
        n=1,
        owner_id=row.owner_id,
        module=row.module,
        task_name=row.task_name,
        outcome="UNKNOWN" if is_unknown else row.status,
        created_at=row.created_at,
        waited=row.started_at - row.due_at if has_waited else None,
        ran=row.finished_at - row.started_at if has_run else None,
    )
