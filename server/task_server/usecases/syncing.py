"""Syncing: the result backends of other Celery apps are asked what became of runs, for a caller who wants to know now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from task_server.domain.errors import ExecutionNotFound, NoResultBackend, ResultBackendUnavailable
from task_server.domain.execution import Execution
from task_server.domain.observation import Observation
from task_server.domain.owner import Caller
from task_server.domain.syncing import is_news
from task_server.domain.tracked_app import TrackedApp, app_of
from task_server.store import executions, syncing
from task_server.usecases.executions import ExecutionView
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports


class ResultBackends(Protocol):
    """The result backends of the apps that are tracked."""

    @property
    def apps(self) -> Sequence[TrackedApp]:
        """The apps, in the order of their configuration."""

    def look_up(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Observation]:
        """What an app's backend knows, by Celery task id; nothing of ids that it does not know. Raises ResultBackendUnavailable."""


class Synced(NamedTuple):
    """What came of looking up several runs."""

    #: How many were looked up.
    synced: int = 0
    #: How many of them changed.
    changed: int = 0
    #: How many of those ended.
    finished: int = 0
    #: How many could not be looked up.
    unreachable: int = 0

    def plus(self, other: Synced) -> Synced:
        """Both together."""
        return Synced(*(one + two for one, two in zip(self, other, strict=True)))


class Syncing:
    """The use cases of syncing. A backend is asked outside of any transaction: it may take its time.

    The audit log does not tell of it: what changes is what the backend says, not what the caller wants.
    """

    def __init__(self, ports: Ports, observing: Observing, backends: ResultBackends) -> None:
        self._database = ports.database
        self._observing = observing
        self._backends = backends

    def sync(self, caller: Caller, execution_id: str) -> ExecutionView:
        """Look up one run, and answer with what is known then; a run of this service, and one that has ended, is answered as it is.

        Raises ExecutionNotFound, NoResultBackend where no app with one is configured for it, ResultBackendUnavailable.
        """
        with self._database.read():
            run = executions.get(execution_id)
        if run is None or not caller.may_see(run.owner.id):
            raise ExecutionNotFound(id=execution_id)
        if run.is_foreign and not run.status.is_terminal:
            app = self._app_of(run)
            if app is None:
                raise NoResultBackend(run.id)
            self._look_up(app, [run])
        with self._database.read():
            present = executions.get(execution_id)
            if present is None:
                raise ExecutionNotFound(id=execution_id)  # its time was over meanwhile
            return ExecutionView(execution=present, detail=executions.detail(execution_id))

    def sync_many(self, owner_id: str | None, max_count: int) -> Synced:
        """Look up unfinished runs of an owner, None for everybody's, those first that were not looked up for the longest time."""
        with self._database.read():
            found = syncing.unfinished(owner_id, max_count)
        by_app: dict[str, list[Execution]] = {}
        done = Synced()
        for run in found:
            app = self._app_of(run)
            if app is None:
                done = done.plus(Synced(unreachable=1))
            else:
                by_app.setdefault(app.name, []).append(run)
        for app in self._backends.apps:
            done = done.plus(self._look_up_all(app, by_app.get(app.name, [])))
        return done

    def _look_up_all(self, app: TrackedApp, runs: Sequence[Execution]) -> Synced:
        if not runs:
            return Synced()
        try:
            changed = self._look_up(app, runs)
        except ResultBackendUnavailable:
            return Synced(unreachable=len(runs))
        with self._database.write():
            syncing.put_off([run.id for run in runs], self._database.now())
        ended = sum(run.status.is_terminal for run in changed)
        return Synced(synced=len(runs), changed=len(changed), finished=ended)

    def _look_up(self, app: TrackedApp, runs: Sequence[Execution]) -> list[Execution]:
        """Ask for runs and note what was seen; return those that changed. Raises ResultBackendUnavailable."""
        found = self._backends.look_up(app, [run.task_id for run in runs])
        with self._database.read():
            now = self._database.now()
        told = [(run, found[run.task_id]) for run in runs if run.task_id in found]
        seen = [(run.id, observation) for run, observation in told if is_news(run, observation, now)]
        if not seen:
            return []
        observed = self._observing.observe(seen)
        return [run for run_id, run in observed.executions.items() if run_id in observed.changed]

    def _app_of(self, run: Execution) -> TrackedApp | None:
        app = app_of(run, self._backends.apps)
        return app if app is not None and app.backend else None
