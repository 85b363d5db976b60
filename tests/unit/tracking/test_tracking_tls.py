"""A tracked app's broker and result backend over TLS: their certificates and names are checked, and they are shown one."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from celery import Celery
from celery.events.event import get_exchange
from tests.acceptance.acceptance_stack import eventually
from tests.unit.dispatch.test_broker_tls import TlsBroker, tls_broker

from task_server.domain.tracked_app import TrackedApp
from task_server.tls.broker import broker_options
from task_server.tracking.backends import results_of
from task_server.tracking.event_source import EventSource
from task_server.tracking.results import ResultBackendAway
from task_server.tracking.seen import Seen

__all__ = ["tls_broker"]
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


def untold(*, is_heard: bool) -> None:
    pass


def tracked(broker: TlsBroker, host: str = "localhost") -> TrackedApp:
    url = broker.settings(host).broker_url
    files = {
        "ca_file": str(broker.servers.file),
        "cert_file": str(broker.caller.cert),
        "key_file": str(broker.caller.key),
    }
    return TrackedApp(name="theirs", broker=url, backend=url, **files)


def theirs(broker: TlsBroker) -> Celery:
    settings = broker.settings()
    app = Celery("theirs", broker=settings.broker_url, backend=settings.broker_url, set_as_current=False)
    app.conf.update(broker_use_ssl=broker_options(settings), redis_backend_use_ssl=broker_options(settings))
    return app


def test_results_and_events_come_over_tls(tls_broker: TlsBroker) -> None:
    app = theirs(tls_broker)
    app.backend.store_result("x", 7, "SUCCESS")
    results = results_of(tracked(tls_broker))
    assert results.look_up(["x"])["x"].observation.result_json == "7"
    results.close()

    heard: list[Seen] = []
    source = EventSource(tracked(tls_broker), heard.append, untold)
    source.start()

    def send() -> list[Seen]:
        body: dict[str, Any] = {"type": "task-sent", "uuid": "u", "timestamp": time.time()}
        with app.connection_for_write() as connection, connection.Producer() as producer:
            exchange = get_exchange(connection)
            producer.publish(body, exchange=exchange, declare=[exchange], routing_key="task.sent", serializer="json")
        return heard

    eventually(send, 20)
    source.close()
    app.close()


@pytest.mark.parametrize("what", ["authority", "name", "certificate"])
def test_servers_that_are_not_known_are_away(
    tls_broker: TlsBroker, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {
        "authority": replace(tracked(tls_broker), ca_file=str(tls_broker.callers.file)),
        "name": tracked(tls_broker, "127.0.0.1"),
        "certificate": replace(tracked(tls_broker), cert_file="", key_file=""),
    }[what]
    results = results_of(wrong)
    with pytest.raises(ResultBackendAway):
        results.look_up(["x"])
    results.close()
    source = EventSource(wrong, lambda _: None, untold)
    source.start()
    eventually(lambda: "the events of the app theirs can not be heard" in caplog.text, 20)
    source.close()
    assert "secret" not in caplog.text
