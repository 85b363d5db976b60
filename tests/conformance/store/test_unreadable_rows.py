"""A row that nobody can read, as one of a newer version may be, keeps nobody from the rows behind it."""

from __future__ import annotations

import logging

import peewee
import pytest
from tests.conformance.store.engine_values import definition

from task_server.domain.clock import SECOND
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.status import ExecutionStatus
from task_server.store import executions, tasks
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases import expiring, rescuing
from task_server.usecases.expiring import Expiring
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks


def rows(ports, caller, count: int, **changes) -> list[str]:
    return [Tasks(ports).create(caller, definition(**changes)).last_execution.id for _ in range(count)]


def spoil(ports, ids: list[str], column: str) -> None:
    with ports.database.write():
        if column == "definition":
            parents = ExecutionRow.select(ExecutionRow.parent_task).where(ExecutionRow.id.in_(ids))
            TaskRow.update(definition='{"action":{"kind":"of a newer version"}}').where(
                TaskRow.task_id.in_(parents)
            ).execute()
        else:
            ExecutionRow.update(failure_reason="OF_A_NEWER_VERSION").where(ExecutionRow.id.in_(ids)).execute()


def statuses(ports, ids: list[str]) -> list[str]:
    with ports.database.read():
        return [ExecutionRow.get_by_id(execution_id).status for execution_id in ids]


@pytest.mark.parametrize("column", ["definition", "failure_reason"])
def test_runs_behind_one_that_can_not_be_read_are_rescued(ports, caller, clock, monkeypatch, caplog, column):
    monkeypatch.setattr(rescuing, "_BATCH", 2)
    ids = rows(ports, caller, 6)
    for number, execution_id in enumerate(ids):
        Running(ports, lease_seconds=number - 100).claim(execution_id, "w1")
    spoil(ports, ids[:3], column)
    use = Rescuing(ports, max_lost_attempts=3)

    with caplog.at_level(logging.ERROR):
        assert [use.rescue() for _ in range(5)] == [0, 1, 2, 0, 0]

    assert statuses(ports, ids) == ["STARTED"] * 3 + ["PENDING"] * 3
    assert [record.args for record in caplog.records] == [(execution_id,) for execution_id in ids[:3]]
    clock.sleep(61)
    caplog.clear()
    assert use.rescue() == 0
    assert caplog.records == []
    with ports.database.read():
        assert len(executions.expired(clock.now, 100)) == 3


@pytest.mark.parametrize("column", ["definition", "failure_reason"])
def test_runs_behind_one_that_can_not_be_read_expire(ports, caller, clock, monkeypatch, column):
    monkeypatch.setattr(expiring, "_BATCH", 2)
    ids = []
    for _ in range(4):
        ids += rows(ports, caller, 1, deadline_seconds=10)
        clock.now += SECOND
    spoil(ports, ids[:2], column)
    clock.sleep(20)
    use = Expiring(ports)

    assert [use.expire() for _ in range(3)] == [0, 2, 0]

    assert statuses(ports, ids) == ["PENDING"] * 2 + [ExecutionStatus.FAILURE.value] * 2


def test_a_row_that_nobody_can_read_is_none_and_trouble_of_the_database_is_not_hidden(ports, caller, monkeypatch):
    task_id = Tasks(ports).create(caller, definition()).task.task_id
    with ports.database.write():
        assert tasks.get_readable(task_id).task_id == task_id
        TaskRow.update(definition="{}").where(TaskRow.task_id == task_id).execute()
        assert tasks.get_readable(task_id) is None

    class Away:
        def one(self, **_):
            raise peewee.OperationalError

    monkeypatch.setattr(tasks, "_GET", Away())
    with pytest.raises(DatabaseUnavailable), ports.database.read():
        tasks.get_readable(task_id)
