"""The broker over TLS: a real Redis with certificates, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from tests.certificates import Authority, Pair
from tests.processes import free_port

from task_server.config import ConfigError, Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import CeleryPublisher, Message, PublishError
from task_server.notifier.bell import Topic
from task_server.notifier.redis_bell import RedisBell
from task_server.tls.broker import broker_options
from task_server.tls.plaintext import check_broker


@dataclass
class TlsBroker:
    port: int
    servers: Authority
    callers: Authority
    caller: Pair

    def settings(self, host: str = "localhost", **changes: str) -> Settings:
        given = {
            "broker_ca_file": str(self.servers.file),
            "broker_cert_file": str(self.caller.cert),
            "broker_key_file": str(self.caller.key),
        }
        return Settings(broker_url=f"rediss://:secret%2Fword@{host}:{self.port}/0", **given | changes)  # type: ignore[arg-type]


@pytest.fixture
def tls_broker(tmp_path: Path) -> Iterator[TlsBroker]:
    program = shutil.which("redis-server")
    if program is None:
        # The bundled Valkey is built without TLS.
        reason = "no redis-server on this machine"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    servers, callers = Authority(tmp_path / "servers"), Authority(tmp_path / "callers")
    server = servers.issue("localhost")
    broker = TlsBroker(free_port(), servers, callers, callers.issue("worker"))
    options = {
        "port": "0",
        "tls-port": str(broker.port),
        "bind": "127.0.0.1",
        "tls-cert-file": str(server.cert),
        "tls-key-file": str(server.key),
        "tls-ca-cert-file": str(callers.file),
        "tls-auth-clients": "yes",
        "requirepass": "secret/word",
        "save": "",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    process = subprocess.Popen([program, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if "Ready to accept connections" in line:
            break
    else:
        pytest.fail(f"redis-server did not start: {said}")
    try:
        yield broker
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def publish(settings: Settings) -> int:
    publisher = CeleryPublisher(make_app(settings))
    try:
        publisher.publish(Message("e1", "default"))
        return publisher.depth("default")
    finally:
        publisher.close()


def test_messages_and_the_bell_go_over_tls(tls_broker: TlsBroker) -> None:
    settings = tls_broker.settings()
    assert publish(settings) == 1
    bell = RedisBell(settings.broker_url, broker_options(settings))
    heard = threading.Event()
    with bell.listen(Topic.EVENTS, lambda _: heard.set()):
        deadline = time.monotonic() + 20
        while not heard.wait(0.1):
            assert time.monotonic() < deadline
            bell.ring(Topic.EVENTS)
    bell.close()


def wrong_authority(broker: TlsBroker) -> Settings:
    return broker.settings(broker_ca_file=str(broker.callers.file))


def wrong_name(broker: TlsBroker) -> Settings:
    return broker.settings("127.0.0.1")


def no_authority(broker: TlsBroker) -> Settings:
    return broker.settings(broker_ca_file="")


@pytest.mark.parametrize("make", [wrong_authority, wrong_name, no_authority])
def test_a_broker_that_is_not_known_gets_nothing(make: Callable[[TlsBroker], Settings], tls_broker: TlsBroker) -> None:
    settings = make(tls_broker)
    with pytest.raises(PublishError, match="certificate verify failed"):
        publish(settings)
    with (
        redis.Redis.from_url(settings.broker_url, **broker_options(settings)) as client,
        pytest.raises(redis.ConnectionError, match="certificate verify failed"),
    ):
        client.ping()


def test_a_broker_that_asks_for_a_certificate_gets_one(tls_broker: TlsBroker) -> None:
    with pytest.raises(PublishError) as refusal:
        publish(tls_broker.settings(broker_cert_file="", broker_key_file=""))
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["redis://192.0.2.1:6379/0", "redis://:p@broker.invalid:1/0", "redis://0.0.0.0/0"])
def test_a_broker_elsewhere_is_not_used_in_plain_text(url: str) -> None:
    with pytest.raises(ConfigError, match="begin it with rediss://") as refusal:
        make_app(Settings(broker_url=url))
    assert ":p@" not in str(refusal.value)
    check_broker(Settings(broker_url=url, insecure=True))
    check_broker(Settings(broker_url=url.replace("redis:", "rediss:")))


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "redis://localhost/0", "redis://[::1]:1/0", "redis+socket:///b"]
)
def test_a_broker_on_this_machine_needs_no_tls(url: str) -> None:
    check_broker(Settings(broker_url=url))


def test_the_url_turns_no_check_off() -> None:
    with pytest.raises(ConfigError, match="broker_ca_file"):
        Settings(broker_url="rediss://a:1/0?ssl_cert_reqs=none")
