"""An update of when a task runs: at once, of what waits alone, and never of what has begun."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_attempts import row
from tests.conformance.store.engine_updates import CRON, FAILED, NEW, fired, update
from tests.conformance.store.engine_values import SUCCESS, come_due, definition, missed, status

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.errors import InvalidFields, TaskStarted
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.notifier.bell import Topic
from task_server.store import tasks
from task_server.usecases import changes, holding
from task_server.usecases.firing import Firing
from task_server.usecases.tasks import Tasks


def test_a_new_expression_counts_from_now_and_the_counters_stay(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *", max_runs=9)))
    fired(ports, caller, view.task.task_id)
    before = Tasks(ports).get(caller, view.task.task_id, full=False).task
    rings = []

    with ports.bell.listen(Topic.DUE, rings.append):
        after = update(
            ports, caller, view.task.task_id, schedule=Schedule(cron_expression="0 0 * * *", max_runs=3)
        ).task

    assert (after.fire_count, after.run_count) == (before.fire_count, before.run_count)
    assert after.next_run_at == after.definition.schedule.next_fire(ports.database.now(), 0)
    assert rings


def test_what_was_due_by_the_old_times_and_not_made_counts_as_missed(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *")))
    missed(ports, view, seconds_ago=5)

    after = update(ports, caller, view.task.task_id, schedule=CRON).task

    assert 5 <= after.missed_count <= 7
    assert (after.fire_count, Firing(ports).fire_due()) == (0, 0)


def test_what_is_due_stays_due_where_the_times_are_not_changed(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=CRON))
    fire_time = missed(ports, view, seconds_ago=1)

    after = update(ports, caller, view.task.task_id, name="new").task
    assert after.next_run_at == fire_time

    Firing(ports).fire_due()
    run = Tasks(ports).get(caller, view.task.task_id, full=False).last_execution
    assert (run.scheduled_for, run.task_name) == (fire_time, "new")


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Schedule(cron_expression="* * * * * *", max_runs=1), "task.max_runs"),
        (Schedule(cron_expression="* * * * * *", end_at=SECOND), "task.end_at"),
        (Schedule(delay_seconds=1.0), "task.cron_expression"),
        (Schedule(), "task.cron_expression"),
    ],
)
def test_a_schedule_that_can_not_be_is_refused_and_nothing_stored(ports, caller, schedule, field):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *")))
    fired(ports, caller, view.task.task_id)
    before = Tasks(ports).get(caller, view.task.task_id, full=False)

    with pytest.raises(InvalidFields) as caught:
        update(ports, caller, view.task.task_id, schedule=schedule)

    assert [violation.field for violation in caught.value.violations] == [field]
    assert Tasks(ports).get(caller, view.task.task_id, full=False) == before


def test_a_task_that_runs_once_does_not_become_one_that_goes_by_cron(ports, caller):
    view = Tasks(ports).create(caller, definition())
    with pytest.raises(InvalidFields, match=r"task.cron_expression: a task that runs once"):
        update(ports, caller, view.task.task_id, schedule=CRON)


def test_a_schedule_that_was_over_goes_on_when_it_may_fire_again(ports, caller, running):
    once = Schedule(cron_expression="* * * * * *", max_runs=1)
    view = Tasks(ports).create(caller, definition(schedule=once))
    run = fired(ports, caller, view.task.task_id)
    claim = running.claim(run.id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SUCCESS
    assert update(ports, caller, view.task.task_id, name="same times").task.status is TaskStatus.SUCCESS

    after = update(ports, caller, view.task.task_id, schedule=replace(once, max_runs=2)).task

    assert (after.status, after.fire_count) == (TaskStatus.SCHEDULED, 1)
    assert after.next_run_at is not None


@pytest.mark.parametrize("delay", [10.0, 7200.0])
def test_a_delayed_run_that_waits_is_moved(ports, caller, delay):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600.0), deadline_seconds=5.0))
    extra = Tasks(ports).run(caller, view.task.task_id).last_execution

    after = update(ports, caller, view.task.task_id, schedule=Schedule(delay_seconds=delay)).task

    due_at = view.task.created_at + int(delay * SECOND)
    assert after.next_run_at == due_at
    moved = row(ports, view.last_execution.id)
    assert (moved.due_at, moved.publish_after, moved.deadline_at) == (due_at, due_at, due_at + 5 * SECOND)
    assert row(ports, extra.id).due_at == extra.due_at


def test_a_delayed_run_that_is_due_now_is_published_now(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600.0)))

    after = update(ports, caller, view.task.task_id, schedule=Schedule()).task

    assert (after.status, after.next_run_at) == (TaskStatus.PENDING, None)
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]
    assert running.claim(view.last_execution.id, "w1") is not None


def test_a_run_that_is_put_off_is_not_claimed_by_the_message_that_is_out(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    after = update(ports, caller, view.task.task_id, schedule=Schedule(delay_seconds=3600.0)).task

    assert after.status is TaskStatus.SCHEDULED
    assert running.claim(view.last_execution.id, "w1") is None
    assert Firing(ports).next_due() == after.next_run_at


def test_the_time_of_a_run_that_has_begun_is_not_changed(ports, caller, running):
    later = Schedule(delay_seconds=60.0)
    policy = RetryPolicy(max_retries=1, initial_backoff=600.0)
    view = Tasks(ports).create(caller, definition(retry_policy=policy))
    task_id = view.task.task_id
    for end in (None, FAILED, SUCCESS):
        claim = running.claim(view.last_execution.id, "w1")
        if end is not None:
            running.finish(claim.execution_id, claim.attempt, end)
        with pytest.raises(TaskStarted):
            update(ports, caller, task_id, schedule=later)
        # Other things of it are; the same time in other words is too.
        assert update(ports, caller, task_id, name=f"after {end}", schedule=Schedule(delay_seconds=0.0)).task
        if end is None:
            running.release(claim.execution_id, claim.attempt)
            with pytest.raises(TaskStarted):
                update(ports, caller, task_id, schedule=later)
        else:
            come_due(ports, view)
    Tasks(ports).run(caller, task_id)
    with pytest.raises(TaskStarted):
        update(ports, caller, task_id, schedule=later)


def test_a_deadline_counts_from_the_first_due_time_also_while_a_retry_waits(ports, caller, running):
    policy = RetryPolicy(max_retries=1, initial_backoff=600.0)
    view = Tasks(ports).create(caller, definition(retry_policy=policy))
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, FAILED)

    run = update(ports, caller, view.task.task_id, deadline_seconds=3600.0).last_execution

    assert run.status is ExecutionStatus.RETRY
    assert run.due_at > view.last_execution.due_at + 500 * SECOND
    assert run.deadline_at == view.last_execution.due_at + 3600 * SECOND
    assert update(ports, caller, view.task.task_id, deadline_seconds=0.0).last_execution.deadline_at is None


def test_a_held_run_stays_held_and_is_let_go_when_the_policy_lets_it(ports, caller, running, publisher):
    in_turn = replace(CRON, overlap_policy=OverlapPolicy.QUEUE_ONE)
    view = Tasks(ports).create(caller, definition(schedule=in_turn))
    running.claim(fired(ports, caller, view.task.task_id).id, "w1")
    waits = fired(ports, caller, view.task.task_id)
    assert waits.held
    publisher.messages.clear()

    after = update(ports, caller, view.task.task_id, action=NEW, queue="other")
    assert row(ports, waits.id).publish_after == NEVER
    assert (after.last_execution.held, after.detail.task_args) == (True, NEW.args)
    assert publisher.messages == []

    after = update(ports, caller, view.task.task_id, schedule=CRON)
    assert not after.last_execution.held
    assert [(message.execution_id, message.queue) for message in publisher.messages] == [(waits.id, "other")]
    assert running.claim(waits.id, "w2") is not None


def test_a_paused_task_stays_paused(ports, caller):
    cron = Tasks(ports).create(caller, definition(schedule=CRON))
    late = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600.0)))
    for view in (cron, late):
        paused(ports, view.task.task_id)

    after = update(ports, caller, cron.task.task_id, schedule=Schedule(cron_expression="* * * * * *")).task
    assert (after.status, after.next_run_at) == (TaskStatus.PAUSED, None)
    assert after.paused_at is not None

    after = update(ports, caller, late.task.task_id, schedule=Schedule(delay_seconds=0.0))
    assert (after.task.status, after.task.next_run_at) == (TaskStatus.PAUSED, None)
    assert (after.last_execution.held, after.last_execution.due_at) == (True, late.task.created_at)
    assert row(ports, late.last_execution.id).publish_after == NEVER


def paused(ports, task_id):
    """As PauseTask leaves a task."""
    with ports.database.write():
        now = ports.database.now()
        task = tasks.lock(ports.database, task_id).changed(now, paused_at=now, next_run_at=None)
        task = holding.hold_waiting(task, now)
        changes.store_task(task.changed(now, status=changes.new_status(task, now)), now)
