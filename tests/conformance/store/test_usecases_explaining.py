"""Why a task does or does not run: the cause of each state, from what the use cases made of it."""

from __future__ import annotations

import dataclasses

import pytest
from tests.conformance.store.engine_processes import REFUSAL, appear_scheduler, appear_worker
from tests.conformance.store.engine_values import REVOKED, SUCCESS, come_due, definition, missed, status

from task_server.domain.actions import HttpAction
from task_server.domain.clock import SECOND
from task_server.domain.errors import TaskNotFound
from task_server.domain.explanation import Cause
from task_server.domain.outcome import Outcome
from task_server.domain.places import Places, StartRate
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.notifier.bell import MemoryBell
from task_server.usecases.explaining import Explaining
from task_server.usecases.firing import Firing
from task_server.usecases.limits import Limits
from task_server.usecases.pausing import Pausing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.system_status import SystemStatuses
from task_server.usecases.tasks import Tasks

FAILURE = Outcome(status=ExecutionStatus.FAILURE, error="boom", failure_reason=FailureReason.EXCEPTION)
CALL = HttpAction(url="https://example.org/")


def explain(ports, caller, view):
    return Explaining(ports).explain(caller, view.task.task_id)


def waiting(ports, caller, view):
    return Tasks(ports).get(caller, view.task.task_id, full=True).waiting


def cron(**changes) -> Schedule:
    return Schedule(cron_expression="0 0 1 1 *", **changes)


@pytest.fixture
def furnished(ports, clock):
    appear_scheduler(ports)
    appear_worker(ports)
    return clock


def test_what_no_live_worker_serves_waits_for_one(ports, caller, clock):
    appear_scheduler(ports)
    appear_worker(ports, queues=("other",))
    view = Tasks(ports).create(caller, definition())

    found = explain(ports, caller, view)

    assert (found.cause, found.since) == (Cause.NO_WORKER, view.last_execution.due_at)
    assert "'default'" in found.explanation
    assert waiting(ports, caller, view) == found
    appear_worker(ports)
    assert explain(ports, caller, view).cause is Cause.QUEUED


def test_a_worker_that_was_not_heard_of_for_long_serves_nothing(ports, caller, furnished):
    view = Tasks(ports).create(caller, definition())
    assert explain(ports, caller, view).cause is Cause.QUEUED
    furnished.sleep(36)
    assert explain(ports, caller, view).cause is Cause.NO_WORKER


def test_a_worker_that_ended_in_order_serves_nothing_at_once(ports, caller):
    presence = appear_worker(ports)
    view = Tasks(ports).create(caller, definition())
    presence.leave()
    assert explain(ports, caller, view).cause is Cause.NO_WORKER


def test_code_that_all_live_workers_refuse_waits_with_their_reason(ports, caller, clock):
    appear_worker(ports, refusal=REFUSAL)
    appear_worker(ports, "w2", refusal="Landlock is off")
    code = Tasks(ports).create(caller, definition())
    call = Tasks(ports).create(caller, definition(action=CALL))

    found = explain(ports, caller, code)

    assert found.cause is Cause.CODE_REFUSED_BY_WORKERS
    assert REFUSAL in found.explanation
    assert "Landlock is off" in found.explanation
    assert waiting(ports, caller, code) == found
    assert explain(ports, caller, call).cause is Cause.QUEUED
    appear_worker(ports, "w3")
    assert explain(ports, caller, code).cause is Cause.QUEUED


def test_what_waits_for_a_busy_worker_says_how_many_come_before_it(ports, caller, furnished):
    for _ in range(3):
        Tasks(ports).create(caller, definition())
    Tasks(ports).create(caller, definition(queue="other"))
    furnished.sleep(1)
    view = Tasks(ports).create(caller, definition())
    furnished.sleep(1)
    Tasks(ports).create(caller, definition())

    found = explain(ports, caller, view)

    assert found.cause is Cause.QUEUED
    assert found.explanation == (
        "It waits for a free place of 4 on 1 live workers of queue 'default'; 3 that became due before it wait too."
    )
    # Whoever polls is not made to count each time.
    assert waiting(ports, caller, view).explanation == (
        "It waits for a free place of 4 on 1 live workers of queue 'default'."
    )


def test_a_broker_that_is_away_is_told_of(ports, caller, furnished, monkeypatch):
    view = Tasks(ports).create(caller, definition())
    monkeypatch.setattr(MemoryBell, "is_away", True)
    assert explain(ports, caller, view).cause is Cause.BROKER_AWAY


def test_what_is_due_and_was_never_published_needs_a_scheduler(ports, caller, clock):
    appear_worker(ports)
    immediate = Tasks(ports).create(caller, definition())
    delayed = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=10.0)))
    firing = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="*/10 * * * * *")))
    assert explain(ports, caller, immediate).cause is Cause.QUEUED

    clock.sleep(26)
    appear_worker(ports)

    for view in (immediate, delayed, firing):
        assert explain(ports, caller, view).cause is Cause.NO_SCHEDULER
    appear_scheduler(ports)
    assert explain(ports, caller, immediate).cause is Cause.QUEUED
    assert explain(ports, caller, firing).cause is Cause.SCHEDULED


def test_a_run_that_is_held_for_the_end_of_another_says_so(ports, caller, furnished, running):
    view = Tasks(ports).create(caller, definition(schedule=cron(overlap_policy=OverlapPolicy.QUEUE_ONE)))
    first = Tasks(ports).run(caller, view.task.task_id).last_execution
    claim = running.claim(first.id, "w1")
    assert explain(ports, caller, view).cause is Cause.RUNNING
    assert waiting(ports, caller, view) is None
    missed(ports, view, 1)
    Firing(ports).fire_due()

    found = explain(ports, caller, view)

    assert found.cause is Cause.OVERLAP_HELD
    assert "QUEUE_ONE" in found.explanation
    assert waiting(ports, caller, view) == found
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert explain(ports, caller, view).cause is Cause.QUEUED


def test_a_run_goes_through_its_causes(ports, caller, furnished, running):
    policy = RetryPolicy(max_retries=1, initial_backoff=60.0, jitter=0.0)
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=60.0), retry_policy=policy))
    execution_id = view.last_execution.id

    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.SCHEDULED, view.task.created_at)
    assert waiting(ports, caller, view) is None

    come_due(ports, view)
    assert explain(ports, caller, view).cause is Cause.QUEUED
    claimed_at = furnished.sleep(2)
    claim = running.claim(execution_id, "w1")
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.RUNNING, claimed_at)
    assert "'w1'" in found.explanation

    failed_at = furnished.sleep(2)
    running.finish(execution_id, claim.attempt, FAILURE)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.WAITING_FOR_RETRY, failed_at)
    assert "boom" in found.explanation
    assert waiting(ports, caller, view) is None

    furnished.sleep(61)
    appear_scheduler(ports)
    assert explain(ports, caller, view).cause is Cause.NO_WORKER
    claim = running.claim(execution_id, "w1")
    furnished.sleep(2)
    running.finish(execution_id, claim.attempt, FAILURE)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.FAILED, furnished.now)
    assert "EXCEPTION: boom" in found.explanation


def test_a_lost_worker_is_told_of_until_the_run_is_taken_from_it(ports, caller, furnished):
    view = Tasks(ports).create(caller, definition())
    Running(ports, lease_seconds=30).claim(view.last_execution.id, "w1")
    lease_until = furnished.now + 30 * SECOND
    furnished.sleep(31)

    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.LEASE_EXPIRED, lease_until)
    assert "w1" in found.explanation
    rescued_at = furnished.sleep(1)
    Rescuing(ports, max_lost_attempts=3).rescue()
    appear_worker(ports)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.QUEUED, rescued_at)


def test_stopping_and_its_end(ports, caller, furnished, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    stopped_at = furnished.sleep(1)
    Stopping(ports).stop(caller, view.task.task_id)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.STOPPING, stopped_at)

    furnished.sleep(1)
    running.finish(claim.execution_id, claim.attempt, REVOKED)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.STOPPED, stopped_at)


def test_what_is_paused_says_so_whatever_else_is_the_case(ports, caller, furnished, running):
    view = Tasks(ports).create(caller, definition(schedule=cron()))
    first = Tasks(ports).run(caller, view.task.task_id).last_execution
    running.claim(first.id, "w1")
    paused_at = furnished.sleep(1)
    Pausing(ports).pause(caller, view.task.task_id)

    found = explain(ports, caller, view)

    assert (found.cause, found.since) == (Cause.PAUSED, paused_at)
    assert "goes on" in found.explanation
    Pausing(ports).resume(caller, view.task.task_id)
    assert explain(ports, caller, view).cause is Cause.RUNNING


def test_a_schedule_between_two_firings_waits_for_the_next(ports, caller, furnished, running):
    view = Tasks(ports).create(caller, definition(schedule=cron()))
    assert explain(ports, caller, view).cause is Cause.SCHEDULED
    run = Tasks(ports).run(caller, view.task.task_id).last_execution
    claim = running.claim(run.id, "w1")
    ended_at = furnished.sleep(3)
    running.finish(run.id, claim.attempt, SUCCESS)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.SCHEDULED, ended_at)


def test_success_is_told_with_its_time(ports, caller, furnished, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    ended_at = furnished.sleep(3)
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    found = explain(ports, caller, view)
    assert (found.cause, found.since) == (Cause.SUCCEEDED, ended_at)
    assert waiting(ports, caller, view) is None


def test_a_schedule_none_of_whose_firings_was_made_has_failed(ports, caller, furnished, running):
    schedule = Schedule(
        cron_expression="* * * * * *", overlap_policy=OverlapPolicy.SKIP_NEW, end_at=furnished.now + 3 * SECOND
    )
    view = Tasks(ports).create(caller, definition(schedule=schedule))
    run = Tasks(ports).run(caller, view.task.task_id).last_execution
    running.claim(run.id, "w1")
    furnished.sleep(5)
    while Firing(ports).fire_due():
        pass
    assert status(ports, caller, view.task.task_id) is TaskStatus.STARTED
    running.finish(run.id, 1, FAILURE)
    assert explain(ports, caller, view).cause is Cause.FAILED


def test_others_tasks_and_deleted_ones_are_not_explained(ports, caller, stranger, admin):
    view = Tasks(ports).create(caller, definition())
    with pytest.raises(TaskNotFound):
        explain(ports, stranger, view)
    assert explain(ports, admin, view).cause is Cause.NO_WORKER
    Tasks(ports).delete(caller, view.task.task_id)
    with pytest.raises(TaskNotFound):
        explain(ports, caller, view)
    with pytest.raises(TaskNotFound):
        Explaining(ports).explain(caller, "no-such-task")


def test_lists_and_the_basic_view_do_not_ask_why(ports, caller):
    view = Tasks(ports).create(caller, definition())
    assert Tasks(ports).get(caller, view.task.task_id, full=False).waiting is None
    assert Tasks(ports).get(caller, view.task.task_id, full=True).waiting.cause is Cause.NO_WORKER


@pytest.mark.parametrize("ended", [True, False])
def test_of_a_task_of_which_nothing_waits_nothing_more_is_asked(ports, caller, running, monkeypatch, ended):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    if ended:
        running.finish(claim.execution_id, claim.attempt, SUCCESS)
    asked = []
    execute = ports.database.engine.execute_sql
    monkeypatch.setattr(
        ports.database.engine, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest)
    )

    Tasks(ports).get(caller, view.task.task_id, full=True)

    # The task, its execution, the heavy parts of that, and its attempts.
    assert len([sql for sql in asked if sql.startswith("SELECT")]) == 4


@pytest.mark.parametrize(
    ("limits", "said", "changes"),
    [
        (Limits(queues={"default": Places(concurrency=1)}), "queue 'default'", {}),
        (Limits(queues={"default": Places(rate=StartRate(1, 60.0))}), "queue 'default'", {}),
        (Limits(quotas=Quotas(Quota(running=1))), "its owner's executions", {}),
        (Limits(), "concurrency key 'k'", {"concurrency_key": "k", "max_concurrent": 1}),
    ],
    ids=["queue", "rate", "owner", "key"],
)
def test_what_finds_no_place_says_whose_limit_it_is(ports, caller, furnished, limits, said, changes):
    ports = dataclasses.replace(ports, limits=limits)
    running = Running(ports, lease_seconds=30)
    first, second = (Tasks(ports).create(caller, definition(**changes)) for _ in range(2))
    claim = running.claim(first.last_execution.id, "w1")
    assert explain(ports, caller, second).cause is Cause.QUEUED
    assert running.claim(second.last_execution.id, "w1") is None

    found = explain(ports, caller, second)

    assert found.cause is Cause.LIMITED
    assert said in found.explanation
    assert waiting(ports, caller, second) == found
    assert SystemStatuses(ports.database).get().queues["default"] == (1, 1)
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    # A start is earned again only after a while; by then the processes have to have said so again.
    furnished.sleep(61)
    appear_scheduler(ports)
    appear_worker(ports)
    assert explain(ports, caller, second).cause is Cause.QUEUED
