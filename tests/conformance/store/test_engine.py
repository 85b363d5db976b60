"""The use cases against a real database: what is stored, who may move it, and what watchers are told."""

from __future__ import annotations

import threading

import pytest

from task_server.domain.actions import CodeAction
from task_server.domain.clock import SECOND
from task_server.domain.errors import RequestIdReused, TaskEnded, TaskNotFound
from task_server.domain.event import Position
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.domain.outcome import Isolation, Outcome, Usage
from task_server.domain.schedule import Schedule
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import TaskDefinition
from task_server.store import executions, tasks
from task_server.store.tables import ExecutionRow, TaskRow
from task_server.usecases import changes
from task_server.usecases.executions import Executions
from task_server.usecases.firing import Firing
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.watching import Watching

SUCCESS = Outcome(
    status=ExecutionStatus.SUCCESS,
    result_json='{"n":7}',
    isolation=Isolation(level="process", layers=("rlimits",)),
    usage=Usage(cpu_seconds=0.5, peak_memory_bytes=1024),
)
REVOKED = Outcome(status=ExecutionStatus.REVOKED)


def definition(**changes) -> TaskDefinition:
    return TaskDefinition(
        **{
            "name": "add",
            "action": CodeAction(function_code="def f(): return 7", function_name="f", args=[1], kwargs={"k": "ü"}),
            "timeout": 5.0,
            **changes,
        }
    )


@pytest.fixture
def running(ports) -> Running:
    return Running(ports, lease_seconds=30)


def status(ports, caller, task_id) -> TaskStatus:
    return Tasks(ports).get(caller, task_id, full=False).task.status


def test_a_created_task_is_stored_with_its_execution_and_published(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition())

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task == view.task
    assert stored.task.definition == definition()
    assert stored.last_execution == view.last_execution
    assert stored.detail.task_args == [1]
    assert stored.detail.task_kwargs == {"k": "ü"}
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]


def test_a_claim_is_given_once(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    first = running.claim(view.last_execution.id, "w1")
    second = running.claim(view.last_execution.id, "w2")

    assert first.attempt == 1
    assert first.action == definition().action
    assert second is None
    assert status(ports, caller, view.task.task_id) is TaskStatus.STARTED


def test_of_many_claimers_at_once_one_wins(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claims = []

    def claim(number: int) -> None:
        claims.append(running.claim(view.last_execution.id, f"w{number}"))
        ports.database.close()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claims) == 8
    assert sum(claim is not None for claim in claims) == 1


@pytest.mark.parametrize("word", ["", "no-such-id", "'; DROP TABLE task; --", "\u0000" * 5])
def test_a_message_for_nothing_claims_nothing(running, word):
    assert running.claim(word.replace("\0", "x"), "w1") is None


def test_a_result_is_stored_once_and_only_for_the_attempt_that_holds_the_run(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")

    assert not running.finish(claim.execution_id, claim.attempt + 1, SUCCESS)
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert not running.finish(claim.execution_id, claim.attempt, REVOKED)

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task.status is TaskStatus.SUCCESS
    assert stored.last_execution.status is ExecutionStatus.SUCCESS
    assert stored.detail.result_json == '{"n":7}'
    assert stored.detail.isolation.layers == ("rlimits",)
    assert stored.detail.usage.peak_memory_bytes == 1024
    assert [attempt.outcome for attempt in stored.detail.attempts] == [AttemptOutcome.SUCCEEDED]


def test_a_run_whose_lease_is_over_goes_back_and_the_late_worker_is_refused(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition())
    late = Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    publisher.messages.clear()

    assert Rescuing(ports, max_lost_attempts=3).rescue() == 1
    assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
    assert [message.execution_id for message in publisher.messages] == [late.execution_id]

    again = Running(ports, lease_seconds=30).claim(view.last_execution.id, "w2")
    assert again.attempt == 2
    running = Running(ports, lease_seconds=30)
    assert running.renew([(late.execution_id, late.attempt)]) == {late.execution_id}
    assert not running.append_log(late.execution_id, late.attempt, "late")
    assert not running.finish(late.execution_id, late.attempt, SUCCESS)
    assert running.finish(again.execution_id, again.attempt, SUCCESS)


def test_a_run_that_loses_its_worker_too_often_fails(ports, caller):
    view = Tasks(ports).create(caller, definition())
    for _ in range(3):
        assert Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1") is not None
        assert Rescuing(ports, max_lost_attempts=3).rescue() == 1

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task.status is TaskStatus.FAILURE
    assert stored.last_execution.failure_reason is FailureReason.WORKER_LOST
    assert [attempt.outcome for attempt in stored.detail.attempts] == [AttemptOutcome.LOST] * 3


def test_a_renewed_lease_is_not_rescued(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    assert running.renew([(claim.execution_id, claim.attempt)]) == set()

    assert Rescuing(ports, max_lost_attempts=3).rescue() == 0


def test_a_released_run_can_be_claimed_at_once_and_was_no_failure(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    publisher.messages.clear()

    assert running.release(claim.execution_id, claim.attempt)

    assert len(publisher.messages) == 1
    assert running.claim(claim.execution_id, "w2").attempt == 2
    detail = Tasks(ports).get(caller, view.task.task_id, full=True).detail
    assert detail.attempts[0].outcome is AttemptOutcome.RELEASED


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


def test_a_task_is_not_over_while_any_of_its_runs_is_to_come(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600)))
    task_id = view.task.task_id
    extra = Tasks(ports).run(caller, task_id).last_execution

    claim = running.claim(extra.id, "w1")
    assert status(ports, caller, task_id) is TaskStatus.STARTED
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, task_id) is TaskStatus.SCHEDULED

    _come_due(ports, view)
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


def test_a_run_that_is_to_stop_is_not_given_back(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    publisher.messages.clear()

    assert running.release(claim.execution_id, claim.attempt)

    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED
    assert publisher.messages == []


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
    made = []

    def create() -> None:
        made.append(Tasks(ports).create(caller, definition(), "r1", "digest").task.task_id)
        ports.database.close()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_delayed_task_waits_for_its_time(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600)))

    assert view.task.status is TaskStatus.SCHEDULED
    assert publisher.messages == []
    assert running.claim(view.last_execution.id, "w1") is None
    assert Firing(ports).next_due() == view.last_execution.due_at

    _come_due(ports, view)
    assert Firing(ports).fire_due() == 1
    assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
    assert Publishing(ports, publisher).publish_due() == 1
    assert [message.execution_id for message in publisher.messages] == [view.last_execution.id]
    assert running.claim(view.last_execution.id, "w1") is not None


def _come_due(ports, view) -> None:
    with ports.database.write():
        now = ports.database.now()
        TaskRow.update(next_run_at=now).where(TaskRow.task_id == view.task.task_id).execute()
        ExecutionRow.update(due_at=now, publish_after=now).where(ExecutionRow.id == view.last_execution.id).execute()


def test_a_cron_time_makes_one_execution_however_many_schedulers_fire(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 * * *")))
    assert view.last_execution is None
    fire_time = _missed(ports, view, seconds_ago=1)

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


def _missed(ports, view, seconds_ago: int) -> int:
    with ports.database.write():
        fire_time = ports.database.now() - seconds_ago * SECOND
        TaskRow.update(next_run_at=fire_time).where(TaskRow.task_id == view.task.task_id).execute()
    return fire_time


def test_of_firings_missed_in_a_down_time_the_latest_is_made(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *")))
    _missed(ports, view, seconds_ago=86_400)

    Firing(ports).fire_due()

    with ports.database.read():
        (made,) = executions.page(ExecutionFilter(parent_task=view.task.task_id), "", 10)
        assert 0 <= ports.database.now() - made.scheduled_for < 5 * SECOND


def test_a_schedule_ends_after_its_last_run(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *", max_runs=2)))
    _missed(ports, view, seconds_ago=9)

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


def test_between_firings_a_task_is_scheduled_and_once_stopped_revoked(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 * * *")))
    _missed(ports, view, seconds_ago=1)
    Firing(ports).fire_due()
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    claim = running.claim(task.last_execution_id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SCHEDULED

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.ended_firings
    assert stopped.task.status is TaskStatus.REVOKED
    assert Firing(ports).fire_due() == 0


def test_what_nobody_claims_is_published_again_with_growing_waits(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition())
    _come_due(ports, view)
    publishing = Publishing(ports, publisher)
    assert publishing.publish_due() == 1
    assert publishing.publish_due() == 0

    first = Firing(ports).next_due()
    _come_due(ports, view)
    publishing.publish_due()
    assert Firing(ports).next_due() > first


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


def test_every_change_is_told_once_in_order_and_without_heavy_parts(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    Tasks(ports).delete(caller, view.task.task_id)

    events = Watching(ports).after(Position(0, 0))

    assert [(event.type.value, event.task.status.value) for event in events] == [
        ("ADDED", "PENDING"),
        ("MODIFIED", "STARTED"),
        ("MODIFIED", "SUCCESS"),
        ("DELETED", "SUCCESS"),
    ]
    assert [event.execution and event.execution.status.value for event in events] == [
        "PENDING",
        "STARTED",
        "SUCCESS",
        None,
    ]
    assert all(event.task.definition.action.function_code == "" for event in events)
    revisions = [event.task.revision for event in events]
    assert revisions == sorted(set(revisions))
    assert Watching(ports).after(events[-1].position) == []
    assert Watching(ports).after(events[1].position, task_id=view.task.task_id) == events[2:]
    assert Watching(ports).after(events[1].position, task_id="other") == []
    assert Watching(ports).after(events[1].position, owner_id=caller.owner.id) == events[2:]
    assert Watching(ports).after(events[1].position, owner_id="other") == []


def test_a_reader_between_two_overtaking_writers_misses_neither(ports, caller):
    """The one that took its number first commits last; PostgreSQL shows the other one meanwhile."""
    watching = Watching(ports)
    begun, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with ports.database.write():
            task = tasks.get(first.task.task_id)
            changes.store_task(task.changed(ports.database.now()), ports.database.now())
            begun.set()
            may_commit.wait(10)
        ports.database.close()

    first = Tasks(ports).create(caller, definition(name="slow"))
    position = watching.head()
    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(10)
    if ports.database.is_sqlite:
        # Writers take turns: nothing can overtake.
        may_commit.set()
        thread.join()
    Tasks(ports).create(caller, definition(name="quick"))
    seen = watching.after(position)
    may_commit.set()
    thread.join()
    seen += watching.after(seen[-1].position if seen else position)

    assert sorted(event.task.definition.name for event in seen) == ["quick", "slow"]


def test_a_log_is_read_from_any_byte(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    for text in ("één\n", "two\n", "three\n"):
        running.append_log(claim.execution_id, claim.attempt, text)

    execution, chunks = Executions(ports).log(caller, claim.execution_id, 0)
    assert "".join(chunk.text for chunk in chunks) == "één\ntwo\nthree\n"
    assert execution.log_bytes == len("één\ntwo\nthree\n".encode())
    _, tail = Executions(ports).log(caller, claim.execution_id, 7)
    assert [(chunk.offset, chunk.text) for chunk in tail] == [(6, "two\n"), (10, "three\n")]
