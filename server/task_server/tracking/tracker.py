"""Follows all tracked apps: listens to the events of each, and looks up what becomes of their runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from task_server.domain.clock import Micros
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.backends import ConfiguredBackends
from task_server.tracking.catching_up import CatchingUp
from task_server.tracking.event_source import EventSource, Tell
from task_server.tracking.follower import Follower
from task_server.tracking.reconciler import Reconciler
from task_server.usecases.hearing import Hearing
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.reconciling import Reconciling

_log = logging.getLogger(__name__)


class _Part(Protocol):
    def start(self) -> None: ...

    def close(self) -> None: ...


class Tracker:
    """Four threads for an app at most. Any number of trackers may follow the same apps: what is seen twice says nothing new."""

    def __init__(
        self, ports: Ports, apps: Sequence[TrackedApp], vanished_after_seconds: float, kept: Micros | None
    ) -> None:
        """`kept` is how long executions are kept after their end, None for ever."""
        self._backends = ConfiguredBackends(apps)
        observing = Observing(ports)
        reconciling = Reconciling(ports, observing, vanished_after_seconds)
        hearing = Hearing(ports, kept)
        catching_up = {
            app.name: CatchingUp(app, ports.database, observing, hearing, self._backends)
            for app in apps
            if app.broker and app.backend and app.created_by
        }
        tell: dict[str, Tell] = {name: each.tell for name, each in catching_up.items()}
        followers = [
            Follower(app, ports.database, observing, self._backends, tell.get(app.name, _pass_by))
            for app in apps
            if app.broker
        ]
        sources = [EventSource(each.app, each.hand_on, tell.get(each.app.name, _pass_by)) for each in followers]
        reconcilers = [Reconciler(app, ports.database, reconciling, self._backends) for app in apps if app.backend]
        #: In the order in which they end: what was heard is noted.
        self._parts: list[_Part] = [*sources, *followers, *catching_up.values(), *reconcilers]

    def start(self) -> None:
        """Begin."""
        for part in self._parts:
            part.start()
        _log.info("following %d apps", len(self._backends.apps))

    def close(self) -> None:
        """Listen no more, note what was heard, and end."""
        for part in self._parts:
            part.close()
        self._backends.close()


def _pass_by(*, is_heard: bool) -> None:
    """What is missed of an app stays so where it has no result backend, or nobody to whom its runs could belong."""
