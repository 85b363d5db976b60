"""A Celery app as a house has it, tracked from within: published to and run by processes of their own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Celery, chain, chord

from task_manager.celery import track

_broker = os.environ["SHOP_BROKER"]
_is_rabbitmq = _broker.startswith("amqp:")
app = Celery("shop", broker=_broker, backend="rpc://" if _is_rabbitmq else _broker)
if _is_rabbitmq:
    app.conf.task_default_queue, app.conf.task_default_queue_type = "shop", "quorum"
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_hijack_root_logger = False
#: What Celery beat publishes. Nobody runs it.
app.conf.beat_schedule = {
    "often": {"task": "shop.tasks.add", "schedule": 0.1, "args": (1, 2), "options": {"queue": "beat"}}
}

#: Another app of the same process, which nobody tracks.
other = Celery("other", broker=_broker)


def user() -> str | None:
    """Who is served: nobody, in a worker."""
    return os.environ.get("SHOP_USER")


if "SHOP_UNTRACKED" not in os.environ:
    track(app, created_by=user, redact=["iban"])


@app.task(name="shop.tasks.add")
def add(x: int, y: int, **_: Any) -> int:
    return x + y


@app.task(name="shop.tasks.log_in")
def log_in(name: str, password: str) -> None:
    raise ValueError(f"no {name} at redis://{name}:{password}@host\nmore")


@app.task(name="shop.tasks.flaky", bind=True, max_retries=3, default_retry_delay=0)
def flaky(self: Any, failures: int) -> dict[str, Any]:
    if self.request.retries < failures:
        raise self.retry(exc=OSError("not yet"))
    return {"retries": self.request.retries, "session_id": "s3cret"}


@app.task(name="shop.tasks.parent")
def parent() -> str:
    return str(add.delay(20, 22).id)


@app.task(name="shop.tasks.wait")
def wait(mark: str) -> None:
    Path(mark).touch()
    time.sleep(60)


@app.task(name="shop.tasks.limited", time_limit=1)
def limited() -> None:
    time.sleep(60)


@app.task(name="shop.tasks.lost")
def lost() -> None:
    os._exit(3)


@app.task(name="shop.tasks.close")
def close() -> None:
    """Ask the very worker to end, where the pool is within its process."""
    os.kill(os.getpid(), signal.SIGTERM)


@app.task(name="shop.tasks.total")
def total(numbers: list[int]) -> int:
    return sum(numbers)


@other.task(name="other.tasks.quiet")
def quiet() -> None:
    """Of no concern."""


def waiting(queue: str) -> int:
    """How many messages wait in a queue."""
    with app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(queue, passive=True).message_count)


def publish_chain(steps: chain) -> list[str]:
    """Publishes that chain; the ids of its tasks in their order."""
    last, ids = steps(), []
    while last is not None:
        ids.insert(0, str(last.id))
        last = last.parent
    return ids


def chorded() -> list[str]:
    """Publishes two tasks and one for when they have ended; their ids."""
    body = chord([add.s(1, 2), add.s(3, 4)])(total.s())
    return [*(str(each.id) for each in body.parent.results), str(body.id)]
