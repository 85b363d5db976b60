"""The cleaner's loop: on a thread and a database connection of its own, so that no firing ever waits for it."""

from __future__ import annotations

import logging
import random
import threading
import time

from task_server.domain.errors import DatabaseUnavailable
from task_server.usecases.cleaning import Cleaning

_log = logging.getLogger(__name__)
#: A pause is so many times as long as the transaction before it: of SQLite's one writer's time the cleaner takes a fifth at most.
_PAUSES = 4
#: The shortest pause in seconds, in which a writer that waits on SQLite has asked again several times.
_SHORTEST_PAUSE = 0.005


class Cleaner:
    """Removes what is kept no longer, every `interval_seconds`."""

    def __init__(self, cleaning: Cleaning, interval_seconds: float) -> None:
        self._cleaning = cleaning
        self._interval_seconds = interval_seconds
        self._trouble = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cleaner", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep comes within one interval, not at the same moment in all schedulers."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present transaction, and wait for that."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        wait = random.uniform(0, self._interval_seconds)  # noqa: S311 - spreads load, keeps no secret
        while not self._stopping.wait(wait):
            try:
                self._sweep()
            except DatabaseUnavailable:
                if not self._trouble:
                    _log.warning("cleaning waits: the database is away")
                self._trouble = True
            except Exception:
                # A defect, or a row that can not be read: better tried again than no cleaning for as long as this process lives.
                _log.exception("a sweep of the cleaner failed")
            else:
                self._trouble = False
            wait = self._interval_seconds
        self._cleaning.leave()

    def _sweep(self) -> None:
        removed = 0
        began = time.monotonic()
        for count in self._cleaning.sweep():
            removed += count
            pause = max(_PAUSES * (time.monotonic() - began), _SHORTEST_PAUSE)
            if self._stopping.wait(pause):
                break
            began = time.monotonic()
        if removed:
            _log.info("removed what is kept no longer", extra={"rows": removed})
