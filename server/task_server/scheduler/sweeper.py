"""Loops of the scheduler's that work in small transactions: each on a thread and a database connection of its own, so that no
firing ever waits for them."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from task_server.domain.errors import DatabaseUnavailable

_log = logging.getLogger(__name__)
#: A pause is so many times as long as the transaction before it: of SQLite's one writer's time a sweeper takes a fifth at most.
_PAUSES = 4
#: The shortest pause in seconds, in which a writer that waits on SQLite has asked again several times.
_SHORTEST_PAUSE = 0.005


class Sweeping(Protocol):
    """What is done in sweeps."""

    def sweep(self) -> Iterator[int]:
        """Do all that there is to do; gives, after each transaction, how many rows it was for."""
        ...

    def leave(self) -> None:
        """End this thread's connection to the database."""
        ...


class Sweeper:
    """Sweeps every `interval_seconds`. `said` is what the log says of a sweep that did something; empty for nothing."""

    def __init__(self, name: str, sweeping: Sweeping, interval_seconds: float, said: str = "") -> None:
        self._name = name
        self._sweeping = sweeping
        self._interval_seconds = interval_seconds
        self._said = said
        self._trouble = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

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
                    _log.warning("the %s waits: the database is away", self._name)
                self._trouble = True
            except Exception:
                # A defect, or a row that can not be read: better tried again than no sweep for as long as this process lives.
                _log.exception("a sweep of the %s failed", self._name)
            else:
                self._trouble = False
            wait = self._interval_seconds
        self._sweeping.leave()

    def _sweep(self) -> None:
        done = 0
        began = time.monotonic()
        for count in self._sweeping.sweep():
            done += count
            pause = max(_PAUSES * (time.monotonic() - began), _SHORTEST_PAUSE)
            if self._stopping.wait(pause):
                break
            began = time.monotonic()
        if done and self._said:
            _log.info(self._said, extra={"rows": done})
