"""Publishing: what reaches the broker, and what a broker that is away costs."""

from __future__ import annotations

import base64
import json
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.hint import EXECUTE
from task_server.dispatch.publisher import (
    BackgroundPublisher,
    CeleryPublisher,
    MemoryPublisher,
    Message,
    Publisher,
    PublishError,
)


@pytest.fixture
def publisher(broker) -> Iterator[CeleryPublisher]:
    publisher = CeleryPublisher(make_app(Settings(broker_url=broker.url)))
    yield publisher
    publisher.close()


@pytest.fixture(params=["celery", "memory"])
def any_publisher(request) -> Publisher:
    return request.getfixturevalue("publisher") if request.param == "celery" else MemoryPublisher()


def connect(broker) -> redis.Redis:
    return redis.Redis.from_url(broker.url.replace("redis+socket", "unix"))


def held(broker, queue: str) -> list[str]:
    """The executions whose messages a queue holds, the first to be taken first."""
    with connect(broker) as raw:
        bodies = [base64.b64decode(json.loads(text)["body"]) for text in reversed(raw.lrange(queue, 0, -1))]
    return [json.loads(body)[0][0] for body in bodies]


def test_a_queue_is_as_deep_as_it_has_messages(any_publisher):
    assert any_publisher.depth("default") == 0

    any_publisher.publish(Message("e1", "default"))
    any_publisher.publish_many([Message("e2", "default"), Message("e3", "reports"), Message("e4", "default")])
    any_publisher.publish_many([])

    assert [any_publisher.depth(queue) for queue in ("default", "reports", "unknown")] == [3, 1, 0]


def test_messages_are_taken_in_the_order_in_which_they_were_published(broker, publisher):
    ids = [f"e{number}" for number in range(1500)]

    publisher.publish_many([Message(execution_id, "default") for execution_id in ids])

    assert held(broker, "default") == ids


def test_a_batch_is_one_round_trip(broker, publisher):
    publisher.publish(Message("e0", "default"))  # which also connects and declares
    with connect(broker) as raw:
        before = raw.info("stats")["total_reads_processed"]
        publisher.publish_many([Message(f"e{number}", "default") for number in range(500)])
        # The broker reads some kilobytes at a time, and each message by itself if it had to answer it before the next.
        assert raw.info("stats")["total_reads_processed"] - before < 250


def test_a_message_holds_the_executions_id_and_nothing_else_of_ours(broker, publisher):
    publisher.publish(Message("e1", "reports"))

    with connect(broker) as raw:
        message = json.loads(raw.lrange("reports", 0, -1)[0])
    assert message["headers"]["task"] == EXECUTE
    assert message["headers"]["eta"] is None
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == (["e1"], {})


def test_a_message_is_what_celery_itself_would_send(broker, publisher):
    publisher.publish(Message("e1", "default"))
    app = make_app(Settings(broker_url=broker.url))
    app.send_task(EXECUTE, args=["e1"], task_id="e1", queue="default", ignore_result=True)
    app.close()

    with connect(broker) as raw:
        theirs, ours = map(json.loads, raw.lrange("default", 0, -1))

    for message in (theirs, ours):
        message["body"] = json.loads(base64.b64decode(message["body"]))
        # Where a result would go, of which there is none; the number of this one message; and its text for people.
        for part, name in (("properties", "reply_to"), ("properties", "delivery_tag"), ("headers", "argsrepr")):
            del message[part][name]
    assert ours == theirs


def test_a_broker_that_is_gone_is_an_error_at_once_and_one_that_is_back_is_found(broker, publisher):
    publisher.publish(Message("e1", "default"))
    broker.kill()
    began = time.monotonic()
    for ask in (
        lambda: publisher.publish(Message("e1", "default")),
        lambda: publisher.publish_many([Message("e1", "default")] * 500),
        lambda: publisher.depth("default"),
    ):
        with pytest.raises(PublishError, match=r"refused|closed"):
            ask()
    assert time.monotonic() - began < 10

    broker.start()

    publisher.publish(Message("e2", "default"))
    assert held(broker, "default") == ["e2"]


def test_a_broker_that_was_restarted_meanwhile_costs_no_message(broker, publisher):
    publisher.publish(Message("e1", "default"))
    broker.kill()
    broker.start()

    publisher.publish(Message("e2", "default"))

    assert held(broker, "default") == ["e2"]


def test_a_silent_broker_is_an_error_within_seconds(broker, publisher):
    publisher.publish(Message("e1", "default"))
    broker.signal(signal.SIGSTOP)
    for ask in (
        lambda: publisher.publish_many([Message("e2", "default")] * 500),  # on the present connection
        lambda: publisher.depth("default"),  # on a new one
    ):
        began = time.monotonic()
        with pytest.raises(PublishError):
            ask()
        assert time.monotonic() - began < 10
    broker.signal(signal.SIGCONT)

    publisher.publish(Message("e3", "default"))
    assert held(broker, "default")[-1] == "e3"


def test_a_closed_publisher_leaves_no_connection_behind(broker, publisher):
    with connect(broker) as raw:
        before = len(raw.client_list())
        publisher.publish(Message("e1", "default"))
        assert len(raw.client_list()) > before

        publisher.close()

        deadline = time.monotonic() + 30
        while len(raw.client_list()) > before:
            assert time.monotonic() < deadline, "a connection was left open"


def test_publishing_in_the_background_never_waits(broker, publisher):
    broker.signal(signal.SIGSTOP)
    background = BackgroundPublisher(publisher)
    began = time.monotonic()
    for number in range(100):
        background.publish(Message(str(number), "default"))
    # Whoever waits for a broker that is silent waits for 2 s each time.
    assert time.monotonic() - began < 20
    broker.signal(signal.SIGCONT)
    background.close()
    assert held(broker, "default") == [str(number) for number in range(100)]


def test_what_can_not_be_published_is_dropped_at_once_and_later_messages_go_on(broker):
    away = threading.Event()

    class Fragile(MemoryPublisher):
        def publish(self, message: Message) -> None:
            if away.is_set():
                raise PublishError("away")
            super().publish(message)

    fragile = Fragile()
    background = BackgroundPublisher(fragile)
    away.set()
    background.publish(Message("lost", "default"))
    deadline = time.monotonic() + 30
    while background._waiting and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    background.close()
    assert fragile.messages == []

    background = BackgroundPublisher(fragile)
    away.clear()
    background.publish(Message("kept", "default"))
    background.close()
    assert [message.execution_id for message in fragile.messages] == ["kept"]


def test_the_backlog_is_bounded():
    may_go_on = threading.Event()

    class Slow(MemoryPublisher):
        def publish(self, message: Message) -> None:
            may_go_on.wait(60)
            super().publish(message)

    slow = Slow()
    background = BackgroundPublisher(slow, limit=5)
    for number in range(100):
        background.publish(Message(str(number), "default"))
    background.publish_many([Message(str(number), "default") for number in range(100)])
    may_go_on.set()
    background.close()
    # Those that wait, and those that the thread had taken before.
    assert 5 <= len(slow.messages) <= 10


def test_what_came_while_the_broker_was_asked_goes_as_one_batch():
    asked, may_go_on = threading.Event(), threading.Event()
    batches = []

    class Slow(MemoryPublisher):
        def publish_many(self, messages) -> None:
            asked.set()
            may_go_on.wait(60)
            batches.append([message.execution_id for message in messages])

    background = BackgroundPublisher(Slow())
    background.publish(Message("first", "default"))
    assert asked.wait(60)
    for number in range(600):
        background.publish(Message(str(number), "default"))
    may_go_on.set()
    background.close()

    assert [len(batch) for batch in batches] == [1, 500, 100]
    assert batches[1] + batches[2] == [str(number) for number in range(600)]


def test_ending_the_background_closes_the_connection(broker, publisher):
    with connect(broker) as raw:
        before = len(raw.client_list())
        background = BackgroundPublisher(publisher)
        background.publish(Message("e1", "default"))
        background.close()
        deadline = time.monotonic() + 30
        while len(raw.client_list()) > before:
            assert time.monotonic() < deadline, "a connection was left open"
