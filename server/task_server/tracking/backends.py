"""The result backends of all tracked apps: one that is away is left alone for a moment, and fails whoever asks at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from task_server.domain.clock import Micros
from task_server.domain.errors import ResultBackendUnavailable
from task_server.domain.observation import Observation
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.results import ResultBackendAway, Results
from task_server.tracking.seen import Seen

T = TypeVar("T")

_log = logging.getLogger(__name__)
#: How long one that did not answer is not asked: many who ask would else wait for it, each in a thread.
_PAUSE_SECONDS = 2.0


class ConfiguredBackends:
    """The result backends of these apps; nothing is connected until somebody asks. Any thread may."""

    def __init__(self, apps: Sequence[TrackedApp]) -> None:
        #: In the order of the configuration.
        self.apps = tuple(apps)
        self._results: dict[str, Results] = {}
        self._away_until: dict[str, float] = {}
        self._making = threading.Lock()

    def look_up(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Observation]:
        """How runs stand that the app's backend knows, by Celery task id; nothing of ids that it does not know.

        Raises ResultBackendUnavailable, without having asked where it did not answer a moment ago.
        """
        return {task_id: seen.observation for task_id, seen in self.read(app, task_ids).items()}

    def read(self, app: TrackedApp, task_ids: Sequence[str]) -> dict[str, Seen]:
        """All that the app's backend knows of runs, by Celery task id. Raises ResultBackendUnavailable as above."""
        return self._answer(app, lambda results: results.look_up(task_ids))

    def stored_since(self, app: TrackedApp, moment: Micros) -> Iterator[list[str]]:
        """The Celery task ids of what was stored from then on, as `Results` has them. Raises ResultBackendUnavailable as above."""
        pages = self._answer(app, lambda results: results.stored_since(moment))
        while (page := self._answer(app, lambda _: next(pages, None))) is not None:
            yield page

    def close(self) -> None:
        """Close the connections."""
        for results in self._results.values():
            results.close()

    def _answer(self, app: TrackedApp, ask: Callable[[Results], T]) -> T:
        if time.monotonic() < self._away_until.get(app.name, 0.0):
            raise ResultBackendUnavailable(app.name)
        try:
            answer = ask(self._of(app))
        except ResultBackendAway as away:
            if self._away_until.get(app.name) is None:
                _log.warning("the result backend of the app %s does not answer: %s", app.name, away)
            self._away_until[app.name] = time.monotonic() + _PAUSE_SECONDS
            raise ResultBackendUnavailable(app.name) from None
        if self._away_until.pop(app.name, None) is not None:
            _log.info("the result backend of the app %s answers again", app.name)
        return answer

    def _of(self, app: TrackedApp) -> Results:
        with self._making:
            if app.name not in self._results:
                self._results[app.name] = results_of(app)
            return self._results[app.name]


def results_of(app: TrackedApp) -> Results:
    """The results of an app that has a backend. Nothing is connected yet. Raises ImportError where its library is missing."""
    # Each brings libraries that the other one does not need.
    if app.backend.startswith("db+"):
        from task_server.tracking.database_results import DatabaseResults

        return DatabaseResults(app)
    from task_server.tracking.redis_results import RedisResults

    return RedisResults(app)
