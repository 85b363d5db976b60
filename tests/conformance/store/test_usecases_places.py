"""Places: no more run at once, or start in a while, than a key, a queue or an owner has places for; and none is lost."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import REVOKED, SUCCESS, at_once, definition
from tests.conformance.store.test_usecases_publishing import let_time_pass, turns
from tests.conformance.store.test_usecases_turns import create, owner_of, sign_in

from task_server.domain.clock import NEVER
from task_server.domain.outcome import Outcome
from task_server.domain.places import Places, StartRate
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.limits import StartRateRow
from task_server.usecases.calling import Calling
from task_server.usecases.expiring import Expiring
from task_server.usecases.limits import Limits
from task_server.usecases.pausing import Pausing
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

FAILURE = Outcome(status=ExecutionStatus.FAILURE, error="no", failure_reason=FailureReason.EXCEPTION)
KEY = {"concurrency_key": "k", "max_concurrent": 1}


def claim_all(running, ids) -> list[str]:
    """Which runs are taken by following a message for each."""
    return [claim.execution_id for each in ids if (claim := running.claim(each, "w1")) is not None]


def waits_for(ports, execution_id: str) -> str:
    with ports.database.read():
        return ExecutionRow.get_by_id(execution_id).waits_for


def told(publisher) -> list[str]:
    ids = [message.execution_id for message in publisher.messages]
    publisher.messages.clear()
    return ids


def test_of_one_key_one_runs_and_the_next_is_called_when_it_ends(ports, publisher, running):
    ids = create(ports, "ann", 4, **KEY)
    told(publisher)
    assert claim_all(running, ids) == ids[:1]
    assert [waits_for(ports, each) for each in ids] == ["", *["key:3:ann:k"] * 3]
    assert told(publisher) == []
    for number, each in enumerate(ids):
        running.finish(each, 1, SUCCESS)
        following = ids[number + 1 : number + 2]
        assert told(publisher) == following
        assert claim_all(running, following) == following


def test_a_key_is_its_owners_own_and_other_keys_have_places_of_their_own(ports, running):
    ids = [
        *create(ports, "ann", 1, **KEY),
        *create(ports, "bob", 1, **KEY),
        *create(ports, "ann", 1, concurrency_key="other", max_concurrent=1),
        *create(ports, "ann", 2),
    ]
    assert sorted(claim_all(running, ids)) == sorted(ids)


def test_no_owners_key_can_pass_for_anothers(ports, running):
    ids = [
        *create(ports, "a", 1, concurrency_key="b:c", max_concurrent=1),
        *create(ports, "a:b", 1, concurrency_key="c", max_concurrent=1),
    ]
    assert sorted(claim_all(running, ids)) == sorted(ids)


@pytest.mark.parametrize("end", ["fails", "is stopped", "is lost", "is released"])
def test_whatever_ends_an_attempt_frees_its_place(ports, publisher, running, clock, end):
    ids = create(ports, "ann", 2, **KEY)
    lease = Running(ports, lease_seconds=-1 if end == "is lost" else 30)
    assert claim_all(lease, ids) == ids[:1]
    told(publisher)
    if end == "fails":
        running.finish(ids[0], 1, FAILURE)
    elif end == "is stopped":
        running.finish(ids[0], 1, REVOKED)
    elif end == "is lost":
        Rescuing(ports, max_lost_attempts=1).rescue()
    else:
        running.release(ids[0], 1)
    assert ids[1] in told(publisher)
    assert claim_all(running, ids[1:]) == ids[1:]


def test_a_run_that_is_tried_again_waits_behind_who_was_called(ports, publisher, running, clock):
    ids = create(ports, "ann", 2, **KEY, retry_policy=RetryPolicy(max_retries=1, initial_backoff=1.0))
    claim_all(running, ids)
    running.finish(ids[0], 1, FAILURE)
    clock.sleep(2)
    # Its place is kept for the other one, although that has not begun.
    assert claim_all(running, ids[:1]) == [ids[1]] or claim_all(running, ids[1:]) == [ids[1]]
    running.finish(ids[1], 1, SUCCESS)
    assert claim_all(running, ids[:1]) == ids[:1]


def test_a_new_run_does_not_overtake_one_that_was_called(ports, publisher, running):
    ids = create(ports, "ann", 2, **KEY)
    claim_all(running, ids)
    running.finish(ids[0], 1, SUCCESS)
    (late,) = create(ports, "ann", 1, **KEY)
    assert running.claim(late, "w1") is None
    assert waits_for(ports, late)
    assert claim_all(running, ids[1:]) == ids[1:]


def test_a_queue_has_places_for_all_owners_together_which_they_take_in_turn(ports, publisher):
    ports = replace(ports, limits=Limits({"reports": Places(2)}))
    running = Running(ports, lease_seconds=30)
    ids = create(ports, "ann", 10, queue="reports") + create(ports, "bob", 3, queue="reports")
    free = create(ports, "eve", 3)
    told(publisher)
    begun = claim_all(running, ids)
    assert len(begun) == 2
    assert claim_all(running, free) == free
    order = []
    while begun:
        running.finish(begun.pop(0), 1, SUCCESS)
        following = told(publisher)
        order += [owner_of(ports, each) for each in following]
        assert len(begun) < 2
        begun += claim_all(running, following)
    assert order[:6].count("bob") >= 2
    assert len(order) == 11


def test_an_owner_has_places_in_all_queues_together(ports, publisher):
    ports = replace(ports, limits=Limits(quotas=Quotas(Quota(running=2), {"vip": Quota(running=5)})))
    running = Running(ports, lease_seconds=30)
    ids = create(ports, "ann", 2) + create(ports, "ann", 2, queue="other")
    told(publisher)
    begun = claim_all(running, ids)
    assert len(begun) == 2
    assert len(claim_all(running, create(ports, "vip", 6))) == 5
    told(publisher)
    running.finish(begun[0], 1, SUCCESS)
    assert len(told(publisher)) == 1


def test_starts_are_as_often_as_the_rate_says_and_in_order(ports, publisher, running, clock):
    ids = create(ports, "ann", 6, concurrency_key="k", max_concurrent=100, start_rate=StartRate(2, 10.0))
    told(publisher)
    assert claim_all(running, ids) == ids[:2]
    begun = ids[:2]
    for expected in ids[2:]:
        Calling(ports).call_waiting()
        assert claim_all(running, ids[len(begun) :]) == []
        clock.sleep(4.9)
        turns(Publishing(ports, publisher))
        assert [each for each in told(publisher) if each in ids[len(begun) :]] == []
        clock.sleep(0.1)
        turns(Publishing(ports, publisher))
        assert told(publisher) == [expected]
        assert claim_all(running, [expected]) == [expected]
        begun.append(expected)


def test_the_scheduler_is_woken_for_who_may_start_later(ports, rings, running):
    ids = create(ports, "ann", 2, concurrency_key="k", max_concurrent=9, start_rate=StartRate(1, 10.0))
    rings.clear()
    assert claim_all(running, ids) == ids[:1]
    assert rings


def test_buckets_that_are_full_are_forgotten(ports, running, clock):
    ids = create(ports, "ann", 2, concurrency_key="k", max_concurrent=9, start_rate=StartRate(1, 10.0))
    claim_all(running, ids)
    assert StartRateRow.select().count() == 1
    clock.sleep(4000)
    with ports.database.write():
        ExecutionRow.update(ready_at=NEVER).where(ExecutionRow.id == ids[1]).execute()
    Calling(ports).call_waiting()
    assert StartRateRow.select().count() == 0


def test_nothing_is_lost_if_the_process_dies_before_it_tells_who_was_called(ports, publisher, running):
    ids = create(ports, "ann", 2, **KEY)
    claim_all(running, ids)
    running.finish(ids[0], 1, SUCCESS)
    publisher.messages.clear()  # it was never sent
    let_time_pass(ports)
    turns(Publishing(ports, publisher))
    assert told(publisher) == ids[1:]


def test_what_waits_for_a_place_is_neither_published_nor_missed(ports, publisher, running):
    ids = create(ports, "ann", 5, **KEY)
    claim_all(running, ids)
    publisher.messages.clear()
    let_time_pass(ports, 60)
    assert turns(Publishing(ports, publisher)) == 0
    assert publisher.messages == []


@pytest.mark.parametrize("gone", ["stopped", "paused", "expired"])
def test_a_place_that_was_kept_for_who_does_not_come_is_given_on(ports, publisher, running, clock, gone):
    views = [
        Tasks(ports).create(sign_in("ann"), definition(**KEY, deadline_seconds=5.0 if number == 1 else 0.0))
        for number in range(3)
    ]
    ids = [view.last_execution.id for view in views]
    claim_all(running, ids)
    running.finish(ids[0], 1, SUCCESS)
    if gone == "stopped":
        Stopping(ports).stop(sign_in("ann"), views[1].task.task_id)
    elif gone == "paused":
        Pausing(ports).pause(sign_in("ann"), views[1].task.task_id)
    else:
        clock.sleep(6)
        assert Expiring(ports).expire() == 1
    told(publisher)
    assert Calling(ports).call_waiting() == 1
    assert told(publisher) == ids[2:]
    assert claim_all(running, ids[2:]) == ids[2:]
    assert Calling(ports).call_waiting() == 0


def test_a_limit_that_is_raised_or_taken_away_lets_go_what_waits(ports, publisher):
    narrow = replace(ports, limits=Limits({"default": Places(1)}))
    ids = create(ports, "ann", 4)
    assert len(claim_all(Running(narrow, lease_seconds=30), ids)) == 1
    told(publisher)
    assert Calling(replace(ports, limits=Limits({"default": Places(3)}))).call_waiting() == 2
    assert Calling(ports).call_waiting() == 1
    assert sorted(claim_all(Running(ports, lease_seconds=30), told(publisher))) == sorted(ids[1:])


def test_a_run_that_is_resumed_or_updated_asks_anew(ports, publisher, running):
    views = [Tasks(ports).create(sign_in("ann"), definition(**KEY)) for _ in range(3)]
    ids = [view.last_execution.id for view in views]
    claim_all(running, ids)
    Pausing(ports).pause(sign_in("ann"), views[1].task.task_id)
    told(publisher)
    Pausing(ports).resume(sign_in("ann"), views[1].task.task_id)
    assert told(publisher) == [ids[1]]
    assert claim_all(running, [ids[1]]) == []
    assert waits_for(ports, ids[1])

    freed = definition(concurrency_key="", max_concurrent=0)
    Updating(ports).update(sign_in("ann"), views[2].task, "", freed)
    assert told(publisher) == [ids[2]]
    assert claim_all(running, [ids[2]]) == [ids[2]]


def update(ports, view, **changes) -> None:
    """Have a task's key, number and rate as given; none where nothing is."""
    changed = replace(view.task.definition, **changes)
    assert Updating(ports).update(sign_in("ann"), view.task, "", changed) is not None


@pytest.mark.parametrize("limit", [{"max_concurrent": 1}, {"start_rate": StartRate(1, 3600.0)}])
def test_a_key_that_is_taken_from_what_waits_lets_it_go(ports, publisher, running, limit):
    views = [Tasks(ports).create(sign_in("ann"), definition(concurrency_key="k", **limit)) for _ in range(3)]
    ids = [view.last_execution.id for view in views]
    assert claim_all(running, ids) == ids[:1]
    told(publisher)
    for number in (1, 2):
        update(ports, views[number], concurrency_key="", max_concurrent=0, start_rate=None)
        assert told(publisher) == [ids[number]]
        assert claim_all(running, [ids[number]]) == [ids[number]]


def test_a_key_that_is_taken_from_what_runs_still_frees_its_place_at_the_end(ports, publisher, running):
    views = [Tasks(ports).create(sign_in("ann"), definition(**KEY)) for _ in range(2)]
    ids = [view.last_execution.id for view in views]
    assert claim_all(running, ids) == ids[:1]
    update(ports, views[0], concurrency_key="", max_concurrent=0)
    assert claim_all(running, ids[1:]) == []
    told(publisher)
    running.finish(ids[0], 1, SUCCESS)
    assert told(publisher) == ids[1:]
    assert claim_all(running, ids[1:]) == ids[1:]


def test_a_key_that_is_taken_from_who_was_called_gives_its_place_on(ports, publisher, running):
    views = [Tasks(ports).create(sign_in("ann"), definition(**KEY)) for _ in range(3)]
    ids = [view.last_execution.id for view in views]
    claim_all(running, ids)
    running.finish(ids[0], 1, SUCCESS)
    update(ports, views[1], concurrency_key="", max_concurrent=0)
    told(publisher)
    assert Calling(ports).call_waiting() == 1
    assert told(publisher) == ids[2:]
    assert claim_all(running, ids[1:]) == ids[1:]


def test_a_number_that_is_raised_or_lowered_holds_from_then_on(ports, publisher, running):
    two = {"concurrency_key": "k", "max_concurrent": 2}
    views = [Tasks(ports).create(sign_in("ann"), definition(**two)) for _ in range(5)]
    ids = [view.last_execution.id for view in views]
    assert claim_all(running, ids) == ids[:2]
    told(publisher)
    update(ports, views[2], max_concurrent=3)
    assert told(publisher) == [ids[2]]
    assert claim_all(running, [ids[2]]) == [ids[2]]
    update(ports, views[3], max_concurrent=1)
    assert told(publisher) == [ids[3]]
    assert claim_all(running, [ids[3]]) == []
    for each in ids[:2]:
        running.finish(each, 1, SUCCESS)
        assert told(publisher) == []
    running.finish(ids[2], 1, SUCCESS)
    # By its own number the last one may begin beside one other.
    assert told(publisher) == ids[3:]
    assert claim_all(running, ids[3:]) == ids[3:]


def test_a_delayed_run_that_finds_no_place_waits_for_one_then(ports, running, publisher, clock):
    (early,) = create(ports, "ann", 1, **KEY)
    (late,) = create(ports, "ann", 1, **KEY, schedule=Schedule(delay_seconds=5))
    assert claim_all(running, [early]) == [early]
    clock.sleep(6)
    assert claim_all(running, [late]) == []
    running.finish(early, 1, SUCCESS)
    assert claim_all(running, [late]) == [late]


def test_those_who_need_each_others_places_do_not_give_them_up_to_each_other_for_ever(ports, publisher):
    """Nothing runs, and of two scopes with a place each the key's is kept for one run, the owner's for another: one begins."""
    ports = replace(ports, limits=Limits(quotas=Quotas(Quota(running=1))))
    running = Running(ports, lease_seconds=30)
    (plain,) = create(ports, "ann", 1)
    early = create(ports, "ann", 3, **KEY)
    assert claim_all(running, [plain, *early]) == [plain]
    assert {waits_for(ports, each) for each in early} == {"owner:ann"}
    told(publisher)
    running.finish(plain, 1, SUCCESS)
    assert claim_all(running, told(publisher)) == early[:1]
    late = create(ports, "ann", 2, **KEY)
    assert claim_all(running, late) == []
    assert {waits_for(ports, each) for each in late} == {"key:3:ann:k"}
    told(publisher)
    running.finish(early[0], 1, SUCCESS)
    done = early[:1]
    for _ in range(20):
        for begun in claim_all(running, told(publisher)):
            assert running.finish(begun, 1, SUCCESS)
            done.append(begun)
    assert sorted(done) == sorted([*early, *late])


def test_who_was_called_and_finds_its_place_taken_is_called_again_when_that_ends(ports, publisher, running):
    """Two tasks give one key different numbers: what begins beside the other takes the place that was kept."""
    ids = create(ports, "ann", 2, **KEY)
    (wide,) = create(ports, "ann", 1, concurrency_key="k", max_concurrent=2)
    claim_all(running, ids)
    running.finish(ids[0], 1, SUCCESS)
    assert claim_all(running, [wide]) == [wide]
    assert claim_all(running, [ids[1]]) == []
    told(publisher)
    running.finish(wide, 1, SUCCESS)
    assert told(publisher) == [ids[1]]
    assert claim_all(running, [ids[1]]) == [ids[1]]


def test_a_place_is_kept_for_a_minute_for_who_no_worker_takes(ports, publisher, clock):
    ports = replace(ports, limits=Limits(quotas=Quotas(Quota(running=1))))
    running = Running(ports, lease_seconds=300)
    ids = [*create(ports, "ann", 1), *create(ports, "ann", 1, queue="abandoned"), *create(ports, "ann", 1)]
    assert claim_all(running, ids) == ids[:1]
    told(publisher)
    running.finish(ids[0], 1, SUCCESS)
    assert told(publisher) == [ids[1]]
    clock.sleep(59)
    assert Calling(ports).call_waiting() == 0
    clock.sleep(1)
    assert Calling(ports).call_waiting() == 1
    assert claim_all(running, told(publisher)) == ids[2:]
    # The other one comes after all: never are there more than places.
    assert claim_all(running, [ids[1]]) == []
    running.finish(ids[2], 1, SUCCESS)
    assert claim_all(running, told(publisher)) == [ids[1]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_however_many_claim_and_finish_at_once_there_are_never_more_than_places(ports, publisher, seed):
    ports = replace(ports, limits=Limits({"default": Places(3)}, Quotas(Quota(running=2))))
    keys = [{}, KEY, {"concurrency_key": "two", "max_concurrent": 2}]
    chance = random.Random(seed)
    ids = [create(ports, chance.choice(["ann", "bob"]), 1, **chance.choice(keys))[0] for _ in range(24)]
    lock, held, done, most = threading.Lock(), [], [], []

    def look() -> None:
        with ports.database.read():
            rows = list(ExecutionRow.select().where(ExecutionRow.status == "STARTED"))
        by_owner = [sum(row.owner_id == owner for row in rows) for owner in ("ann", "bob")]
        by_key = [sum((row.owner_id, row.concurrency_key) == (o, "k") for row in rows) for o in ("ann", "bob")]
        most.append((len(rows), max(by_owner), max(by_key)))

    def work() -> None:
        running = Running(ports, lease_seconds=30)
        for _ in range(400):
            with lock:
                message = publisher.messages.pop(0) if publisher.messages else None
                last = held.pop() if held and (message is None or len(held) > 3) else None
            if message is None and last is None:
                if len(done) == len(ids):
                    return
                Calling(ports).call_waiting()
                continue
            if message is not None and (claim := running.claim(message.execution_id, "w")) is not None:
                with lock:
                    held.append(claim)
                look()
            if last is not None:
                assert running.finish(last.execution_id, last.attempt, SUCCESS)
                with lock:
                    done.append(last.execution_id)

    at_once(ports.database, 4, work)
    for _ in range(30):
        if len(done) == len(ids):
            break
        let_time_pass(ports)
        turns(Publishing(ports, publisher))
        at_once(ports.database, 1, work)
    assert sorted(done) == sorted(ids)
    assert max(total for total, _, _ in most) <= 3
    assert max(owner for _, owner, _ in most) <= 2
    assert max(key for _, _, key in most) <= 1
