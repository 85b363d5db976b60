"""What is due: delayed tasks, cron firings, runs that nobody claimed, and where a task stands meanwhile."""

from __future__ import annotations

import threading

from tests.conformance.store.engine_values import REVOKED, SUCCESS, come_due, definition, missed, status

from task_server.domain.clock import SECOND
from task_server.domain.listing import ExecutionFilter
from task_server.domain.schedule import Schedule
from task_server.domain.status import TaskStatus
from task_server.store import executions
from task_server.usecases.firing import Firing
from task_server.usecases.publishing import Publishing
from task_server.usecases.tasks import Tasks


def test_a_task_is_not_over_while_any_of_its_runs_is_to_come(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600)))
    task_id = view.task.task_id
    extra = Tasks(ports).run(caller, task_id).last_execution

    claim = running.claim(extra.id, "w1")
    assert status(ports, caller, task_id) is TaskStatus.STARTED
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, task_id) is TaskStatus.SCHEDULED

    come_due(ports, view)
    Firing(ports).fire_due()
    assert status(ports, caller, task_id) is TaskStatus.PENDING
    claim = running.claim(view.last_execution.id, "w1")
    assert status(ports, caller, task_id) is TaskStatus.STARTED
    running.finish(claim.execution_id, claim.attempt, REVOKED)
    # Nothing will run any more: the end of the latest run, which was the extra one, is the task's.
    assert status(ports, caller, task_id) is TaskStatus.SUCCESS


def test_overlapping_runs_keep_a_task_started_until_the_last_has_ended(ports, caller, running):
    first = Tasks(ports).create(caller, definition())
    slow = running.claim(first.last_execution.id, "w1")
    quick = running.claim(Tasks(ports).run(caller, first.task.task_id).last_execution.id, "w2")

    running.finish(quick.execution_id, quick.attempt, SUCCESS)
    assert status(ports, caller, first.task.task_id) is TaskStatus.STARTED
    running.finish(slow.execution_id, slow.attempt, SUCCESS)
    assert status(ports, caller, first.task.task_id) is TaskStatus.SUCCESS


def test_a_delayed_task_waits_for_its_time(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600)))

    assert view.task.status is TaskStatus.SCHEDULED
    assert publisher.messages == []
    assert running.claim(view.last_execution.id, "w1") is None
    assert Firing(ports).next_due() == view.last_execution.due_at

    come_due(ports, view)
    assert Firing(ports).fire_due() == 1
    assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
    assert Publishing(ports, publisher).publish_due() == 1
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]
    assert running.claim(view.last_execution.id, "w1") is not None


def test_a_cron_time_makes_one_execution_however_many_schedulers_fire(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 * * *")))
    assert view.last_execution is None
    fire_time = missed(ports, view, seconds_ago=1)

    def fire() -> None:
        Firing(ports).fire_due()
        ports.database.close()

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with ports.database.read():
        made = executions.page(ExecutionFilter(parent_task=view.task.task_id), "", 10)
    assert [execution.scheduled_for for execution in made] == [fire_time]
    assert len(publisher.messages) == 1
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert (task.run_count, task.fire_count) == (1, 1)
    assert task.next_run_at > ports.database.now()


def test_of_firings_missed_in_a_down_time_the_latest_is_made(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *")))
    missed(ports, view, seconds_ago=86_400)

    Firing(ports).fire_due()

    with ports.database.read():
        (made,) = executions.page(ExecutionFilter(parent_task=view.task.task_id), "", 10)
        assert 0 <= ports.database.now() - made.scheduled_for < 5 * SECOND


def test_a_schedule_ends_after_its_last_run(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *", max_runs=2)))
    missed(ports, view, seconds_ago=9)

    Firing(ports).fire_due()

    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert (task.fire_count, task.next_run_at) == (2, None)
    with ports.database.read():
        made = executions.page(ExecutionFilter(parent_task=view.task.task_id), "", 10)
    for execution in made:
        assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
        claim = running.claim(execution.id, "w1")
        running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SUCCESS
