"""Reconciling: runs of other Celery apps that have not ended are looked up again and again, and ended where they have vanished."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from task_server.domain.clock import Micros, seconds
from task_server.domain.execution import Execution
from task_server.domain.syncing import is_news, seen_at, vanished
from task_server.domain.tracked_app import TrackedApp
from task_server.store import syncing
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.syncing import ResultBackends

#: Runs that one search looks at, whosever they are: so many are asked about at once, and moved in one transaction.
_BATCH = 500
#: How often all that is due is looked at again: whoever stored a run too late was passed by.
_ROUND_SECONDS = 600.0


@dataclass(slots=True)
class _Round:
    """How far the due runs were looked at for an app. What is due of no app is so for days, and must not be read each second."""

    looked_to: syncing.Position = syncing.FIRST
    ends: float = field(default_factory=lambda: time.monotonic() + _ROUND_SECONDS)

    def is_over(self, now: Micros) -> bool:
        """Whether it is time to begin anew; also where the database's clock was set back, so that others come before."""
        return time.monotonic() >= self.ends or self.looked_to.sync_after > now


class Reconciling:
    """The use cases of reconciling. Any number of processes may do the same: each run is looked up by one of them.

    The older a run is, the longer is the time between two questions (`domain.syncing`). One object remembers how far it has looked,
    and is called for an app by one thread.
    """

    def __init__(self, ports: Ports, observing: Observing, vanished_after_seconds: float) -> None:
        self._database = ports.database
        self._observing = observing
        self._patience = seconds(vanished_after_seconds)
        self._rounds: dict[str, _Round] = {}

    def reconcile(self, backends: ResultBackends, app: TrackedApp) -> int:
        """Look up runs of an app that are due, and end those that have vanished; return how many were looked up.

        Raises ResultBackendUnavailable; what it can not tell now is due as soon as it can.
        """
        while due := self._next_due(backends, app):
            own = [each.position.id for each in due if each.belongs]
            done = self._look_up(backends, app, own) if own else 0
            self._rounds[app.name].looked_to = due[-1].position
            if done:
                return done
        return 0

    def _next_due(self, backends: ResultBackends, app: TrackedApp) -> list[syncing.Due]:
        with self._database.read():
            now = self._database.now()
            present = self._rounds.get(app.name)
            if present is None or present.is_over(now):
                present = self._rounds[app.name] = _Round()
            return syncing.due(app, backends.apps, present.looked_to, now, _BATCH)

    def _look_up(self, backends: ResultBackends, app: TrackedApp, ids: Sequence[str]) -> int:
        # The backend is asked before anything is put off.
        backends.look_up(app, ["is-there-anybody"])
        with self._database.write():
            now = self._database.now()
            runs = syncing.claim(ids, now)
        if not runs:
            return 0
        found = backends.look_up(app, [run.task_id for run in runs])
        told = [(run, found[run.task_id]) for run in runs if run.task_id in found]
        seen = [(run.id, observation) for run, observation in told if is_news(run, observation, now)]
        if seen:
            self._observing.observe(seen)
        if self._patience:
            unknown = [run for run in runs if run.task_id not in found and seen_at(run) <= now - self._patience]
            self._give_up(unknown, was_asked=True)
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
        return self._give_up([run for run in unasked if seen_at(run) <= before], was_asked=False)

    def _give_up(self, runs: Sequence[Execution], *, was_asked: bool) -> int:
        return self._observing.give_up([(run, vanished(run, was_asked=was_asked)) for run in runs]) if runs else 0
