"""What follows an attempt that was lost with its worker or its sandbox: another one, and the end after too many."""

from __future__ import annotations

from tests.conformance.store.engine_attempts import come_due_again, create, execution, fail, row
from tests.conformance.store.engine_values import status

from task_server.domain.clock import SECOND
from task_server.domain.outcome import Outcome
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping

NO_SANDBOX = Outcome(
    status=ExecutionStatus.FAILURE,
    error="The worker could not start a process for the run.",
    failure_reason=FailureReason.SANDBOX_UNAVAILABLE,
)


def test_a_poisonous_run_is_given_up_after_three_losses_and_waits_between_them(ports, caller, publisher, rings):
    view = create(ports, caller)
    run_id = view.last_execution.id
    waits = []
    for _ in range(3):
        publisher.messages.clear()
        assert Running(ports, lease_seconds=-1).claim(run_id, "w1") is not None
        before = ports.database.now()
        assert Rescuing(ports, max_lost_attempts=3).rescue() == 1
        assert publisher.messages == []
        waits.append(row(ports, run_id).publish_after - before)

    assert 1 * SECOND <= waits[0] < 2 * SECOND <= waits[1] < 3 * SECOND
    assert len(rings) == 2
    found = execution(ports, caller, run_id)
    run = found.execution
    assert (run.status, run.failure_reason, run.lost_count, run.failed_count) == (
        ExecutionStatus.FAILURE,
        FailureReason.WORKER_LOST,
        3,
        0,
    )
    assert run.error == "lost 3 times while it ran; the last time: the worker w1 was not heard of any more"
    assert {attempt.outcome for attempt in found.detail.attempts} == {AttemptOutcome.LOST}
    assert {attempt.failure_reason for attempt in found.detail.attempts} == {FailureReason.WORKER_LOST}


def test_a_lost_run_stays_due_and_so_pending(ports, caller):
    view = create(ports, caller)
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    Rescuing(ports, max_lost_attempts=3).rescue()
    run = execution(ports, caller, view.last_execution.id).execution
    assert (run.status, run.worker, run.due_at) == (ExecutionStatus.PENDING, "w1", view.last_execution.due_at)
    assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING


def test_a_sandbox_that_does_not_work_is_a_loss_and_no_failure(ports, caller, running, publisher):
    # Given a policy that would repeat nothing
    view = create(ports, caller, retry_policy=None)
    run_id = view.last_execution.id
    for number in (1, 2):
        publisher.messages.clear()
        fail(running, run_id, NO_SANDBOX)
        run = execution(ports, caller, run_id).execution
        assert (run.status, run.lost_count, run.failed_count) == (ExecutionStatus.PENDING, number, 0)
        assert (run.error, run.failure_reason) == ("", None)
        assert publisher.messages == []
        assert row(ports, run_id).publish_after > ports.database.now()

    fail(running, run_id, NO_SANDBOX)

    found = execution(ports, caller, run_id)
    assert (found.execution.status, found.execution.failure_reason) == (
        ExecutionStatus.FAILURE,
        FailureReason.SANDBOX_UNAVAILABLE,
    )
    assert found.execution.error.endswith(NO_SANDBOX.error)
    assert [(attempt.outcome, attempt.failure_reason) for attempt in found.detail.attempts] == [
        (AttemptOutcome.LOST, FailureReason.SANDBOX_UNAVAILABLE)
    ] * 3


def test_losses_of_both_kinds_count_together(ports, caller):
    view = create(ports, caller)
    run_id = view.last_execution.id
    running = Running(ports, lease_seconds=-1, max_lost_attempts=2)
    running.claim(run_id, "w1")
    Rescuing(ports, max_lost_attempts=2).rescue()
    fail(running, run_id, NO_SANDBOX)
    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE


def test_failures_and_losses_have_their_own_limits(ports, caller):
    view = create(ports, caller)
    run_id = view.last_execution.id
    lost, running = Running(ports, lease_seconds=-1), Running(ports, lease_seconds=30)
    lost.claim(run_id, "w1")
    Rescuing(ports, max_lost_attempts=3).rescue()
    for _ in range(2):
        fail(running, run_id)
        come_due_again(ports, run_id)
        lost.claim(run_id, "w1")
        Rescuing(ports, max_lost_attempts=4).rescue()
    run = execution(ports, caller, run_id).execution
    assert (run.status, run.failed_count, run.lost_count, run.attempt) == (ExecutionStatus.PENDING, 2, 3, 5)
    fail(running, run_id)
    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE


def test_a_stopped_run_that_goes_down_with_its_sandbox_is_revoked(ports, caller, running):
    view = create(ports, caller)
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    assert running.finish(claim.execution_id, claim.attempt, NO_SANDBOX)
    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


def test_a_released_run_counts_nothing_and_forgets_no_count(ports, caller, running):
    view = create(ports, caller)
    run_id = view.last_execution.id
    fail(running, run_id)
    come_due_again(ports, run_id)
    claim = running.claim(run_id, "w1")
    assert running.release(run_id, claim.attempt)
    run = execution(ports, caller, run_id).execution
    assert (run.status, run.failed_count, run.lost_count) == (ExecutionStatus.PENDING, 1, 0)
