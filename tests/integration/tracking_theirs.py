"""A Celery app as somebody else wrote it: it knows nothing of this service. Broker and result backend come by its environment."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Celery

app = Celery("theirs", broker=os.environ["THEIR_BROKER"], backend=os.environ["THEIR_BACKEND"])
app.conf.update(
    task_track_started=True, result_extended=True, task_send_sent_event=True, broker_connection_retry_on_startup=True
)


class Declined(Exception):
    pass


@app.task(name="shop.tasks.add")
def add(x: int, y: int, **more: Any) -> dict[str, int]:
    return {"sum": x + y}


@app.task(name="shop.tasks.decline")
def decline(reason: str) -> None:
    raise Declined(reason, 402)


@app.task(name="shop.tasks.stumble", bind=True, max_retries=3)
def stumble(self: Any, times: int) -> str:
    if self.request.retries < times:
        # Celery publishes the next try before it stores RETRY: without a pause that may come after the SUCCESS of the next.
        raise self.retry(exc=Declined("not yet"), countdown=0.5)
    return f"after {self.request.retries}"


@app.task(name="shop.tasks.wait_for")
def wait_for(path: str) -> str:
    """Run until somebody makes a file."""
    while not Path(path).exists():
        time.sleep(0.05)
    return "there it is"


@app.task(name="shop.tasks.crash")
def crash() -> None:
    """Take the process along, as the kernel does where memory ends."""
    os.kill(os.getpid(), signal.SIGKILL)
