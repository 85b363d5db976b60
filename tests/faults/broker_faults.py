"""Faults of the broker: gone, emptied, silent, and full of messages that nobody should believe."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Sequence

import redis
from celery import Celery
from tests.faults.fault import Fault
from tests.processes import send

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.hint import EXECUTE

_QUEUE = "default"
_COPIES = 100


class _OfBroker(Fault):
    """A fault of the broker's process."""

    def choose(self, rng: random.Random) -> str:
        return "broker"

    def inject(self) -> None:
        self.cluster.broker.kill()

    def heal(self) -> None:
        self.cluster.broker.start()


class KillBroker(_OfBroker):
    """The broker dies and is there again at once, with nothing in it."""

    name = "kill -9 Redis, empty restart"


class BrokerDown(_OfBroker):
    """The broker is away for a while."""

    name = "Redis down"

    def last(self, rng: random.Random) -> float:
        longest = self.cluster.options.longest_outage
        return rng.uniform(longest / 6, longest)


class SilentBroker(BrokerDown):
    """The broker takes connections and requests, and answers none."""

    name = "SIGSTOP Redis"

    def inject(self) -> None:
        send(self.cluster.broker.pid, signal.SIGSTOP)

    def heal(self) -> None:
        send(self.cluster.broker.pid, signal.SIGCONT)


class FlushBroker(_OfBroker):
    """Everything in the broker is gone."""

    name = "FLUSHALL"

    def inject(self) -> None:
        with redis.Redis(port=self.cluster.broker_port, socket_timeout=5) as client:
            client.flushall()

    def heal(self) -> None:
        """Nothing to do: what was lost is published again."""


class StrangeMessages(Fault):
    """Messages come a hundred times, late, early, for nothing, forged and broken."""

    name = "doubled, forged and garbage messages"

    def choose(self, rng: random.Random) -> str:
        self._seed = rng.random()
        # Not while the broker is away: they are to arrive.
        return "broker"

    def inject(self) -> None:
        rng = random.Random(self._seed)
        app = make_app(Settings(broker_url=self.cluster.broker_url))
        # A message says that a worker of its queue may look: those of the other queue would be no harm, but in no right place.
        known = self.cluster.tables.rows(
            "SELECT id, status FROM execution WHERE queue = ? ORDER BY id DESC LIMIT 200", _QUEUE
        )
        unfinished = [execution_id for execution_id, status in known if status in ("PENDING", "RETRY", "STARTED")]
        ids = [
            *rng.sample(unfinished, min(2, len(unfinished))),
            *(row[0] for row in rng.sample(known, min(2, len(known)))),
        ]
        for execution_id in ids:
            for _ in range(_COPIES):
                _send(app, [execution_id])
        forged: list[list[object]] = [
            ["no such id"],
            [],
            [None],
            [{"id": 1}],
            ["x" * 100_000],
            [known[0][0] if known else "", "more"],
        ]
        for arguments in forged:
            _send(app, arguments)
        _send(app, ["x"], name="os.system")
        with redis.Redis(port=self.cluster.broker_port, socket_timeout=5) as client:
            for garbage in _garbage():
                client.lpush(_QUEUE, garbage)


def _send(app: Celery, arguments: Sequence[object], name: str = EXECUTE) -> None:
    app.send_task(name, args=arguments, queue=_QUEUE, ignore_result=True, retry=False)


def _garbage() -> list[bytes]:
    """What is no message: no JSON, not the JSON that kombu keeps, a body that is none, a content type that is refused."""
    properties = {
        "delivery_tag": "x",
        "delivery_info": {"exchange": "", "routing_key": _QUEUE},
        "body_encoding": "base64",
    }
    envelope = {"body": "bm90IGpzb24=", "content-encoding": "utf-8", "content-type": "application/json", "headers": {}}
    return [
        b"",
        b"\x00\xff\xfe not text",
        b"{",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b"null",
        b'"text"',
        json.dumps(envelope).encode(),
        json.dumps(envelope | {"properties": properties}).encode(),
        json.dumps(envelope | {"properties": properties, "content-type": "application/x-python-serialize"}).encode(),
        json.dumps(envelope | {"properties": properties, "headers": {"task": EXECUTE, "id": "1"}}).encode(),
    ]


FAULTS: list[type[Fault]] = [KillBroker, BrokerDown, SilentBroker, FlushBroker, StrangeMessages]
