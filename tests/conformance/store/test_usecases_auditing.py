"""The audit log: every change that a caller makes is in it once, by the same transaction, and stays there as it is."""

from __future__ import annotations

from dataclasses import replace

import peewee
import pytest
from tests.conformance.store.engine_values import definition

from task_server.domain.audit import AuditEvent, AuditFilter
from task_server.domain.clock import SECOND
from task_server.domain.errors import TaskEnded, TaskNotFound
from task_server.domain.ids import first_id, new_id
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Origin, Owner
from task_server.domain.retention import Retention
from task_server.domain.schedule import Schedule
from task_server.store import audit
from task_server.store.tables.access import AuditRow
from task_server.usecases.auditing import Auditing
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.pausing import Pausing
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

DAY = 86_400 * SECOND
CRON = Schedule(cron_expression="0 0 * * *")


def calling(caller, method: str):
    """The caller, as it makes a call of that method."""
    return replace(caller, origin=Origin(method=method, peer="ipv4:192.0.2.7:40112", request_id="r-1"))


def events(ports, **wanted) -> list[AuditEvent]:
    found, _ = Auditing(ports.database).page(AuditFilter(**wanted), "", 1000)
    return found[::-1]


def told(ports, **wanted) -> list[tuple[str, str]]:
    return [(event.method, event.resource_id) for event in events(ports, **wanted)]


def old(days: float, database) -> AuditEvent:
    with database.read():
        at = int(database.now() - days * DAY)
    return AuditEvent(
        id=first_id(at)[:-12] + new_id()[-12:],
        occurred_at=at,
        actor=None,
        token_id="",
        peer="",
        method="m",
        resource_id="",
        outcome="UNAUTHENTICATED",
        request_id="",
        reason="INVALID_CREDENTIALS",
    )


def test_each_change_is_told_once_with_who_made_it_from_where_by_which_call(ports, caller):
    task = Tasks(ports).create(calling(caller, "Create"), definition(schedule=CRON)).task
    Tasks(ports).run(calling(caller, "Run"), task.task_id)
    Pausing(ports).pause(calling(caller, "Pause"), task.task_id)
    Pausing(ports).resume(calling(caller, "Resume"), task.task_id)
    base = Updating(ports).read(caller, task.task_id, "")
    Updating(ports).update(calling(caller, "Update"), base, "", replace(base.definition, name="other", module="m"))
    Stopping(ports).stop(calling(caller, "Stop"), task.task_id)
    Tasks(ports).delete(calling(caller, "Delete"), task.task_id)

    found = events(ports)

    assert [(event.method, event.resource_id) for event in found] == [
        (method, task.task_id) for method in ("Create", "Run", "Pause", "Resume", "Update", "Stop", "Delete")
    ]
    assert {(event.actor, event.token_id, event.peer, event.request_id, event.outcome) for event in found} == {
        (caller.owner, "t1", "ipv4:192.0.2.7:40112", "r-1", "OK")
    }
    assert found[4].detail == "changed module, name"


def test_what_changes_nothing_is_not_told(ports, caller, stranger):
    task = Tasks(ports).create(calling(caller, "Create"), definition(schedule=CRON), "once", "d").task
    Tasks(ports).create(calling(caller, "Create"), definition(schedule=CRON), "once", "d")
    base = Updating(ports).read(caller, task.task_id, "")
    Updating(ports).update(calling(caller, "Update"), base, "", base.definition)
    Pausing(ports).resume(calling(caller, "Resume"), task.task_id)
    for change in (Stopping(ports).stop, Tasks(ports).delete, Tasks(ports).run, Pausing(ports).pause):
        with pytest.raises(TaskNotFound):
            change(calling(stranger, "Foreign"), task.task_id)
    Stopping(ports).stop(calling(caller, "Stop"), task.task_id)
    Stopping(ports).stop(calling(caller, "Stop"), task.task_id)
    with pytest.raises(TaskEnded):
        Tasks(ports).run(calling(caller, "Run"), task.task_id)

    assert told(ports) == [("Create", task.task_id), ("Stop", task.task_id)]


def test_a_stop_by_filter_tells_of_every_task_that_it_stopped(ports, caller):
    ids = [Tasks(ports).create(caller, definition()).task.task_id for _ in range(3)]
    stopping = Stopping(ports)

    stopping.stop_some(calling(caller, "StopTasks"), TaskFilter(owner_id="ann"), "", stopping.newest_id())

    assert told(ports, method="StopTasks") == [("StopTasks", task_id) for task_id in ids]


def test_a_change_that_is_not_committed_is_not_told_and_one_that_can_not_be_told_is_not_made(
    ports, caller, monkeypatch
):
    def broken(_event):
        raise RuntimeError

    monkeypatch.setattr(audit, "append", broken)
    with pytest.raises(RuntimeError):
        Tasks(ports).create(caller, definition())
    monkeypatch.undo()

    assert Tasks(ports).count(TaskFilter(owner_id="ann")).total == 0
    assert told(ports) == []


def test_pages_go_backwards_in_time_and_filters_hold(ports, caller, stranger):
    made = [
        Tasks(ports).create(calling(who, method), definition()).task.task_id
        for who, method in ((caller, "A"), (stranger, "B"), (caller, "B"))
    ]
    auditing = Auditing(ports.database)

    first, more = auditing.page(AuditFilter(), "", 2)
    rest, no_more = auditing.page(AuditFilter(), first[-1].id, 2)

    assert [event.resource_id for event in first + rest] == made[::-1]
    assert (more, no_more) == (True, False)
    assert told(ports, actor_id="ann") == [("A", made[0]), ("B", made[2])]
    assert told(ports, actor_id="ann", method="B") == [("B", made[2])]
    middle = first[1].occurred_at
    assert told(ports, start=middle, end=first[0].occurred_at) == [("B", made[1])]


def test_the_database_refuses_to_change_or_remove_what_is_younger_than_30_days(ports, caller):
    Tasks(ports).create(caller, definition())
    before = events(ports)

    for statement in (
        "UPDATE audit_event SET actor_id = 'mallory'",
        "DELETE FROM audit_event",
        *([] if ports.database.is_sqlite else ["TRUNCATE audit_event"]),
    ):
        with pytest.raises(peewee.DatabaseError, match="audit events are"), ports.database.engine.atomic():
            ports.database.engine.execute_sql(statement)

    assert events(ports) == before


def test_retention_removes_what_is_older_than_it_keeps(ports):
    kept, gone = old(59, ports.database), old(61, ports.database)
    Auditing(ports.database).store([gone, kept])

    assert sum(Cleaning(ports, Retention(audit=60 * DAY)).sweep()) == 1
    assert sum(Cleaning(ports, Retention()).sweep()) == 0

    assert events(ports) == [kept]


def test_a_row_without_an_actor_is_one_whose_caller_was_not_known(ports):
    refusal = old(1, ports.database)
    Auditing(ports.database).store([refusal, replace(refusal, id=new_id(), actor=Owner("", ""))])

    assert [event.actor for event in events(ports)] == [None, Owner("", "")]
    assert AuditRow.select().count() == 2
