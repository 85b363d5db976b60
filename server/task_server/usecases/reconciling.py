"""Reconciling: runs of other Celery apps that have not ended are looked up again and again, and ended where they have vanished."""

from __future__ import annotations

from task_server.domain.clock import seconds
from task_server.domain.observation import Observation
from task_server.domain.syncing import is_news, seen_at, vanished
from task_server.domain.tracked_app import TrackedApp
from task_server.store import syncing
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.syncing import ResultBackends

#: Runs of one question to a backend, and of one transaction.
_BATCH = 500


class Reconciling:
    """The use cases of reconciling. Any number of processes may do the same: each run is looked up by one of them.

    The older a run is, the longer is the time between two questions (`domain.syncing`).
    """

    def __init__(self, ports: Ports, observing: Observing, vanished_after_seconds: float) -> None:
        self._database = ports.database
        self._observing = observing
        self._patience = seconds(vanished_after_seconds)

    def reconcile(self, backends: ResultBackends, app: TrackedApp) -> int:
        """Look up runs of an app that are due, and end those that have vanished; return how many were due.

        Raises ResultBackendUnavailable.
        """
        with self._database.read():
            if not syncing.is_due(self._database.now()):
                return 0
        # The backend is asked before: what it can not tell now shall be due as soon as it can.
        backends.look_up(app, ["is-there-anybody"])
        with self._database.write():
            now = self._database.now()
            runs = syncing.claim(app, backends.apps, now, _BATCH)
        if not runs:
            return 0
        found = backends.look_up(app, [run.task_id for run in runs])
        told = [(run, found[run.task_id]) for run in runs if run.task_id in found]
        seen = [(run.id, observation) for run, observation in told if is_news(run, observation, now)]
        if self._patience:
            gone = [run for run in runs if run.task_id not in found and seen_at(run) <= now - self._patience]
            seen += [(run.id, vanished(run, was_asked=True)) for run in gone]
        if seen:
            self._observing.observe(seen)
        return len(runs)

    def end_unasked(self) -> int:
        """End runs that nobody has seen for too long, and about which nobody can be asked; return how many.

        Those are the ones that should have been looked up so long ago: of an app that is not configured, or has no result backend,
        or whose tracker runs nowhere.
        """
        if not self._patience:
            return 0
        with self._database.read():
            before = self._database.now() - self._patience
            unasked = syncing.unasked(before, _BATCH)
        seen: list[tuple[str, Observation]] = [
            (run.id, vanished(run, was_asked=False)) for run in unasked if seen_at(run) <= before
        ]
        return len(self._observing.observe(seen).changed) if seen else 0
