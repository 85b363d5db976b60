"""Pausing: a held task does not fire, and nothing of it that waits begins, until it is resumed."""

from __future__ import annotations

import pytest
from tests.conformance.store.engine_values import SUCCESS, definition

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.errors import TaskEnded, TaskNotFound
from task_server.domain.listing import ExecutionFilter
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.store import execution_pages, executions
from task_server.store.tables.events import EventRow
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.firing import Firing
from task_server.usecases.pausing import Pausing
from task_server.usecases.publishing import Publishing
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

EVERY_SECOND = Schedule(cron_expression="* * * * * *")


def create(ports, caller, schedule: Schedule):
    return Tasks(ports).create(caller, definition(schedule=schedule))


def stored(ports, caller, task_id: str):
    return Tasks(ports).get(caller, task_id, full=False).task


def runs(ports, task_id: str):
    with ports.database.read():
        return execution_pages.page(ExecutionFilter(parent_task=task_id), (), 1000)[::-1]


def finish(running, execution_id: str) -> None:
    claim = running.claim(execution_id, "w1")
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)


def test_a_paused_schedule_does_not_fire_and_goes_on_from_when_it_is_resumed(ports, caller, clock, running):
    task = create(ports, caller, EVERY_SECOND).task
    clock.sleep_until(task.next_run_at)
    Firing(ports).fire_due()
    finish(running, runs(ports, task.task_id)[0].id)
    clock.sleep(0.5)

    view = Pausing(ports).pause(caller, task.task_id)

    assert (view.task.status, view.task.paused_at, view.task.next_run_at) == (TaskStatus.PAUSED, clock.now, None)
    assert view.last_execution.status is ExecutionStatus.SUCCESS
    clock.sleep(3600)
    assert Firing(ports).fire_due() == 0

    resumed = Pausing(ports).resume(caller, task.task_id).task
    assert (resumed.status, resumed.paused_at) == (TaskStatus.SCHEDULED, None)
    assert 0 < resumed.next_run_at - clock.now <= SECOND
    clock.sleep_until(resumed.next_run_at)
    Firing(ports).fire_due()
    after = stored(ports, caller, task.task_id)
    # There were no firings meanwhile, so none was missed.
    assert (after.fire_count, after.missed_count, after.skipped_count) == (2, 0, 0)


def test_a_firing_that_was_due_when_the_pause_came_was_missed(ports, caller, clock):
    task = create(ports, caller, EVERY_SECOND).task
    clock.sleep_until(task.next_run_at + 4 * SECOND)
    assert Pausing(ports).pause(caller, task.task_id).task.missed_count == 5


@pytest.mark.parametrize("passes", [False, True])
def test_a_paused_delay_waits_until_it_is_resumed(ports, caller, clock, running, publisher, passes):
    view = create(ports, caller, Schedule(delay_seconds=60))
    task_id, run = view.task.task_id, view.last_execution

    paused = Pausing(ports).pause(caller, task_id)

    assert (paused.task.status, paused.task.next_run_at) == (TaskStatus.PAUSED, None)
    assert paused.last_execution.held
    clock.sleep(90 if passes else 30)
    assert Firing(ports).fire_due() == Publishing(ports, publisher).publish_due() == 0
    assert running.claim(run.id, "w1") is None

    resumed = Pausing(ports).resume(caller, task_id).task
    if passes:
        assert (resumed.status, resumed.next_run_at) == (TaskStatus.PENDING, None)
        assert [message.execution_id for message in publisher.messages] == [run.id]
    else:
        assert (resumed.status, resumed.next_run_at) == (TaskStatus.SCHEDULED, run.due_at)
        assert running.claim(run.id, "w1") is None
        clock.sleep_until(run.due_at)
        assert Firing(ports).fire_due() == Publishing(ports, publisher).publish_due() == 1
    finish(running, run.id)
    assert stored(ports, caller, task_id).status is TaskStatus.SUCCESS


def test_what_waits_for_a_worker_is_held_and_what_runs_goes_on(ports, caller, running, publisher):
    task_id = create(ports, caller, Schedule()).task.task_id
    waiting = Tasks(ports).run(caller, task_id).last_execution
    first = runs(ports, task_id)[0]
    claim = running.claim(first.id, "w1")

    assert Pausing(ports).pause(caller, task_id).task.status is TaskStatus.PAUSED
    assert ExecutionRow.get_by_id(waiting.id).publish_after == NEVER
    assert running.claim(waiting.id, "w2") is None
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert stored(ports, caller, task_id).status is TaskStatus.PAUSED

    publisher.messages.clear()
    assert Pausing(ports).resume(caller, task_id).task.status is TaskStatus.PENDING
    assert [message.execution_id for message in publisher.messages] == [waiting.id]
    finish(running, waiting.id)
    assert stored(ports, caller, task_id).status is TaskStatus.SUCCESS


def test_pausing_and_resuming_twice_is_once(ports, caller, clock):
    task_id = create(ports, caller, EVERY_SECOND).task.task_id
    events = EventRow.select().where(EventRow.task_id == task_id)

    def revision_and_events() -> tuple[int, int]:
        with ports.database.read():
            return stored(ports, caller, task_id).revision, events.count()

    assert Pausing(ports).resume(caller, task_id).task.paused_at is None
    first = Pausing(ports).pause(caller, task_id).task
    once = revision_and_events()
    clock.sleep(5)
    assert Pausing(ports).pause(caller, task_id).task == first
    assert revision_and_events() == once
    Pausing(ports).resume(caller, task_id)
    once = revision_and_events()
    Pausing(ports).resume(caller, task_id)
    assert revision_and_events() == once


def test_run_now_runs_on_a_paused_task(ports, caller, running, publisher):
    task_id = create(ports, caller, EVERY_SECOND).task.task_id
    Pausing(ports).pause(caller, task_id)
    extra = Tasks(ports).run(caller, task_id)
    assert extra.task.status is TaskStatus.PAUSED
    assert [message.execution_id for message in publisher.messages] == [extra.last_execution.id]
    finish(running, extra.last_execution.id)
    assert stored(ports, caller, task_id).status is TaskStatus.PAUSED


@pytest.mark.parametrize("schedule", [EVERY_SECOND, Schedule(delay_seconds=60)])
def test_a_stop_ends_a_paused_task(ports, caller, schedule):
    task_id = create(ports, caller, schedule).task.task_id
    Pausing(ports).pause(caller, task_id)
    stopped = Stopping(ports).stop(caller, task_id)
    assert stopped.ended_firings is bool(schedule.cron_expression)
    after = stored(ports, caller, task_id)
    assert (after.status, after.paused_at, after.next_run_at) == (TaskStatus.REVOKED, None, None)
    assert all(run.status is ExecutionStatus.REVOKED and not run.held for run in runs(ports, task_id))
    assert Pausing(ports).resume(caller, task_id).task.status is TaskStatus.REVOKED
    with pytest.raises(TaskEnded):
        Pausing(ports).pause(caller, task_id)
    with pytest.raises(TaskEnded):
        Tasks(ports).run(caller, task_id)


def test_a_deleted_task_can_not_be_paused_and_one_that_is_paused_can_be_deleted(ports, caller):
    task_id = create(ports, caller, EVERY_SECOND).task.task_id
    Pausing(ports).pause(caller, task_id)
    Tasks(ports).delete(caller, task_id)
    for use in (Pausing(ports).pause, Pausing(ports).resume):
        with pytest.raises(TaskNotFound):
            use(caller, task_id)


def test_a_task_that_has_ended_can_not_be_paused(ports, caller, running):
    view = create(ports, caller, Schedule())
    finish(running, view.last_execution.id)
    with pytest.raises(TaskEnded, match="nothing to pause"):
        Pausing(ports).pause(caller, view.task.task_id)


def test_nobody_pauses_a_strangers_task(ports, caller, stranger):
    task_id = create(ports, caller, EVERY_SECOND).task.task_id
    for use in (Pausing(ports).pause, Pausing(ports).resume):
        with pytest.raises(TaskNotFound):
            use(stranger, task_id)


def test_a_schedule_that_ended_while_it_was_paused_is_over_when_it_is_resumed(ports, caller, clock):
    schedule = Schedule(cron_expression="* * * * * *", end_at=clock.now + 10 * SECOND)
    task_id = create(ports, caller, schedule).task.task_id
    Pausing(ports).pause(caller, task_id)
    clock.sleep(60)
    resumed = Pausing(ports).resume(caller, task_id).task
    assert (resumed.next_run_at, resumed.status) == (None, TaskStatus.FAILURE)


def test_what_waits_in_turn_goes_on_in_turn(ports, caller, clock, running):
    schedule = Schedule(cron_expression="* * * * * *", overlap_policy=OverlapPolicy.QUEUE_ONE)
    task = create(ports, caller, schedule).task
    firing = Firing(ports)
    for _ in range(2):
        clock.sleep_until(clock.now + SECOND)
        firing.fire_due()
    first, second = runs(ports, task.task_id)
    Pausing(ports).pause(caller, task.task_id)
    assert running.claim(first.id, "w1") is None

    Pausing(ports).resume(caller, task.task_id)

    # A message for the one that is held yet stands for the one that is not.
    assert running.claim(second.id, "w1").execution_id == first.id
    assert running.finish(first.id, 1, SUCCESS)
    finish(running, second.id)


def test_many_are_let_go_in_one_look_and_each_is_told(ports, caller, running, publisher, monkeypatch):
    task_id = create(ports, caller, EVERY_SECOND).task.task_id
    ids = [Tasks(ports).run(caller, task_id).last_execution.id for _ in range(20)]
    Pausing(ports).pause(caller, task_id)
    publisher.messages.clear()
    looks: list[str] = []

    def unfinished(parent_task: str):
        looks.append(parent_task)
        return real(parent_task)

    real = executions.unfinished
    monkeypatch.setattr(executions, "unfinished", unfinished)
    with ports.database.read():
        told = EventRow.select().count()

    resumed = Pausing(ports).resume(caller, task_id).task

    # Each look reads all of them, and on SQLite nobody else writes meanwhile.
    assert len(looks) <= 3
    assert [message.execution_id for message in publisher.messages] == ids
    assert (resumed.status, resumed.paused_at) == (TaskStatus.PENDING, None)
    assert not any(run.held for run in runs(ports, task_id))
    with ports.database.read():
        assert EventRow.select().count() == told + 20
