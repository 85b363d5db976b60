"""The attributes of executions, by which filters find few among many: always those of the rows that there are."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.conformance.store.filter_rows import store

from task_server.api.validation.filter import UTC, check_filter
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.listing import ExecutionFilter
from task_server.domain.registration import Registration
from task_server.store import execution_pages, records, retention, rollups
from task_server.store.tables.executions import AttributeRow, ExecutionRow


def finds(ports, text: str, **given) -> set[str]:
    wanted = ExecutionFilter(condition=check_filter(text, EXECUTION_FIELDS, UTC, Violations()), **given)
    with ports.database.read():
        asked = execution_pages.page_query(wanted, (), 1000)
        assert "execution_attribute" in asked.text
        found = execution_pages.page(wanted, (), 1000)
        assert rollups.count(wanted)[0] == len(found)
    return {each.id for each in found}


def change(ports, execution_id: str, **columns) -> None:
    with ports.database.write():
        ExecutionRow.update(**columns).where(ExecutionRow.id == execution_id).execute()


def kept() -> set[tuple[str, str, str]]:
    return {(row.execution_id, row.name, row.value) for row in AttributeRow.select()}


def test_attributes_follow_what_becomes_of_their_execution(ports, caller):
    one = store(ports, caller)[1][0]
    change(ports, one.id, metadata=records.dumps({"team": "data", "n": 7, "f": 0.5, "t": True, "in": {"team": "x"}}))
    names = {"metadata.team": '"data', "metadata.n": "7"}
    assert {(one.id, *pair) for pair in names.items()} <= kept()
    assert not {row for row in kept() if row[0] == one.id and row[1] in ("metadata.t", "metadata.in")}
    assert finds(ports, "metadata.team = data") == finds(ports, "metadata.n = 7") == {one.id}
    assert finds(ports, 'metadata.n = "7"') == finds(ports, "metadata.team = data", owner_id="nobody") == set()
    change(ports, one.id, metadata='{"team":"web"}', task_kwargs='{"team":"ops"}')
    assert finds(ports, "metadata.team = data") == set()
    assert finds(ports, "metadata.team = web AND task_kwargs.team = ops", owner_id=one.owner.id) == {one.id}
    change(ports, one.id, metadata="{}", task_kwargs="[spoiled")
    assert not [row for row in kept() if row[0] == one.id]


def test_removed_executions_leave_no_attributes(ports, caller):
    removed = {each.id for each, _ in store(ports, caller)}
    with ports.database.write():
        retention.remove_executions(list(removed))
    assert removed.isdisjoint(row[0] for row in kept())


CHANGES = {
    "removed": lambda row: row.delete(),
    "changed": lambda row: row.update(metadata='{"source":"other"}'),
    "handed over": lambda row: row.update(owner_id="somebody"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_sqlite_looks_at_no_attributes_but_those_of_the_execution_that_is_changed(ports, registering, caller, change):
    if not ports.database.is_sqlite:
        return  # PostgreSQL joins by the key
    engine = ports.database.engine

    def steps() -> int:
        """Of SQLite's machine, in hundreds."""
        counted = itertools.count()
        (newest,) = max(ExecutionRow.select(ExecutionRow.id).tuples())
        with ports.database.write():
            engine.connection().set_progress_handler(lambda: next(counted) and 0, 100)
            change(ExecutionRow).where(ExecutionRow.id == newest).execute()
            engine.connection().set_progress_handler(None, 0)
        return next(counted)

    def add(begin: int, end: int) -> None:
        said = Registration(
            task_id="", task_name="t", module="m", owner=caller.owner, kwargs={"to": "li"}, metadata={"source": "api"}
        )
        registering.register_many(caller, [replace(said, task_id=str(number)) for number in range(begin, end)])

    add(0, 10)
    among_few = steps()
    add(10, 1000)
    assert steps() <= 2 * among_few + 5


def test_keys_that_differ_in_what_postgresql_does_not_take_are_one(ports, caller):
    one, two = (each for each, _ in store(ports, caller)[1:3])
    change(ports, one.id, metadata=records.dumps({"a\0": 1, "a\ufffd": 1}), task_kwargs="{}")
    change(ports, two.id, metadata=records.dumps({"\\u0000": 1, "\0": "\\"}), task_kwargs="{}")
    assert {row[1:] for row in kept() if row[0] == one.id} == {("metadata.a\ufffd", "1")}
    assert finds(ports, "metadata.'a\ufffd' = 1") == {one.id}
    for text in ("metadata.'a\ufffd':*", "metadata:'a\ufffd'", "metadata.'a\ufffd' > 0"):
        wanted = ExecutionFilter(condition=check_filter(text, EXECUTION_FIELDS, UTC, Violations()))
        with ports.database.read():
            assert [each.id for each in execution_pages.page(wanted, (), 1000)] == [one.id], text
    with ports.database.write():
        retention.remove_executions([one.id])
    assert not [row for row in kept() if row[0] == one.id]


@pytest.mark.parametrize("count", [31, 32, 33, 100])
def test_of_an_execution_with_too_many_all_are_found(ports, caller, count):
    one = store(ports, caller)[2][0]
    change(ports, one.id, metadata=records.dumps({f"k{number}": number for number in range(count)}), task_kwargs="{}")
    assert len([row for row in kept() if row[0] == one.id]) == (count if count < 32 else 33)
    for number in range(count):
        assert finds(ports, f"metadata.k{number} = {number}") == {one.id}
    change(ports, one.id, metadata="{}")
    assert not [row for row in kept() if row[0] == one.id]


def test_long_names_and_values_are_looked_for_in_the_rows(ports, caller):
    one = store(ports, caller)[2][0]
    change(ports, one.id, metadata=records.dumps({"k" * 70_000: "x", "v": "é" * 201, "w": "é" * 200, "é" * 100: 1}))
    assert finds(ports, f"metadata.w = {'é' * 200}") == finds(ports, f"metadata.{'é' * 100} = 1") == {one.id}
    long = ExecutionFilter(condition=check_filter(f"metadata.v = {'é' * 201}", EXECUTION_FIELDS, UTC, Violations()))
    with ports.database.read():
        assert [each.id for each in execution_pages.page(long, (), 10)] == [one.id]


def test_pages_by_an_attribute_go_on_where_the_last_one_ended(ports, caller):
    store(ports, caller)
    wanted = ExecutionFilter(condition=check_filter('metadata.a = "a"', EXECUTION_FIELDS, UTC, Violations()))
    with ports.database.read():
        whole, pages, after = execution_pages.page(wanted, (), 1000), [], ()
        while found := execution_pages.page(wanted, after, 2):
            pages += found
            after = (found[-1].created_at, found[-1].id)
    assert [each.id for each in pages] == [each.id for each in whole]
    assert len(whole) == 4
