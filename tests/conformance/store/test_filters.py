"""Filters of executions and tasks: both databases find what the filter means."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from tests.conformance.store.engine_values import definition
from tests.conformance.store.filter_rows import FILTERS, holds, store

from task_server.api.validation.filter import UTC, check_filter
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import EXECUTION_FIELDS, TASK_FIELDS
from task_server.domain.filters.narrowing import narrowed
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.store import execution_pages, rollups, tasks
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.tasks import Tasks


def condition(text: str, fields=EXECUTION_FIELDS):
    violations = Violations()
    found = check_filter(text, fields, UTC, violations)
    violations.raise_any()
    return found


def test_both_databases_find_what_a_filter_means(ports, caller):
    stored = store(ports, caller)
    ids = {each.id for each, _ in stored}

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(FILTERS)
    @example('metadata.a.0 = "a\ufffdb" OR metadata.a.0 = "a\\*b"')
    @example('metadata.a.0 = "*b"')
    def finds(text: str) -> None:
        wanted = ExecutionFilter(condition=condition(text))
        expected = {each.id for each, documents in stored if holds(wanted.condition, each, documents)}
        with ports.database.read():
            found = execution_pages.page(wanted, (), 1000)
            assert execution_pages.page(narrowed(wanted), (), 1000) == found
            assert rollups.count(wanted) == (len(found), False)
        assert {each.id for each in found} & ids == expected

    finds()


@pytest.mark.parametrize(
    "spoiled", ["no JSON", "", '{"a":', "[1e400]", '{"a":1e400}', '{"a":"\\ud800"}', "nul\\u0000l"]
)
def test_a_row_that_can_not_be_read_keeps_nobody_from_the_others(ports, caller, spoiled):
    stored = store(ports, caller)
    with ports.database.write():
        ExecutionRow.update(task_kwargs=spoiled).where(ExecutionRow.id == stored[0][0].id).execute()
    wanted = ExecutionFilter(condition=condition("task_kwargs.a < 5 OR NOT task_kwargs.a:x"))
    with ports.database.read():
        assert len(execution_pages.page(wanted, (), 1000)) > 50


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = add", {"one", "two"}),
        ("metadata.team = data", {"one"}),
        ("NOT metadata.team = data", {"two"}),
        ("metadata:*", {"one"}),
        ("metadata:team AND task_type = delayed", set()),
        ("task_type = immediate AND status = PENDING", {"one", "two"}),
        ("next_run_at:*", set()),
        ("created_at > 2020-01-01 AND updated_at > 2020-01-01", {"one", "two"}),
    ],
)
def test_tasks_are_filtered_by_their_fields(ports, caller, text, found):
    ids = {
        Tasks(ports).create(caller, definition(module="one", metadata={"team": "data"})).task.task_id: "one",
        Tasks(ports).create(caller, definition(module="two")).task.task_id: "two",
    }
    wanted = TaskFilter(condition=condition(text, TASK_FIELDS))
    with ports.database.read():
        assert {ids[task.task_id] for task in tasks.page(wanted, "", 10)} == found
        assert tasks.count(wanted) == tasks.count_to_stop(wanted) == len(found)
        assert sum(tasks.count_by(wanted, "module").values()) == len(found)


def test_of_another_owner_nothing_is_found(ports, caller):
    store(ports, caller)
    wanted = ExecutionFilter(owner_id="ann", condition=condition("created_by = bob OR created_by = ann"))
    with ports.database.read():
        assert {each.owner.id for each in execution_pages.page(wanted, (), 1000)} == {"ann"}
        assert execution_pages.page(replace(wanted, condition=condition("created_by = bob")), (), 1000) == []
