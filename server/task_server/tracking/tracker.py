"""Follows all tracked apps: listens to the events of each, and looks up what becomes of their runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.backends import ConfiguredBackends
from task_server.tracking.event_source import EventSource
from task_server.tracking.follower import Follower
from task_server.tracking.reconciler import Reconciler
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.reconciling import Reconciling

_log = logging.getLogger(__name__)


class _Part(Protocol):
    def start(self) -> None: ...

    def close(self) -> None: ...


class Tracker:
    """Three threads for an app at most. Any number of trackers may follow the same apps: what is seen twice says nothing new."""

    def __init__(self, ports: Ports, apps: Sequence[TrackedApp], vanished_after_seconds: float) -> None:
        self._backends = ConfiguredBackends(apps)
        observing = Observing(ports)
        reconciling = Reconciling(ports, observing, vanished_after_seconds)
        followers = [Follower(app, ports.database, observing, self._backends) for app in apps if app.broker]
        sources = [EventSource(follower.app, follower.hand_on) for follower in followers]
        reconcilers = [Reconciler(app, ports.database, reconciling, self._backends) for app in apps if app.backend]
        #: In the order in which they end: what was heard is noted.
        self._parts: list[_Part] = [*sources, *followers, *reconcilers]

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
