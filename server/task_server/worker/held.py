"""A run that this worker holds."""

from __future__ import annotations

import threading

from task_server.executors.executor import Run
from task_server.usecases.running import Claim


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
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._ended = False
        self._log: list[str] = []

    def began(self, run: Run) -> None:
        """The child is there; one that was ended before it was there is ended now."""
        with self._lock:
            self._run = run
            ended = self._ended
        if ended:
            run.stop()

    def end(self) -> None:
        """End the child, now or as soon as it is there."""
        with self._lock:
            self._ended = True
            run = self._run
        if run is not None:
            run.stop()

    def lose(self) -> None:
        """End the child of a run that is not held any more."""
        self.lost = True
        self.end()

    def release(self) -> None:
        """End the child of a run that goes back to its queue."""
        self.released = True
        self.end()

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
