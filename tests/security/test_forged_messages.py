"""What whoever can write to the broker can make a real worker do: look for an execution, and nothing else."""

from __future__ import annotations

import base64
import json
import pickle
import re
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from celery import Celery
from tests.broker import BrokerProcess
from tests.processes import BARE, command, is_alive
from tests.readme_pages import ROOT

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.hint import EXECUTE
from task_server.dispatch.publisher import CeleryPublisher, Message
from task_server.notifier.bell import Topic
from task_server.notifier.redis_bell import RedisBell
from task_server.worker.app import app as worker_app

EVIL = "evil"
#: What Celery would call, had it its way.
CALL = {
    "task": "evil.task",
    "args": [],
    "kwargs": {},
    "options": {"queue": EVIL},
    "subtask_type": None,
    "immutable": True,
}
BUILT_IN = (
    "celery.backend_cleanup",
    "celery.accumulate",
    "celery.chord_unlock",
    "celery.map",
    "celery.starmap",
    "celery.chunks",
    "celery.group",
    "celery.chain",
    "celery.chord",
)


class Worker:
    """`task-server worker`, or Celery's own command line for it."""

    def __init__(self, home: Path, broker: BrokerProcess, *arguments: str) -> None:
        self.log = home / "worker.log"
        self.broker = broker
        self.client = redis.Redis.from_url(broker.url.replace("redis+socket://", "unix://"))
        settings = {"DATA_DIR": str(home), "BROKER_URL": broker.url, "LOG_LEVEL": "INFO", "WORKER_CONCURRENCY": "2"}
        environment = BARE | {f"TASK_SERVER_{name}": text for name, text in settings.items()}
        subprocess.run(command("migrate"), env=environment, check=True, capture_output=True, timeout=60)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                arguments or command("worker"), env=environment, cwd=home, stdout=log, stderr=log
            )
        self.wait(lambda: "worker is ready" in self.log.read_text(), "ready")

    def wait(self, done: Any, what: str) -> None:
        deadline = time.monotonic() + 30
        while not done():
            assert time.monotonic() < deadline, f"not {what}: {self.log.read_text()}"
            time.sleep(0.01)

    def survives(self) -> None:
        """What came before is done with once a hint of ours is taken that came after; and nothing came of it."""
        publisher = CeleryPublisher(make_app(Settings(broker_url=self.broker.url)))
        for _ in range(3):
            publisher.publish(Message(str(uuid.uuid4()), "default"))
            self.wait(lambda: publisher.depth("default") == 0, "taken")
        publisher.close()
        assert self.process.poll() is None
        assert is_alive(self.process.pid)
        assert not self.client.exists(EVIL)
        assert not list(self.client.scan_iter("*unacked*"))

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


class BrokerUser(NamedTuple):
    """A broker as one of its users reaches it."""

    broker: BrokerProcess
    url: str


@pytest.fixture
def worker(tmp_path: Path, broker: BrokerProcess) -> Iterator[Worker]:
    worker = Worker(tmp_path, broker)
    yield worker
    worker.close()


def forged(
    task: str = EXECUTE, args: Any = ("x",), kwargs: Any = None, embed: dict[str, Any] | None = None, **headers: Any
) -> dict[str, Any]:
    """A message as Celery's own clients make them."""
    body = json.dumps([args, kwargs or {}, embed or {}]).encode()
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": "x", "root_id": "x", "retries": 0} | headers,
        "properties": {
            "correlation_id": "x",
            "reply_to": EVIL,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": EVIL},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


class Touch:
    """A pickle that runs a command where it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self._path,))


def test_what_a_message_asks_celery_for_is_not_done(worker: Worker, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    pickled = forged() | {
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
        "body": base64.b64encode(pickle.dumps(((Touch(opened),), {}, {}))).decode(),
    }
    bomb = forged(compression="application/x-gzip")
    bomb["body"] = base64.b64encode(zlib.compress(b" " * 10_000_000)).decode()
    attacks = [
        forged(embed={"callbacks": [CALL], "errbacks": [CALL], "chain": [CALL], "chord": CALL}),
        forged(args=("x", "one too many"), embed={"errbacks": [CALL]}),
        forged(args=(), embed={"errbacks": [CALL]}),
        forged(args=({"no": "id"},)),
        forged(eta="2999-01-01T00:00:00+00:00"),
        forged(expires="1999-01-01T00:00:00+00:00"),
        forged(timelimit=[0.001, 0.001]),
        forged(group="g", chord={"task": "evil.task"}, parent_id="p", replaced_task_nesting=10**9, stamps={"a": [1]}),
        forged(retries=2**62, shadow="\r\nfake", origin="\0"),
        forged("task_server.worker.app.app"),
        pickled,
        bomb,
        *(forged(name, args=(CALL, [[1]], 1)) for name in BUILT_IN),
        *(forged(name, args=(), kwargs={"task": CALL, "it": [1, 2]}) for name in BUILT_IN),
    ]
    for attack in attacks:
        worker.client.lpush("default", json.dumps(attack))
    worker.survives()
    assert not opened.exists()
    assert worker.log.read_text().count("what is no message of ours was dropped") >= 2 * len(BUILT_IN) + 4
    assert "\nfake" not in worker.log.read_text()


def test_huge_messages_are_dropped_unread(worker: Worker) -> None:
    worker.client.lpush("default", b"[" * 40_000_000, json.dumps(forged(args=("x" * 20_000_000,))))
    worker.survives()
    assert worker.log.read_text().count("what is no message of ours was dropped") == 2


def test_broadcasts_steer_nobody(worker: Worker) -> None:
    stranger = Celery(broker=worker.broker.url)
    control = stranger.control
    control.shutdown()
    control.revoke("x", terminate=True, signal="SIGKILL")
    control.broadcast("pool_restart", arguments={"reload": True})
    control.broadcast("add_consumer", arguments={"queue": EVIL})
    assert control.ping(timeout=0.5) == []
    stranger.close()
    worker.survives()
    assert "pidbox" not in str(worker.client.pubsub_channels())


def test_celerys_own_command_line_is_as_deaf(tmp_path: Path, broker: BrokerProcess) -> None:
    arguments = [sys.executable, "-m", "celery", "-A", "task_server.worker.app", "worker", "--task-events"]
    worker = Worker(tmp_path, broker, *arguments)
    try:
        test_broadcasts_steer_nobody(worker)
        # Nothing is told of workers and runs either.
        assert not worker.client.exists("_kombu.binding.celeryev")
        assert not [key for key in worker.client.pubsub_channels() if b"celeryev" in key]
    finally:
        worker.close()


def test_celerys_own_tasks_are_not_there() -> None:
    worker_app.finalize()
    assert set(worker_app.tasks) == {EXECUTE}


def test_the_settings_that_keep_celery_from_doing_more() -> None:
    conf = make_app(Settings()).conf
    assert conf.accept_content == ["json"]
    assert conf.worker_enable_remote_control is False
    assert conf.result_backend is None
    assert conf.task_acks_late is False
    assert conf.worker_send_task_events is False
    assert conf.worker_disable_prefetch is True
    assert conf.broker_connection_max_retries is None
    assert conf.task_publish_retry is False


def test_a_user_with_the_documented_rights_can_do_all_that_is_needed(tmp_path: Path, broker: BrokerProcess) -> None:
    (line,) = re.findall(r"^user task-manager .*$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    _, name, *rules = line.replace("PASSWORD", "pw").split()
    with redis.Redis.from_url(broker.url.replace("redis+socket://", "unix://")) as admin:
        admin.execute_command("ACL", "SETUSER", name, *rules)
        own = BrokerUser(broker, f"redis+socket://{name}:pw@{broker.url.removeprefix('redis+socket://')}")
        worker = Worker(tmp_path, own)  # type: ignore[arg-type]
        try:
            worker.client = admin
            worker.survives()
            bell = RedisBell(own.url)
            heard = threading.Event()
            with bell.listen(Topic.EVENTS, lambda _: heard.set()):
                worker.wait(lambda: bell.ring(Topic.EVENTS) or heard.wait(0.1), "heard")
            bell.close()
            denied = admin.execute_command("ACL", "LOG")
            assert denied == []
        finally:
            worker.close()


def test_the_environment_of_other_apps_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.setenv(name, "redis://elsewhere.invalid:1/9")
    monkeypatch.setenv("CELERY_LOADER", "nowhere")
    app = make_app(Settings(broker_url="redis://127.0.0.1:5/0"))
    app.finalize()
    for connection in (app.connection_for_read(), app.connection_for_write()):
        with connection:
            assert (connection.hostname, connection.port) == ("127.0.0.1", 5)
    assert app.conf.result_backend is None
    assert app.backend.__class__.__name__ == "DisabledBackend"
