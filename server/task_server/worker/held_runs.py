"""The runs that this worker holds now."""

from __future__ import annotations

import threading

from task_server.worker.held import Held


class HeldRuns:
    """Which runs are held now, for the threads that keep them; while there are none those threads sleep."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[str, Held] = {}
        self._closed = threading.Event()

    def add(self, held: Held) -> None:
        """Keep a run from now on."""
        with self._changed:
            self._held[held.claim.execution_id] = held
            self._changed.notify_all()

    def remove(self, held: Held) -> None:
        """The run has ended."""
        with self._changed:
            if self._held.get(held.claim.execution_id) is held:
                del self._held[held.claim.execution_id]

    def get(self, execution_id: str) -> Held | None:
        """The run of that execution."""
        with self._changed:
            return self._held.get(execution_id)

    def all(self) -> list[Held]:
        """The runs that are held now."""
        with self._changed:
            return list(self._held.values())

    def await_runs(self) -> bool:
        """Wait until there are any. False once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._closed.is_set())
            return not self._closed.is_set()

    def pause(self, seconds: float) -> bool:
        """Sleep. False as soon as this is closed."""
        return not self._closed.wait(seconds)

    def close(self) -> None:
        """Wake everybody for the last time."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
