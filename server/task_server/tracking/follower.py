"""Notes what the events of an app say of its runs, many at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from task_server.domain.errors import DatabaseUnavailable, ResultBackendUnavailable
from task_server.domain.report import Sighting
from task_server.domain.tracked_app import TrackedApp
from task_server.store import syncing
from task_server.store.database import Database
from task_server.tracking.backends import ConfiguredBackends
from task_server.tracking.event_source import Tell
from task_server.tracking.followed import Followed
from task_server.tracking.held_back import HeldBack
from task_server.tracking.seen import Seen
from task_server.usecases.observing import Observing

T = TypeVar("T")

_log = logging.getLogger(__name__)
#: How long events are gathered, and how many are noted in one transaction.
_GATHER_SECONDS = 0.2
_BATCH = 500
#: How long the events of a run that nobody registered wait for somebody to do so, and how often that is looked for.
_HOLD_SECONDS = 5.0
_LOOK_SECONDS = 1.0
#: What may wait to be noted, and what is held back. Beyond that events are dropped, as if nobody heard them: the
#: result backend tells the ends of runs too.
_MOST_BYTES = 32 * 1024 * 1024
_MOST_LATE = 10_000
#: How long the database is left alone that did not answer.
_PAUSE_SECONDS = 1.0


class Follower:
    """What is handed to it, it notes on a thread of its own: of runs that somebody registered at once, of others a little later.

    Those belong to the app's `created_by`; without one they are not recorded. An event tells that a run has ended, and the
    app's result backend with what.
    """

    def __init__(
        self, app: TrackedApp, database: Database, observing: Observing, backends: ConfiguredBackends, tell: Tell
    ) -> None:
        self.app = app
        self._followed = Followed(app, backends.apps)
        self._database = database
        self._observing = observing
        self._backends = backends
        self._tell = tell
        self._waiting: deque[Seen] = deque()
        self._waiting_bytes = 0
        self._is_dropping = False
        self._changed = threading.Condition()
        self._held = HeldBack(_HOLD_SECONDS, _MOST_BYTES)
        #: Runs that have ended, of which the result backend could not be asked yet.
        self._late: dict[str, None] = {}
        self._look_at = 0.0
        self._closed = threading.Event()
        #: Whether it ends and can not note what is left.
        self._is_hopeless = False
        self._thread = threading.Thread(target=self._run, name=f"follow-{app.name}", daemon=True)

    def start(self) -> None:
        """Begin to note."""
        self._thread.start()

    def close(self) -> None:
        """Note what waits and what is held back, which takes as long as that may be held, and end."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def hand_on(self, seen: Seen) -> None:
        """Have something noted. Never waits; drops it where too much waits already."""
        with self._changed:
            if self._waiting_bytes + seen.weight > _MOST_BYTES:
                if not self._is_dropping:
                    self._is_dropping = True
                    _log.warning(
                        "events of the app %s come faster than they can be noted, some are dropped", self.app.name
                    )
                # Each time: a connection that was made anew meanwhile says that it hears.
                self._tell(is_heard=False)
                return
            if self._is_dropping and not self._waiting:
                self._is_dropping = False
                self._tell(is_heard=True)
            self._waiting.append(seen)
            self._waiting_bytes += seen.weight
            if len(self._waiting) >= _BATCH:
                self._changed.notify()

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._waiting) >= _BATCH or self._closed.is_set(), _GATHER_SECONDS)
            self._note_all()
        self._note_all()
        while self._held.task_ids and not self._is_hopeless:
            time.sleep(_GATHER_SECONDS)
            self._note_all()
        self._database.close()

    def _note_all(self) -> None:
        """Note what waits, what was held back long enough, and results that could not be had before."""
        while batch := self._next_batch():
            self._note(batch)
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_SECONDS
            if self._held.task_ids:
                self._note([], also=self._held.task_ids)
            if self._late:
                self._ask_for_late_results()

    def _next_batch(self) -> list[Seen]:
        with self._changed:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._waiting_bytes -= sum(seen.weight for seen in batch)
            return batch

    def _note(self, batch: list[Seen], also: Collection[str] = ()) -> None:
        """Note a batch, but for what is held back; and what was, of the runs `also` too where they were registered meanwhile."""
        now = time.monotonic()
        known = self._patiently(lambda: self._known({seen.task_id for seen in batch} | set(also)))
        if known is None:
            return
        # Held back first: it happened before.
        told = [seen for task_id in known for seen in self._held.take(task_id)]
        for seen in batch:
            if seen.task_id in known:
                told.append(seen)
            else:
                self._held.add(seen, now)
        self._tell_all(told + self._held.take_overdue(now), known)

    def _known(self, task_ids: set[str]) -> set[str]:
        with self._database.read():
            return syncing.known(task_ids, self.app, self._followed.apps)

    def _tell_all(self, told: Sequence[Seen], known: set[str]) -> None:
        named = {seen.task_id for seen in told if seen.task_name}
        for start in range(0, len(told), _BATCH):
            some = told[start : start + _BATCH]
            results = self._results([seen.task_id for seen in some if seen.observation.status.is_terminal])
            full = [_with_result(seen, results.get(seen.task_id), is_named=seen.task_id in named) for seen in some]
            self._receive([self._sighting(seen, is_known=seen.task_id in known) for seen in full])

    def _receive(self, sightings: Sequence[Sighting]) -> None:
        done = self._patiently(lambda: self._observing.receive(self._followed, sightings))
        if done is None and len(sightings) > 1 and not self._is_hopeless:
            # Whoever makes one that can not be noted shall not have those of others lost with it.
            for each in sightings:
                self._receive([each])

    def _patiently(self, act: Callable[[], T]) -> T | None:
        """Do it, again and again while the database is away: there is nothing else to do. None where it came to nothing."""
        was_away = False
        while True:
            try:
                return act()
            except DatabaseUnavailable:
                if not was_away:
                    _log.warning("the database is away, what events of the app %s say waits", self.app.name)
                was_away = True
                if self._closed.wait(_PAUSE_SECONDS):
                    self._is_hopeless = True
                    return None
            except Exception:
                # A defect; the events after these must not be lost for it.
                _log.exception("events of the app %s could not be noted", self.app.name)
                self._is_hopeless = self._closed.is_set()
                return None

    def _results(self, task_ids: list[str]) -> dict[str, Seen]:
        """What the result backend has of runs that have ended. While it is away they end without, and it is asked later."""
        if not task_ids or not self.app.backend:
            return {}
        try:
            return self._look_up(task_ids)
        except ResultBackendUnavailable:
            self._late.update(dict.fromkeys(task_ids[: _MOST_LATE - len(self._late)]))
            return {}

    def _ask_for_late_results(self) -> None:
        wanted = list(islice(self._late, _BATCH))
        try:
            found = self._look_up(wanted)
        except ResultBackendUnavailable:
            return
        for task_id in wanted:
            del self._late[task_id]
        known = self._patiently(lambda: self._known(set(found)))
        if known is None:
            return
        ended = [seen for seen in found.values() if seen.observation.status.is_terminal]
        self._receive([self._sighting(seen, is_known=seen.task_id in known) for seen in ended])

    def _look_up(self, task_ids: list[str]) -> dict[str, Seen]:
        """What the result backend has. Raises ResultBackendUnavailable."""
        try:
            return self._backends.read(self.app, task_ids)
        except ResultBackendUnavailable:
            raise
        except Exception:
            # A defect; what the events themselves say must not be lost for it, nor this thread end.
            _log.exception("results of the app %s could not be read", self.app.name)
            return {}

    def _sighting(self, seen: Seen, *, is_known: bool) -> Sighting:
        if is_known:
            return Sighting(task_id=seen.task_id, observation=seen.observation)
        sighting = seen.unregistered()
        return sighting if self.app.created_by is not None else replace(sighting, task_name="")


def _with_result(seen: Seen, result: Seen | None, *, is_named: bool) -> Seen:
    """What was seen of the end of a run, with what its result backend has of that; anything else as it is."""
    event = seen.observation
    if result is None or not event.status.is_terminal or not result.observation.status.is_terminal:
        return seen
    observation = replace(
        result.observation,
        occurred_at=event.occurred_at or result.observation.occurred_at,
        worker=event.worker or result.observation.worker,
    )
    if is_named:
        return replace(seen, observation=observation)
    # Only where a run begins do Celery's events say what it is, and that may have been before anybody listened.
    return replace(seen, observation=observation, task_name=result.task_name, arguments=result.arguments)
