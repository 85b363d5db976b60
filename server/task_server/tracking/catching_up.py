"""Finds in the result backend of an app what happened while nobody listened to its events."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence

from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable, ResultBackendUnavailable
from task_server.domain.report import Sighting
from task_server.domain.tracked_app import TrackedApp
from task_server.store import syncing
from task_server.store.database import Database
from task_server.tracking.backends import ConfiguredBackends
from task_server.tracking.followed import Followed
from task_server.tracking.held_back import HeldBack
from task_server.tracking.seen import Seen
from task_server.usecases.hearing import Hearing
from task_server.usecases.observing import Observing

_log = logging.getLogger(__name__)
#: How often is looked whether events are heard.
_TURN_SECONDS = 0.5
#: How often it is noted that events are heard.
_NOTE_SECONDS = 5.0
#: How long a backend or a database that is away is left alone.
_PAUSE_SECONDS = 5.0
#: How long the result backend is left to others between two pages.
_PAGE_SECONDS = 0.05
#: So many results are read at once.
_BATCH = 50
#: How long a run that nobody registered waits for somebody to do so, and how many bytes of such wait at most.
_HOLD_SECONDS = 5.0
_MOST_BYTES = 16 * 1024 * 1024


class CatchingUp:
    """Looks back when events are heard again, or the database is back, and notes from then on that they are; on its own thread.

    What happened and nobody has recorded is recorded then, for the app's `created_by`. Until that is through nothing is noted:
    whoever follows the app next looks back as far.
    """

    def __init__(
        self, app: TrackedApp, database: Database, observing: Observing, hearing: Hearing, backends: ConfiguredBackends
    ) -> None:
        self.app = app
        self._followed = Followed(app, backends.apps)
        self._database = database
        self._observing = observing
        self._hearing = hearing
        self._backends = backends
        #: Which connection events are heard by: how many there were with it, 0 for none.
        self._connection = 0
        self._connections = 0
        self._caught_up_with = 0
        self._has_told_of_nameless = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"catch-up-{app.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, in the middle of it too."""
        self._closed.set()
        self._thread.join()

    def tell(self, *, is_heard: bool) -> None:
        """Say that events are heard from now on by a new connection, or not any more. From one thread."""
        self._connections += is_heard
        self._connection = self._connections if is_heard else 0

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            pause = self._turn()
        self._database.close()

    def _turn(self) -> float:
        """Catch up, or note that events are heard; return how long to sleep, in seconds."""
        connection = self._connection
        if not connection:
            return _TURN_SECONDS
        try:
            if connection != self._caught_up_with:
                if not self._look_back():
                    return _TURN_SECONDS
                self._caught_up_with = connection
            self._hearing.note(self.app.name, lambda: self._connection == connection)
            return _NOTE_SECONDS
        except ResultBackendUnavailable:
            pass  # whoever asked it has said so
        except DatabaseUnavailable:
            # What was heard since waits in memory. Noted as heard before it is stored, it would be lost with this process.
            self._caught_up_with = 0
            _log.warning("the database is away, what was missed of the app %s is looked for later", self.app.name)
        except Exception:
            _log.exception("what was missed of the app %s could not be looked for", self.app.name)
        return _PAUSE_SECONDS

    def _look_back(self) -> bool:
        """Record what nobody heard of; whether that is done. Raises ResultBackendUnavailable and DatabaseUnavailable."""
        since = self._hearing.missed_since(self.app.name)
        held = HeldBack(_HOLD_SECONDS, _MOST_BYTES)
        recorded = nameless = 0
        for found in self._unrecorded(since):
            now = time.monotonic()
            for seen in found:
                if seen.task_name:
                    held.add(seen, now)
                else:
                    nameless += 1
            recorded += self._record(held.take_overdue(now))
            if self._closed.wait(_PAGE_SECONDS):
                return False
        if held.task_ids and self._closed.wait(_HOLD_SECONDS):
            return False
        recorded += self._record(held.take_overdue(math.inf))
        _log.info("caught up with the app %s: %d runs were recorded of which nobody had heard", self.app.name, recorded)
        self._tell_of_nameless(nameless)
        return True

    def _unrecorded(self, since: Micros) -> Iterator[list[Seen]]:
        """What the result backend has of runs that nobody has recorded, a few at a time; sometimes none."""
        for page in self._backends.stored_since(self.app, since):
            unknown = list(set(page) - self._known(page))
            yield []
            for start in range(0, len(unknown), _BATCH):
                found = self._backends.read(self.app, unknown[start : start + _BATCH])
                # What is not dated goes on, or went on when its worker was lost.
                yield [seen for seen in found.values() if (seen.observation.occurred_at or since) >= since]

    def _known(self, task_ids: Sequence[str]) -> set[str]:
        with self._database.read():
            return syncing.known(task_ids, self.app, self._followed.apps)

    def _record(self, told: Sequence[Seen]) -> int:
        """Record what nobody did meanwhile; return how many runs that were."""
        known = self._known([seen.task_id for seen in told]) if told else set()
        return self._receive([seen.unregistered() for seen in told if seen.task_id not in known])

    def _receive(self, sightings: Sequence[Sighting]) -> int:
        try:
            return self._observing.receive(self._followed, sightings).recorded if sightings else 0
        except DatabaseUnavailable:
            raise
        except Exception:
            _log.exception("runs of the app %s could not be recorded", self.app.name)
        # Whoever makes one that can not be recorded shall not have those of others lost with it.
        return sum(self._receive([each]) for each in sightings) if len(sightings) > 1 else 0

    def _tell_of_nameless(self, count: int) -> None:
        if count and not self._has_told_of_nameless:
            self._has_told_of_nameless = True
            _log.warning(
                "%d runs of the app %s, of which nobody had heard, were not recorded: its result backend does not say what they "
                "were; set result_extended = True in the app",
                count,
                self.app.name,
            )
