"""The Celery app of the worker: `celery -A task_server.worker.app worker` works as Celery users expect.

The pool is threads by default: the work itself is in children of the zygotes, the threads only wait for them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from celery import signals
from celery.platforms import SecurityWarning
from kombu.entity import Queue

from task_server import config, logs
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.hint import EXECUTE
from task_server.dispatch.lanes import code_lane
from task_server.domain.process import ProcessRole
from task_server.executors.executors import Executors
from task_server.metrics.reading import Reading
from task_server.metrics.serving import served
from task_server.store.database import Database
from task_server.usecases.presence import Presence, this_process
from task_server.worker.capability import Capability, find_capability
from task_server.worker.drain import Drain
from task_server.worker.pool import TaskPool
from task_server.worker.readings import cage_readings
from task_server.worker.runtime import Runtime, make_executors
from task_server.worker.shutdown import Shutdown

# Celery warns root of pickled messages; this worker takes JSON only, and user code runs in children that drop root.
warnings.simplefilter("ignore", SecurityWarning)

settings = config.load()
app = make_app(settings)

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_runtimes: dict[int, Runtime] = {}
#: The queues that this worker serves, known once Celery is set up.
_queues: list[str] = []
#: What the main process ends with itself: the row of this worker, and its metrics.
_ending = contextlib.ExitStack()
#: By process: those whose cage was examined. A forked process makes its own.
_executors: dict[int, Executors] = {}
#: Made here, before any process of a prefork pool is: they all see the same.
_drain = Drain()

Shutdown.settings, Shutdown.drain = settings, _drain
app.steps["worker"].add(Shutdown)


def runtime() -> Runtime:
    """What this process runs on; made at first use, so that each process of a prefork pool makes its own."""
    with _lock:
        pid = os.getpid()
        if pid not in _runtimes:
            executors = _executors.pop(pid, None) or make_executors(settings)
            _runtimes[pid] = Runtime(settings, _drain, executors, capability())
        return _runtimes[pid]


@cache
def capability() -> Capability:
    """What this worker may run; found before any process of a prefork pool is, for all of them."""
    _executors[os.getpid()] = executors = make_executors(settings)
    return find_capability(executors, settings)


@app.task(name=EXECUTE)  # type: ignore[untyped-decorator]
def execute(execution_id: object) -> None:
    """Run one execution. Messages are not trusted: whatever is no id of a waiting execution does nothing."""
    runtime().worker.handle(str(execution_id)[:200])


@app.on_after_finalize.connect  # type: ignore[untyped-decorator]
def _serve_nothing_else(sender: Any, **_: Any) -> None:
    """Celery's own tasks publish, repeat and wait at the bidding of whoever sends them."""
    for name in [name for name in sender.tasks if name != EXECUTE]:
        sender.tasks.unregister(name)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logging(**_: Any) -> None:
    logs.configure(settings.log_level, settings.log_format, "worker")


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def _choose_queues(instance: Any, **_: Any) -> None:
    """Serve the queues that were asked for, be it by Celery's `-Q`; and where code runs, what others handed on, too."""
    capability().announce()
    if instance.pool_cls is not TaskPool:
        # Its processes are forked from this one, and would inherit the socket without the thread that keeps the zygote.
        _executors.pop(os.getpid()).close()
    _queues.extend(sorted(app.amqp.queues.consume_from))
    if capability().refusal:
        return
    for queue in _queues:
        app.amqp.queues.select_add(Queue(code_lane(queue), no_ack=True))


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _begin(sender: Any, **_: Any) -> None:
    """Of the worker's main process: warm up where it runs things itself, and say that it is there."""
    is_pool = sender.pool.__class__ is TaskPool
    database = runtime().database if is_pool else Database.of(settings)
    process = this_process(
        ProcessRole.WORKER,
        queues=tuple(_queues),
        concurrency=sender.pool.limit,
        isolation_level=capability().level,
        isolation_layers=capability().layers,
        code_refusal=capability().refusal,
    )
    presence = Presence(database, process)
    presence.start()
    _ending.callback(presence.close)
    _serve_metrics(is_pool)
    _log.info("worker is ready", extra={"queues": ",".join(_queues)})


def _serve_metrics(is_pool: bool) -> None:
    """Serve the metrics of this process, which are no reason not to run. Those of a prefork pool's processes are with them."""

    def readings() -> Sequence[Reading]:
        return cage_readings(capability(), lambda: runtime().sandbox_deaths if is_pool else 0)

    try:
        _ending.enter_context(served(settings, readings))
    except Exception as error:
        _log.error("the metrics are not served: %s", error)


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]
@signals.worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    _ending.close()
    # Of this process alone: a forked one has inherited what its parent had, but not the threads.
    running = _runtimes.pop(os.getpid(), None)
    if running is not None:
        running.close()
