"""Registered executions on both databases: one for each owner and task id, told to nobody else, never run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import at_once

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.audit import AuditFilter
from task_server.domain.clock import NEVER
from task_server.domain.errors import ExecutionNotFound, PermissionMissing
from task_server.domain.listing import ExecutionFilter
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration
from task_server.domain.status import ExecutionStatus
from task_server.usecases.auditing import Auditing
from task_server.usecases.expiring import Expiring
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing

ANN = Owner("ann", "Ann")
LI = Owner("li", "li")


def registration(owner=ANN, **fields) -> Registration:
    return Registration(
        **{"task_id": "c-1", "task_name": "shop.mail", "module": "shop", "owner": owner, "kwargs": {"a": 1}} | fields
    )


def test_it_is_recorded_as_it_was_told(registering, executions, caller):
    view = registering.register(caller, registration(metadata={"source": "manual"}, args=[2]))
    execution = view.execution
    assert (execution.task_id, execution.parent_task, execution.owner) == ("c-1", "", ANN)
    assert execution.id != "c-1"
    assert (execution.status, execution.source, execution.metadata) == (
        ExecutionStatus.PENDING, "PUBLISH", {"source": "manual"},
    )  # fmt: skip
    assert (view.detail.task_args, view.detail.task_kwargs) == ([2], {"a": 1})
    assert executions.get(caller, execution.id, full=True) == view
    assert executions.get_by_task_id(caller, "c-1", full=True) == view
    listed = executions.page(ExecutionFilter(owner_id="ann", module="shop"), (), 10, full=False)
    assert [each.execution for each in listed.views] == [execution]


@pytest.mark.parametrize("status", ExecutionStatus)
def test_it_may_begin_in_any_status(registering, caller, status):
    execution = registering.register(caller, registration(status=status)).execution
    assert execution.status is status
    assert (execution.started_at is not None) == (status is ExecutionStatus.STARTED)
    assert (execution.finished_at is not None) == status.is_terminal


def test_a_second_time_answers_with_the_first(registering, caller, database):
    first = registering.register(caller, registration())
    assert registering.register(caller, registration(task_name="other", status=ExecutionStatus.SUCCESS)) == first
    told, _ = Auditing(database).page(AuditFilter(), "", 10)
    assert [event.resource_id for event in told] == [first.execution.id]


def test_many_at_once_record_one(registering, caller, database):
    views = at_once(database, 4, lambda: registering.register(caller, registration()))
    assert len({view.execution.id for view in views}) == 1


def test_two_owners_register_the_same_and_neither_hears_of_the_other(registering, executions, caller, stranger, admin):
    his = registering.register(stranger, registration(Owner("bob", "Bob"), kwargs={"secret": 1}))
    hers = registering.register(caller, registration())
    assert hers.execution.id != his.execution.id
    assert hers.detail.task_kwargs == {"a": 1}
    assert executions.get_by_task_id(caller, "c-1", full=False).execution == hers.execution
    assert executions.get_by_task_id(stranger, "c-1", full=False).execution == his.execution
    assert executions.get_by_task_id(admin, "c-1", full=False).execution in (hers.execution, his.execution)
    own = registering.register(admin, registration(admin.owner)).execution
    assert executions.get_by_task_id(admin, "c-1", full=False).execution == own
    with pytest.raises(ExecutionNotFound):
        executions.get(caller, his.execution.id, full=False)


def test_its_own_id_is_no_task_id(registering, executions, caller):
    execution = registering.register(caller, registration()).execution
    with pytest.raises(ExecutionNotFound):
        executions.get_by_task_id(caller, execution.id, full=False)


def test_for_others_it_takes_the_grant(registering, executions, caller, admin, service):
    for without in (caller, admin):
        with pytest.raises(PermissionMissing) as caught:
            registering.register(without, registration(LI))
        assert caught.value.metadata == {"permission": "executions:register-for-others"}
    view = registering.register(service, registration(LI))
    assert view.execution.owner == LI
    assert view.detail is None
    li = replace(caller, owner=LI)
    assert executions.get(li, view.execution.id, full=True).detail.task_kwargs == {"a": 1}
    with pytest.raises(ExecutionNotFound):
        executions.get(service, view.execution.id, full=False)
    # It is the same one for both.
    assert registering.register(li, registration(LI)).execution == view.execution
    assert registering.register(service, registration(LI)).execution == view.execution


def test_a_run_of_this_service_is_recorded_already_for_its_owner_alone(
    registering, running, caller, service, ports, stranger
):
    from tests.conformance.store.engine_values import definition

    from task_server.usecases.tasks import Tasks

    run = Tasks(ports).create(caller, definition()).last_execution
    assert registering.register(caller, registration(task_id=run.id)).execution.id == run.id
    for other, owner in ((stranger, stranger.owner), (service, ANN)):
        view = registering.register(other, registration(owner, task_id=run.id))
        assert view.execution.id != run.id
    # Not even then is the run anything but what it is.
    assert running.claim(run.id, "w1") is not None


def test_nobody_runs_expires_or_rescues_it(registering, executions, running, caller, ports, database):
    ids = {
        registering.register(caller, registration(task_id=status.value, status=status)).execution.id
        for status in ExecutionStatus
    }
    before = [executions.get(caller, each, full=True) for each in sorted(ids)]
    publisher = MemoryPublisher()
    assert Publishing(ports, publisher).publish_due() == 0
    assert Publishing(ports, publisher).bring_forward() == 0
    assert Expiring(ports).expire() == 0
    assert Rescuing(ports, 3).rescue() == 0
    # A message that somebody put into the broker.
    assert [running.claim(each, "w1") for each in ids] == [None] * len(ids)
    assert [executions.get(caller, each, full=True) for each in sorted(ids)] == before
    with database.read():
        found = database.engine.execute_sql("SELECT DISTINCT publish_after FROM execution").fetchall()
    assert [tuple(row) for row in found] == [(NEVER,)]
