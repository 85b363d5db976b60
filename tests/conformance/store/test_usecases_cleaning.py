"""Cleaning: what is over and past its time goes, all at once and only that; watchers hear of it, and of what they missed."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition

from task_server.domain.clock import SECOND
from task_server.domain.errors import TaskNotFound, WatchTokenExpired
from task_server.domain.event import Position
from task_server.domain.retention import Retention
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus
from task_server.store.tables.events import EventFloorRow, EventRow
from task_server.store.tables.executions import AttemptRow, ExecutionRow, LogRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases import cleaning as cleaning_module
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.executions import Executions
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.watching import Watching

DAY = 86_400 * SECOND
KEEP = Retention(executions=30 * DAY)


def clean(ports, kept) -> int:
    return sum(Cleaning(ports, kept).sweep())


def run(ports, running, view) -> str:
    """Run the latest execution of a task to its end; it printed something."""
    execution_id = view.last_execution.id
    claim = running.claim(execution_id, "w1")
    assert running.append_log(execution_id, claim.attempt, "hello\n")
    assert running.finish(execution_id, claim.attempt, SUCCESS)
    return execution_id


def ran(ports, running, caller, **fields):
    view = Tasks(ports).create(caller, definition(**fields))
    run(ports, running, view)
    return view


def age(ports, days: float, *task_ids: str) -> None:
    """Have everything of the tasks, or of all, happened so many days earlier. Ids are times too, so they are made older."""
    back = int(days * DAY)
    with ports.database.write():
        for task in TaskRow.select().where(TaskRow.task_id.in_(task_ids)) if task_ids else TaskRow.select():
            TaskRow.update(
                created_at=TaskRow.created_at - back,
                updated_at=TaskRow.updated_at - back,
                next_run_at=TaskRow.next_run_at - back,
            ).where(TaskRow.task_id == task.task_id).execute()
            ExecutionRow.update(
                created_at=ExecutionRow.created_at - back,
                finished_at=ExecutionRow.finished_at - back,
                due_at=ExecutionRow.due_at - back,
            ).where(ExecutionRow.parent_task == task.task_id).execute()
        if not task_ids:
            EventRow.update(occurred_at=EventRow.occurred_at - back).execute()


@pytest.fixture(autouse=True)
def _every_id_is_old(monkeypatch) -> None:
    """The tests make rows old, not their ids, by which searches are bounded."""
    monkeypatch.setattr(cleaning_module, "first_id", lambda _: "g")


def counts() -> tuple[int, ...]:
    return tuple(model.select().count() for model in (TaskRow, ExecutionRow, AttemptRow, LogRow))


def test_a_task_that_ended_long_ago_goes_with_all_that_is_its_own_and_watchers_hear(ports, caller, running):
    old, young = (ran(ports, running, caller, name=name) for name in ("old", "young"))
    age(ports, 31, old.task.task_id)
    age(ports, 29, young.task.task_id)
    position = Watching(ports).head()

    assert clean(ports, KEEP) == 1

    assert counts() == (1, 1, 1, 1)
    with pytest.raises(TaskNotFound):
        Tasks(ports).get(caller, old.task.task_id, full=True)
    assert Tasks(ports).get(caller, young.task.task_id, full=True).detail is not None
    (event,) = Watching(ports).after(position)
    assert (event.type.value, event.task.task_id, event.execution) == ("DELETED", old.task.task_id, None)
    assert event.task.revision > Watching(ports).after(Position(0, 0), task_id=old.task.task_id)[-2].task.revision
    assert clean(ports, KEEP) == 0


def test_what_has_not_ended_stays_however_old(ports, caller, running):
    waiting = Tasks(ports).create(caller, definition(name="waiting"))
    delayed = Tasks(ports).create(caller, definition(name="delayed", schedule=Schedule(delay_seconds=4e6)))
    started = Tasks(ports).create(caller, definition(name="started"))
    running.claim(started.last_execution.id, "w1")
    cron = Tasks(ports).create(caller, definition(name="cron", schedule=Schedule(cron_expression="0 0 1 1 *")))
    run(ports, running, Tasks(ports).run(caller, cron.task.task_id))
    age(ports, 400)

    assert clean(ports, Retention(executions=DAY, executions_per_task=1)) == 0

    for view in (waiting, delayed, started, cron):
        shown = Tasks(ports).get(caller, view.task.task_id, full=True)
        assert (shown.last_execution is None) == (shown.detail is None)
    assert Tasks(ports).get(caller, cron.task.task_id, full=True).last_execution.status is ExecutionStatus.SUCCESS


def test_old_executions_of_a_living_task_go_all_but_the_latest(ports, caller, running):
    cron = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *")))
    ids = [run(ports, running, Tasks(ports).run(caller, cron.task.task_id)) for _ in range(4)]
    age(ports, 31)
    stuck = Tasks(ports).run(caller, cron.task.task_id).last_execution.id
    latest = run(ports, running, Tasks(ports).run(caller, cron.task.task_id))
    age(ports, 31)

    assert clean(ports, KEEP) == 4

    assert {row.id for row in ExecutionRow.select()} == {stuck, latest}
    assert (AttemptRow.select().count(), LogRow.select().count()) == (1, 1)
    task = Tasks(ports).get(caller, cron.task.task_id, full=True).task
    assert (task.last_execution_id, task.run_count) == (latest, 6)
    assert Executions(ports).get(caller, latest, full=True).detail is not None
    assert ids


def test_of_a_task_with_many_executions_the_newest_stay(ports, caller, running, monkeypatch):
    monkeypatch.setattr(cleaning_module, "_BATCH", 2)
    cron = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *")))
    ids = [run(ports, running, Tasks(ports).run(caller, cron.task.task_id)) for _ in range(7)]
    stuck = Tasks(ports).run(caller, cron.task.task_id).last_execution.id
    ids += [run(ports, running, Tasks(ports).run(caller, cron.task.task_id)) for _ in range(2)]
    few = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *")))
    kept = [run(ports, running, Tasks(ports).run(caller, few.task.task_id)) for _ in range(2)]

    assert clean(ports, Retention(executions_per_task=2)) == 7
    assert {row.id for row in ExecutionRow.select()} == {*ids[-2:], stuck, *kept}
    assert clean(ports, Retention(executions_per_task=2)) == 0
    assert clean(ports, Retention(executions_per_task=1)) == 2
    assert {row.id for row in ExecutionRow.select()} == {ids[-1], stuck, kept[-1]}


def test_very_many_tasks_with_many_executions_are_looked_at_in_turn(ports, caller, running, monkeypatch):
    monkeypatch.setattr(cleaning_module, "_BATCH", 2)
    monkeypatch.setattr(cleaning_module, "_TASKS", 2)
    for _ in range(5):
        cron = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *")))
        for _ in range(3):
            run(ports, running, Tasks(ports).run(caller, cron.task.task_id))
    cleaning = Cleaning(ports, Retention(executions_per_task=1))

    assert [sum(cleaning.sweep()) for _ in range(4)] == [4, 4, 2, 0]


def test_a_deleted_task_goes_once_its_executions_are_past_their_time_and_is_not_told_twice(ports, caller, running):
    view = ran(ports, running, caller)
    cron = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *")))
    for each in (view, cron):
        Tasks(ports).delete(caller, each.task.task_id)
    age(ports, 29)
    assert clean(ports, KEEP) == 0
    age(ports, 2)
    position = Watching(ports).head()

    assert clean(ports, KEEP) == 2

    assert counts() == (0, 0, 0, 0)
    assert Watching(ports).after(position) == []


def test_a_schedule_goes_when_it_was_stopped_long_ago_whenever_it_ran_last(ports, caller, running):
    never, lately, long_ago = (
        Tasks(ports).create(caller, definition(name=name, schedule=Schedule(cron_expression="0 0 1 1 *")))
        for name in ("never ran", "stopped lately", "stopped long ago")
    )
    for view in (lately, long_ago):
        run(ports, running, Tasks(ports).run(caller, view.task.task_id))
    age(ports, 31)
    for view in (never, lately, long_ago):
        Stopping(ports).stop(caller, view.task.task_id)
    assert clean(ports, KEEP) == 0
    age(ports, 31, never.task.task_id, long_ago.task.task_id)

    assert clean(ports, KEEP) == 2

    assert [row.name for row in TaskRow.select()] == ["stopped lately"]


def test_a_request_id_finds_its_task_as_long_as_that_is_kept(ports, caller, running):
    def create():
        return Tasks(ports).create(caller, definition(), request_id="r1", digest="d")

    first = create()
    run(ports, running, first)
    age(ports, 29)
    clean(ports, KEEP)
    assert create().task.task_id == first.task.task_id
    age(ports, 2)
    clean(ports, KEEP)
    assert create().task.task_id != first.task.task_id


def test_logs_go_before_their_execution_does(ports, caller, running):
    view = ran(ports, running, caller)
    started = Tasks(ports).create(caller, definition())
    running.claim(started.last_execution.id, "w1")
    running.append_log(started.last_execution.id, 1, "still at it")
    age(ports, 8)

    assert clean(ports, Retention(executions=30 * DAY, logs=7 * DAY)) == 1

    execution, chunks = Executions(ports).log(caller, view.last_execution.id, 0)
    assert (chunks, execution.log_bytes) == ([], 6)
    assert [chunk.text for chunk in Executions(ports).log(caller, started.last_execution.id, 0)[1]] == ["still at it"]


def test_much_log_is_removed_in_several_transactions(ports, caller, running, monkeypatch):
    monkeypatch.setattr(cleaning_module, "_LOG_BYTES", 6)
    for _ in range(3):
        ran(ports, running, caller)
    age(ports, 8)

    assert list(Cleaning(ports, Retention(logs=7 * DAY)).logs()) == [1, 1, 1]


@pytest.mark.parametrize("kept", [Retention(events=7 * DAY), Retention(event_count=2)], ids=["age", "count"])
def test_events_go_from_the_oldest_and_who_missed_some_is_told(ports, caller, running, monkeypatch, kept):
    monkeypatch.setattr(cleaning_module, "_EVENTS", 2)
    watching = Watching(ports)
    ran(ports, running, caller)
    ran(ports, running, caller)
    before = watching.after(Position(0, 0))
    age(ports, 8)
    Tasks(ports).create(caller, definition(name="young"))
    Tasks(ports).create(caller, definition(name="young"))

    assert clean(ports, kept) == 6

    assert EventRow.select().count() == 2
    for missed in (Position(0, 0), before[-2].position):
        with pytest.raises(WatchTokenExpired, match="list again"):
            watching.after(missed)
        with pytest.raises(WatchTokenExpired):
            watching.after(missed, task_id="other")
    assert [event.task.definition.name for event in watching.after(before[-1].position)] == ["young", "young"]
    assert clean(ports, kept) == 0


def test_the_stream_goes_on_where_it_was_when_all_events_are_gone(ports, caller, running):
    watching = Watching(ports)
    ran(ports, running, caller)
    (*_, last) = watching.after(Position(0, 0))
    head = watching.head()
    age(ports, 8)

    assert clean(ports, Retention(events=7 * DAY)) == 3

    assert EventRow.select().count() == 0
    assert last.position <= watching.head() and head <= watching.head()
    assert watching.after(last.position) == watching.after(head) == []
    Tasks(ports).create(caller, definition(name="next"))
    for position in (last.position, head):
        assert [event.task.definition.name for event in watching.after(position)] == ["next"]


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_events_that_readers_wait_for_are_not_removed(ports, caller):
    """On SQLite writers take turns. A transaction that began before them still runs: what it commits will belong before them."""
    begun, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with ports.database.write():
            TaskRow.update(name="slow").execute()
            EventRow.insert(type="MODIFIED", task_id="t", owner_id="o", payload="", occurred_at=0).execute()
            begun.set()
            may_commit.wait(20)
        ports.database.close()

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(20)
    Tasks(ports).create(caller, definition())
    with ports.database.write():
        EventRow.update(occurred_at=0).execute()
    position = Watching(ports).head()

    assert clean(ports, Retention(events=DAY)) == 0
    may_commit.set()
    thread.join()
    assert len(EventRow.select()) == 2
    assert clean(ports, Retention(events=DAY)) == 2
    assert position < Position(EventFloorRow.get().transaction, EventFloorRow.get().number)


def test_cleaners_share_the_work(ports, caller, running):
    for _ in range(40):
        ran(ports, running, caller)
    age(ports, 31)
    position = Watching(ports).head()

    kept = Retention(executions=DAY, executions_per_task=1, logs=DAY)
    removed = at_once(ports.database, 3, lambda: clean(ports, kept))

    assert counts() == (0, 0, 0, 0)
    told = [event.task.task_id for event in Watching(ports).after(position)]
    assert len(told) == len(set(told)) == 40
    assert sum(removed) == 80  # 40 logs, 40 tasks


def test_without_limits_nothing_goes(ports, caller, running):
    ran(ports, running, caller)
    age(ports, 4000)
    assert clean(ports, Retention()) == 0
