"""What becomes of a message, of a stop and of a lease."""

from __future__ import annotations

import os
import signal
import threading

from tests.processes import children, command_line
from worker_bench import CALLER, SLEEP, Bench

from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason
from task_server.executors.executor import AttemptId
from task_server.notifier.bell import Topic
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.stopping import Stopping


def test_a_run_is_claimed_executed_and_finished_with_its_log(bench):
    _, execution_id = bench.create()

    bench.worker.handle(execution_id)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.SUCCESS
    assert view.execution.worker == bench.worker.name
    assert view.detail.result_json == '{"n": 7}' or view.detail.result_json == '{"n":7}'
    assert view.detail.isolation.level.startswith("strict")
    assert view.detail.isolation.limits.open_files == 16
    assert bench.log(execution_id) == "hello\n"


def test_the_executor_is_told_which_attempt_it_runs(bench, monkeypatch):
    _, execution_id = bench.create()
    told = []
    start = bench.executors.start
    monkeypatch.setattr(bench.executors, "start", lambda *args, **kw: told.append(kw["attempt"]) or start(*args, **kw))

    bench.worker.handle(execution_id)

    assert told == [AttemptId(execution_id, 1)]


def test_a_second_message_for_the_same_run_does_nothing(bench):
    _, execution_id = bench.create()
    bench.worker.handle(execution_id)
    ended = bench.execution(execution_id)

    bench.worker.handle(execution_id)
    bench.worker.handle("no such execution")

    assert bench.execution(execution_id) == ended


def test_what_a_run_prints_is_stored_while_it_runs(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)

    bench.wait_for(lambda: bench.log(execution_id) == "begun\n")

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_a_rung_stop_ends_the_run_at_once(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.REVOKED
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.STOPPED]


def test_a_stop_that_nobody_rang_is_found_in_the_database(bench):
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    with bench.ports.database.write():
        ExecutionRow.update(stop_requested_at=1).where(ExecutionRow.id == execution_id).execute()
    thread.join(20)

    assert bench.execution(execution_id).execution.status is ExecutionStatus.REVOKED


def test_a_forged_ring_stops_nothing(bench):
    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    bench.bell.ring(Topic.STOP, execution_id)
    bench.bell.ring(Topic.STOP, "something else")

    assert bench.execution(execution_id).execution.status is ExecutionStatus.STARTED
    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_leases_are_renewed_while_a_run_goes_on(bench):
    def lease() -> int:
        with bench.ports.database.read():
            return ExecutionRow.get(ExecutionRow.id == execution_id).lease_until

    task_id, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    first = lease()
    bench.wait_for(lambda: lease() > first)

    Stopping(bench.ports).stop(CALLER, task_id)
    thread.join(20)


def test_a_run_that_somebody_else_holds_now_is_ended_and_its_outcome_dropped(bench):
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))

    with bench.ports.database.write():
        ExecutionRow.update(attempt=2, worker="other").where(ExecutionRow.id == execution_id).execute()
    thread.join(20)

    assert not thread.is_alive()
    execution = bench.execution(execution_id).execution
    assert (execution.status, execution.attempt, execution.worker) == (ExecutionStatus.STARTED, 2, "other")


def test_a_draining_worker_gives_its_run_back(tmp_path):
    bench = Bench(tmp_path, drain_seconds=0.1)
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))
    bench.publisher.messages.clear()

    bench.drain.begin()
    thread.join(20)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.PENDING
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.RELEASED]
    assert [message.execution_id for message in bench.publisher.messages] == [execution_id]
    bench.close()


def test_a_run_whose_child_can_not_be_started_waits_for_another_try_and_fails_after_too_many(bench):
    _, execution_id = bench.create()
    bench.executors.close()

    for status in (ExecutionStatus.PENDING, ExecutionStatus.PENDING, ExecutionStatus.FAILURE):
        bench.worker.handle(execution_id)
        assert bench.execution(execution_id).execution.status is status

    view = bench.execution(execution_id)
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.LOST] * 3
    assert view.execution.failure_reason == "SANDBOX_UNAVAILABLE"
    assert "Traceback" not in view.execution.error


def begun_in_a_process(bench) -> tuple[str, threading.Thread, int, int]:
    """A run that goes on until it is ended, its thread, the process that it was forked from, and its own."""
    _, execution_id = bench.create(SLEEP)
    thread = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id))
    (zygote,) = [pid for pid in children(os.getpid()) if "sandbox.zygote" in command_line(pid) and children(pid)]
    (child,) = children(zygote)
    return execution_id, thread, zygote, child


def test_a_run_that_goes_down_with_its_zygote_was_lost_and_is_tried_again(bench):
    execution_id, thread, zygote, _ = begun_in_a_process(bench)

    os.kill(zygote, signal.SIGKILL)
    thread.join(20)

    view = bench.execution(execution_id)
    assert view.execution.status is ExecutionStatus.PENDING
    (attempt,) = view.detail.attempts
    assert (attempt.outcome, attempt.failure_reason) == (AttemptOutcome.LOST, FailureReason.SANDBOX_UNAVAILABLE)
    again = bench.handle_in_thread(execution_id)
    bench.wait_for(lambda: bench.log(execution_id) == "begun\nbegun\n")
    Stopping(bench.ports).stop(CALLER, view.execution.parent_task)
    again.join(20)
    assert [attempt.outcome for attempt in bench.execution(execution_id).detail.attempts] == [
        AttemptOutcome.LOST,
        AttemptOutcome.STOPPED,
    ]


def test_a_child_that_is_killed_by_itself_crashed(bench):
    """As the kernel does it when memory runs out: the zygote lives, and sees it."""
    execution_id, thread, _, child = begun_in_a_process(bench)

    os.kill(child, signal.SIGKILL)
    thread.join(20)

    view = bench.execution(execution_id)
    assert (view.execution.status, view.execution.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.CRASHED)
    assert [attempt.outcome for attempt in view.detail.attempts] == [AttemptOutcome.FAILED]
