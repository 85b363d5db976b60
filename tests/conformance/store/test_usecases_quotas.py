"""Quotas: an owner has no more tasks, schedules and waiting executions than it may, however many create at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition, status
from tests.conformance.store.test_usecases_turns import sign_in

from task_server.domain.clock import SECOND
from task_server.domain.errors import QuotaExceeded
from task_server.domain.quotas import Quota, Quotas, read_quotas
from task_server.domain.schedule import Schedule
from task_server.domain.status import TaskStatus
from task_server.store import usage
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases import quotas
from task_server.usecases.firing import Firing
from task_server.usecases.limits import Limits
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

CRON = Schedule(cron_expression="* * * * * *")
ANN, BOB = sign_in("ann"), sign_in("bob")


def limited(ports, **most):
    return replace(ports, limits=Limits(quotas=Quotas(Quota(**most))))


@pytest.mark.parametrize(
    ("quota", "changes"),
    [
        ("tasks", {}),
        ("queued", {}),
        ("queued", {"queue": "other"}),
        ("queued", {"schedule": Schedule(delay_seconds=60)}),
        ("tasks", {"schedule": CRON}),
        ("schedules", {"schedule": CRON}),
    ],
)
def test_the_last_one_fits_and_one_more_is_refused_with_nothing_left_behind(ports, quota, changes):
    tasks = Tasks(limited(ports, **{quota: 2}))
    for _ in range(2):
        tasks.create(ANN, definition(**changes))
    with pytest.raises(QuotaExceeded) as caught:
        tasks.create(ANN, definition(**changes))
    assert caught.value.metadata == {"quota": quota, "limit": "2", "used": "2"}
    assert (caught.value.retry_after is None) == (quota == "schedules")
    assert TaskRow.select().count() == 2
    tasks.create(BOB, definition(**changes))


def test_what_has_ended_or_begun_makes_room(ports):
    ports = limited(ports, tasks=3, queued=1)
    tasks, running = Tasks(ports), Running(ports, lease_seconds=30)
    first = tasks.create(ANN, definition())
    claim = running.claim(first.last_execution.id, "w1")
    second = tasks.create(ANN, definition())
    Stopping(ports).stop(ANN, second.task.task_id)
    tasks.create(ANN, definition())
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, ANN, first.task.task_id) is TaskStatus.SUCCESS
    with pytest.raises(QuotaExceeded):
        tasks.run(ANN, first.task.task_id)
    with ports.database.read():
        assert (usage.alive("ann"), usage.queued("ann")) == ((1, 0), 1)


def test_a_creation_that_is_repeated_finds_its_task_also_where_there_is_no_room(ports):
    tasks = Tasks(limited(ports, tasks=1))
    made = tasks.create(ANN, definition(), "r1", "d")
    assert tasks.create(ANN, definition(), "r1", "d").task.task_id == made.task.task_id
    with pytest.raises(QuotaExceeded):
        tasks.create(ANN, definition(), "r2", "d")


def test_of_many_that_create_at_once_as_many_succeed_as_there_is_room_for(ports):
    tasks = Tasks(limited(ports, tasks=5))

    def create() -> int:
        made = 0
        for _ in range(3):
            try:
                tasks.create(ANN, definition())
            except QuotaExceeded:
                continue
            made += 1
        return made

    assert sum(at_once(ports.database, 6, create)) == 5
    assert TaskRow.select().count() == 5


def test_while_there_is_much_room_nothing_is_counted(ports, monkeypatch):
    counted = []
    real = usage.alive
    monkeypatch.setattr(usage, "alive", lambda owner_id: (counted.append(owner_id), real(owner_id))[1])
    monkeypatch.setattr(quotas, "_LONGEST", 1000.0)
    tasks = Tasks(limited(ports, tasks=100_000_000))
    for _ in range(5):
        tasks.create(ANN, definition())
    assert counted == ["ann"]


def test_a_firing_beyond_what_may_wait_is_skipped_and_counted(ports, clock):
    ports = limited(ports, queued=2)
    task = Tasks(ports).create(ANN, definition(schedule=CRON)).task
    clock.sleep_until(task.next_run_at + 4 * SECOND)
    Firing(ports).fire_due()
    after = Tasks(ports).get(ANN, task.task_id, full=False).task
    assert (after.fire_count, after.skipped_count) == (2, 3)
    assert after.next_run_at > clock.now
    assert ExecutionRow.select().count() == 2


def test_some_owners_have_other_quotas() -> None:
    found = read_quotas(Quota(tasks=5, running=1), ["li=tasks:7+queued:0", "a=b=running:9"])
    assert found.of("li") == Quota(tasks=7, running=1)
    assert found.of("a=b") == Quota(tasks=5, running=9)
    assert found.of("else") == Quota(tasks=5, running=1)


@pytest.mark.parametrize(
    "text", ["", "li", "li=", "=tasks:1", "li=colour:1", "li=tasks:-1", "li=tasks:1+", "li=tasks=1"]
)
def test_what_is_no_quota_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as li=tasks"):
        read_quotas(Quota(), [text])
