"""Whose turn it is: one owner's flood delays nobody, messages stand for whatever is ready, and each run is taken once."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition
from tests.conformance.store.test_usecases_publishing import let_time_pass, turns

from task_server.dispatch.publisher import Message
from task_server.domain.actions import ActionKind, HttpAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.schedule import Schedule
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks

HTTP = HttpAction(url="https://example.com/")


def sign_in(owner: str) -> Caller:
    return Caller(owner=Owner(owner, owner.title()), role=Role.EDITOR, token_id=owner)


def create(ports, owner: str, count: int = 1, **changes) -> list[str]:
    return [Tasks(ports).create(sign_in(owner), definition(**changes)).last_execution.id for _ in range(count)]


def owner_of(ports, execution_id: str) -> str:
    with ports.database.read():
        return ExecutionRow.get_by_id(execution_id).owner_id


def work_off(ports, publisher, running, worker: str = "w1") -> list[str]:
    """One place for all: whose runs are taken, one after the other, by following each message."""
    owners = []
    while publisher.messages:
        claim = running.claim(publisher.messages.pop(0).execution_id, worker)
        if claim is not None:
            assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
            owners.append(owner_of(ports, claim.execution_id))
    return owners


def test_behind_a_flood_a_single_run_of_another_owner_comes_within_two(ports, publisher, running):
    create(ports, "ann", 100)
    create(ports, "bob", 1)

    owners = work_off(ports, publisher, running)

    assert "bob" in owners[:2]
    assert Counter(owners) == {"ann": 100, "bob": 1}


def test_owners_with_many_runs_each_take_turns(ports, publisher, running):
    for owner in ("ann", "bob", "eve"):
        create(ports, owner, 20)
    owners = work_off(ports, publisher, running)
    for first in range(0, 60, 3):
        assert set(owners[first : first + 3]) == {"ann", "bob", "eve"}


def test_whoever_has_fewer_running_goes_first(ports, publisher, running):
    ids = create(ports, "ann", 6)
    taken = [running.claim(each, "w1") for each in ids[:3]]
    assert all(taken)
    create(ports, "bob", 5)
    owners = [owner_of(ports, running.claim(message, "w1").execution_id) for message in ids[3:]]
    assert owners == ["bob", "bob", "bob"]


def test_of_one_owner_what_was_ready_first_goes_first(ports, publisher, running):
    create(ports, "ann", 3)
    bobs = create(ports, "bob", 3)
    taken = [running.claim(message.execution_id, "w1").execution_id for message in publisher.messages]
    assert [each for each in taken if each in bobs] == bobs


def test_the_count_of_messages_stays_that_of_waiting_runs(ports, publisher, running):
    for owner in ("ann", "bob"):
        create(ports, owner, 10)
    for left in range(19, -1, -1):
        claim = running.claim(publisher.messages.pop(0).execution_id, "w1")
        running.finish(claim.execution_id, claim.attempt, SUCCESS)
        with ports.database.read():
            waiting = ExecutionRow.select().where(ExecutionRow.status == "PENDING").count()
        assert len(publisher.messages) == waiting == left


def test_a_message_whose_run_was_taken_stands_for_another_and_a_double_for_none(ports, publisher, running):
    first, second = create(ports, "ann", 2)
    assert running.claim(first, "w1").execution_id == first
    assert running.claim(first, "w1").execution_id == second
    assert running.claim(first, "w1") is None
    assert running.claim(second, "w1") is None


def test_what_is_delayed_held_or_in_another_queue_is_nobodys_turn(ports, publisher, running):
    create(ports, "bob", 3, schedule=Schedule(delay_seconds=3600))
    create(ports, "bob", 3, queue="other")
    (anns,) = create(ports, "ann")
    assert running.claim(anns, "w1").execution_id == anns
    assert running.claim(anns, "w1") is None


def test_a_worker_takes_only_kinds_that_it_runs_and_hands_on_messages_for_the_others(ports, publisher):
    http = Running(ports, lease_seconds=30, kinds={ActionKind.HTTP})
    code = create(ports, "bob", 2)
    (call,) = create(ports, "ann", action=HTTP)
    publisher.messages.clear()
    # Bob's code comes before Ann's call, but not here.
    assert http.claim(call, "w1").execution_id == call
    assert publisher.messages == []
    # The message stood for a run: whoever can run it hears of it.
    assert http.claim(call, "w1") is None
    assert publisher.messages == [Message(code[0], "default:code")]
    publisher.messages.clear()
    assert http.claim(code[1], "w1") is None
    assert publisher.messages == [Message(code[1], "default:code")]


def test_a_message_that_came_by_a_queue_of_others_takes_nothing_of_theirs(ports, publisher):
    running = Running(ports, lease_seconds=30, queues=("mine",))
    (moved, theirs) = create(ports, "ann", 2, queue="theirs")
    assert running.claim(moved, "w1").execution_id == moved
    assert running.claim(moved, "w1") is None
    assert Running(ports, lease_seconds=30, queues=("theirs",)).claim(moved, "w1").execution_id == theirs


def test_a_run_that_can_not_be_read_holds_up_nobody(ports, publisher, running, caplog):
    (broken,) = create(ports, "bob")
    with ports.database.write():
        parent = ExecutionRow.get_by_id(broken).parent_task
        TaskRow.update(definition="{}").where(TaskRow.task_id == parent).execute()
    anns = create(ports, "ann", 3)
    assert [running.claim(each, "w1").execution_id for each in anns] == anns
    assert [record.getMessage()[:32] for record in caplog.records] == ["an execution can not be read, an"]


def test_a_run_that_an_older_server_made_is_taken_when_it_is_due(ports, publisher, running):
    """It does not say when it is ready; whoever comes upon it notes it down."""
    (early,) = create(ports, "abe", schedule=Schedule(delay_seconds=3600))
    with ports.database.write():
        ExecutionRow.update(ready_at=0).execute()
    (anns,) = create(ports, "ann")
    assert running.claim(anns, "w1").execution_id == anns
    with ports.database.read():
        row = ExecutionRow.get_by_id(early)
    assert row.ready_at == row.due_at


def test_a_run_that_waits_after_a_loss_is_not_taken_in_anothers_turn(ports, publisher, running, clock):
    (lost,) = create(ports, "bob")
    assert Running(ports, lease_seconds=-1).claim(lost, "w1") is not None
    assert Rescuing(ports, max_lost_attempts=10).rescue() == 1
    anns = create(ports, "ann", 2)
    assert running.claim(anns[0], "w1").execution_id == anns[0]
    clock.sleep(2)
    assert running.claim(anns[1], "w1").execution_id == lost


def test_many_workers_take_each_run_once_and_leave_none(ports, publisher):
    for owner in ("ann", "bob", "eve"):
        create(ports, owner, 12)
    running = [Running(ports, lease_seconds=30) for _ in range(4)]
    lock, taken, number = threading.Lock(), [], iter(range(4))

    def work() -> None:
        with lock:
            mine = running[next(number)]
        while True:
            with lock:
                if not publisher.messages:
                    return
                message = publisher.messages.pop(0)
            claim = mine.claim(message.execution_id, threading.current_thread().name)
            if claim is None:
                continue
            with lock:
                taken.append(claim.execution_id)
            assert mine.finish(claim.execution_id, claim.attempt, SUCCESS)

    at_once(ports.database, 4, work)
    while len(taken) < 36:
        # A message may find its run's task locked, and another of its turn taken: then the scheduler publishes again.
        let_time_pass(ports)
        assert turns(Publishing(ports, publisher))
        at_once(ports.database, 1, lambda: _drain(running[0], publisher, taken))
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 36


def _drain(running, publisher, taken) -> None:
    while publisher.messages:
        claim = running.claim(publisher.messages.pop(0).execution_id, "w")
        if claim is not None:
            taken.append(claim.execution_id)
            assert running.finish(claim.execution_id, claim.attempt, SUCCESS)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_while_one_owner_waits_alone_a_claim_asks_once_more_than_before(ports, publisher, running, monkeypatch):
    (first, *_) = create(ports, "ann", 50)
    asked = []
    real = ports.database.engine.execute_sql
    monkeypatch.setattr(
        ports.database.engine, "execute_sql", lambda sql, *rest: (asked.append(sql), real(sql, *rest))[1]
    )
    assert running.claim(first, "w1") is not None
    looks = [sql for sql in asked if sql.startswith("SELECT")]
    assert len(looks) == 3, looks  # the run, whether others wait, the task
