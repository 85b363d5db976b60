"""The worker."""

from __future__ import annotations

import os
import socket

from task_server import config
from task_server.bootstrap.database import present_database
from task_server.bootstrap.errors import StartError
from task_server.bootstrap.keys import complete_sealer
from task_server.config import Settings


def run(settings: Settings) -> int:
    """Serve the queues. Raises StartError."""
    os.environ.update(config.environment(settings))
    complete_sealer(settings, present_database(settings))
    # It reads the settings from the environment when it is loaded, as it does under Celery's own command line.
    from task_server.worker.app import app
    from task_server.worker.runtime import make_executors

    try:
        make_executors(settings).close()
    except ValueError as error:
        raise StartError(str(error)) from error
    # As `celery worker` would, without the command line of Celery and the terminal programs that it loads.
    worker = app.Worker(
        hostname=f"worker-{os.getpid()}@{socket.gethostname()}",
        concurrency=settings.worker_concurrency or 4 * (os.cpu_count() or 1),
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)
