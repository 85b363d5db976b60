"""The worker."""

from __future__ import annotations

import os

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
    concurrency = settings.worker_concurrency or 4 * (os.cpu_count() or 1)
    arguments = [
        "--quiet",
        "worker",
        f"--concurrency={concurrency}",
        f"--hostname=worker-{os.getpid()}@%h",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    try:
        app.start(argv=arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
