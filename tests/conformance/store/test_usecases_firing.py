"""What is due: delayed tasks, cron firings, runs that nobody claimed, and where a task stands meanwhile."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.store.engine_values import REVOKED, SUCCESS, at_once, come_due, definition, missed, status

from task_server.domain.clock import SECOND
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.execution import Execution
from task_server.domain.listing import ExecutionFilter
from task_server.domain.schedule import MisfirePolicy, OverlapPolicy, Schedule
from task_server.domain.status import TaskStatus
from task_server.store import execution_pages
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.firing import Firing
from task_server.usecases.publishing import Publishing
from task_server.usecases.stopping import Stopping
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

    at_once(ports.database, 4, lambda: Firing(ports).fire_due())

    with ports.database.read():
        made = execution_pages.page(ExecutionFilter(parent_task=view.task.task_id), (), 10)
    assert [execution.scheduled_for for execution in made] == [fire_time]
    assert len(publisher.messages) == 1
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert (task.run_count, task.fire_count) == (1, 1)
    assert task.next_run_at > ports.database.now()


def every_second(ports, caller, **fields):
    """A task that fires each second, from now on."""
    schedule = Schedule(cron_expression="* * * * * *", **fields)
    return Tasks(ports).create(caller, definition(schedule=schedule)).task


def stored(ports, caller, task):
    return Tasks(ports).get(caller, task.task_id, full=False).task


def made(ports, task) -> list[Execution]:
    """The executions of a task, in the order of their times."""
    with ports.database.read():
        found = execution_pages.page(ExecutionFilter(parent_task=task.task_id), (), 10_000)
    return sorted(found, key=lambda run: run.scheduled_for or 0)


def fire_all(firing: Firing) -> int:
    turns = 0
    while firing.fire_due():
        turns += 1
    return turns


@pytest.mark.parametrize(
    ("policy", "older", "missed"),
    [(MisfirePolicy.SKIP, 0, 3590), (MisfirePolicy.FIRE_ONCE, 1, 3589), (MisfirePolicy.FIRE_ALL, 289, 3301)],
)
def test_after_a_down_time_the_policy_says_what_is_made(ports, caller, clock, policy, older, missed):
    task = every_second(ports, caller, misfire_policy=policy, misfire_window_seconds=300)
    first = task.next_run_at
    clock.sleep_until(first + 3600 * SECOND)

    fire_all(Firing(ports))

    times = [run.scheduled_for for run in made(ports, task)]
    # Of the last ten seconds each is made.
    assert times[-11:] == [first + (3600 - n) * SECOND for n in range(10, -1, -1)]
    assert len(times) == 11 + older + (policy is MisfirePolicy.FIRE_ALL)
    after = stored(ports, caller, task)
    assert (after.fire_count, after.missed_count) == (len(times), 3601 - len(times))
    assert after.missed_count in (missed, missed - 1, missed + 1)
    assert after.next_run_at == first + 3601 * SECOND


def test_a_backlog_goes_in_turns_and_lets_others_go_first(ports, caller, clock, publisher):
    behind = every_second(ports, caller, misfire_policy=MisfirePolicy.FIRE_ALL)
    clock.sleep_until(behind.next_run_at + 99 * SECOND)
    punctual = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * *"))).task
    clock.sleep_until(punctual.next_run_at)
    firing = Firing(ports)

    firing.fire_due()
    first_turn = made(ports, behind)
    firing.fire_due()
    firing.fire_due()

    assert len(first_turn) == 20
    assert len(made(ports, punctual)) == 1
    fire_all(firing)
    times = [run.scheduled_for for run in made(ports, behind)]
    assert times == [behind.next_run_at + n * SECOND for n in range(len(times))]
    assert stored(ports, caller, behind).next_run_at == times[-1] + SECOND > clock.now
    assert len(publisher.messages) == len(times) + 1


def test_schedulers_share_a_backlog_and_double_nothing(ports, caller, clock):
    tasks_ = [every_second(ports, caller, misfire_policy=MisfirePolicy.FIRE_ALL) for _ in range(10)]
    first = tasks_[0].next_run_at
    clock.sleep_until(first + 59 * SECOND)

    def fire() -> None:
        firing = Firing(ports)
        while (due := firing.next_due()) is not None and due <= clock.now:
            firing.fire_due()

    at_once(ports.database, 3, fire)

    for task in tasks_:
        assert [run.scheduled_for for run in made(ports, task)] == [first + n * SECOND for n in range(60)]
        after = stored(ports, caller, task)
        assert (after.fire_count, after.missed_count, after.run_count) == (60, 0, 60)


def test_jitter_puts_a_firing_off_and_not_its_time(ports, caller, clock, publisher, running):
    task = every_second(ports, caller, jitter_seconds=60, max_runs=5)
    first = task.next_run_at
    clock.sleep_until(first + 4 * SECOND)

    Firing(ports).fire_due()

    runs = made(ports, task)
    assert [run.scheduled_for for run in runs] == [first + n * SECOND for n in range(5)]
    jitter = [run.due_at - run.scheduled_for for run in runs]
    assert all(0 <= part < 60 * SECOND for part in jitter)
    assert len(set(jitter)) == 5
    assert jitter == [
        task.definition.schedule.jittered(task.task_id, run.scheduled_for) - run.scheduled_for for run in runs
    ]
    late = [run for run in runs if run.due_at > clock.now]
    assert late and {message.execution_id for message in publisher.messages} == {run.id for run in runs} - {
        run.id for run in late
    }
    while claim := running.claim(late[0].id, "w1"):  # for one of those that are due already
        assert claim.execution_id not in {run.id for run in late}
    clock.sleep_until(late[0].due_at)
    assert running.claim(late[0].id, "w1").execution_id == late[0].id


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_schedule_whose_last_firings_were_left_out_has_ended(ports, caller, clock, running, earlier):
    end_at = clock.now + 5 * SECOND
    task = every_second(ports, caller, end_at=end_at, misfire_policy=MisfirePolicy.SKIP)
    if earlier:
        clock.sleep_until(task.next_run_at)
        Firing(ports).fire_due()
        claim = running.claim(made(ports, task)[0].id, "w1")
        running.finish(claim.execution_id, claim.attempt, SUCCESS)
        assert stored(ports, caller, task).status is TaskStatus.SCHEDULED
    clock.sleep(3600)

    assert Firing(ports).fire_due() == 1

    after = stored(ports, caller, task)
    assert (after.next_run_at, after.fire_count, after.missed_count) == (None, earlier, 5 - earlier)
    assert after.status is (TaskStatus.SUCCESS if earlier else TaskStatus.FAILURE)


def test_one_bad_row_does_not_keep_the_others_waiting(ports, caller, clock, caplog):
    tasks_ = [every_second(ports, caller) for _ in range(5)]
    unreadable, broken, *fine = tasks_
    with ports.database.write():
        TaskRow.update(definition='{"made by": "a newer version"}').where(
            TaskRow.task_id == unreadable.task_id
        ).execute()
        text = TaskRow.get_by_id(broken.task_id).definition.replace("* * * * * *", "no expression")
        TaskRow.update(definition=text).where(TaskRow.task_id == broken.task_id).execute()
    clock.sleep_until(tasks_[0].next_run_at)
    firing = Firing(ports)

    fire_all(firing)

    assert [len(made(ports, task)) for task in fine] == [1, 1, 1]
    assert firing.next_due() > clock.now
    clock.sleep(1)
    fire_all(firing)
    assert [len(made(ports, task)) for task in fine] == [2, 2, 2]
    # Each is spoken of once, with its id, and nothing of it has changed.
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert sorted(record.task_id for record in errors) == sorted([unreadable.task_id, broken.task_id])
    assert made(ports, unreadable) == made(ports, broken) == []

    # It is asked for again after a minute, and fires once it can.
    with ports.database.write():
        for each in (unreadable, broken):
            TaskRow.update(definition=TaskRow.get_by_id(fine[0].task_id).definition).where(
                TaskRow.task_id == each.task_id
            ).execute()
    clock.sleep(30)
    fire_all(firing)
    assert made(ports, unreadable) == []
    clock.sleep(31)
    fire_all(firing)
    assert made(ports, unreadable) and made(ports, broken)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 2


@pytest.mark.parametrize("schedulers", [1, 3])
def test_over_turns_crashes_and_schedulers_every_time_is_handled_once(ports, caller, clock, schedulers):
    """Every cron time is fired, missed or skipped, and none twice, wherever a scheduler dies."""
    firings = [Firing(ports) for _ in range(schedulers)]

    @given(
        misfire=st.sampled_from(list(MisfirePolicy)),
        overlap=st.sampled_from(list(OverlapPolicy)),
        max_runs=st.sampled_from([0, 7]),
        steps=st.lists(
            st.tuples(st.sampled_from([0.0, 0.4, 1.0, 3.0, 9.0, 25.0, 120.0]), st.integers(0, 2), st.booleans()),
            min_size=1,
            max_size=8,
        ),
    )
    @settings(deadline=None, max_examples=15, derandomize=True)
    def check(misfire, overlap, max_runs, steps) -> None:
        task = every_second(
            ports,
            caller,
            misfire_policy=misfire,
            overlap_policy=overlap,
            max_runs=max_runs,
            misfire_window_seconds=60,
        )
        first = task.next_run_at
        for seconds, number, dies in steps:
            clock.sleep(seconds)
            firing = firings[number % schedulers]
            with pytest.MonkeyPatch.context() as patch:
                if dies:  # between the last statement and the commit
                    patch.setattr(firing, "_handle", dying(firing._handle))
                    with contextlib.suppress(DeathError):
                        firing.fire_due()
                    continue
            firing.fire_due()
        fire_all(firings[0])
        after = stored(ports, caller, task)
        times = [run.scheduled_for for run in made(ports, task)]
        assert times == sorted(set(times))
        assert len(times) == after.fire_count == after.run_count
        assert all(first <= time <= clock.now and (time - first) % SECOND == 0 for time in times)
        handled = after.fire_count + after.missed_count + after.skipped_count
        if after.next_run_at is not None:
            assert handled == (after.next_run_at - first) // SECOND
        else:
            assert after.fire_count == max_runs
            assert handled == (times[-1] - first) // SECOND + 1
        Stopping(ports).stop(caller, task.task_id)

    check()


class DeathError(DatabaseUnavailable):
    """The process is gone, for all that the database can tell."""


def dying(handle):
    def handle_and_die(*arguments):
        handle(*arguments)
        raise DeathError

    return handle_and_die


def test_a_schedule_ends_after_its_last_run(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="* * * * * *", max_runs=2)))
    missed(ports, view, seconds_ago=9)

    Firing(ports).fire_due()

    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert (task.fire_count, task.next_run_at) == (2, None)
    with ports.database.read():
        made = execution_pages.page(ExecutionFilter(parent_task=view.task.task_id), (), 10)
    for execution in made:
        assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
        claim = running.claim(execution.id, "w1")
        running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SUCCESS
