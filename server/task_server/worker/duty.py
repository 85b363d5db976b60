"""One thing that is done for the held runs every so often, in a thread of its own: what one duty waits for delays no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from task_server.domain.errors import DatabaseUnavailable
from task_server.worker.held import Held
from task_server.worker.held_runs import HeldRuns

_log = logging.getLogger(__name__)
#: What could not be done is tried again after this part of the usual time.
_SOONER = 0.1


class Duty:
    """A thread that does one thing for the held runs, and nothing while there are none.

    Parameters:
        seconds: how often.
        do: the thing. DatabaseUnavailable means that it is tried again soon.
        leave: called in the thread before it ends.
    """

    def __init__(
        self, name: str, seconds: float, do: Callable[[list[Held]], None], runs: HeldRuns, leave: Callable[[], None]
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._do = do
        self._runs = runs
        self._leave = leave
        self._is_away = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, once `runs` was closed."""
        self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        wait = self._seconds
        # Not woken by each run that comes and goes: most end before anything is to be done for them.
        while self._runs.await_runs() and self._runs.pause(wait):
            held = self._runs.all()
            wait = self._seconds if not held or self._turn(held) else self._seconds * _SOONER
        self._leave()

    def _turn(self, held: list[Held]) -> bool:
        try:
            self._do(held)
        except DatabaseUnavailable:
            if not self._is_away:
                _log.warning("the database is away", extra={"duty": self._name})
            self._is_away = True
            return False
        except Exception:
            # A defect; but without this thread leases would be lost, or no stop heard any more.
            _log.exception("a turn failed", extra={"duty": self._name})
            return True
        if self._is_away:
            _log.info("the database is back", extra={"duty": self._name})
        self._is_away = False
        return True
