"""The scheduler."""

from __future__ import annotations

import queue
import signal
import threading

from task_server.bootstrap.database import present_database
from task_server.bootstrap.metrics import serving_metrics
from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import CeleryPublisher
from task_server.domain.process import ProcessRole
from task_server.metrics.reading import remembered
from task_server.scheduler.scheduler import Scheduler
from task_server.scheduler.sweeper import Sweeper
from task_server.usecases.calling import Calling
from task_server.usecases.cleaning import Cleaning, configured_retention
from task_server.usecases.expiring import Expiring
from task_server.usecases.firing import Firing
from task_server.usecases.folding import Folding
from task_server.usecases.gauging import Gauging
from task_server.usecases.observing import Observing
from task_server.usecases.ports import connect
from task_server.usecases.presence import Presence, this_process
from task_server.usecases.publishing import Publishing
from task_server.usecases.reconciling import Reconciling
from task_server.usecases.rescuing import Rescuing

#: However often the metrics are scraped, the database is asked for them no more often than this.
_GAUGE_SECONDS = 5.0
#: Counts are right whether changes are folded or not, but whoever counts reads those that are not.
_FOLD_SECONDS = 1.0


def run(settings: Settings) -> int:
    """Look at the clock. Raises StartError."""
    database = present_database(settings)
    ports = connect(settings, database)
    publisher = CeleryPublisher(make_app(settings))
    scheduler = Scheduler(
        database=database,
        firing=Firing(ports),
        publishing=Publishing(ports, publisher),
        rescuing=Rescuing(ports, settings.max_lost_attempts),
        expiring=Expiring(ports),
        calling=Calling(ports),
        reconciling=Reconciling(ports, Observing(ports), settings.tracking_vanished_after_seconds),
        interval_seconds=settings.scheduler_interval_seconds,
    )
    # A handler may not take the lock that the loop may hold; the queue's `put` may interrupt anything.
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))

    def obey() -> None:
        asked.get()
        scheduler.stop()

    threading.Thread(target=obey, name="signals", daemon=True).start()
    sweepers = (
        Sweeper(
            "cleaner",
            Cleaning(ports, configured_retention(settings)),
            settings.clean_interval_seconds,
            "removed what is kept no longer",
        ),
        Sweeper("folder", Folding(database), _FOLD_SECONDS),
    )
    for sweeper in sweepers:
        sweeper.start()
    presence = Presence(database, this_process(ProcessRole.SCHEDULER))
    presence.start()
    readings = remembered(Gauging(database).readings, _GAUGE_SECONDS)
    with serving_metrics(settings, readings):
        scheduler.run(ports.bell)
    presence.close()
    for sweeper in sweepers:
        sweeper.stop()
    publisher.close()
    ports.close()
    return 0
