"""The transport: what is no message is dropped, and what comes after it is read."""

from __future__ import annotations

import json
import logging

import pytest
import redis
from kombu.messaging import Consumer
from kombu.transport.virtual import Message
from tests.broker import BrokerProcess

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import CeleryPublisher
from task_server.dispatch.publisher import Message as Hint

_PROPERTIES = {"delivery_tag": "x", "delivery_info": {}, "body_encoding": "base64"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x00\xff\xfe",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b"null",
        b'"text"',
        json.dumps({"properties": []}).encode(),
        json.dumps({"properties": {}}).encode(),
        json.dumps({"properties": _PROPERTIES, "body": "x"}).encode(),
    ],
)
def test_what_is_no_message_is_dropped(broker: BrokerProcess, caplog: pytest.LogCaptureFixture, garbage: bytes) -> None:
    app = make_app(Settings(broker_url=broker.url))
    with redis.Redis.from_url(broker.url.replace("redis+socket://", "unix://")) as client:
        client.lpush("default", garbage)
    publisher = CeleryPublisher(app)
    publisher.publish(Hint("the next one", "default"))
    publisher.close()
    got: list[str] = []

    def take(_: object, message: Message) -> None:
        got.append(message.headers["id"])
        message.ack()

    with (
        caplog.at_level(logging.WARNING, "task_server"),
        app.connection_for_read() as connection,
        Consumer(connection, [app.amqp.queues["default"]], callbacks=[take], accept=["json"]),
    ):
        while not got:
            connection.drain_events(timeout=10)
    assert got == ["the next one"]
    assert ["what is no message of ours was dropped" in record.getMessage() for record in caplog.records] == [True]


def test_what_was_taken_for_good_needs_no_broker_and_no_books(broker: BrokerProcess) -> None:
    app = make_app(Settings(broker_url=broker.url))
    publisher = CeleryPublisher(app)
    for number in range(2):
        publisher.publish(Hint(str(number), "default"))
    publisher.close()
    taken: list[Message] = []
    with (
        app.connection_for_read() as connection,
        Consumer(connection, [app.amqp.queues["default"]], on_message=taken.append),
    ):
        while len(taken) < 2:
            connection.drain_events(timeout=10)
        broker.kill()
        taken[0].ack()
        taken[1].reject()
        # Whatever kombu noted here it would keep for as long as the worker lives.
        assert not taken[0].channel.qos._dirty
        broker.start()


def test_a_broker_url_keeps_what_it_says() -> None:
    for url, name in (("redis://a:1/0", "redis"), ("rediss://a:1/0", "rediss"), ("redis+socket:///b.sock", "redis")):
        with make_app(Settings(broker_url=url, insecure=True)).connection_for_write() as connection:
            assert (connection.transport_cls, type(connection.transport).__module__) == (
                name,
                "task_server.dispatch.transport",
            )
            assert bool(connection.ssl) == (name == "rediss")
