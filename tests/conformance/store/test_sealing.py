"""A process that ends commits nothing that it will not answer for."""

from __future__ import annotations

import pytest

from task_server.domain.actions import CodeAction
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.owner import Caller
from task_server.domain.task import TaskDefinition
from task_server.store.database import Database
from task_server.usecases.ports import Ports
from task_server.usecases.tasks import Tasks

DEFINITION = TaskDefinition(name="n", action=CodeAction(function_code="def f(): pass", function_name="f"), timeout=30)


def test_what_is_not_committed_when_the_database_is_sealed_is_rolled_back(
    database: Database, ports: Ports, caller: Caller
) -> None:
    tasks = Tasks(ports)
    before = tasks.create(caller, DEFINITION)
    with pytest.raises(DatabaseUnavailable), database.write():
        tasks.create(caller, DEFINITION)
        database.seal()
    with pytest.raises(DatabaseUnavailable):
        tasks.create(caller, DEFINITION)

    with database.read():
        ((count,),) = database.engine.execute_sql("SELECT count(*) FROM task").fetchall()
    assert count == 1
    # What was is read as before.
    assert tasks.get(caller, before.task.task_id, full=False).task.task_id == before.task.task_id
