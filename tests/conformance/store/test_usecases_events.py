"""The stream of changes: each told once, in order, also where commits overtake one another."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.store.engine_values import SUCCESS, definition

from task_server.domain.event import Position
from task_server.store import tasks
from task_server.usecases import changes
from task_server.usecases.tasks import Tasks
from task_server.usecases.watching import Watching


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
            may_commit.wait(60)
        ports.database.close()

    first = Tasks(ports).create(caller, definition(name="slow"))
    position = watching.head()
    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(60)
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


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_changes_of_one_task_are_told_in_their_order_although_the_later_began_first(ports, caller):
    """Of two transactions the one that has the lower number waits for the other: on SQLite there is only one."""
    first = Tasks(ports).create(caller, definition())
    position = Watching(ports).head()
    begun, may_change = threading.Event(), threading.Event()

    def late() -> None:
        with ports.database.write():
            ports.database.engine.execute_sql("SELECT pg_current_xact_id()")
            begun.set()
            may_change.wait(60)
            task = tasks.lock(ports.database, first.task.task_id)
            changes.store_task(task.changed(ports.database.now()), ports.database.now())
        ports.database.close()

    thread = threading.Thread(target=late)
    thread.start()
    begun.wait(60)
    Tasks(ports).run(caller, first.task.task_id)
    seen = Watching(ports).after(position)
    may_change.set()
    thread.join()
    seen += Watching(ports).after(seen[-1].position if seen else position)

    revisions = [event.task.revision for event in seen]
    assert len(revisions) == 2
    assert revisions == sorted(revisions)
