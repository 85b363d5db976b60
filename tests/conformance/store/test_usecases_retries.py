"""What follows an attempt that failed: another try by the policy, or the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_attempts import FAILED, come_due_again, create, execution, fail, row
from tests.conformance.store.engine_values import REVOKED, SUCCESS, status

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.executions import Executions
from task_server.usecases.firing import Firing
from task_server.usecases.pausing import Pausing
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

ANSWERED = Outcome(
    status=ExecutionStatus.FAILURE,
    result_json='{"status":503}',
    error="expected status 2xx, got 503",
    failure_reason=FailureReason.UNEXPECTED_STATUS,
    http_status=503,
    retry_after=40.0,
)


def test_a_failed_attempt_waits_for_the_next_and_shows_what_went_wrong(ports, caller, running, publisher, rings):
    view = create(ports, caller)
    run_id = view.last_execution.id
    publisher.messages.clear()

    fail(running, run_id)

    found = execution(ports, caller, run_id)
    run = found.execution
    assert (run.status, run.failed_count, run.lost_count) == (ExecutionStatus.RETRY, 1, 0)
    assert (run.error, run.failure_reason) == ("ValueError: bad", FailureReason.EXCEPTION)
    assert (run.finished_at, run.worker, run.held) == (None, "w1", False)
    assert found.detail.traceback == "line 2, in f"
    (attempt,) = found.detail.attempts
    assert (attempt.outcome, attempt.error) == (AttemptOutcome.FAILED, "ValueError: bad")
    assert (attempt.failure_reason, attempt.worker) == (FailureReason.EXCEPTION, "w1")
    assert run.due_at == attempt.finished_at + 10 * SECOND
    stored = row(ports, run_id)
    assert (stored.publish_after, stored.publish_count, stored.lease_until) == (run.due_at, 0, None)
    assert status(ports, caller, view.task.task_id) is TaskStatus.RETRY
    # The workers are told when it is due, by the scheduler, which is woken to know of it.
    assert publisher.messages == []
    assert len(rings) == 1
    assert Firing(ports).next_due() == run.due_at
    assert running.claim(run_id, "w2") is None


def test_when_its_time_comes_it_is_published_claimed_and_may_succeed(ports, caller, running, publisher):
    view = create(ports, caller)
    run_id = view.last_execution.id
    fail(running, run_id)
    come_due_again(ports, run_id)
    publisher.messages.clear()

    assert Publishing(ports, publisher).publish_due() == 1
    claim = running.claim(publisher.messages[0].execution_id, "w2")

    started = execution(ports, caller, run_id)
    assert (started.execution.error, started.execution.failure_reason) == ("", None)
    assert (started.detail.traceback, started.detail.result_json) == ("", None)
    assert running.finish(run_id, claim.attempt, SUCCESS)
    found = execution(ports, caller, run_id)
    assert (found.execution.status, found.execution.attempt, found.execution.failed_count) == (
        ExecutionStatus.SUCCESS,
        2,
        1,
    )
    assert (found.execution.error, found.execution.failure_reason, found.detail.traceback) == ("", None, "")
    assert [attempt.outcome for attempt in found.detail.attempts] == [AttemptOutcome.FAILED, AttemptOutcome.SUCCEEDED]
    assert [attempt.error for attempt in found.detail.attempts] == ["ValueError: bad", ""]
    assert status(ports, caller, view.task.task_id) is TaskStatus.SUCCESS


def test_the_last_attempts_own_error_stands_when_retries_are_used_up(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    waits = []
    for number in range(3):
        fail(running, run_id, replace(FAILED, error=f"ValueError: {number}"))
        found = execution(ports, caller, run_id)
        if number < 2:
            waits.append(found.execution.due_at - found.detail.attempts[-1].finished_at)
            come_due_again(ports, run_id)

    assert waits == [10 * SECOND, 20 * SECOND]
    run = found.execution
    assert (run.status, run.failed_count, run.error) == (ExecutionStatus.FAILURE, 3, "ValueError: 2")
    assert run.finished_at is not None
    assert [attempt.error for attempt in found.detail.attempts] == [f"ValueError: {number}" for number in range(3)]
    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE
    assert running.claim(run_id, "w1") is None


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (None, FAILED),
        (RetryPolicy(max_retries=0), FAILED),
        (RetryPolicy(max_retries=5), replace(FAILED, failure_reason=FailureReason.CODE_REFUSED)),
        (RetryPolicy(max_retries=5), replace(ANSWERED, http_status=404)),
        (RetryPolicy(max_retries=5, retry_reasons=(FailureReason.TIMEOUT,)), FAILED),
    ],
)
def test_what_the_policy_does_not_repeat_ends_at_once(ports, caller, running, policy, outcome):
    view = create(ports, caller, retry_policy=policy)
    fail(running, view.last_execution.id, outcome)
    run = execution(ports, caller, view.last_execution.id).execution
    assert (run.status, run.failed_count, run.failure_reason) == (ExecutionStatus.FAILURE, 1, outcome.failure_reason)


def test_an_answer_is_kept_while_its_run_waits_as_long_as_it_asked(ports, caller, running):
    view = create(ports, caller)
    fail(running, view.last_execution.id, ANSWERED)
    found = execution(ports, caller, view.last_execution.id)
    assert found.detail.result_json == '{"status":503}'
    assert found.execution.due_at == found.detail.attempts[0].finished_at + 40 * SECOND


def test_a_wait_of_no_time_at_all_is_published_at_once(ports, caller, running, publisher):
    policy = RetryPolicy(max_retries=1, initial_backoff=1e-9)
    view = create(ports, caller, retry_policy=policy)
    publisher.messages.clear()
    fail(running, view.last_execution.id)
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]
    assert running.claim(view.last_execution.id, "w2").attempt == 2


def test_an_outcome_that_is_told_again_changes_nothing(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    claim = running.claim(run_id, "w1")
    assert running.finish(run_id, claim.attempt, FAILED)
    before = execution(ports, caller, run_id)

    assert not running.finish(run_id, claim.attempt, FAILED)
    assert not running.finish(run_id, claim.attempt, SUCCESS)
    assert not running.release(run_id, claim.attempt)

    assert execution(ports, caller, run_id) == before
    come_due_again(ports, run_id)
    assert running.claim(run_id, "w2").attempt == 2
    # Also from the first worker, while the second one has it.
    assert not running.finish(run_id, claim.attempt, SUCCESS)


def test_a_failure_after_somebody_asked_for_a_stop_is_the_end(ports, caller, running):
    view = create(ports, caller)
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    assert running.finish(claim.execution_id, claim.attempt, FAILED)
    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE


def test_a_stop_between_two_tries_ends_the_run_at_once(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    fail(running, run_id)

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.never_started == [run_id]
    assert stopped.task.status is TaskStatus.REVOKED
    run = execution(ports, caller, run_id).execution
    assert (run.status, run.error, run.failure_reason) == (
        ExecutionStatus.REVOKED,
        "stopped before its next try; the last one ended with: ValueError: bad",
        None,
    )
    come_due_again(ports, run_id)
    assert running.claim(run_id, "w1") is None


def test_a_pause_holds_what_waits_for_its_next_try(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    fail(running, run_id)

    Pausing(ports).pause(caller, view.task.task_id)
    come_due_again(ports, run_id)

    assert status(ports, caller, view.task.task_id) is TaskStatus.PAUSED
    assert running.claim(run_id, "w1") is None


@pytest.mark.parametrize("ended", ["failed", "lost", "released"])
def test_what_has_to_wait_while_its_task_is_paused_is_held(ports, caller, publisher, ended):
    running = Running(ports, lease_seconds=-1 if ended == "lost" else 30)
    view = create(ports, caller)
    run_id = view.last_execution.id
    claim = running.claim(run_id, "w1")
    Pausing(ports).pause(caller, view.task.task_id)
    publisher.messages.clear()

    if ended == "failed":
        running.finish(run_id, claim.attempt, FAILED)
    elif ended == "released":
        running.release(run_id, claim.attempt)
    else:
        assert Rescuing(ports, 3).rescue() == 1

    stored = row(ports, run_id)
    assert (stored.held, stored.publish_after) == (1, NEVER)
    assert publisher.messages == []
    assert status(ports, caller, view.task.task_id) is TaskStatus.PAUSED
    come_due_again(ports, run_id)
    assert running.claim(run_id, "w1") is None
    Pausing(ports).resume(caller, view.task.task_id)
    assert running.claim(run_id, "w1").attempt == 2


def in_turn(ports, caller):
    """A cron task whose first run a worker has, and whose second waits for its end."""
    schedule = Schedule(cron_expression="0 0 * * *", overlap_policy=OverlapPolicy.QUEUE_ONE)
    view = create(ports, caller, schedule=schedule, retry_policy=RetryPolicy(max_retries=1, initial_backoff=10))
    first = Tasks(ports).run(caller, view.task.task_id).last_execution.id
    second = Tasks(ports).run(caller, view.task.task_id).last_execution.id
    with ports.database.write():
        ExecutionRow.update(held=1, publish_after=NEVER).where(ExecutionRow.id == second).execute()
    return first, second


def test_the_next_in_turn_waits_for_the_last_try_and_then_begins(ports, caller, running, publisher):
    first, second = in_turn(ports, caller)
    fail(running, first)
    assert row(ports, second).held == 1
    come_due_again(ports, first)
    publisher.messages.clear()

    fail(running, first)

    assert row(ports, first).status == "FAILURE"
    assert row(ports, second).held == 0
    assert [message.execution_id for message in publisher.messages] == [second]
    assert running.claim(second, "w1") is not None


def test_the_next_in_turn_begins_when_an_earlier_one_was_lost_for_good(ports, caller, publisher):
    first, second = in_turn(ports, caller)
    Running(ports, lease_seconds=-1).claim(first, "w1")
    publisher.messages.clear()

    assert Rescuing(ports, max_lost_attempts=1).rescue() == 1

    assert [message.execution_id for message in publisher.messages] == [second]
    assert row(ports, second).held == 0


def test_each_attempt_has_its_part_of_the_log(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    for text, outcome in (("één\n", FAILED), ("", FAILED), ("three\n", REVOKED)):
        claim = running.claim(run_id, "w1")
        if text:
            running.append_log(run_id, claim.attempt, text)
        running.finish(run_id, claim.attempt, outcome)
        come_due_again(ports, run_id)

    attempts = execution(ports, caller, run_id).detail.attempts
    assert [(attempt.log_offset, attempt.log_bytes) for attempt in attempts] == [(0, 6), (6, 0), (6, 6)]
    _, chunks = Executions(ports).log(caller, run_id, attempts[2].log_offset)
    assert [(chunk.attempt, chunk.text) for chunk in chunks] == [(3, "three\n")]
