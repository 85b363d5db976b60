"""Pages of executions, in every order."""

from __future__ import annotations

import functools

import pytest
from tests.conformance.store.filter_rows import store

from task_server.domain.clock import NEVER
from task_server.domain.ids import new_id
from task_server.domain.listing import ExecutionFilter
from task_server.domain.ordering import parse_order, place
from task_server.domain.status import ExecutionStatus
from task_server.store import execution_pages, executions

ORDERS = [
    "",
    "created_at",
    "created_at desc, id",
    "created_at, module desc",
    "started_at",
    "finished_at desc",
    "duration desc, status",
    "duration, started_at desc, retries",
    "task_name, created_by desc",
    "module",
    "status desc",
    "observed_at, due_at",
    "id",
    "id desc",
]


@pytest.mark.parametrize("text", ORDERS)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"owner_id": "ann"},
        {"module": "a"},
        {"owner_id": "bob", "status": ExecutionStatus.SUCCESS},
        {"task_name": "ab"},
        {"created_from": 1_800_000_000_000_000, "created_before": 1_800_000_000_000_000 + 2 * 86_400_000_000},
    ],
    ids=["all", "owner", "module", "owner and status", "name", "time"],
)
def test_pages_are_the_whole_list_in_its_order(ports, caller, text, given):
    store(ports, caller)
    order, wanted = parse_order(text), ExecutionFilter(**given)
    with ports.database.read():
        everything = execution_pages.page(ExecutionFilter(), (), 1000)
        expected = sorted(
            (each for each in everything if _matches(each, given)), key=functools.cmp_to_key(_compare(order))
        )
        pages, after = [], ()
        while found := execution_pages.page(wanted, after, 7, order):
            pages += found
            after = place(found[-1], order)
    assert [each.id for each in pages] == [each.id for each in expected]
    assert expected


def _matches(execution, given) -> bool:
    created = execution.created_at
    return (
        given.get("owner_id", execution.owner.id) == execution.owner.id
        and given.get("module", execution.module) == execution.module
        and given.get("task_name", execution.task_name) == execution.task_name
        and given.get("status", execution.status) is execution.status
        and given.get("created_from", 0) <= created < given.get("created_before", NEVER)
    )


def _compare(order):
    """How two executions stand to each other: unset values last, ids last of all."""

    def compare(one, other) -> int:
        keys = zip(place(one, order), place(other, order), [*order, order[-1]], strict=True)
        for mine, yours, by in keys:
            if mine == yours:
                continue
            if mine is None or yours is None:
                return 1 if mine is None else -1
            return (1 if mine > yours else -1) * (-1 if by.is_descending else 1)
        return 0

    return compare


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(ports, caller):
    stored = store(ports, caller)
    wanted, seen, after = ExecutionFilter(owner_id="ann"), [], ()
    for _ in range(4):
        with ports.database.read():
            found = execution_pages.page(wanted, after, 10)
        seen += [each.id for each in found]
        after = place(found[-1], parse_order(""))
        newest = max(stored, key=lambda each: each[0].created_at)[0]
        execution_id = new_id()
        with ports.database.write():
            executions.insert(
                newest.changed(id=execution_id, task_id=execution_id, parent_task="", created_at=newest.created_at + 1),
                [],
                {},
                publish_after=NEVER,
            )
    assert len(set(seen)) == 40
    assert set(seen) <= {each.id for each, _ in stored}


def test_the_list_of_a_task_is_its_own(ports, caller):
    stored = store(ports, caller)
    task_id = stored[0][0].parent_task
    with ports.database.read():
        found = execution_pages.page(ExecutionFilter(parent_task=task_id), (), 1000)
    assert {each.parent_task for each in found} == {task_id}
    assert len(found) == 35  # with the one that the task was made with
