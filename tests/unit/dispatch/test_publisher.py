"""Publishing: what reaches the broker, and what a broker that is away costs."""

from __future__ import annotations

import base64
import json
import signal
import threading
import time

import pytest
import redis

from task_server.config import Settings
from task_server.dispatch.celery_app import EXECUTE, make_app
from task_server.dispatch.publisher import (
    BackgroundPublisher,
    CeleryPublisher,
    MemoryPublisher,
    Message,
    PublishError,
)


def publisher(broker) -> CeleryPublisher:
    return CeleryPublisher(make_app(Settings(broker_url=broker.url)))


def connect(broker) -> redis.Redis:
    return redis.Redis.from_url(broker.url.replace("redis+socket", "unix"))


def test_a_message_holds_the_executions_id_and_nothing_else_of_ours(broker):
    publisher(broker).publish(Message("e1", "reports"))

    with connect(broker) as raw:
        message = json.loads(raw.lrange("reports", 0, -1)[0])
    assert message["headers"]["task"] == EXECUTE
    assert message["headers"]["eta"] is None
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == (["e1"], {})


def test_a_broker_that_is_gone_is_an_error_within_seconds(broker):
    broker.kill()
    began = time.monotonic()
    with pytest.raises(PublishError):
        publisher(broker).publish(Message("e1", "default"))
    assert time.monotonic() - began < 5


def test_publishing_in_the_background_never_waits(broker):
    broker.signal(signal.SIGSTOP)
    background = BackgroundPublisher(publisher(broker))
    began = time.monotonic()
    for number in range(100):
        background.publish(Message(str(number), "default"))
    assert time.monotonic() - began < 0.5
    broker.signal(signal.SIGCONT)
    background.close()
    with connect(broker) as raw:
        assert raw.llen("default") == 100


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
    deadline = time.monotonic() + 5
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
            may_go_on.wait(10)
            super().publish(message)

    slow = Slow()
    background = BackgroundPublisher(slow, limit=5)
    for number in range(100):
        background.publish(Message(str(number), "default"))
    may_go_on.set()
    background.close()
    assert 5 <= len(slow.messages) <= 6
