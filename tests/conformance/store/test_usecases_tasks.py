"""Tasks as they are stored, listed and counted; whose they are; and requests that come twice."""

from __future__ import annotations

import pytest
from tests.conformance.store.engine_values import at_once, definition

from task_server.domain.errors import RequestIdReused, TaskNotFound
from task_server.domain.listing import TaskFilter
from task_server.domain.status import ExecutionStatus
from task_server.usecases.executions import Executions
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks


def test_a_created_task_is_stored_with_its_execution_and_published(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition())

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task == view.task
    assert stored.task.definition == definition()
    assert stored.last_execution == view.last_execution
    assert stored.detail.task_args == [1]
    assert stored.detail.task_kwargs == {"k": "ü"}
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]


def test_a_deleted_task_is_gone_and_its_history_stays(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    Tasks(ports).delete(caller, view.task.task_id)

    with pytest.raises(TaskNotFound):
        Tasks(ports).get(caller, view.task.task_id, full=False)
    kept = Executions(ports).get(caller, view.last_execution.id, full=True)
    assert kept.execution.status is ExecutionStatus.REVOKED
    assert running.claim(view.last_execution.id, "w1") is None


def test_rows_of_others_answer_as_unknown_ones_do(ports, caller, stranger, admin):
    task_id = Tasks(ports).create(caller, definition()).task.task_id

    for act in (Tasks(ports).run, Tasks(ports).delete, Stopping(ports).stop):
        with pytest.raises(TaskNotFound) as foreign:
            act(stranger, task_id)
        with pytest.raises(TaskNotFound) as unknown:
            act(stranger, "unknown")
        assert str(foreign.value).replace(task_id, "unknown") == str(unknown.value)
    assert Tasks(ports).get(admin, task_id, full=False).task.task_id == task_id


def test_the_same_request_id_answers_with_the_same_task(ports, caller, stranger, publisher):
    first = Tasks(ports).create(caller, definition(), "r1", "digest")
    second = Tasks(ports).create(caller, definition(), "r1", "digest")

    assert first.task == second.task
    assert len(publisher.messages) == 1
    with pytest.raises(RequestIdReused):
        Tasks(ports).create(caller, definition(name="other"), "r1", "other")
    assert Tasks(ports).create(stranger, definition(), "r1", "digest").task.task_id != first.task.task_id


def test_the_same_request_at_once_makes_one_task(ports, caller):
    made = at_once(ports.database, 8, lambda: Tasks(ports).create(caller, definition(), "r1", "digest"))
    assert len({view.task.task_id for view in made}) == 1


def test_pages_hold_every_task_once_while_others_are_made(ports, caller, stranger):
    made = [Tasks(ports).create(caller, definition(name=f"n{number}")).task.task_id for number in range(5)]
    Tasks(ports).create(stranger, definition())
    wanted = TaskFilter(owner_id=caller.owner.id)

    seen, before, more = [], "", True
    while more:
        page = Tasks(ports).page(wanted, before, 2, full=False)
        seen += [view.task.task_id for view in page.views]
        before, more = seen[-1], page.has_more
        Tasks(ports).create(caller, definition(name="late"))

    assert seen == made[::-1]


def test_the_count_equals_the_list(ports, caller, running):
    for module in ("a", "a", "b"):
        Tasks(ports).create(caller, definition(module=module))
    wanted = TaskFilter(owner_id=caller.owner.id, module="a")

    counts = Tasks(ports).count(wanted)

    page = Tasks(ports).page(wanted, "", 10, full=False)
    assert counts.total == page.total == len(page.views) == 2
    assert counts.by_module == {"a": 2}
    assert counts.by_status == {"PENDING": 2}
    assert counts.by_task_type == {"immediate": 2}
