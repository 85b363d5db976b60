"""What belongs to somebody else is looked up exactly as what nobody has: the same statements, and the same answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.store.engine_values import definition

from task_server.domain.errors import ExecutionNotFound, TaskNotFound, TaskServiceError
from task_server.domain.listing import ExecutionFilter
from task_server.usecases.executions import Executions
from task_server.usecases.pausing import Pausing
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating
from task_server.usecases.watching import Watching

#: Every use case that is given the id of a row.
LOOKS: dict[str, Callable[[Any, Any, str, str], Any]] = {
    "get": lambda ports, caller, task_id, _: Tasks(ports).get(caller, task_id, full=True),
    "run": lambda ports, caller, task_id, _: Tasks(ports).run(caller, task_id),
    "delete": lambda ports, caller, task_id, _: Tasks(ports).delete(caller, task_id),
    "stop": lambda ports, caller, task_id, _: Stopping(ports).stop(caller, task_id),
    "pause": lambda ports, caller, task_id, _: Pausing(ports).pause(caller, task_id),
    "resume": lambda ports, caller, task_id, _: Pausing(ports).resume(caller, task_id),
    "update": lambda ports, caller, task_id, _: Updating(ports).read(caller, task_id, ""),
    "update with an etag": lambda ports, caller, task_id, _: Updating(ports).read(caller, task_id, "77"),
    "watch": lambda ports, caller, task_id, _: Watching(ports).one(caller, task_id),
    "execution": lambda ports, caller, _, run_id: Executions(ports).get(caller, run_id, full=True),
    "execution by task id": lambda ports, caller, _, run_id: Executions(ports).get_by_task_id(
        caller, run_id, full=True
    ),
    "log": lambda ports, caller, _, run_id: Executions(ports).log(caller, run_id, 0),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_the_same_statements_and_the_same_answer(ports, database, caller, stranger, monkeypatch, look):
    his = Tasks(ports).create(stranger, definition())
    statements: list[str] = []
    execute = database.engine.execute_sql

    def execute_sql(sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments)

    monkeypatch.setattr(database.engine, "execute_sql", execute_sql)
    found = []
    for task_id, run_id in ((his.task.task_id, his.last_execution.id), (str(uuid.uuid4()), str(uuid.uuid4()))):
        statements.clear()
        with pytest.raises((TaskNotFound, ExecutionNotFound)) as caught:
            look(ports, caller, task_id, run_id)
        found.append((list(statements), _without(caught.value, task_id, run_id)))
    assert found[0] == found[1]


def _without(error: TaskServiceError, *names: str) -> tuple[type, str, list[str]]:
    message = error.message
    for name in names:
        message = message.replace(name, "…")
    return type(error), message, sorted(error.metadata)


def test_everybodys_rows_are_listed_where_nothing_else_is_asked_for(ports, caller, stranger):
    for each in (caller, stranger):
        Tasks(ports).create(each, definition())
    page = Executions(ports).page(ExecutionFilter(owner_id=None), (), 10, full=False)
    assert {view.execution.owner.id for view in page.views} == {"ann", "bob"}
    assert page.total == 2
