"""Looks up the runs of an app, again and again, on a thread of its own: one app's backend that is away delays no other app's."""

from __future__ import annotations

import logging
import threading

from task_server.domain.errors import DatabaseUnavailable, ResultBackendUnavailable
from task_server.domain.tracked_app import TrackedApp
from task_server.store.database import Database
from task_server.usecases.reconciling import Reconciling
from task_server.usecases.syncing import ResultBackends

_log = logging.getLogger(__name__)
#: How often runs that are due are looked for.
_TURN_SECONDS = 1.0
#: How long a backend or a database that is away is left alone.
_PAUSE_SECONDS = 5.0


class Reconciler:
    """Has the use case of reconciling done for one app."""

    def __init__(self, app: TrackedApp, database: Database, reconciling: Reconciling, backends: ResultBackends) -> None:
        self._app = app
        self._database = database
        self._reconciling = reconciling
        self._backends = backends
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reconcile-{app.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the present turn."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            pause = self._turn()
        self._database.close()

    def _turn(self) -> float:
        """Look up what is due; return how long to sleep, in seconds."""
        try:
            return 0.0 if self._reconciling.reconcile(self._backends, self._app) else _TURN_SECONDS
        except ResultBackendUnavailable:
            return _PAUSE_SECONDS  # whoever asked it has said so
        except DatabaseUnavailable:
            _log.warning("the database is away, runs of the app %s are looked up when it is back", self._app.name)
        except Exception:
            # A defect; but it may be one of a single run.
            _log.exception("runs of the app %s could not be looked up", self._app.name)
        return _PAUSE_SECONDS
