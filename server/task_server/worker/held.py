"""A run that this worker holds."""

from __future__ import annotations

import threading
from enum import IntEnum

from task_server.executors.executor import Run
from task_server.metrics import meters
from task_server.usecases.claiming import Claim


class _End(IntEnum):
    """How far the end of the child was asked for."""

    NOT_ASKED = 0
    STOP = 1
    KILL = 2


class Held:
    """One claimed run: its child, its log, and why it was ended if it was."""

    def __init__(self, claim: Claim, claimed_at: float) -> None:
        self.claim = claim
        #: By the monotonic clock: when the lease was last asked for and given. Taken before asking, so never too late.
        self.renewed_at = claimed_at
        #: The lease is gone: whatever comes of the run is somebody else's business now.
        self.lost = False
        #: The worker shuts down and gives it back.
        self.released = False
        #: The child was seen dead: nothing runs any more, and only its outcome is left to be stored.
        self.is_over = False
        #: One at a time takes text out of the log and stores it, so that it is stored in order and complete.
        self.storing_log = threading.Lock()
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._asked = _End.NOT_ASKED
        self._log: list[str] = []

    def began(self, run: Run) -> None:
        """The child is there; one that was ended before it was there is ended now."""
        with self._lock:
            self._run = run
            asked = self._asked
        _end(run, asked)

    def end(self) -> None:
        """End the child, now or as soon as it is there. It has its grace."""
        self._ask(_End.STOP)

    def lose(self) -> None:
        """Kill the child of a run that is not held any more: somebody else may begin it, so that it has no grace."""
        self.lost = True
        meters.LEASES_LOST.count()
        self._ask(_End.KILL)

    def release(self, *, at_once: bool = False) -> None:
        """End the child of a run that goes back to its queue; `at_once` without its grace."""
        self.released = True
        self._ask(_End.KILL if at_once else _End.STOP)

    def _ask(self, end: _End) -> None:
        with self._lock:
            self._asked = max(self._asked, end)
            run, asked = self._run, self._asked
        if run is not None:
            _end(run, asked)

    def log(self, text: str) -> None:
        """Keep what the run printed until it is stored."""
        with self._lock:
            self._log.append(text)

    def take_log(self) -> str:
        """What was printed since the last time."""
        with self._lock:
            text, self._log = "".join(self._log), []
        return text

    def put_back_log(self, text: str) -> None:
        """Keep for later what was taken and could not be stored."""
        with self._lock:
            self._log.insert(0, text)


def _end(run: Run, asked: _End) -> None:
    if asked is _End.KILL:
        run.kill()
    elif asked is _End.STOP:
        run.stop()
