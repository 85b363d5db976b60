"""Bytes: what an owner's tasks and executions hold is counted by the database, and has a limit."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition, status
from tests.conformance.store.test_usecases_cleaning import DAY, KEEP, age, clean
from tests.conformance.store.test_usecases_turns import sign_in

from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.clock import SECOND
from task_server.domain.errors import QuotaExceeded
from task_server.domain.outcome import Outcome
from task_server.domain.owner import Owner
from task_server.domain.quotas import OMISSION, Quota, Quotas
from task_server.domain.registration import Registration
from task_server.domain.retention import Retention
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.store import records, usage
from task_server.store.migrations import m0009_bytes
from task_server.store.tables.executions import ExecutionRow, LogRow
from task_server.store.tables.limits import OwnerBytesRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases import cleaning, quotas
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.executions import Executions
from task_server.usecases.firing import Firing
from task_server.usecases.limits import Limits
from task_server.usecases.registering import Registering
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

CRON = Schedule(cron_expression="* * * * * *")
ANN, BOB = sign_in("ann"), sign_in("bob")


@pytest.fixture(autouse=True)
def _every_id_is_old(monkeypatch) -> None:
    """The tests make rows old, not their ids, by which searches are bounded."""
    monkeypatch.setattr(cleaning, "first_id", lambda _: "g")


def limited(ports, **most):
    return replace(ports, limits=Limits(quotas=Quotas(Quota(**most))))


def coded(code: str, **changes):
    return definition(action=CodeAction(function_code=code, function_name="f"), **changes)


def held(ports, owner_id="ann") -> tuple[int, int]:
    with ports.database.read():
        return usage.stored(owner_id)


def really_held() -> tuple[int, int]:
    """What the rows of all owners hold, counted by hand."""
    source = sum(len(task.definition.encode()) for task in TaskRow.select())
    rows = [
        (each.task_args, each.task_kwargs, each.metadata, each.result or "", each.traceback)
        for each in ExecutionRow.select()
    ]
    result = sum(len(text.encode()) for row in rows for text in row) - 6 * len(rows)
    return source, result + sum(len(log.text.encode()) for log in LogRow.select())


def ran(ports, view, outcome=SUCCESS, log=""):
    running = Running(ports, lease_seconds=30)
    claim = running.claim(view.last_execution.id, "w1")
    if log:
        assert running.append_log(claim.execution_id, claim.attempt, log)
    assert running.finish(claim.execution_id, claim.attempt, outcome)


def seen(ports, view):
    return Executions(ports).get(ANN, view.last_execution.id, full=True).detail


def result(size: int) -> Outcome:
    return replace(SUCCESS, result_json='"' + "x" * (size - 2) + '"', traceback="")


def test_the_last_byte_fits_and_one_more_is_refused_with_nothing_left_behind(ports):
    size = records.definition_bytes(coded("ü"))
    tasks = Tasks(limited(ports, source_bytes=2 * size))
    tasks.create(ANN, coded("ü"))
    with pytest.raises(QuotaExceeded) as caught:
        tasks.create(ANN, coded("üx"))
    assert caught.value.metadata == {"quota": "source_bytes", "limit": str(2 * size), "used": str(size)}
    assert "delete tasks" in str(caught.value)
    assert caught.value.retry_after is None
    with pytest.raises(QuotaExceeded):
        tasks.preview(ANN, coded("üx"))
    tasks.preview(ANN, coded("ü"))
    tasks.create(ANN, coded("ü"))
    assert held(ports)[0] == 2 * size
    assert TaskRow.select().count() == 2
    tasks.create(BOB, coded("ü"))


def test_an_update_may_grow_a_task_as_far_as_there_is_room_and_always_shrink_it(ports):
    size = records.definition_bytes(coded("x"))
    roomy, ports = ports, limited(ports, source_bytes=size + 10)
    updating = Updating(ports)
    view = Tasks(ports).create(ANN, coded("x"))

    def update(code: str):
        base = updating.read(ANN, view.task.task_id, "")
        return updating.update(ANN, base, "", coded(code))

    update("x" * 11)
    with pytest.raises(QuotaExceeded) as caught:
        update("x" * 12)
    assert caught.value.metadata["used"] == str(size + 10)
    base = Updating(roomy).read(ANN, view.task.task_id, "")
    assert base.definition.action.function_code == "x" * 11
    Updating(roomy).update(ANN, base, "", coded("x" * 100))
    update("x" * 99)
    assert held(ports) == really_held()


def test_of_many_that_create_at_once_as_many_succeed_as_there_is_room_for(ports):
    tasks = Tasks(limited(ports, source_bytes=5 * records.definition_bytes(coded("x")) + 3))

    def create() -> int:
        made = 0
        for _ in range(3):
            try:
                tasks.create(ANN, coded("x"))
            except QuotaExceeded:
                continue
            made += 1
        return made

    assert sum(at_once(ports.database, 6, create)) == 5
    assert held(ports)[0] == really_held()[0]


@pytest.mark.parametrize(
    "action",
    [
        CodeAction(function_code="x" * 5000, function_name="f", args=["a" * 900], kwargs={"k": "b" * 900}),
        HttpAction(url="https://a.example/", method="POST", headers={"h": "c" * 900}, data="d" * 5000, has_data=True),
    ],
)
def test_deleting_a_task_gives_its_source_back_and_a_repeated_creation_still_finds_it(ports, action):
    tasks = Tasks(ports)
    made = tasks.create(ANN, definition(action=action, metadata={"m": "e" * 900}), "r1", "d")
    assert held(ports)[0] > 5000
    tasks.delete(ANN, made.task.task_id)
    assert held(ports)[0] == really_held()[0] < 1500
    assert tasks.create(ANN, definition(action=action), "r1", "d").task.task_id == made.task.task_id


def test_a_run_that_ends_after_its_task_was_deleted_ends_as_ever(ports):
    view = Tasks(ports).create(ANN, definition())
    running = Running(ports, lease_seconds=30)
    claim = running.claim(view.last_execution.id, "w1")
    Tasks(ports).delete(ANN, view.task.task_id)
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert seen(ports, view).result_json == SUCCESS.result_json


def test_results_logs_and_arguments_count_and_retention_makes_room(ports):
    view = Tasks(ports).create(ANN, definition())
    ran(ports, view, replace(result(500), traceback="tü"), log="lög")
    before = held(ports)
    assert before == really_held()
    assert before[1] == len('[1]{"k":"ü"}'.encode()) - 4 + 500 + 3 + 4
    full = limited(ports, result_bytes=before[1])
    with pytest.raises(QuotaExceeded):
        Tasks(full).create(ANN, definition())
    age(ports, 31)
    clean(ports, KEEP)
    assert ExecutionRow.select().count() == 0
    assert held(ports) == (0, 0)
    Tasks(full).create(ANN, definition())


def test_the_log_alone_makes_room_where_it_is_kept_for_less_long(ports):
    view = Tasks(ports).create(ANN, definition())
    ran(ports, view, log="x" * 1000)
    age(ports, 8)
    clean(ports, Retention(logs=7 * DAY))
    assert LogRow.select().count() == 0
    assert held(ports) == really_held()
    assert held(ports)[1] < 1000


@pytest.mark.parametrize("schedule", [Schedule(), CRON])
def test_while_an_owner_is_at_its_limit_nothing_new_begins(ports, schedule):
    view = Tasks(ports).create(ANN, definition())
    ran(ports, view, result(1000))
    full = limited(ports, result_bytes=1000)
    used = str(held(ports)[1])
    for refused in (
        lambda: Tasks(full).create(ANN, definition(schedule=schedule)),
        lambda: Tasks(full).preview(ANN, definition(schedule=schedule)),
        lambda: Tasks(full).run(ANN, view.task.task_id),
        lambda: Registering(full).register(ANN, foreign()),
    ):
        with pytest.raises(QuotaExceeded) as caught:
            refused()
        assert caught.value.metadata == {"quota": "result_bytes", "limit": "1000", "used": used}
    assert ExecutionRow.select().count() == 1


def foreign() -> Registration:
    return Registration(task_id="t1", task_name="n", module="", owner=Owner("ann", "Ann"))


def test_firings_are_skipped_and_counted_while_an_owner_is_at_its_limit(ports, clock):
    view = Tasks(ports).create(ANN, definition())
    ran(ports, view, result(1000))
    task = Tasks(ports).create(ANN, definition(schedule=CRON)).task
    clock.sleep_until(task.next_run_at + 2 * SECOND)
    Firing(limited(ports, result_bytes=1000)).fire_due()
    after = Tasks(ports).get(ANN, task.task_id, full=False).task
    assert (after.fire_count, after.skipped_count) == (0, 3)


def test_a_run_that_ends_far_beyond_the_limit_keeps_its_status_and_says_what_is_missing(ports):
    first, second, third = (Tasks(ports).create(ANN, definition()) for _ in range(3))
    over = limited(ports, result_bytes=1000)
    ran(over, first, result(950))
    assert seen(ports, first).omission == ""
    ran(over, second, replace(result(500), traceback="t"))
    assert status(ports, ANN, second.task.task_id) is TaskStatus.SUCCESS
    detail = seen(ports, second)
    assert (detail.result_json, detail.traceback, detail.omission) == (None, "", OMISSION)
    assert detail.usage == SUCCESS.usage
    ran(over, third, result(20), log="x" * 200)
    assert (seen(ports, third).omission, seen(ports, third).result_json) == (OMISSION, result(20).result_json)
    assert ExecutionRow.get_by_id(third.last_execution.id).log_bytes == 0
    assert held(ports) == really_held()


def test_a_failure_stays_the_failure_that_it_was(ports):
    view = Tasks(ports).create(ANN, definition())
    failed = Outcome(status=ExecutionStatus.FAILURE, error="ValueError: no", traceback="t" * 5000)
    ran(limited(ports, result_bytes=100), view, failed)
    shown = Executions(ports).get(ANN, view.last_execution.id, full=True)
    assert (shown.execution.error, shown.execution.status) == ("ValueError: no", ExecutionStatus.FAILURE)
    assert (shown.detail.traceback, shown.detail.omission) == ("", OMISSION)


def test_what_one_thread_gathers_and_others_add_at_once_is_all_counted(ports):
    tasks = Tasks(ports)

    def work() -> None:
        for _ in range(5):
            tasks.create(ANN, definition())
            list(Cleaning(ports, KEEP).owner_bytes())

    at_once(ports.database, 4, work)
    list(Cleaning(ports, KEEP).owner_bytes())
    assert held(ports) == really_held()
    assert OwnerBytesRow.select().count() == 1


def test_what_was_there_before_is_counted_once(ports):
    view = Tasks(ports).create(ANN, definition(metadata={"m": "ü"}))
    Tasks(ports).create(BOB, definition())
    ran(ports, view, log="lög")
    before = held(ports), held(ports, "bob")
    engine = ports.database.engine
    with ports.database.write():
        counting = itertools.product((table for table, *_ in m0009_bytes._COUNTED), ("insert", "delete", "update"))
        for name in ("execution_bytes_owner", *(f"{table}_bytes_{change}" for table, change in counting)):
            if ports.database.is_sqlite:
                engine.execute_sql(f"DROP TRIGGER {name}")
            else:
                engine.execute_sql(f"DROP FUNCTION {name} CASCADE")
        engine.execute_sql("DROP TABLE owner_bytes")
        engine.execute_sql("ALTER TABLE execution DROP COLUMN omission")
        m0009_bytes.up(engine)
    assert (held(ports), held(ports, "bob")) == before


def test_room_for_waiting_executions_is_not_taken_for_room_for_others(ports, monkeypatch):
    monkeypatch.setattr(quotas, "_LONGEST", 1000.0)
    tasks = Tasks(limited(ports, tasks=1, queued=100_000_000))
    view = tasks.create(ANN, definition())
    tasks.run(ANN, view.task.task_id)
    with pytest.raises(QuotaExceeded):
        tasks.create(ANN, definition())


def test_while_there_is_much_room_no_bytes_are_counted(ports, monkeypatch):
    counted = []
    real = usage.stored
    monkeypatch.setattr(usage, "stored", lambda owner_id: (counted.append(owner_id), real(owner_id))[1])
    monkeypatch.setattr(quotas, "_LONGEST", 1000.0)
    tasks = Tasks(limited(ports, source_bytes=1 << 60))
    for _ in range(5):
        tasks.create(ANN, definition())
    assert counted == ["ann"]
