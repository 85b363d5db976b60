"""A Celery app whose tasks must not run twice at once. They write down when they begin and end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from celery import Celery

from task_manager import LockHeld, is_task_locked, task_lock

app = Celery("locked", broker=os.environ["LOCKED_BROKER"], backend=os.environ["LOCKED_BROKER"])
app.conf.update(task_acks_late=False, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)
DIARY = Path(os.environ["LOCKED_DIARY"])


def write(*words: object) -> None:
    """Add a line; those of several processes do not mix."""
    with DIARY.open("a") as diary:
        diary.write(" ".join(map(str, words)) + "\n")


@app.task(autoretry_for=(LockHeld,), max_retries=None, default_retry_delay=0.05)
@task_lock("decorated", timeout=30)
def decorated(number: int) -> int:
    """Waits its turn."""
    write("begin", number, is_task_locked("decorated"))
    time.sleep(0.02)
    write("end", number)
    return 2 * number


@app.task
@task_lock("busy", timeout=30)
def busy() -> None:
    """Fails where another one runs."""


@app.task
def skipping() -> str:
    """Leaves the work to the other one."""
    try:
        with task_lock("busy"):
            return "done"
    except LockHeld:
        return "left"


@app.task(autoretry_for=(LockHeld,), max_retries=None, default_retry_delay=0.2)
def fatal(is_last: bool) -> int:
    """Dies as by the kernel's hand while it has the lock, unless it is the last."""
    with task_lock("fatal", timeout=2) as lock:
        write("number", lock.fencing_number)
        if not is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return lock.fencing_number
