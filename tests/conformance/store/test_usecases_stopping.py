"""Stopping: what waits ends at once, what runs is ended by its worker, what has ended stays as it was."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.conformance.store.engine_values import REVOKED, SUCCESS, definition, missed, status

from task_server.api.stop_answer import stop_answer
from task_server.domain.errors import TaskEnded
from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.store import tasks
from task_server.usecases import changes, holding
from task_server.usecases.firing import Firing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.watching import Watching

FAILED = Outcome(status=ExecutionStatus.FAILURE, error="boom", failure_reason=FailureReason.EXCEPTION)


def test_stopping_ends_what_waits_at_once(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.never_started == [view.last_execution.id]
    assert stopped.task.status is TaskStatus.REVOKED
    assert running.claim(view.last_execution.id, "w1") is None
    assert Stopping(ports).stop(caller, view.task.task_id).never_started == []


def test_stopping_tells_the_worker_and_waits_for_what_it_saw(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.running == [claim.execution_id]
    assert stopped.task.status is TaskStatus.STARTED
    assert running.to_stop([claim.execution_id]) == {claim.execution_id}
    assert running.finish(claim.execution_id, claim.attempt, REVOKED)
    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


def test_a_stopped_run_whose_worker_vanished_is_revoked(ports, caller):
    view = Tasks(ports).create(caller, definition())
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)

    Rescuing(ports, max_lost_attempts=3).rescue()

    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


def test_a_stopped_task_can_not_run_again_and_a_finished_one_can(ports, caller, running):
    stopped = Tasks(ports).create(caller, definition())
    Stopping(ports).stop(caller, stopped.task.task_id)
    with pytest.raises(TaskEnded):
        Tasks(ports).run(caller, stopped.task.task_id)

    finished = Tasks(ports).create(caller, definition())
    claim = running.claim(finished.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    again = Tasks(ports).run(caller, finished.task.task_id)
    assert again.task.run_count == 2
    assert again.last_execution.id != finished.last_execution.id
    assert status(ports, caller, finished.task.task_id) is TaskStatus.PENDING


def test_a_run_that_is_to_stop_is_not_given_back(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    publisher.messages.clear()

    assert running.release(claim.execution_id, claim.attempt)

    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED
    assert publisher.messages == []


def test_between_firings_a_task_is_scheduled_and_once_stopped_revoked(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 * * *")))
    missed(ports, view, seconds_ago=1)
    Firing(ports).fire_due()
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    claim = running.claim(task.last_execution_id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SCHEDULED

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.ended_firings
    assert stopped.task.status is TaskStatus.REVOKED
    assert Firing(ports).fire_due() == 0


def test_a_run_that_waits_for_its_next_try_is_stopped_at_once(ports, caller, running):
    policy = RetryPolicy(max_retries=3, initial_backoff=600.0)
    view = Tasks(ports).create(caller, definition(retry_policy=policy))
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, FAILED)
    assert status(ports, caller, view.task.task_id) is TaskStatus.RETRY

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert (stopped.never_started, stopped.task.status) == ([claim.execution_id], TaskStatus.REVOKED)
    run = Tasks(ports).get(caller, view.task.task_id, full=True).last_execution
    assert run.status is ExecutionStatus.REVOKED
    assert run.error == "stopped before its next try; the last one ended with: boom"
    assert run.failure_reason is None


def test_a_run_that_fails_after_its_stop_is_not_tried_again(ports, caller, running):
    view = Tasks(ports).create(caller, definition(retry_policy=RetryPolicy(max_retries=3)))
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)

    running.finish(claim.execution_id, claim.attempt, FAILED)

    assert status(ports, caller, view.task.task_id) is TaskStatus.FAILURE


def test_a_run_that_is_held_for_its_turn_is_stopped_with_the_one_that_runs(ports, caller, running, publisher):
    schedule = Schedule(cron_expression="0 0 1 1 *", overlap_policy=OverlapPolicy.QUEUE_ONE)
    view = Tasks(ports).create(caller, definition(schedule=schedule))
    ids = []
    for _ in range(2):
        missed(ports, view, seconds_ago=1)
        Firing(ports).fire_due()
        ids.append(Tasks(ports).get(caller, view.task.task_id, full=False).last_execution.id)
    claim = running.claim(ids[0], "w1")
    publisher.messages.clear()

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert (stopped.running, stopped.never_started) == (ids[:1], ids[1:])
    running.finish(claim.execution_id, claim.attempt, REVOKED)
    assert publisher.messages == []
    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


@pytest.mark.parametrize("schedule", [Schedule(cron_expression="0 0 1 1 *"), Schedule(delay_seconds=3600.0)])
def test_a_paused_task_is_stopped_for_good(ports, caller, schedule):
    view = Tasks(ports).create(caller, definition(schedule=schedule))
    with ports.database.write():
        now = ports.database.now()
        task = tasks.lock(ports.database, view.task.task_id).changed(now, paused_at=now, next_run_at=None)
        task = holding.hold_waiting(task, now)
        changes.store_task(task.changed(now, status=changes.new_status(task, now)), now)
    assert status(ports, caller, view.task.task_id) is TaskStatus.PAUSED

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert (stopped.task.status, stopped.task.paused_at) == (TaskStatus.REVOKED, None)
    assert stopped.ended_firings is bool(schedule.cron_expression)
    assert stop_answer(None, stopped, {}).outcome == 1
    again = Stopping(ports).stop(caller, view.task.task_id)
    assert stop_answer(None, again, {}).outcome == 3


def test_stopping_many_runs_tells_each_and_ends_the_task_with_the_last(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    runs = [
        view.last_execution.id,
        *(Tasks(ports).run(caller, view.task.task_id).last_execution.id for _ in range(300)),
    ]
    head = Watching(ports).head()

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.never_started == runs
    events = Watching(ports).after(head)
    assert [event.execution.id for event in events] == runs
    assert [event.task.status for event in events] == [TaskStatus.PENDING] * 300 + [TaskStatus.REVOKED]


def test_a_stop_that_races_the_end_of_a_run_leaves_one_end_and_says_which(ports, caller, running):
    seen = []

    def race(number: int) -> None:
        chance = random.Random(number)
        view = Tasks(ports).create(caller, definition())
        task_id, execution_id = view.task.task_id, view.last_execution.id
        claim = running.claim(execution_id, "w1")
        pauses = [chance.uniform(0, 0.01) for _ in range(2)]

        def work() -> None:
            # As the keeper and the child: a stop that is heard ends the child, unless it has ended by itself.
            time.sleep(pauses[0])
            end = REVOKED if running.to_stop([execution_id]) else SUCCESS
            assert running.finish(execution_id, claim.attempt, end)
            ports.database.close()

        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(pauses[1])
        stopped = Stopping(ports).stop(caller, task_id)
        worker.join()
        ended = Stopping(ports).outcomes(stopped.running)
        answer = stop_answer(None, stopped, ended)
        stored = Tasks(ports).get(caller, task_id, full=True)
        said = {1: "NEVER_STARTED", 2: "KILLED", 3: "ALREADY_DONE", 4: "UNREACHABLE"}[answer.outcome]
        attempts = [attempt.outcome.value for attempt in stored.detail.attempts]
        seen.append((said, stored.last_execution.status.value, stored.task.status.value, *attempts))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(200)))
        together = threading.Barrier(4)
        list(pool.map(lambda _: (together.wait(), ports.database.close()), range(4)))

    assert len(seen) == 200
    assert set(seen) <= {
        ("KILLED", "REVOKED", "REVOKED", "STOPPED"),
        ("ALREADY_DONE", "SUCCESS", "SUCCESS", "SUCCEEDED"),
    }
    assert len(set(seen)) == 2, "no race: one of them always won"
