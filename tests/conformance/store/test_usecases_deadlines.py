"""Deadlines: an execution ends by then, whether it waits or runs, however many attempts it has left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_attempts import execution
from tests.conformance.store.engine_values import REVOKED, SUCCESS, at_once, definition, status

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.expiring import Expiring
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

FAILED = Outcome(
    status=ExecutionStatus.FAILURE, error="ValueError: bad", failure_reason=FailureReason.EXCEPTION, result_json="1"
)
TIMED_OUT = Outcome(
    status=ExecutionStatus.FAILURE,
    error="The run ran longer than its timeout of 3 s.",
    failure_reason=FailureReason.TIMEOUT,
)
OFTEN = RetryPolicy(max_retries=100, initial_backoff=1)


def create(ports, caller, **changes):
    return Tasks(ports).create(caller, definition(**{"deadline_seconds": 60.0, "retry_policy": OFTEN, **changes}))


def overdue(ports, execution_id, **columns) -> None:
    """Let the deadline have passed a moment ago."""
    with ports.database.write():
        changes = {"deadline_at": ports.database.now() - 1, **columns}
        ExecutionRow.update(changes).where(ExecutionRow.id == execution_id).execute()


def reason(ports, caller, execution_id):
    run = execution(ports, caller, execution_id).execution
    return run.status, run.failure_reason


EXCEEDED = (ExecutionStatus.FAILURE, FailureReason.DEADLINE_EXCEEDED)


def test_the_deadline_counts_from_the_due_time(ports, caller):
    delayed = create(ports, caller, schedule=Schedule(delay_seconds=100))
    run = delayed.last_execution
    assert run.deadline_at == run.due_at + 60 * SECOND
    again = Tasks(ports).run(caller, delayed.task.task_id).last_execution
    assert again.deadline_at == again.due_at + 60 * SECOND < run.deadline_at
    assert create(ports, caller, deadline_seconds=0).last_execution.deadline_at is None


@pytest.mark.parametrize(("timeout", "least", "most"), [(5.0, 5.0, 5.0), (300.0, 50.0, 60.0)])
def test_an_attempt_gets_no_more_time_than_is_left(ports, caller, running, timeout, least, most):
    view = create(ports, caller, timeout=timeout)
    assert least <= running.claim(view.last_execution.id, "w1").timeout <= most


def test_what_is_past_its_deadline_is_claimed_by_nobody_and_ended_by_the_scheduler(ports, caller, running):
    view = create(ports, caller)
    overdue(ports, view.last_execution.id)

    assert running.claim(view.last_execution.id, "w1") is None
    assert Expiring(ports).expire() == 1

    run = execution(ports, caller, view.last_execution.id).execution
    assert (run.status, run.failure_reason, run.error) == (*EXCEEDED, "its deadline passed before it began")
    assert run.finished_at is not None
    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE
    assert Expiring(ports).expire() == 0


def test_what_has_time_left_or_no_deadline_is_left_alone(ports, caller):
    create(ports, caller)
    create(ports, caller, deadline_seconds=0)
    assert Expiring(ports).expire() == 0


def test_a_run_between_two_tries_ends_with_what_the_last_one_ended_with(ports, caller, running):
    view = create(ports, caller)
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, FAILED)
    overdue(ports, claim.execution_id)

    assert Expiring(ports).expire() == 1

    found = execution(ports, caller, claim.execution_id)
    assert (found.execution.status, found.execution.failure_reason) == EXCEEDED
    assert found.execution.error == (
        "its deadline passed before its next try; the last one ended with: ValueError: bad"
    )
    assert found.detail.result_json == "1"
    assert found.detail.attempts[0].failure_reason is FailureReason.EXCEPTION


def test_a_held_run_ends_at_its_deadline_too(ports, caller):
    view = create(ports, caller)
    overdue(ports, view.last_execution.id, held=1, publish_after=NEVER)
    assert Expiring(ports).expire() == 1
    run = execution(ports, caller, view.last_execution.id).execution
    assert (run.status, run.held) == (ExecutionStatus.FAILURE, False)


def test_a_delayed_task_that_never_began_has_ended(ports, caller):
    view = create(ports, caller, schedule=Schedule(delay_seconds=100))
    overdue(ports, view.last_execution.id)
    assert Expiring(ports).expire() == 1
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert (task.status, task.next_run_at) == (TaskStatus.FAILURE, None)


def test_the_next_in_turn_begins_when_an_earlier_one_expired(ports, caller, running, publisher):
    schedule = Schedule(cron_expression="0 0 * * *", overlap_policy=OverlapPolicy.QUEUE_ONE)
    view = create(ports, caller, schedule=schedule)
    first = Tasks(ports).run(caller, view.task.task_id).last_execution.id
    second = Tasks(ports).run(caller, view.task.task_id).last_execution.id
    with ports.database.write():
        ExecutionRow.update(held=1, publish_after=NEVER).where(ExecutionRow.id == second).execute()
    overdue(ports, first)
    publisher.messages.clear()

    assert Expiring(ports).expire() == 1

    assert [message.execution_id for message in publisher.messages] == [second]
    assert running.claim(second, "w1") is not None


def test_many_are_ended_and_by_any_number_of_schedulers_each_once(ports, caller):
    views = [create(ports, caller) for _ in range(120)]
    for view in views:
        overdue(ports, view.last_execution.id)
    ended = []

    def expire() -> None:
        while count := Expiring(ports).expire():
            ended.append(count)

    at_once(ports.database, 3, expire)

    # One that finds all of its batch taken by the others stops early; what is left is for the next turn.
    while count := Expiring(ports).expire():
        ended.append(count)
    assert sum(ended) == 120
    with ports.database.read():
        assert ExecutionRow.select().where(ExecutionRow.status == "FAILURE").count() == 120


def test_an_attempt_that_was_cut_at_the_deadline_exceeded_it(ports, caller, running):
    """Although the deadline has not come yet: the worker's clock may be a moment ahead of the database's."""
    view = create(ports, caller, timeout=300.0)
    claim = running.claim(view.last_execution.id, "w1")
    with ports.database.write():
        soon = ports.database.now() + SECOND // 2
        ExecutionRow.update(deadline_at=soon).where(ExecutionRow.id == claim.execution_id).execute()

    assert running.finish(claim.execution_id, claim.attempt, TIMED_OUT)

    found = execution(ports, caller, claim.execution_id)
    assert (found.execution.status, found.execution.failure_reason) == EXCEEDED
    (attempt,) = found.detail.attempts
    assert (attempt.outcome, attempt.failure_reason) == (AttemptOutcome.FAILED, FailureReason.DEADLINE_EXCEEDED)
    assert attempt.error == found.execution.error == "its deadline passed while it ran"


def test_an_attempt_that_ran_into_its_own_timeout_is_tried_again(ports, caller, running):
    view = create(ports, caller, timeout=3.0)
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, TIMED_OUT)
    assert reason(ports, caller, claim.execution_id) == (ExecutionStatus.RETRY, FailureReason.TIMEOUT)


def test_a_timeout_long_before_the_deadline_is_the_tasks_own_although_it_was_changed(ports, caller, running):
    view = create(ports, caller, timeout=300.0)
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, TIMED_OUT)
    assert reason(ports, caller, claim.execution_id) == (ExecutionStatus.RETRY, FailureReason.TIMEOUT)


def test_a_failure_after_the_deadline_is_not_tried_again_and_says_both(ports, caller, running):
    view = create(ports, caller)
    claim = running.claim(view.last_execution.id, "w1")
    overdue(ports, claim.execution_id)

    running.finish(claim.execution_id, claim.attempt, FAILED)

    found = execution(ports, caller, claim.execution_id)
    assert (found.execution.status, found.execution.failure_reason) == EXCEEDED
    assert found.execution.error == "its deadline passed while it ran; it ended with: ValueError: bad"
    (attempt,) = found.detail.attempts
    assert (attempt.error, attempt.failure_reason) == ("ValueError: bad", FailureReason.EXCEPTION)


@pytest.mark.parametrize("outcome", [SUCCESS, REVOKED])
def test_what_ended_otherwise_keeps_its_end_although_it_is_late(ports, caller, running, outcome):
    view = create(ports, caller)
    claim = running.claim(view.last_execution.id, "w1")
    overdue(ports, claim.execution_id)
    assert running.finish(claim.execution_id, claim.attempt, outcome)
    assert reason(ports, caller, claim.execution_id) == (outcome.status, None)


def test_a_try_that_would_begin_after_the_deadline_is_not_made(ports, caller, running):
    view = create(ports, caller, retry_policy=replace(OFTEN, initial_backoff=61, max_backoff=61))
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, FAILED)
    run = execution(ports, caller, claim.execution_id).execution
    assert (run.status, run.failure_reason, run.error) == (
        ExecutionStatus.FAILURE,
        FailureReason.EXCEPTION,
        "ValueError: bad",
    )


def test_a_lost_run_whose_deadline_passed_ends(ports, caller):
    view = create(ports, caller)
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    overdue(ports, view.last_execution.id)

    assert Rescuing(ports, max_lost_attempts=3).rescue() == 1

    found = execution(ports, caller, view.last_execution.id)
    assert (found.execution.status, found.execution.failure_reason) == EXCEEDED
    assert [attempt.outcome for attempt in found.detail.attempts] == [AttemptOutcome.LOST]


def test_a_lost_run_does_not_wait_beyond_its_deadline(ports, caller, publisher):
    view = create(ports, caller)
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    with ports.database.write():
        soon = ports.database.now() + SECOND // 2
        ExecutionRow.update(deadline_at=soon).where(ExecutionRow.id == view.last_execution.id).execute()
    publisher.messages.clear()
    Rescuing(ports, max_lost_attempts=3).rescue()
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]


def test_a_stop_wins_over_a_deadline_that_passed_meanwhile(ports, caller):
    view = create(ports, caller)
    overdue(ports, view.last_execution.id)
    Stopping(ports).stop(caller, view.task.task_id)
    assert Expiring(ports).expire() == 0
    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED
