"""How the databases go about lists of executions: by an index in the order of the list, never through the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.execution_rows import MODULES, TASK_NAMES, USERS, load

from task_server.api.validation.filter import UTC, check_filter
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.filters.narrowing import narrowed
from task_server.domain.listing import ExecutionFilter
from task_server.domain.ordering import parse_order, place
from task_server.domain.status import ExecutionStatus
from task_server.store import execution_pages
from task_server.store.matching import executions_clause
from task_server.store.tables.executions import ExecutionRow

_ROWS = 12_000
_DAY = 86_400_000_000


@pytest.fixture
def loaded(database) -> Iterator[Any]:
    load(database, _ROWS)
    if not database.is_sqlite:
        database.engine.execute_sql("VACUUM ANALYZE execution")
        database.engine.execute_sql("VACUUM ANALYZE execution_attribute")
    return database


def condition(text: str):
    return check_filter(text, EXECUTION_FIELDS, UTC, Violations())


def test_no_usual_list_reads_more_than_its_page(loaded):
    name, module = TASK_NAMES[1]
    with loaded.read():
        row = ExecutionRow.select().where(ExecutionRow.parent_task.is_null(False)).get()
    middle = row.created_at
    wanted = {
        "all": ExecutionFilter(),
        "status": ExecutionFilter(status=ExecutionStatus.SUCCESS),
        "owner": ExecutionFilter(owner_id=USERS[3]),
        "module": ExecutionFilter(module=module),
        "name": ExecutionFilter(task_name=name),
        "task": ExecutionFilter(parent_task=row.parent_task),
        "owner and module": ExecutionFilter(owner_id=USERS[3], module=MODULES[2]),
        "owner and name": ExecutionFilter(owner_id=USERS[3], task_name=name),
        "module and status": ExecutionFilter(module=module, status=ExecutionStatus.FAILURE),
        "owner and two statuses": ExecutionFilter(
            owner_id=USERS[3], condition=condition("status = FAILURE OR status = REVOKED")
        ),
        "times": ExecutionFilter(owner_id=USERS[3], created_from=middle - 5 * _DAY, created_before=middle + 5 * _DAY),
        "times in the filter": ExecutionFilter(condition=condition("created_at >= 2026-01-01 module = module02")),
    }
    for what, each in wanted.items():
        for order in (parse_order(""), parse_order("created_at")):
            with loaded.read():
                first = execution_pages.page(each, (), 51, order)
                after = place(first[len(first) // 2], order)
            for start in ((), after):
                assert _wrong(loaded, execution_pages.page_query(narrowed(each), start, 51, order)) == [], what


def test_a_value_in_metadata_is_found_without_reading_the_others(loaded):
    expression = condition('metadata.customer = "c17" AND error = ""')
    for each in (
        ExecutionFilter(condition=expression),
        ExecutionFilter(condition=expression, owner_id=USERS[1]),
        ExecutionFilter(condition=expression, module=MODULES[1], status=ExecutionStatus.SUCCESS),
        ExecutionFilter(condition=expression, created_from=0, task_name=TASK_NAMES[1][0]),
    ):
        counted = executions_clause(each).within("SELECT 1 FROM execution WHERE ", "")
        page = execution_pages.page_query(each, (), 51)
        for asked in (counted, page):
            assert not [step for step in _plan(loaded, asked) if "SCAN execution" in step or "Seq Scan" in step]
            assert any("execution_attribute" in step for step in _plan(loaded, asked))


def _wrong(database, asked) -> list[str]:
    """The steps of a plan that read a table, or much of an index, to sort it or to find little."""
    steps = _plan(database, asked)
    if database.is_sqlite:
        assert any("USING COVERING INDEX execution_list" in step for step in steps)
        return [step for step in steps if step.startswith("SCAN execution")]
    return [step for step in steps if "Seq Scan on execution" in step or _removed(step) > 51]


def _plan(database, asked) -> list[str]:
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN (ANALYZE, TIMING OFF) "
    with database.read():
        return [row[-1] for row in database.engine.execute_sql(explain + asked.text, asked.values).fetchall()]


def _removed(step: str) -> int:
    return int(step.partition("Rows Removed by Filter:")[2] or 0)
