"""What is seen of registered runs, on both databases: recorded, moved on, never back, and told to nobody else."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace

import pytest
from tests.conformance.store.engine_values import SUCCESS, Clock, at_once, definition

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.audit import AuditFilter
from task_server.domain.clock import SECOND
from task_server.domain.errors import (
    DatabaseUnavailable,
    ExecutionNotForeign,
    ExecutionNotFound,
    InvalidFields,
    PermissionMissing,
    QuotaExceeded,
)
from task_server.domain.execution import Execution
from task_server.domain.listing import ExecutionFilter
from task_server.domain.observation import SYNC_PAUSE, Observation, Source
from task_server.domain.owner import Owner
from task_server.domain.quotas import OMISSION, Quota, Quotas
from task_server.domain.registration import Registration
from task_server.domain.report import Report, Sighting
from task_server.domain.retention import Retention
from task_server.domain.status import ExecutionStatus
from task_server.store import executions as rows
from task_server.store import tracked
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases import cleaning as cleaning_module
from task_server.usecases.auditing import Auditing
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.limits import Limits
from task_server.usecases.observing import Observed, Observing, Reported
from task_server.usecases.registering import Registering
from task_server.usecases.tasks import Tasks

ANN, BOB, LI = Owner("ann", "Ann"), Owner("bob", "Bob"), Owner("li", "li")


def registration(task_id="c-1", owner=ANN, **fields) -> Registration:
    return Registration(**{"task_id": task_id, "task_name": "shop.mail", "module": "shop", "owner": owner} | fields)


def seen(status="STARTED", **fields) -> Observation:
    return Observation(status=ExecutionStatus(status), **{"source": Source.REPORT, "retries": 0} | fields)


def report(task_id="c-1", owner=ANN, status="STARTED", *, is_known=True, is_named=True, **fields) -> Report:
    said = registration(task_id, owner) if is_known else None
    return Report(
        task_id=task_id, owner=owner, is_named=is_named, observation=seen(status, **fields), registration=said
    )


@dataclass
class App:
    """A followed app that runs what `shop` does, and may tell of it to some owners."""

    name: str = "shop-app"
    owner: Owner = LI
    told: frozenset[str] = frozenset({"ann", "li"})

    def module_of(self, task_name: str) -> str:
        return task_name.partition(".")[0]

    def has(self, execution: Execution) -> bool:
        return execution.app in ("", self.name) and execution.owner.id in self.told


def only(executions, caller, task_id="c-1"):
    return executions.get_by_task_id(caller, task_id, full=True)


def sync_after(execution_id: str) -> int | None:
    return ExecutionRow.select(ExecutionRow.sync_after).where(ExecutionRow.id == execution_id).scalar()


def test_a_report_records_what_is_not_recorded_and_moves_what_is(observing, executions, caller):
    assert observing.report(caller, [report(status="PENDING")]) == Reported(recorded=1)
    assert only(executions, caller).execution.source == "PUBLISH"
    told = [
        report(status="STARTED", worker="w@1", queue="q", is_known=False),
        report(status="SUCCESS", result_json='{"n":7}'),
        report("c-2", status="FAILURE", error="broken", traceback="Traceback: broken"),
        report("c-3", is_known=False),
    ]
    assert observing.report(caller, told) == Reported(recorded=1, changed=2, unknown=1)
    first, second = only(executions, caller), only(executions, caller, "c-2")
    assert (first.execution.status, first.execution.worker, first.execution.queue) == ("SUCCESS", "w@1", "q")
    assert (first.execution.source, first.detail.result_json) == ("REPORT", '{"n":7}')
    assert (second.execution.status, second.execution.error) == ("FAILURE", "broken")
    assert (second.detail.traceback, second.detail.result_json) == ("Traceback: broken", None)
    assert observing.report(caller, told[:3]) == Reported(unchanged=3)
    assert only(executions, caller).execution.revision == first.execution.revision
    assert executions.page(ExecutionFilter(owner_id="ann"), "", 10, full=False).total == 2


def test_a_batch_may_tell_of_a_run_before_it_says_what_it_is(observing, executions, caller):
    told = [report(status="SUCCESS", is_known=False), report(status="STARTED"), report(status="PENDING")]
    done = observing.report(caller, told)
    assert (done.recorded, done.unknown) == (1, 0)
    assert only(executions, caller).execution.status is ExecutionStatus.SUCCESS


def test_the_traceback_of_a_try_goes_when_the_next_one_begins(observing, executions, caller):
    observing.report(caller, [report(status="RETRY", error="busy", traceback="Traceback: busy")])
    assert only(executions, caller).detail.traceback == "Traceback: busy"
    observing.report(caller, [report(status="STARTED", retries=1)])
    view = only(executions, caller)
    assert (view.execution.status, view.execution.error, view.detail.traceback) == ("STARTED", "", "")
    observing.report(caller, [report(status="SUCCESS", retries=1, result_json="7")])
    assert only(executions, caller).detail.result_json == "7"


def test_a_result_that_comes_after_the_end_is_kept_once(observing, executions, caller):
    observing.report(caller, [report(status="SUCCESS")])
    assert observing.report(caller, [report(status="SUCCESS", result_json="7")]) == Reported(changed=1)
    assert observing.report(caller, [report(status="SUCCESS", result_json="8")]) == Reported(unchanged=1)
    # What another end gives is not this one's.
    assert observing.report(caller, [report(status="FAILURE", traceback="x")]) == Reported(unchanged=1)
    view = only(executions, caller)
    assert (view.detail.result_json, view.detail.traceback) == ("7", "")


def test_for_others_it_takes_the_grant_and_reaches_that_owners_row_alone(
    observing, registering, executions, caller, admin, stranger, service
):
    mine = registering.register(caller, registration()).execution
    for without in (admin, stranger):
        with pytest.raises(PermissionMissing):
            observing.report(without, [report(owner=ANN), report(owner=without.owner)])
    assert observing.report(stranger, [report(owner=BOB, status="FAILURE")]) == Reported(recorded=1)
    assert executions.get(caller, mine.id, full=True).execution == mine
    assert observing.report(service, [report(owner=ANN), report(owner=LI)]) == Reported(recorded=1, changed=1)
    assert executions.get(caller, mine.id, full=False).execution.status is ExecutionStatus.STARTED
    assert only(executions, stranger).execution.status is ExecutionStatus.FAILURE


def test_who_sees_everybodys_need_not_say_whose_a_recorded_run_is(
    observing, registering, executions, caller, admin, stranger, service
):
    registering.register(caller, registration())
    registering.register(stranger, registration(owner=BOB))
    with_both = replace(admin, grants=service.grants)

    def tell(teller, status, *, is_known=False):
        return observing.report(teller, [report(owner=teller.owner, status=status, is_known=is_known, is_named=False)])

    for other in (admin, service):
        assert tell(other, "STARTED") == Reported(unknown=1)
    assert tell(with_both, "STARTED") == Reported(changed=1)
    assert only(executions, caller).execution.status is ExecutionStatus.STARTED
    assert only(executions, stranger).execution.status is ExecutionStatus.PENDING
    # Where a view has recorded it for its user, the process that publishes or runs it records no second one.
    assert tell(with_both, "SUCCESS", is_known=True) == Reported(changed=1)
    assert only(executions, caller).execution.status is ExecutionStatus.SUCCESS
    assert tell(service, "STARTED", is_known=True) == Reported(recorded=1)
    assert executions.page(ExecutionFilter(), "", 10, full=False).total == 3


def test_in_one_batch_too_a_run_that_is_recorded_for_somebody_is_recorded_once(
    observing, executions, caller, admin, service
):
    with_both = replace(admin, grants=service.grants)
    told = [report(owner=admin.owner, status="STARTED", is_named=False), report(owner=ANN, status="PENDING")]
    assert observing.report(with_both, told).recorded == 1
    assert only(executions, caller).execution.status is ExecutionStatus.STARTED


def test_a_run_of_this_service_is_not_moved(observing, ports, caller, executions, running):
    run = Tasks(ports).create(caller, definition()).last_execution
    assert observing.report(caller, [report(run.id, status="FAILURE")]) == Reported(unchanged=1)
    assert observing.observe([(run.id, seen("FAILURE")), ("none", seen())]) == Observed({}, frozenset())
    for status in ("STARTED", "FAILURE"):
        with pytest.raises(ExecutionNotForeign):
            observing.update(caller, run.id, seen(status))
    claim = running.claim(run.id, "w1")
    assert running.finish(run.id, claim.attempt, SUCCESS)


def test_what_is_observed_by_id(observing, registering, caller, executions, clock):
    ids = [registering.register(caller, registration(str(number))).execution.id for number in range(3)]
    done = observing.observe(
        [(ids[0], seen("SUCCESS", result_json="7")), (ids[1], seen("STARTED")), (ids[2], seen("PENDING"))]
    )
    assert done.changed == {ids[0], ids[1]}
    assert [done.executions[each].status for each in ids] == ["SUCCESS", "STARTED", "PENDING"]
    for each in ids:
        assert executions.get(caller, each, full=False).execution == done.executions[each]
    assert executions.get(caller, ids[0], full=True).detail.result_json == "7"
    assert [sync_after(each) for each in ids[:2]] == [None, clock.now + SYNC_PAUSE]


def test_a_run_that_was_seen_is_not_asked_for_at_once(observing, registering, caller, clock):
    mine = registering.register(caller, registration()).execution.id
    assert sync_after(mine) == clock.now + SYNC_PAUSE
    clock.now += 10 * SECOND
    observing.report(caller, [report(), report("c-2", status="REVOKED")])
    assert sync_after(mine) == clock.now + SYNC_PAUSE
    observing.report(caller, [report(status="REVOKED")])
    assert ExecutionRow.select().where(ExecutionRow.sync_after.is_null(False)).count() == 0


def test_two_apps_of_one_owner_that_hear_each_others_events_record_a_run_once(observing, executions):
    one, other = App(name="one"), App(name="other")
    seen_by_both = [Sighting(task_id="c-1", observation=seen(), task_name="shop.mail")]
    assert observing.receive(one, seen_by_both) == Reported(recorded=1)
    more = [*seen_by_both, Sighting(task_id="c-2", observation=seen(), task_name="shop.mail")]
    assert observing.receive(other, more) == Reported(recorded=1, unknown=1)
    views = executions.page(ExecutionFilter(), (), 10, full=False).views
    assert sorted((view.execution.task_id, view.execution.app) for view in views) == [("c-1", "one"), ("c-2", "other")]


def test_an_app_tells_those_who_registered_its_runs_and_its_owner_of_the_rest(
    observing, registering, executions, caller, stranger, service
):
    registering.register(caller, registration())
    registering.register(stranger, registration(owner=BOB))
    registering.register(caller, registration("c-2", app="another"))
    sightings = [
        Sighting(task_id="c-1", task_name="shop.mail", observation=seen()),
        Sighting(task_id="c-2", task_name="shop.mail", observation=seen()),
        Sighting(task_id="c-3", observation=seen("SUCCESS")),
        Sighting(task_id="c-4", task_name="shop.mail", observation=seen("STARTED")),
        Sighting(task_id="c-4", observation=seen("SUCCESS")),
        Sighting(task_id="c-1", observation=seen("STARTED", occurred_at=1)),
    ]
    done = observing.receive(App(), sightings)
    assert done == Reported(recorded=2, changed=3, unknown=1)
    assert only(executions, caller).execution.status is ExecutionStatus.STARTED
    assert only(executions, caller, "c-2").execution.status is ExecutionStatus.PENDING
    assert only(executions, stranger).execution.status is ExecutionStatus.PENDING
    li = replace(caller, owner=LI)
    found = only(executions, li, "c-4").execution
    assert (found.status, found.app, found.module, found.owner) == ("SUCCESS", "shop-app", "shop", LI)


def test_an_update_merges_metadata_and_keeps_a_final_status(observing, registering, caller, executions):
    mine = registering.register(caller, registration(metadata={"a": 1, "b": 1})).execution.id
    view = observing.update(caller, mine, seen("SUCCESS", retries=None, metadata={"b": 2}, result_json="7"))
    assert view == executions.get(caller, mine, full=True)
    assert (view.execution.status, view.execution.metadata) == ("SUCCESS", {"a": 1, "b": 2})
    again = observing.update(caller, mine, seen("STARTED", retries=None, metadata={"c": 3})).execution
    assert (again.status, again.metadata, again.finished_at) == (
        "SUCCESS",
        {"a": 1, "b": 2, "c": 3},
        view.execution.finished_at,
    )
    with pytest.raises(InvalidFields) as caught:
        observing.update(caller, mine, seen("SUCCESS", metadata={"d": "x" * 65_000, "e": "x" * 600}))
    assert [each.field for each in caught.value.violations] == ["metadata"]
    assert executions.get(caller, mine, full=False).execution == again


def test_who_may_update(observing, registering, ports, caller, stranger, admin, service, executions):
    mine = registering.register(caller, registration()).execution.id
    run = Tasks(ports).create(caller, definition()).last_execution.id
    for other, execution_id in ((stranger, mine), (stranger, run), (service, run), (service, "none"), (admin, "none")):
        with pytest.raises(ExecutionNotFound):
            observing.update(other, execution_id, seen())
    with pytest.raises(PermissionMissing):
        observing.update(admin, mine, seen())
    assert executions.get(caller, mine, full=False).execution.status is ExecutionStatus.PENDING
    view = observing.update(service, mine, seen())
    assert (view.execution.status, view.detail) == (ExecutionStatus.STARTED, None)
    with_both = replace(admin, grants=service.grants)
    assert observing.update(with_both, mine, seen("SUCCESS", result_json="7")).detail.result_json == "7"


def test_what_belongs_to_another_is_looked_up_as_what_nobody_has(
    observing, registering, caller, stranger, database, monkeypatch
):
    his = registering.register(stranger, registration(owner=BOB)).execution.id
    statements: list[str] = []
    execute = database.engine.execute_sql
    monkeypatch.setattr(
        database.engine, "execute_sql", lambda sql, *rest: statements.append(sql) or execute(sql, *rest)
    )
    found = []
    for execution_id in (his, "0197a5b0-0000-7000-8000-000000000000"):
        statements.clear()
        with pytest.raises(ExecutionNotFound) as caught:
            observing.update(caller, execution_id, seen())
        found.append((list(statements), caught.value.message.replace(execution_id, "")))
    assert found[0] == found[1]


def test_it_is_audited_once_for_each_call_that_changed_something(observing, registering, caller, database):
    audited = lambda: Auditing(database).page(AuditFilter(), "", 100)[0]  # noqa: E731
    observing.report(caller, [report(str(number)) for number in range(12)])
    observing.report(caller, [report("1", status="SUCCESS")])
    observing.report(caller, [report("1", status="SUCCESS"), report("c-9", is_known=False)])
    last, first = audited()
    assert last.detail == ""
    assert first.detail.startswith("and 11 more, up to ")
    observing.update(caller, last.resource_id, seen("STARTED"))
    assert len(audited()) == 2


def test_of_an_owner_with_no_room_what_is_new_is_left_out_but_never_a_status(ports, caller, executions, registering):
    registering.register(caller, registration(kwargs={"a": "x" * 100}))
    observing = Observing(replace(ports, limits=Limits(quotas=Quotas(Quota(result_bytes=100)))))
    told = [report(status="SUCCESS", result_json='"' + "x" * 99 + '"'), report("c-2")]
    assert observing.report(caller, told) == Reported(changed=1, unknown=1)
    view = only(executions, caller)
    assert (view.execution.status, view.detail.result_json, view.detail.omission) == ("SUCCESS", None, OMISSION)
    assert observing.report(caller, told[:1]) == Reported(unchanged=1)


def test_of_an_owner_with_as_many_executions_as_it_may_have_no_more_are_recorded(ports, caller, executions, service):
    limited = replace(ports, limits=Limits(quotas=Quotas(Quota(executions=2))))
    registering, observing = Registering(limited), Observing(limited)
    Tasks(ports).create(caller, definition())
    registering.register(caller, registration())
    with pytest.raises(QuotaExceeded) as caught:
        registering.register_many(service, [registration("c-2"), registration("l-1", LI)])
    assert caught.value.metadata == {"quota": "executions", "limit": "2", "used": "2"}
    assert registering.register_many(caller, [registration()] * 3)[2].task_id == "c-1"
    told = [report("c-2"), report("l-1", LI), report("l-2", LI), report("l-2", LI), report("c-1")]
    assert observing.report(service, told) == Reported(recorded=2, changed=1, unchanged=1, unknown=1)
    late = [report(task_id, LI, status="PENDING") for task_id in ("l-2", "l-3")]
    assert observing.report(service, late) == Reported(unchanged=1, unknown=1)
    assert executions.page(ExecutionFilter(owner_id="li"), "", 10, full=False).total == 2
    # What the owner's tasks make is bounded by other quotas.
    Tasks(limited).create(caller, definition())


def test_a_result_that_is_too_large_is_left_out_and_it_says_so(observing, caller, executions):
    observing.report(caller, [report(status="SUCCESS", result_json='"' + "x" * MAX_RESULT_BYTES + '"')])
    view = only(executions, caller)
    assert (view.execution.status, view.detail.result_json) == ("SUCCESS", None)
    assert "larger than" in view.detail.omission


@pytest.mark.parametrize("register_first", [True, False], ids=["recorded", "new"])
def test_many_batches_of_the_same_runs_at_once_neither_wait_for_each_other_nor_lose_a_move(
    observing, registering, executions, caller, database, register_first
):
    task_ids = [f"c-{number}" for number in range(40)]
    if register_first:
        registering.register_many(caller, [registration(each) for each in task_ids])
    orders = itertools.count()

    def tell() -> Reported:
        order = random.Random(next(orders))
        told = [report(task_id, status=status) for task_id in task_ids for status in ("PENDING", "STARTED", "SUCCESS")]
        order.shuffle(told)
        total = Reported()
        for begin in range(0, len(told), 60):
            done = observing.report(caller, told[begin : begin + 60])
            total = Reported(*(sum(pair) for pair in zip(total, done, strict=True)))
        return total

    totals = at_once(database, 4, tell)
    assert sum(each.recorded for each in totals) == (0 if register_first else 40)
    assert not any(each.unknown for each in totals)
    page = executions.page(ExecutionFilter(owner_id="ann"), "", 100, full=False)
    assert page.total == 40
    assert {view.execution.status for view in page.views} == {ExecutionStatus.SUCCESS}


def test_who_is_overtaken_begins_anew_and_gives_up_where_that_does_not_end(
    observing, executions, caller, monkeypatch, database
):
    find, others = tracked.under, iter([True])

    def overtaken(task_ids):
        found = find(task_ids)
        if next(others, False):
            for task_id in task_ids:
                rows.insert(registration(task_id).execution(database.now()), [], {}, publish_after=0)
        return found

    monkeypatch.setattr(tracked, "under", overtaken)
    # The other one's row is of this transaction, and goes with it.
    assert observing.report(caller, [report()]) == Reported(recorded=1)
    assert only(executions, caller).execution.status is ExecutionStatus.STARTED
    others = itertools.repeat(True)
    with pytest.raises(DatabaseUnavailable):
        observing.report(caller, [report(), report("c-2")])
    with pytest.raises(ExecutionNotFound):
        only(executions, caller, "c-2")


def test_it_is_kept_for_as_long_after_its_end_as_any_run_but_not_less_than_since_it_was_recorded(
    ports, observing, executions, caller, monkeypatch, clock
):
    cleaning = Cleaning(ports, Retention(executions=30 * 86_400 * SECOND))
    long_ago = clock.now - 31 * 86_400 * SECOND
    told = [
        report("waits", status="PENDING", occurred_at=long_ago),
        report("ended", status="SUCCESS", occurred_at=long_ago),
        report("ended lately", status="SUCCESS"),
    ]
    observing.report(caller, told)
    assert sum(cleaning.sweep()) == 0
    # As if they had been recorded then.
    monkeypatch.setattr(cleaning_module, "first_id", lambda _: "g")
    assert sum(Cleaning(ports, Retention(executions=30 * 86_400 * SECOND)).sweep()) == 1
    with pytest.raises(ExecutionNotFound):
        only(executions, caller, "ended")
    # What is told of it later is told of a new one.
    assert observing.report(caller, [report("ended", status="STARTED", is_known=False)]) == Reported(unknown=1)


def test_it_dies_in_the_midst_and_nothing_is_left(observing, executions, caller, monkeypatch, clock: Clock):
    observing.report(caller, [report()])
    before = only(executions, caller)
    update = tracked.update

    def die(*arguments):
        update(*arguments)
        raise SystemExit

    monkeypatch.setattr(tracked, "update", die)
    with pytest.raises(SystemExit):
        observing.report(caller, [report(status="SUCCESS"), report("c-2")])
    assert only(executions, caller) == before
    with pytest.raises(ExecutionNotFound):
        only(executions, caller, "c-2")
