"""The tracker."""

from __future__ import annotations

import queue
import signal
from collections.abc import Sequence

from task_server.bootstrap.database import present_database
from task_server.bootstrap.errors import StartError
from task_server.bootstrap.metrics import serving_metrics
from task_server.config import Settings
from task_server.domain.process import ProcessRole
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.configured import read_apps
from task_server.tracking.tracker import Tracker
from task_server.usecases.cleaning import configured_retention
from task_server.usecases.ports import connect
from task_server.usecases.presence import Presence, this_process


def run(settings: Settings, apps: Sequence[TrackedApp] = ()) -> int:
    """Follow these apps, or else those in the settings. Raises StartError, and ConfigError for a file of apps that is wrong."""
    apps = apps or read_apps(settings)
    if not apps:
        raise StartError("there are no apps to follow; set tracked_apps_file, or give --app, --broker and --backend")
    database = present_database(settings)
    ports = connect(settings, database)
    # A handler may not take locks; the queue's `put` may interrupt anything.
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))
    tracker = Tracker(ports, apps, settings.tracking_vanished_after_seconds, configured_retention(settings).executions)
    presence = Presence(database, this_process(ProcessRole.TRACKER))
    with serving_metrics(settings):
        presence.start()
        tracker.start()
        asked.get()
        tracker.close()
    presence.close()
    ports.close()
    return 0
