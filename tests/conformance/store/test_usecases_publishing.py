"""What is published again, and what is not, against a broker that loses, doubles and keeps messages."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.conformance.store.engine_values import at_once, definition

from task_server.dispatch.publisher import MemoryPublisher, Message, PublishError
from task_server.domain.actions import ActionKind
from task_server.domain.clock import NEVER, SECOND
from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.domain.task import DEFAULT_QUEUE
from task_server.store import backlog
from task_server.store.statement import Statement
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.firing import Firing
from task_server.usecases.pausing import Pausing
from task_server.usecases.ports import Ports
from task_server.usecases.publishing import Publishing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks

FAILURE = Outcome(status=ExecutionStatus.FAILURE, error="no", failure_reason=FailureReason.EXCEPTION)


def create(ports, caller, count: int, **changes) -> list[str]:
    return [Tasks(ports).create(caller, definition(**changes)).last_execution.id for _ in range(count)]


def let_time_pass(ports, seconds: float = 6) -> None:
    """As if all that is stored had happened so much earlier."""
    with ports.database.write():
        ExecutionRow.update(
            due_at=ExecutionRow.due_at - round(seconds * SECOND),
            publish_after=ExecutionRow.publish_after - round(seconds * SECOND),
        ).where(ExecutionRow.publish_after < NEVER).execute()


def published(publisher) -> Counter[str]:
    return Counter(message.execution_id for message in publisher.messages)


def turns(publishing: Publishing) -> int:
    """What a scheduler does until there is nothing more to do; return in how many turns."""
    count = 0
    while publishing.publish_due() + publishing.bring_forward():
        count += 1
        assert count < 100, "it never comes to an end"
    return count


def test_what_its_maker_could_not_publish_is_published(ports, caller, publisher):
    ids = create(ports, caller, 3)
    publisher.messages.clear()
    assert Publishing(ports, publisher).publish_due() == 0  # its maker may be about to

    let_time_pass(ports)

    assert Publishing(ports, publisher).publish_due() == 3
    assert published(publisher) == Counter(ids)
    assert Publishing(ports, publisher).publish_due() == 0


def test_a_long_backlog_is_not_published_again(ports, caller, publisher):
    ids = create(ports, caller, 20)
    publishing = Publishing(ports, publisher)

    for _ in range(100):
        let_time_pass(ports, 10)
        turns(publishing)

    assert published(publisher) == Counter(ids)


def test_of_a_backlog_as_many_are_published_as_are_missing_and_the_oldest(ports, caller, publisher):
    ids = create(ports, caller, 10)
    del publisher.messages[:3]
    let_time_pass(ports)

    turns(Publishing(ports, publisher))

    assert [message.execution_id for message in publisher.messages] == ids[3:] + ids[:3]


def test_each_queue_is_counted_by_itself(ports, caller, publisher):
    full, lost = create(ports, caller, 5, queue="full"), create(ports, caller, 5, queue="lost")
    publisher.messages[:] = [message for message in publisher.messages if message.queue == "full"] * 3
    let_time_pass(ports)

    turns(Publishing(ports, publisher))

    assert published(publisher) == Counter(full * 3 + lost)


def test_what_was_handed_on_is_not_published_again_until_it_is_lost(ports, caller, publisher):
    ids = create(ports, caller, 20)
    uncaged = Running(ports, lease_seconds=30, kinds={ActionKind.HTTP})
    publisher.messages.clear()
    for execution_id in ids:
        uncaged.claim(execution_id, "w1")
    handed_on = list(publisher.messages)
    publishing = Publishing(ports, publisher)

    for _ in range(100):
        let_time_pass(ports, 10)
        turns(publishing)
    assert publisher.messages == handed_on

    publisher.messages.clear()
    let_time_pass(ports, 10)
    turns(Publishing(ports, publisher))
    assert published(publisher) == Counter(ids)


def test_a_flush_is_healed_although_all_was_put_off(ports, caller, publisher):
    ids = create(ports, caller, 30)
    let_time_pass(ports)
    turns(Publishing(ports, publisher))
    assert Firing(ports).next_due() > ports.database.now() + 60 * SECOND

    publisher.messages.clear()
    late = create(ports, caller, 2)  # whose messages are in the queue
    turns(Publishing(ports, publisher))

    assert published(publisher) == Counter(ids + late)


def test_a_message_that_is_on_its_way_lets_no_older_one_be_doubled(ports, caller, publisher):
    ids = create(ports, caller, 5)
    let_time_pass(ports)
    publishing = Publishing(ports, publisher)
    turns(publishing)

    lost = create(ports, caller, 1)
    del publisher.messages[5:]
    assert Publishing(ports, publisher).bring_forward() == 0
    let_time_pass(ports)
    turns(publishing)

    assert published(publisher) == Counter(ids + lost)


def test_what_was_put_off_is_counted_once_in_republish_after_seconds(ports, caller, publisher):
    create(ports, caller, 3)
    let_time_pass(ports)
    publishing = Publishing(ports, publisher)
    turns(publishing)

    publisher.messages.clear()

    assert publishing.bring_forward() == 0
    assert Publishing(ports, publisher).bring_forward() == 3


def test_a_backlog_of_any_size_goes_in_batches(ports, caller, publisher):
    create(ports, caller, 1)
    with ports.database.write():
        (row,) = ExecutionRow.select().dicts()
        copies = [row | {"id": f"{row['id']}-{number}", "task_id": f"{number}"} for number in range(1200)]
        for first in range(0, len(copies), 200):
            ExecutionRow.insert_many(copies[first : first + 200]).execute()
    publisher.messages.clear()
    let_time_pass(ports)
    publishing = Publishing(ports, publisher)

    assert [publishing.publish_due() for _ in range(4)] == [500, 500, 201, 0]
    assert set(published(publisher).values()) == {1}


def test_delayed_and_held_runs_are_neither_published_nor_missed(ports, caller, publisher):
    create(ports, caller, 1, schedule=Schedule(delay_seconds=3600))
    (held,) = create(ports, caller, 1)
    publisher.messages.clear()
    with ports.database.write():
        ExecutionRow.update(publish_after=NEVER).where(ExecutionRow.id == held).execute()
    let_time_pass(ports, 60)

    assert turns(Publishing(ports, publisher)) == 0
    assert publisher.messages == []


def test_a_delayed_run_is_published_at_its_time_however_deep_the_queue(ports, caller, publisher):
    create(ports, caller, 5)
    (delayed,) = create(ports, caller, 1, schedule=Schedule(delay_seconds=5))
    publisher.messages *= 3
    let_time_pass(ports)

    turns(Publishing(ports, publisher))

    assert published(publisher)[delayed] == 1


def test_many_schedulers_publish_each_run_once(ports, caller, publisher):
    ids = create(ports, caller, 40)
    publisher.messages.clear()
    let_time_pass(ports)

    at_once(ports.database, 4, lambda: turns(Publishing(ports, publisher)))

    assert published(publisher) == Counter(ids)


class Away:
    """A broker that is away, or goes away between the count and the messages."""

    def __init__(self, publisher, depth: int | None) -> None:
        self._publisher = publisher
        self._depth = depth

    def depth(self, queue: str) -> int:
        if self._depth is None:
            raise PublishError("connection refused")
        return self._depth

    def publish_many(self, messages) -> None:
        raise PublishError("connection refused")


@pytest.mark.parametrize("depth", [None, 0])
def test_what_the_broker_did_not_take_is_published_as_soon_as_it_is_back(ports, caller, publisher, depth):
    ids = create(ports, caller, 3) + create(ports, caller, 2, schedule=Schedule(delay_seconds=5))
    publisher.messages.clear()
    let_time_pass(ports)
    for _ in range(3):
        with pytest.raises(PublishError):
            Publishing(ports, Away(publisher, depth)).publish_due()
        assert Publishing(ports, Away(publisher, None)).bring_forward() == 0
    assert Firing(ports).next_due() <= ports.database.now()

    turns(Publishing(ports, publisher))

    assert published(publisher) == Counter(ids)


@pytest.mark.parametrize("moves", ["hold", "retry"])
def test_what_was_moved_while_the_broker_refused_it_is_left_as_it_is(ports, caller, publisher, running, clock, moves):
    view = Tasks(ports).create(caller, definition(retry_policy=RetryPolicy(max_retries=1, initial_backoff=600.0)))
    clock.sleep(6)

    class Refusing(MemoryPublisher):
        def publish_many(self, messages) -> None:
            if moves == "hold":
                Pausing(ports).pause(caller, view.task.task_id)
            else:  # an earlier message of it is there, after all
                claim = running.claim(view.last_execution.id, "w1")
                running.finish(claim.execution_id, claim.attempt, FAILURE)
            raise PublishError("connection refused")

    with pytest.raises(PublishError):
        Publishing(ports, Refusing()).publish_due()

    publisher.messages.clear()
    assert Firing(ports).next_due() == (NEVER if moves == "hold" else clock.now + 600 * SECOND)
    assert Publishing(ports, publisher).publish_due() == 0
    assert publisher.messages == []


def test_a_run_that_lost_its_worker_waits_although_nothing_is_in_its_queue(ports, caller, publisher, clock):
    """What was put off and has no message is brought forward; this has no message because it waits."""
    (lost,) = create(ports, caller, 1)
    for _ in range(5):
        assert Running(ports, lease_seconds=-1).claim(lost, "w1") is not None
        assert Rescuing(ports, max_lost_attempts=10).rescue() == 1
    publisher.messages.clear()
    publishing = Publishing(ports, publisher)

    for _ in range(3):
        assert turns(publishing) == 0
        publishing = Publishing(ports, publisher)
        clock.sleep(5)
    assert publisher.messages == []

    clock.sleep(2)
    turns(publishing)
    assert published(publisher) == Counter([lost])


def test_a_run_that_lost_its_worker_is_brought_forward_once_strange_messages_are_gone(ports, caller, publisher, clock):
    (lost,) = create(ports, caller, 1)
    Running(ports, lease_seconds=-1).claim(lost, "w1")
    Rescuing(ports, max_lost_attempts=10).rescue()
    publisher.messages[:] = [Message("another", DEFAULT_QUEUE)] * 3
    clock.sleep(2)
    turns(Publishing(ports, publisher))
    assert published(publisher) == Counter({"another": 3})

    publisher.messages.clear()
    clock.sleep(5)
    turns(Publishing(ports, publisher))
    assert published(publisher) == Counter([lost])


def test_what_comes_due_between_the_count_and_its_turn_waits_for_the_next_count(ports, caller, publisher):
    early, late = create(ports, caller, 2, queue="early"), create(ports, caller, 2, queue="late")
    publisher.messages.clear()
    with ports.database.write():
        ExecutionRow.update(publish_after=ports.database.now()).where(ExecutionRow.queue == "early").execute()

    class Slow(MemoryPublisher):
        def depth(self, queue: str) -> int:
            let_time_pass(ports)
            return super().depth(queue)

    assert Publishing(ports, Slow()).publish_due() == len(early)
    turns(Publishing(ports, publisher))

    assert set(late) <= published(publisher).keys()


def test_a_run_that_was_claimed_meanwhile_is_left_alone(ports, caller, publisher, running):
    (taken,) = create(ports, caller, 1)
    let_time_pass(ports)
    running.claim(taken, "w1")

    with ports.database.write():
        now = ports.database.now()
        backlog.announce([taken], now)
        backlog.look_again([taken], now)
        columns = Statement("SELECT publish_count, publish_after FROM execution").one()

    assert tuple(columns) == (0, columns[1])
    assert columns[1] < now


def test_the_wait_of_republish_after_seconds_is_kept(ports, caller, publisher):
    create(ports, caller, 1)
    publisher.messages.clear()
    slow = Ports(database=ports.database, publisher=publisher, bell=ports.bell, republish_after_seconds=60)
    let_time_pass(ports)
    assert Publishing(slow, publisher).publish_due() == 1

    publisher.messages.clear()
    let_time_pass(ports, 50)
    assert turns(Publishing(slow, publisher)) == 0
    let_time_pass(ports, 15)
    assert Publishing(slow, publisher).publish_due() == 1
